"""Given values are found in layers, names, history and config, in every form, and never told."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from helpers.build.events import Step
from helpers.build.record import BuildRecord, StepRecord
from helpers.observe.stored_values import StoredValue, printed_secrets, search_image

from .archives import Item, image_archive, tar

VALUE = b"4f1c0a9be2d7734c51aa"


class Api:
    """What the search asks of an engine."""

    def __init__(self, archive: bytes) -> None:
        self.archive = archive

    def inspect_image(self, ref: str) -> dict[str, Any]:
        return {"Id": ref}

    def get_image(self, ref: str, chunk_size: int) -> Iterator[bytes]:
        return (self.archive[at : at + 700] for at in range(0, len(self.archive), 700))


def found(*layers: bytes, **parts: Any) -> tuple[StoredValue, ...]:
    api: Any = Api(image_archive(layers, **parts))
    return search_image(api, "sha256:x", {"token": VALUE + b"\n"}).found


def test_an_image_without_it() -> None:
    assert found(tar([Item("app/a", b"nothing"), Item("app/b", VALUE[:-1])])) == ()


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (b"x" * 5000 + VALUE + b"y" * 5000, "as it is"),
        (base64.b64encode(b"user:" + VALUE + b":"), "in Base64"),
        (base64.b64encode(b"us:" + VALUE), "in Base64"),
        (base64.b64encode(b"u:" + VALUE + b"more"), "in Base64"),
        (VALUE.hex().encode(), "in hex"),
    ],
)
def test_every_form_in_a_file(data: bytes, form: str) -> None:
    (place,) = found(tar([Item("app/a", b"x")]), tar([Item("app/kept", data)]))
    assert (place.where, place.path, place.layer, place.form) == ("file", "/app/kept", 1, form)
    assert place.visible


def test_a_file_that_a_later_layer_hides() -> None:
    (place,) = found(tar([Item("app/kept", VALUE)]), tar([Item("app/.wh.kept")]))
    assert not place.visible


def test_names_and_links_of_files() -> None:
    (place,) = found(tar([Item(f"app/{VALUE.decode()}.txt", b"x")]))
    assert place.where == "name"
    assert VALUE.decode() not in repr(place)


def test_history_and_configuration() -> None:
    history = [{"created_by": f"RUN |1 TOKEN={VALUE.decode()} /bin/sh -c make"}]
    config = {"Env": [f"TOKEN={VALUE.decode()}"]}
    places = found(tar([Item("a", b"x")]), config=config, history=history)
    assert [place.where for place in places] == ["history", "config"]
    assert VALUE.decode() not in repr(places)


def test_a_value_that_chance_would_find_is_refused() -> None:
    with pytest.raises(ValueError, match="fewer than 8 bytes"):
        search_image(Api(b""), "x", {"pin": b"1234"})  # type: ignore[arg-type]


def test_a_step_that_prints_a_secret() -> None:
    mounted = "[2/3] RUN --mount=type=secret,id=token cat /run/secrets/token"
    steps = (
        StepRecord(Step("a", mounted, (), instruction="RUN cat"), log=("a ***",)),
        StepRecord(Step("b", mounted, (), instruction="RUN quiet"), log=("a",)),
        StepRecord(Step("c", "[3/3] RUN make", (), instruction="RUN make"), log=("*** [all]",)),
    )
    assert printed_secrets(BuildRecord(steps)) == ("RUN cat",)
