"""What a service does when it is told to stop, under load."""

from __future__ import annotations

from pydantic import Field, field_validator

from helpers.judge.property import Property
from helpers.judge.service_words import (
    SEE_SERVES,
    RunningParams,
    ServiceParams,
    absolute_path,
    last_words,
    running_needs,
    shown_process,
    why_not_running,
)
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    at_most,
    could_not_tell,
    counted,
    failed,
    last_instruction,
    listed,
    not_observed,
    passed,
)
from helpers.observe.process_tree import ORPHANS, ProcessFact
from helpers.observe.requests import Observations
from helpers.observe.shutdown import ShutdownFacts, ShutdownRequest
from helpers.observe.text import printable
from helpers.units import format_seconds

_CONTAINER = "a container that is told to stop"
_SIGKILL = 9
_SIGNALS = ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP")
_SERVER_ERROR = 500


class ShutdownParams(ServiceParams):
    """How the service is loaded and stopped."""

    method: str = Field(
        "GET", pattern=r"^[A-Z]+$", description="HTTP method of the requests in flight. No unit."
    )
    held_path: str = Field(
        "", description="Path of the requests in flight; empty for `path`. No unit."
    )
    body: str = Field(
        "",
        description="JSON body of the requests in flight, whose second half is sent after the "
        "signal; empty to hold back the end of the head instead. No unit.",
    )
    grace_seconds: float = Field(
        10.0, gt=0, le=120, description="From the stop signal to SIGKILL, in seconds."
    )
    init: bool = Field(
        default=False,
        description="Whether the container is run with the engine's init (`docker run --init`).",
    )
    database: str = Field(
        "",
        description="Environment variable that gets the URL of a PostgreSQL; empty for none.",
    )

    @field_validator("held_path")
    @classmethod
    def _absolute_or_empty(cls, path: str) -> str:
        return absolute_path(path) if path else path

    def request(self) -> ShutdownRequest:
        """What has to be observed."""
        return ShutdownRequest(
            self.service(),
            self.method,
            self.held_path,
            self.body,
            self.grace_seconds,
            self.init,
            self.database,
        )


class ExitCodeParams(ShutdownParams):
    """Parameters of ``stop-exit-code``."""

    allowed: tuple[int, ...] = Field(
        (0, 143),
        min_length=1,
        description="Exit codes that tell of an orderly end: 0, or 143 for SIGTERM. No unit.",
    )


class RefusesParams(ShutdownParams):
    """Parameters of ``refuses-new-requests``."""

    within_seconds: float = Field(
        0.5,
        gt=0,
        le=0.9,
        description="From the signal until new requests are no longer answered, in seconds; the "
        "requests in flight are held for 1 s.",
    )


class ConnectionsParams(ShutdownParams):
    """Parameters of ``closes-database-connections``."""

    database: str = Field(
        min_length=1, description="Environment variable that gets the URL of a PostgreSQL."
    )


def _facts(params: ShutdownParams, observations: Observations) -> ShutdownFacts | Verdict:
    facts = observations.answer(params.request())
    if facts is None:
        return not_observed(observations, params.request(), _CONTAINER)
    if facts.served:
        return facts
    if facts.start_error:
        return could_not_tell(f"the engine could not start a container: {facts.start_error}")
    if facts.ended_early is not None:
        return could_not_tell(
            f"the container ended with exit code {facts.ended_early} before it was told to stop"
            f"{last_words(facts.log_tail)}, {SEE_SERVES}"
        )
    return could_not_tell(f"the service did not answer{last_words(facts.log_tail)}, {SEE_SERVES}")


def _first(facts: ShutdownFacts) -> ProcessFact | None:
    return facts.processes.first if facts.processes else None


def _first_in_words(facts: ShutdownFacts) -> str:
    first = _first(facts)
    return f"process 1, {shown_process(first)}," if first else "process 1"


def _others(facts: ShutdownFacts) -> list[ProcessFact]:
    if facts.processes is None:
        return []
    return [p for p in facts.processes.processes if p.pid != 1 and not p.zombie]


def _at_command(code: str, text: str, observations: Observations) -> Evidence:
    target = observations.build.target if observations.build else None
    found = last_instruction(observations.dockerfile, {"ENTRYPOINT", "CMD"}, target)
    if found is None:
        return Evidence(code, text)
    shown = printable(f"{found.keyword} {found.arguments}", 160)
    return Evidence(code, text, instruction=shown, line=found.line)


