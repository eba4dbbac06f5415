"""A Spin application that is served and answers, with its state between requests."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from helpers.judge.properties.serving import ExpectedAnswer
from helpers.judge.property import Params, Property
from helpers.judge.service_words import telling_line
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import counted, failed, not_observed, passed
from helpers.observe.requests import Observations, Probe, Request
from helpers.observe.service_facts import HttpResponse
from helpers.observe.spin_serve import SpinServeFacts, SpinServeRequest
from helpers.observe.text import printable

_FAILED = 500
_NOT_FOUND = 404


class SpinServesParams(Params):
    """Parameters of ``spin-serves``."""

    manifest: str = Field("/spin.toml", description="Absolute path of spin.toml in the image.")
    variables: dict[str, str] = Field(
        default_factory=dict, description="Values of application variables."
    )
    answers: tuple[ExpectedAnswer, ...] = Field(
        min_length=1, description="Requests in order, each sent once, and what must come back."
    )
    wait_seconds: float = Field(
        30.0, gt=0, le=120, description="Longest wait until it accepts requests, in seconds."
    )
    memory_mb: int = Field(
        768, ge=256, description="Memory limit of the container, in MB (10^6 bytes)."
    )


def _request(params: SpinServesParams) -> SpinServeRequest:
    return SpinServeRequest(
        params.manifest,
        tuple(Probe(a.path, a.method, a.body) for a in params.answers),
        tuple(sorted(params.variables.items())),
        params.wait_seconds,
        params.memory_mb,
    )


def _needs(params: SpinServesParams) -> tuple[Request[Any], ...]:
    return (_request(params),)


def judge_serves(params: SpinServesParams, observations: Observations) -> Verdict:
    """It answers each request as wanted, one after the other."""
    facts = observations.answer(_request(params))
    if facts is None:
        return not_observed(observations, _request(params), "a run of the Spin application")
    if facts.problem:
        text = f"It cannot be served: {facts.problem}."
        return failed(text, [Evidence("not-servable", text)])
    if facts.ready_seconds is None:
        said = f"It ended with status {facts.exit_code}" if facts.exit_code is not None else ""
        text = said or f"It accepted no request within {params.wait_seconds:g} s"
        text += _last_line(facts)
        return failed("It does not start.", [Evidence("no-start", text)])
    evidence = [
        found
        for wanted, got in zip(params.answers, facts.responses, strict=False)
        if (found := _answer(wanted, got, facts)) is not None
    ]
    if evidence:
        number = counted(len(evidence), "answer")
        return failed(f"{number} of {len(params.answers)} came back otherwise.", evidence)
    return passed(f"It gave {counted(len(params.answers), 'answer')} as wanted.")


def _answer(wanted: ExpectedAnswer, got: HttpResponse, facts: SpinServeFacts) -> Evidence | None:
    asked = f"{wanted.method} {printable(wanted.path, 80)}"
    if got.status == wanted.status:
        if wanted.contains in got.body:
            return None
        body = printable(got.body, 120)
        words = printable(wanted.contains, 80)
        text = f"The answer to {asked} does not hold `{words}`: `{body}`."
        return Evidence("wrong-answer", text)
    text = f"{asked} gave {got.status or got.error}, {wanted.status} is wanted"
    if got.status == _FAILED:
        return Evidence("component-failed", text + _last_line(facts))
    if got.status == _NOT_FOUND and got.body.strip() == "no route":
        return Evidence("no-route", f"{text}: no trigger has a route for it.")
    return Evidence("wrong-status", f"{text}.")


def _last_line(facts: SpinServeFacts) -> str:
    """What the log says of the failure; lines of JSON are the host's own figures."""
    lines = tuple(line for line in facts.log if not line.startswith("{"))
    return f": `{printable(telling_line(lines), 160)}`" if lines else "."


PROPERTIES = (
    Property(
        id="spin-serves",
        family="spin",
        title="The Spin application answers",
        meaning="The application that the image ships (spin.toml and its components) is served, "
        "each request by a new instance with what spin.toml grants it and nothing else, and "
        "answers as wanted. Served by the workbook's stand-in for `spin up`: Node.js and jco, with "
        "key-value stores in memory.",
        source="https://spinframework.dev/v3/http-trigger",
        params=SpinServesParams,
        codes={
            "not-servable": "the manifest or a component is missing or wrong",
            "no-start": "it ends, or accepts no request in time",
            "no-route": "no trigger's route fits a request",
            "component-failed": "a component ended with an error: a grant that it lacks, for one",
            "wrong-status": "an answer has another status",
            "wrong-answer": "an answer does not hold the wanted text",
        },
        needs=_needs,
        judge=judge_serves,
        remedy="Run it with `spin up` and send the same requests; the component's errors are in "
        "its log.",
        weight=4,
    ),
)
