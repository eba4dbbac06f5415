from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.errors import WorkbookError
from helpers.observe import reproduce
from helpers.observe.errors import Stopped
from helpers.observe.reproduce import Contents, Reproduction, differences, read_contents

from .archives import Item, folder, image_archive, symlink, tar


def contents(*layers: list[Item], **options: Any) -> Contents:
    raw = image_archive([tar(items) for items in layers], **options)

    def get_image(_: str) -> Iterator[bytes]:
        for at in range(0, len(raw), 700):
            yield raw[at : at + 700]

    return read_contents(SimpleNamespace(get_image=get_image), "x")  # type: ignore[arg-type]


def compared(one: Contents, other: Contents) -> Reproduction:
    return differences("sha256:1", "sha256:2", one, other)


BASE = [folder("bin"), Item("bin/sh", b"shell" * 500)]


@pytest.mark.parametrize(
    "options", [{}, {"layout": "legacy"}, {"compress": True}, {"manifest_first": True}]
)
def test_every_archive_is_read_the_same(options: dict[str, Any]) -> None:
    top = [Item("app/x", b"1" * 5000), symlink("app/y", "x")]
    found = compared(contents(BASE, top), contents(BASE, top, **options))
    assert (found.layers, found.files, found.config) == ((), (), ())


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (Item("x", b"2"), ("content",)),
        (Item("x", b"1", mode=0o755), ("mode",)),
        (Item("x", b"1", uid=7), ("owner",)),
        (symlink("x", "y"), ("kind", "content", "link", "mode")),
        (Item("y", b"1"), ("missing",)),
    ],
)
def test_what_differs_about_a_file(other: Item, what: tuple[str, ...]) -> None:
    found = compared(contents(BASE, [Item("x", b"1")]), contents(BASE, [other]))
    assert found.files[0].path == "/x"
    assert found.files[0].layer == 1
    assert found.files[0].what == what
    assert [layer.layer for layer in found.layers] == [1]
    assert found.layers[0].created_by == "COPY 1 /"
    assert not found.layers[0].only_time


def test_times_are_told_apart_from_the_rest() -> None:
    one, other = contents([Item("x", b"1")]), contents([Item("x", b"1")])
    other.layers[0]["/x"] = replace(other.layers[0]["/x"], time=99.0)
    found = compared(one, other)
    assert found.files[0].what == ("time",)
    assert found.layers[0].only_time


def test_fields_of_the_config() -> None:
    found = compared(
        contents(BASE, config={"Env": ["A=1"]}), contents(BASE, config={"Env": ["A=2"]})
    )
    assert found.config == ("config.Env",)


def test_another_number_of_layers_and_another_order() -> None:
    found = compared(contents(BASE), contents(BASE, [Item("x", b"1")]))
    assert found.files[0].what == ("new",)
    turned = compared(contents([Item("a"), Item("b")]), contents([Item("b"), Item("a")]))
    assert turned.layers[0].kinds == ("order",)


def test_an_archive_that_is_none_too_large_or_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    def api(data: bytes) -> Any:
        return SimpleNamespace(get_image=lambda _: (piece for piece in (data,)))

    with pytest.raises(WorkbookError):
        read_contents(api(b"no archive at all" * 99), "x")
    with pytest.raises(WorkbookError):
        read_contents(api(image_archive([tar(BASE)])[:3000]), "x")
    with pytest.raises(Stopped):
        read_contents(api(image_archive([tar(BASE)])), "x", lambda: True)
    monkeypatch.setattr(reproduce, "MOST_ENTRIES", 1)
    with pytest.raises(WorkbookError, match="more than 1 entries"):
        read_contents(api(image_archive([tar(BASE)])), "x")