def _killed(facts: ShutdownFacts, params: ShutdownParams, observations: Observations) -> Evidence:
    text = (
        f"{facts.signal} was sent to {_first_in_words(facts)} and {params.grace_seconds:g} s "
        "later it still ran, so SIGKILL ended it."
    )
    return _at_command("killed", text, observations)


def judge_in_time(params: ShutdownParams, observations: Observations) -> Verdict:
    """Ends by itself within the grace period."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    if facts.killed:
        return failed(
            f"The container does not stop within {params.grace_seconds:g} s.",
            [_killed(facts, params, observations)],
        )
    return passed(
        f"{facts.stop_seconds:.1f} s after {facts.signal} the container has ended; for 1 s of it "
        "requests were held in flight."
    )


def judge_exit_code(params: ExitCodeParams, observations: Observations) -> Verdict:
    """An exit code that tells of an orderly end."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    if facts.killed:
        return failed(
            f"The exit code is {facts.exit_code}: it was killed.",
            [_killed(facts, params, observations)],
        )
    if facts.exit_code in params.allowed:
        return passed(f"The exit code after {facts.signal} is {facts.exit_code}.")
    wanted = " or ".join(str(code) for code in params.allowed)
    text = (
        f"After {facts.signal}, process 1 ended with exit code {facts.exit_code}, {wanted} wanted"
        f"{last_words(facts.log_tail)}."
    )
    return failed(f"The exit code is {facts.exit_code}.", [Evidence("exit-code", text)])


def judge_finishes(params: ShutdownParams, observations: Observations) -> Verdict:
    """Requests in flight are answered."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    held = facts.load.held
    asked = f"{params.method} {printable(params.held_path or params.path, 80)}"
    evidence = []
    for number, request in enumerate(held, 1):
        if request.outcome == "dropped":
            text = (
                f"{asked}, request {number} of {len(held)}, was in flight when {facts.signal} came "
                f"and lost {format_seconds(request.seconds)} later: {request.error or 'no answer'}."
            )
            evidence.append(Evidence("dropped", text))
        elif request.status is not None and request.status >= _SERVER_ERROR:
            text = (
                f"{asked}, request {number} of {len(held)}, was in flight when {facts.signal} came "
                f"and answered {request.status}."
            )
            evidence.append(Evidence("server-error", text))
    if facts.load.lost:
        text = (
            f"{facts.load.lost} of {counted(facts.load.in_flight, 'other request')} sent before "
            f"{facts.signal} got no answer."
        )
        evidence.append(Evidence("dropped", text))
    if facts.killed:
        evidence.append(_killed(facts, params, observations))
    answered = sum(r.outcome == "answered" for r in held)
    if evidence:
        return failed(
            f"{answered} of {counted(len(held), 'request')} in flight were answered"
            f"{', then the service was killed' if facts.killed else ''}.",
            at_most(evidence, "request"),
        )
    if not answered:
        return could_not_tell(
            "the service answers before a request has come to its end, so none could be held in "
            "flight; give `method`, `held_path` and `body` of a request that it waits for"
        )
    statuses = sorted({str(r.status) for r in held})
    return passed(
        f"{answered} of {counted(len(held), 'request')} in flight when {facts.signal} came were "
        f"answered with {listed(statuses)}."
    )


def judge_refuses(params: RefusesParams, observations: Observations) -> Verdict:
    """New requests are no longer answered."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    load = facts.load
    last = load.last_answer_seconds
    if last is not None and last > params.within_seconds:
        text = (
            f"{counted(load.answered_after, 'new request')} sent after {facts.signal} were "
            f"answered, the last one {format_seconds(last)} after it."
        )
        return failed(
            f"New requests are still taken {format_seconds(last)} after {facts.signal}, at most "
            f"{params.within_seconds:g} s wanted.",
            [Evidence("still-serving", text)],
        )
    if not load.answered_before:
        return could_not_tell("no request of the load was answered before the signal, either")
    until = f"the last one {format_seconds(last)} after it" if last is not None else "none after it"
    return passed(
        f"{counted(load.refused_after, 'new request')} after {facts.signal} were refused; "
        f"{load.answered_after} were answered, {until}."
    )


