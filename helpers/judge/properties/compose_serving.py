"""A service of a Compose file, started as the file says: what it answers, and what it may do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pydantic import Field

from helpers.judge.compose_verdicts import SERVICES
from helpers.judge.properties.serving import PROPERTIES as _SERVING
from helpers.judge.properties.serving import (
    ExpectedAnswer,
    ServesHttpParams,
    judge_serves_http,
    service_request,
)
from helpers.judge.property import Params, Property
from helpers.judge.service_words import shown_process
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import at_most, could_not_tell, failed, listed, not_observed, passed
from helpers.observe.capabilities import NAMES
from helpers.observe.compose_run import ComposeRunFacts, ComposeRunRequest
from helpers.observe.process_tree import ProcessFact
from helpers.observe.requests import Observations, Probe
from helpers.observe.text import printable


class ComposeServesParams(Params):
    """Which service is started, and what it must answer."""

    port: int = Field(
        ge=1, le=65535, description="Port of the host that the file publishes the service on."
    )
    service: str = Field("", description="Name of the service; empty for the only one. No unit.")
    file: str = Field(
        "",
        description="The Compose file, relative to the build context; empty for the first of the "
        "usual names.",
    )
    probes: tuple[ExpectedAnswer, ...] = Field(
        (ExpectedAnswer(path="/"),),
        min_length=1,
        description="Requests in order, each with the status that must come back; the first one is "
        "repeated until it is answered.",
    )
    wait_seconds: float = Field(
        10.0, gt=0, le=120, description="Longest wait for the first answer, in seconds."
    )


class ComposeConfinedParams(ComposeServesParams):
    """Parameters of ``compose-confined``."""

    allowed: tuple[str, ...] = Field(
        (), description="Capabilities that its processes may have, without `CAP_`. Names, no unit."
    )


def run_request(params: ComposeServesParams) -> ComposeRunRequest:
    """The observation that the parameters stand for."""
    return ComposeRunRequest(
        port=params.port,
        probes=tuple(Probe(p.path, p.method, p.body) for p in params.probes),
        service=params.service,
        path=params.file,
        wait_seconds=params.wait_seconds,
    )


def _needs(params: ComposeServesParams) -> tuple[ComposeRunRequest, ...]:
    return (run_request(params),)


def judge_compose_serves(params: ComposeServesParams, observations: Observations) -> Verdict:
    """It answers on the port that the file publishes."""
    facts = observations.answer(run_request(params))
    if facts is None:
        return not_observed(observations, run_request(params), "a container of the service")
    if facts.target is None or facts.served is None:
        return _not_published(params, facts)
    inner = ServesHttpParams(
        port=facts.target,
        probes=params.probes,
        wait_seconds=params.wait_seconds,
        memory_mb=256,  # of the request's value only: the file says the limit
    )
    # The Dockerfile's lines are not the Compose file's.
    seen = Observations(services={service_request(inner): facts.served})
    verdict = judge_serves_http(inner, seen)
    without = f" (without {listed(facts.left_out)})" if facts.left_out else ""
    summary = f"As {facts.file} starts `{facts.service}`{without}: {verdict.summary}"
    return replace(verdict, summary=printable(summary, 400))


def _not_published(params: ComposeServesParams, facts: ComposeRunFacts) -> Verdict:
    found = listed(str(p) for p in facts.published if p) or "none"
    text = f"`{facts.service}` publishes no port {params.port} of the host; it publishes {found}."
    evidence = Evidence("not-published", text, path=printable(facts.file, 80))
    return failed(f"Port {params.port} is not published.", [evidence])


def judge_compose_confined(params: ComposeConfinedParams, observations: Observations) -> Verdict:
    """What the kernel says of its processes while it serves."""
    facts = observations.answer(run_request(params))
    if facts is None:
        return not_observed(observations, run_request(params), "a container of the service")
    if facts.left_out:
        asked = [
            Evidence(
                "host-rights",
                f"{printable(wish, 200)}: it asks for rights or files of the host. The workbook "
                "does not give them.",
                path=printable(facts.file, 80),
            )
            for wish in facts.left_out
        ]
        return failed(f"`{facts.service}` asks for a way to the host.", at_most(asked, "wish"))
    if facts.processes is None or not facts.processes.processes:
        return could_not_tell("the service did not serve, see `compose-serves`")
    allowed = {name.lower().removeprefix("cap_") for name in params.allowed}
    living = [p for p in facts.processes.processes if not p.zombie]
    evidence = [e for p in living for e in _loose(p, allowed)]
    if evidence:
        kinds = sorted({e.code for e in evidence})
        return failed(
            f"The kernel lets `{facts.service}` do more than it needs ({listed(kinds)}).",
            at_most(evidence, "finding"),
        )
    uids = listed(str(uid) for uid in sorted({p.uid for p in living}))
    kept = listed(sorted({c for p in living for c in _capabilities(p)})) or "no capabilities"
    return passed(
        f"The kernel says: every process of `{facts.service}` has uid {uids}, {kept} and "
        "no_new_privs."
    )


def _loose(process: ProcessFact, allowed: set[str]) -> Iterator[Evidence]:
    who = f"Process {process.pid}, {shown_process(process)},"
    if process.uid == 0:
        yield Evidence("root-process", f"{who} has uid 0.")
    more = [name for name in _capabilities(process) if name not in allowed]
    if more:
        yield Evidence("capability", f"{who} has the capabilities {listed(more, 5)}.")
    if not process.no_new_privileges:
        yield Evidence("new-privileges", f"{who} may gain rights from setuid files.")


def _capabilities(process: ProcessFact) -> list[str]:
    return [name for bit, name in enumerate(NAMES) if process.capabilities >> bit & 1]


_HOW = (
    " The service is started through the engine with its user, capabilities, file systems, limits, "
    "environment and command as the file says; its volumes are new and empty. What it asks for of "
    "the host is not given, and that is said."
)

PROPERTIES = (
    Property(
        id="compose-serves",
        family="compose run",
        title="The service serves as the Compose file starts it",
        meaning="A right-looking file is worth nothing if the service cannot live in it: here it "
        "is started, and asked from outside." + _HOW,
        source=SERVICES,
        params=ComposeServesParams,
        codes={
            **_SERVING[0].codes,
            "not-published": "the wanted port of the host is not published",
        },
        needs=_needs,
        judge=judge_compose_serves,
        remedy="Read the container's last words in the evidence: most often a path is missing that "
        "it writes to (a tmpfs or a volume), or a user that may read its files.",
        weight=5,
    ),
    Property(
        id="compose-confined",
        family="compose run",
        title="The kernel confines the service as the file promises",
        meaning="User, capabilities and no_new_privs of every process are read from the kernel "
        "while the service serves, from a container beside it." + _HOW,
        source="https://man7.org/linux/man-pages/man5/proc_pid_status.5.html",
        params=ComposeConfinedParams,
        codes={
            "root-process": "a process has uid 0",
            "capability": "a process has a capability that is not allowed",
            "new-privileges": "a process may gain rights from setuid files",
            "host-rights": "the service asks for rights or files of the host",
        },
        needs=_needs,
        judge=judge_compose_confined,
        remedy='Write `user: "10001:10001"`, `cap_drop: [ALL]` and '
        '`security_opt: ["no-new-privileges:true"]`.',
        weight=4,
        covers=("docker-bench 5.4", "docker-bench 5.26"),
    ),
)
