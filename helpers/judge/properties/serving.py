"""What a running container answers, seen from outside."""

from __future__ import annotations

import ipaddress

from pydantic import Field, field_validator

from helpers.judge.property import Params, Property
from helpers.judge.service_words import telling_line
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    could_not_tell,
    counted,
    failed,
    last_instruction,
    listed,
    not_observed,
    passed,
)
from helpers.observe.requests import Observations, Probe, ServiceRequest
from helpers.observe.service_facts import HttpResponse, Listener, ServiceFacts
from helpers.observe.text import printable

_KILLED = 137  # 128 + SIGKILL


class ExpectedAnswer(Params):
    """One request and what must come back."""

    path: str = Field(description="Path with query, beginning with a slash. No unit.")
    method: str = Field(default="GET", pattern=r"^[A-Z]+$", description="HTTP method. No unit.")
    body: str = Field(default="", description="JSON text to send; empty for none. No unit.")
    status: int = Field(
        default=200, ge=100, le=599, description="HTTP status code that must come back."
    )
    contains: str = Field(
        default="",
        description="Text that must be within the first 2 kB of the answer; empty for any.",
    )

    @field_validator("path")
    @classmethod
    def _absolute(cls, path: str) -> str:
        if not path.startswith("/"):
            raise ValueError("a path begins with a slash")
        return path


class ServesHttpParams(Params):
    """Parameters of ``serves-http``."""

    port: int = Field(ge=1, le=65535, description="TCP port inside the container.")
    probes: tuple[ExpectedAnswer, ...] = Field(
        (ExpectedAnswer(path="/"),),
        min_length=1,
        description="Requests in order, each with the status that must come back; the first one is "
        "repeated until it is answered.",
    )
    env: dict[str, str] = Field(
        default_factory=dict, description="Environment variables of the container."
    )
    wait_seconds: float = Field(
        10.0, gt=0, le=120, description="Longest wait for the first answer, in seconds."
    )
    memory_mb: int = Field(
        256, ge=16, description="Memory limit of the container, in MB (10^6 bytes)."
    )


def service_request(params: ServesHttpParams) -> ServiceRequest:
    """The request that the parameters stand for."""
    return ServiceRequest(
        port=params.port,
        probes=tuple(Probe(p.path, p.method, p.body) for p in params.probes),
        env=tuple(sorted(params.env.items())),
        wait_seconds=params.wait_seconds,
        memory_mb=params.memory_mb,
    )


def judge_serves_http(params: ServesHttpParams, observations: Observations) -> Verdict:
    """Every probe is answered as expected."""
    request = service_request(params)
    facts = observations.services.get(request)
    if facts is None:
        return not_observed(observations, request, "a container of the image")
    if facts.unreachable:
        return could_not_tell(facts.unreachable)
    if not facts.started:
        text = f"The engine could not start a container: {facts.start_error or 'no reason given'}."
        return failed(
            "The container does not start.", [_at_command("not-started", text, observations)]
        )
    if facts.ready_seconds is None:
        return _never_answered(params, facts, observations)
    evidence = _wrong_answers(params, facts)
    if facts.exit_code is not None:
        evidence.append(_ended(facts, observations))
    answers = ", ".join(f"{r.method} {printable(r.path, 60)} {r.status}" for r in facts.responses)
    if evidence:
        return failed(f"Port {params.port} answers, but not as wanted ({answers}).", evidence)
    return passed(f"Port {params.port} answers after {facts.ready_seconds:.1f} s: {answers}.")


def _never_answered(
    params: ServesHttpParams, facts: ServiceFacts, observations: Observations
) -> Verdict:
    first = params.probes[0]
    wanted = f"{first.method} {first.path} on port {params.port}"
    if facts.exit_code is not None:
        return failed(
            f"The container ended with exit code {facts.exit_code} before it answered {wanted}.",
            [_ended(facts, observations)],
        )
    return failed(
        f"No answer to {wanted} within {facts.waited_seconds:g} s.",
        [_silent(params, facts, observations)],
    )