def judge_connections(params: ConnectionsParams, observations: Observations) -> Verdict:
    """Every database session is ended in order."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    sessions = facts.sessions
    if sessions is None or not sessions.opened:
        return could_not_tell(
            f"the service opened no session to the PostgreSQL that `{params.database}` names"
        )
    evidence = []
    if sessions.broken:
        text = (
            f"{counted(sessions.broken, 'session')} of {sessions.opened} ended with a broken "
            "connection instead of a goodbye (Terminate), as PostgreSQL's own log tells."
        )
        evidence.append(Evidence("broken", text))
    if sessions.left:
        text = (
            f"{counted(sessions.left, 'session')} of {sessions.opened} were still open in "
            "PostgreSQL after the container had ended."
        )
        evidence.append(Evidence("left", text))
    if evidence:
        return failed("Database sessions were not closed in order.", evidence)
    return passed(f"All of {counted(sessions.opened, 'database session')} were closed in order.")


def judge_forwarded(params: ShutdownParams, observations: Observations) -> Verdict:
    """The stop signal gets to the service, whatever was started around it."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    if not facts.killed:
        return passed(f"{facts.signal}, sent to {_first_in_words(facts)} ended the container.")
    first, others = _first(facts), _others(facts)
    if first is None:
        return could_not_tell("the container's processes could not be looked at")
    if not others:
        return could_not_tell(
            f"{_first_in_words(facts)} is the only process and ignores {facts.signal}: there was "
            "nobody to pass it on to, see `stop-signal-handled`"
        )
    names = listed(f"{shown_process(p)} (process {p.pid})" for p in others)
    text = (
        f"{facts.signal} went to {_first_in_words(facts)} which did not pass it on: {names} ran on "
        f"for {facts.stop_seconds:.1f} s, until SIGKILL."
    )
    return failed(
        f"{facts.signal} does not reach the service.",
        [_at_command("not-forwarded", text, observations)],
    )


