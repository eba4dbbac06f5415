from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from helpers.build.dockerfile import parse_dockerfile
from helpers.build.events import Step
from helpers.build.record import BuildRecord, StepRecord
from helpers.errors import BadInput
from helpers.observe.image_facts import (
    FileFact,
    HistoryEntry,
    ImageConfig,
    ImageFacts,
    LayerFact,
    WastedFile,
)
from helpers.observe.replay import _plain, _value, facts_from_json, facts_to_json
from helpers.observe.requests import (
    BaseImage,
    BasesRequest,
    ImageRequest,
    Observations,
    Probe,
    ServiceRequest,
)
from helpers.observe.service_facts import HttpResponse, Listener, ServiceFacts

SERVICE = ServiceRequest(3000, (Probe("/healthz"), Probe("/orders", "POST", "{}")), (("A", "1"),))
FULL = Observations(
    dockerfile=parse_dockerfile(
        "ARG V=1\nFROM node:$V AS build\nRUN --mount=type=cache,id=x npm ci\n"
    ),
    build=BuildRecord((StepRecord(Step("sha256:1", "[build 1/2] FROM"), cached=True),), "sha256:i"),
    image=ImageFacts(
        id="sha256:i",
        tags=("a:1",),
        platform="linux/amd64",
        config=ImageConfig(user="1000", cmd=("node", "x.js"), labels={"a": "b"}),
        layers=(LayerFact("sha256:d", "COPY . .", 2048, 5, 1),),
        history=(HistoryEntry("COPY . .", 0), HistoryEntry("CMD x", None, "c")),
        files=(
            FileFact("/caf\udce9", "file", 5, 0o644, 0, 0, 0),
            FileFact("/l", "symlink", 0, 0o777, 0, 0, 0, "x"),
        ),
        waste=(WastedFile("/old", 9, 0, 0, True),),
        engine_bytes=5,
        stand_in="made of Debian packages",
        accounts=(("root", 0), ("app", 1000)),
    ),
    bases=(BaseImage("node:22", "full", ("sha256:d",), None),),
    services={
        SERVICE: ServiceFacts(
            started=True,
            exit_code=1,
            responses=(HttpResponse("GET", "/healthz", None, error="no connection"),),
            listeners=(Listener("127.0.0.1", 3000),),
            log_tail=("line",),
        )
    },
    dev_packages=frozenset({"typescript", "@types/node"}),
    failures={ImageRequest(): "a", BasesRequest(): "b", SERVICE: "c"},
)


@pytest.mark.parametrize("observations", [FULL, Observations()])
def test_what_is_saved_comes_back_equal(observations: Observations) -> None:
    assert facts_from_json(facts_to_json(observations)) == observations


def test_the_document_is_plain_json_and_stays_the_same() -> None:
    text = facts_to_json(FULL)
    text.encode("ascii")  # no lone surrogate that no file could hold
    assert facts_to_json(facts_from_json(text)) == text


def test_a_field_that_got_a_default_later_may_be_missing() -> None:
    document = json.loads(facts_to_json(FULL))
    del document["observations"]["image"]["accounts"]
    again = facts_from_json(json.dumps(document)).image
    assert again is not None
    assert again.accounts == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(format=99),
        lambda d: d["observations"].update(unknown=1),
        lambda d: d["observations"]["image"].pop("layers"),
        lambda d: d["observations"]["image"].update(layers="no list"),
        lambda d: d["observations"]["image"]["files"][0].update(kind="socket"),
        lambda d: d["observations"]["image"]["files"][0].update(size="5"),
        lambda d: d["observations"]["image"]["files"][0].update(size=True),
        lambda d: d["observations"]["image"].update(accounts=[["root"]]),
        lambda d: d["observations"]["failures"].append([{"is": "Other"}, "x"]),
        lambda d: d["observations"].update(services={}),
        lambda d: d.update(observations=None),
    ],
)
def test_a_document_that_does_not_fit_is_refused(change: object) -> None:
    document = json.loads(facts_to_json(FULL))
    change(document)  # type: ignore[operator]
    with pytest.raises(BadInput, match="cannot be read"):
        facts_from_json(json.dumps(document))


@dataclass(frozen=True)
class Mixed:
    """A field that is one of several plain types."""

    which: bool | tuple[str, ...] | None = None


@pytest.mark.parametrize("which", [None, False, True, (), ("build", "run")])
def test_a_field_of_several_plain_types_comes_back_as_it_was(
    which: bool | tuple[str, ...] | None,
) -> None:
    saved = json.loads(json.dumps(_plain(Mixed)(Mixed(which))))
    assert _value(Mixed)(saved) == Mixed(which)


@pytest.mark.parametrize("raw", [1, "build", [1], {}])
def test_a_value_of_none_of_them_is_refused(raw: object) -> None:
    with pytest.raises(ValueError, match="is not"):
        _value(Mixed)({"which": raw})


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000])
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        facts_from_json(text)


def test_answers_of_other_requests_come_back() -> None:
    request = ImageRequest()  # stands for a kind of request that Observations has no field for
    seen = Observations(answers={request: FULL.image}, failures={BasesRequest(): "refused"})
    again = facts_from_json(facts_to_json(seen))
    assert again == seen
    assert again.answer(request) == FULL.image


def test_a_request_of_another_module_is_refused() -> None:
    document = facts_to_json(Observations(failures={BasesRequest(): "x"}))
    for name in ("os:system", "helpers.observe.requests:Request", "helpers.observe.nowhere:X"):
        with pytest.raises(BadInput):
            facts_from_json(document.replace("helpers.observe.requests:BasesRequest", name))