def _silent(params: ServesHttpParams, facts: ServiceFacts, observations: Observations) -> Evidence:
    """Why nothing came from a container that runs."""
    same = [entry for entry in facts.listeners if entry.port == params.port]
    elsewhere = listed(_address(entry) for entry in facts.listeners)
    tail = _last_words(facts)
    if any(not _is_loopback(entry) for entry in same):
        why = facts.responses[0].error if facts.responses else "no answer"
        text = (
            f"The container listens on port {params.port} but does not answer HTTP ({why}).{tail}"
        )
        return Evidence("no-answer", text)
    if same:
        text = (
            f"The service listens on {_address(same[0])} only, which nobody outside the container "
            f"can reach; it must listen on 0.0.0.0 or ::.{tail}"
        )
        return Evidence("loopback-only", text)
    if facts.listeners:
        text = f"The service listens on {elsewhere}, not on port {params.port}.{tail}"
        return Evidence("wrong-port", text)
    nowhere = "listens on no TCP port" if facts.listeners_known else "does not answer"
    return _at_command("no-answer", f"The container runs but {nowhere}.{tail}", observations)


def _wrong_answers(params: ServesHttpParams, facts: ServiceFacts) -> list[Evidence]:
    evidence = []
    for expected, response in zip(params.probes, facts.responses, strict=False):
        asked = f"{response.method} {printable(response.path, 100)}"
        if response.status is None or response.error:
            text = f"{asked} was not answered: {response.error or 'no answer'}."
            evidence.append(Evidence("no-answer", text))
        elif response.status != expected.status:
            text = (
                f"{asked} answered {response.status}, {expected.status} wanted{_quoted(response)}."
            )
            evidence.append(Evidence("wrong-status", text))
        elif expected.contains and expected.contains not in response.body:
            text = (
                f"The answer to {asked} lacks `{printable(expected.contains, 100)}`"
                f"{_quoted(response)}."
            )
            evidence.append(Evidence("wrong-body", text))
    missing = len(params.probes) - len(facts.responses)
    if missing > 0:
        text = f"{counted(missing, 'probe')} got no answer at all."
        evidence.append(Evidence("no-answer", text))
    return evidence


def _ended(facts: ServiceFacts, observations: Observations) -> Evidence:
    if facts.oom_killed:
        why = "the kernel killed it for using more memory than allowed"
    elif facts.exit_code == _KILLED:
        why = "it was killed (SIGKILL)"
    else:
        why = "by itself"
    text = f"The container ended with exit code {facts.exit_code}, {why}.{_last_words(facts)}"
    return _at_command("exited", text, observations)


def _at_command(code: str, text: str, observations: Observations) -> Evidence:
    """Evidence that leads to the instruction that says what to start."""
    target = observations.build.target if observations.build else None
    found = last_instruction(observations.dockerfile, {"ENTRYPOINT", "CMD"}, target)
    if found is None:
        return Evidence(code, text)
    shown = printable(f"{found.keyword} {found.arguments}", 160)
    return Evidence(code, text, instruction=shown, line=found.line)


def _last_words(facts: ServiceFacts) -> str:
    said = telling_line(facts.log_tail)
    return f" Its log says: {said}" if said else " It printed nothing."


def _quoted(response: HttpResponse) -> str:
    return f"; the body begins with `{response.body[:100]}`" if response.body else ""


def _address(entry: Listener) -> str:
    return (
        f"[{entry.address}]:{entry.port}"
        if ":" in entry.address
        else f"{entry.address}:{entry.port}"
    )


def _is_loopback(entry: Listener) -> bool:
    return ipaddress.ip_address(entry.address).is_loopback


def _needs(params: ServesHttpParams) -> tuple[ServiceRequest, ...]:
    return (service_request(params),)


PROPERTIES = (
    Property(
        id="serves-http",
        family="service",
        title="The container serves HTTP",
        meaning="A container of the image is started with a memory limit, its port is "
        "published, and requests are sent from outside. Nothing inside the image is "
        "asked.",
        source="https://docs.docker.com/engine/network/port-publishing/",
        params=ServesHttpParams,
        codes={
            "not-started": "the engine cannot start a container",
            "exited": "the container ends by itself",
            "wrong-port": "it listens on another port",
            "loopback-only": "it listens on the container's own loopback address only",
            "no-answer": "nothing, or nothing complete, comes back",
            "wrong-status": "another status code than wanted",
            "wrong-body": "the wanted text is not in the answer",
        },
        needs=_needs,
        judge=judge_serves_http,
    ),
)