def judge_handled(params: ShutdownParams, observations: Observations) -> Verdict:
    """The image's stop signal is one that process 1 acts on."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    if facts.signal.removeprefix("SIG") in {"KILL", str(_SIGKILL)}:
        text = f"`STOPSIGNAL {facts.signal}`: no process can act on that, it is gone at once."
        return failed("The stop signal is SIGKILL.", [Evidence("sigkill", text)])
    if not facts.killed:
        return passed(f"{facts.signal}, the image's stop signal, ends process 1.")
    first = _first(facts)
    if first is None:
        return could_not_tell("the container's processes could not be looked at")
    if facts.signal in first.handles:
        text = (
            f"Process 1, {shown_process(first)}, has a handler for {facts.signal}, and runs on all "
            "the same."
        )
        return failed(
            f"Process 1 ignores {facts.signal}.", [_at_command("ignored", text, observations)]
        )
    known = [name for name in _SIGNALS if name in first.handles]
    text = (
        f"Process 1, {shown_process(first)}, has no handler for {facts.signal}, and the kernel "
        "gives process 1 no default one. "
        + (
            f"It has one for {listed(known)}."
            if known
            else "It has none for other signals, either."
        )
    )
    return failed(
        f"Process 1 does not handle {facts.signal}.",
        [_at_command("no-handler", text, observations)],
    )


def judge_zombies(params: RunningParams, observations: Observations) -> Verdict:
    """Process 1 takes the exit codes of orphans."""
    facts = observations.answer(params.request())
    if facts is None:
        return not_observed(observations, params.request(), "a container of the image")
    reason = why_not_running(facts)
    tree = facts.processes
    if reason or tree is None or tree.orphans_left is None or tree.first is None:
        return could_not_tell(reason or "the container ended while its processes were looked at")
    if not tree.orphans_left:
        return passed(f"Process 1, {shown_process(tree.first)}, took all of {ORPHANS} orphans.")
    text = (
        f"{ORPHANS} processes whose parent had ended were left to process 1, "
        f"{shown_process(tree.first)}, and ended: {tree.orphans_left} of them were still zombies a "
        "second later."
    )
    return failed(
        f"Process 1 leaves {counted(tree.orphans_left, 'zombie')}.",
        [_at_command("zombies", text, observations)],
    )


def _needs(params: ShutdownParams) -> tuple[ShutdownRequest, ...]:
    return (params.request(),)


_FAMILY = "shutdown"
_STOP = "https://docs.docker.com/reference/cli/docker/container/stop/"
_HOW = (
    " The service is under load from this machine, with requests in flight whose end is sent 1 s "
    "after the signal."
)

PROPERTIES = (
    Property(
        id="stops-in-time",
        family=_FAMILY,
        title="The container stops within its grace period",
        meaning="The image's stop signal is sent to process 1, as `docker stop` does; after the "
        "grace period comes SIGKILL." + _HOW,
        source=_STOP,
        params=ShutdownParams,
        codes={"killed": "SIGKILL was needed"},
        needs=_needs,
        judge=judge_in_time,
        remedy="Handle the stop signal in the service: stop accepting, finish, close, exit. Start "
        "it as process 1 (exec form), or with an init that passes signals on.",
        weight=4,
    ),
    Property(
        id="stop-exit-code",
        family=_FAMILY,
        title="The exit code tells of an orderly end",
        meaning="0, or 143 (128 + SIGTERM), after the stop signal. 137 means SIGKILL; any other "
        "code looks like a crash to whoever watches.",
        source="https://docs.docker.com/engine/containers/start-containers-automatically/",
        params=ExitCodeParams,
        codes={"killed": "SIGKILL was needed", "exit-code": "another exit code"},
        needs=_needs,
        judge=judge_exit_code,
        remedy="Exit with 0 once everything is closed.",
        weight=2,
    ),
    Property(
        id="finishes-requests",
        family=_FAMILY,
        title="Requests in flight are finished",
        meaning="That the service had taken each connection is proven by a whole request before."
        + _HOW,
        source="https://12factor.net/disposability",
        params=ShutdownParams,
        codes={
            "dropped": "a request in flight got no answer",
            "server-error": "a request in flight was answered with a server error",
            "killed": "SIGKILL ended what still ran",
        },
        needs=_needs,
        judge=judge_finishes,
        remedy="On the stop signal stop accepting connections, wait for the requests that run, "
        "then exit.",
        weight=4,
    ),
    Property(
        id="refuses-new-requests",
        family=_FAMILY,
        title="New requests are refused once it is told to stop",
        meaning="Clients open new connections all the time, before and after the signal." + _HOW,
        source="https://12factor.net/disposability",
        params=RefusesParams,
        codes={"still-serving": "new requests were answered long after the signal"},
        needs=_needs,
        judge=judge_refuses,
        remedy="Close the listening socket first. Where a load balancer needs time to notice, wait "
        "before the signal (Kubernetes: preStop), not after it.",
        weight=2,
    ),
    Property(
        id="closes-database-connections",
        family=_FAMILY,
        title="Database connections are closed in order",
        meaning="The service gets a real PostgreSQL, which logs how each session ended: with the "
        "protocol's Terminate message, or with a connection that broke." + _HOW,
        source="https://www.postgresql.org/docs/17/protocol-flow.html",
        params=ConnectionsParams,
        codes={
            "broken": "a session ended with a broken connection",
            "left": "the server still holds a session",
        },
        needs=_needs,
        judge=judge_connections,
        remedy="Close the connection pool after the last request, before the process exits.",
        weight=3,
    ),
    Property(
        id="signal-forwarded",
        family=_FAMILY,
        title="The stop signal reaches the service",
        meaning="Docker signals process 1 only. A shell around the service (shell form, a start "
        "script without `exec`) or npm keeps it for itself." + _HOW,
        source="https://docs.docker.com/reference/dockerfile/#shell-form-entrypoint-example",
        params=ShutdownParams,
        codes={"not-forwarded": "process 1 kept the signal, and its children ran on"},
        needs=_needs,
        judge=judge_forwarded,
        remedy="Use the exec form, end a start script with `exec`, or put an init in front "
        "(`docker run --init`).",
        weight=3,
    ),
    Property(
        id="stop-signal-handled",
        family=_FAMILY,
        title="Process 1 handles the image's stop signal",
        meaning="The kernel gives process 1 no default handler: a signal that it does not handle "
        "is lost. Which ones it handles is read from the kernel; what counts is that it ends.",
        source="https://man7.org/linux/man-pages/man7/pid_namespaces.7.html",
        params=ShutdownParams,
        codes={
            "no-handler": "process 1 has no handler for it",
            "ignored": "process 1 has a handler and runs on",
            "sigkill": "the stop signal cannot be handled",
        },
        needs=_needs,
        judge=judge_handled,
        remedy="Handle SIGTERM in the service, or set STOPSIGNAL to the signal on which it stops "
        "in order (nginx: SIGQUIT).",
        weight=3,
    ),
    Property(
        id="reaps-zombies",
        family=_FAMILY,
        title="Process 1 reaps orphaned processes",
        meaning="A process whose parent has ended becomes a child of process 1; if that never asks "
        "for exit codes, each leaves a zombie, up to the limit of processes. Three are left to "
        "it by a container in the same pid namespace, so the image needs no tools for it.",
        source="https://docs.docker.com/reference/cli/docker/container/run/#init",
        params=RunningParams,
        codes={"zombies": "ended orphans stay"},
        needs=running_needs,
        judge=judge_zombies,
        remedy="A service that starts no processes leaves none, and needs nothing. Else run it "
        "with an init: `docker run --init`, `init: true` in Compose, or tini in the image.",
        weight=1,
    ),
)
