from __future__ import annotations

from dataclasses import replace
from typing import Any

from helpers.judge.verdict import Verdict
from helpers.observe.requests import Observations, Probe
from helpers.observe.service_facts import HttpResponse
from helpers.observe.spin_serve import SpinServeFacts, SpinServeRequest

from .factories import PASS, UNKNOWN, verdict

ANSWERS = [
    {"path": "/cards/ada/stamps", "method": "POST", "status": 201, "contains": "1"},
    {"path": "/cards/ada"},
]
REQUEST = SpinServeRequest(probes=(Probe("/cards/ada/stamps", "POST"), Probe("/cards/ada")))
RIGHT = SpinServeFacts(
    responses=(
        HttpResponse("POST", "/cards/ada/stamps", 201, "stamps 1"),
        HttpResponse("GET", "/cards/ada", 200, "stamps 1"),
    ),
    log=("listening", '{"path": "/cards/ada"}'),
    ready_seconds=2.0,
)


def of(facts: SpinServeFacts) -> Verdict:
    return verdict("spin-serves", Observations(answers={REQUEST: facts}), answers=ANSWERS)


def second(**changes: Any) -> SpinServeFacts:
    first, other = RIGHT.responses
    return replace(RIGHT, responses=(first, replace(other, **changes)))


def test_answers_as_wanted_pass() -> None:
    assert of(RIGHT).outcome is PASS


def test_what_is_not_there_cannot_be_served() -> None:
    found = of(SpinServeFacts("the image has no /spin.toml"))
    assert found.codes() == {"not-servable"}
    assert "/spin.toml" in found.evidence[0].text


def test_one_that_ends_before_the_first_request() -> None:
    log = ("Traceback", "ImportError: no module cards")
    found = of(SpinServeFacts(exit_code=1, log=log))
    assert found.codes() == {"no-start"}
    assert "ImportError" in found.evidence[0].text
    assert of(SpinServeFacts()).codes() == {"no-start"}


def test_each_way_of_answering_otherwise_has_its_code() -> None:
    assert of(second(status=404, body="no route\n")).codes() == {"no-route"}
    assert of(second(status=404, body="no such card")).codes() == {"wrong-status"}
    assert of(second(status=None, error="no answer")).codes() == {"wrong-status"}
    failing = replace(second(status=500), log=("spin_sdk.wit.types.Err: Error_AccessDenied()",))
    assert of(failing).codes() == {"component-failed"}
    assert "AccessDenied" in of(failing).evidence[0].text
    forgotten = replace(RIGHT, responses=(replace(RIGHT.responses[0], body="stamps 0"),))
    assert of(forgotten).codes() == {"wrong-answer"}


def test_without_a_run_nothing_can_be_told() -> None:
    assert verdict("spin-serves", Observations(), answers=ANSWERS).outcome is UNKNOWN
