"""A container run with everything that can be taken away taken away; and if it does not serve so,
with one thing at a time, to tell which it needs.

Source of the restrictions: https://docs.docker.com/engine/security/ and
https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import docker

from helpers.observe.containers import CannotStart, ContainerSpec
from helpers.observe.errors import engine_errors
from helpers.observe.probing import LOG_LINES, kill_and_wait, last_lines
from helpers.observe.process_tree import ProcessFact, read_processes
from helpers.observe.requests import Request
from helpers.observe.service_start import ServiceStart, Started, inspect, started_service
from helpers.observe.stats import Usage, read_usage
from helpers.observe.subject import Subject

Restriction = Literal["uid", "read-only", "capabilities", "no-new-privileges", "memory", "pids"]

RESTRICTIONS: tuple[Restriction, ...] = (
    "uid",
    "read-only",
    "capabilities",
    "no-new-privileges",
    "memory",
    "pids",
)
_AT_ONCE = 3
_TMPFS = "rw,noexec,nosuid,nodev,size=64m,mode=1777"
#: Far more than any of these services needs, so that only the restriction that is tried counts.
_ROOMY_MB = 2_000
_SHORTEST_WAIT = 3.0
_PATIENCE = 5


@dataclass(frozen=True, slots=True)
class HardenedRequest(Request["HardenedFacts"]):
    """Run the service with as little as possible.

    Attributes:
        service: what is started and asked.
        uid: numeric user that the image does not know; its group is 0, as OpenShift does it.
        memory_mb: memory limit in MB (10^6 bytes), swap included.
        pids: most processes and threads.
        tmpfs: paths that stay writable, in memory.
    """

    service: ServiceStart
    uid: int = 10_654
    memory_mb: int = 256
    pids: int = 64
    tmpfs: tuple[str, ...] = ("/tmp",)  # noqa: S108 - a path inside a container

    observer: ClassVar[str] = "helpers.observe.hardened:observe_hardened"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One start with some restrictions.

    Attributes:
        restrictions: what was taken away.
        serves: True where the probe got an answer below 500.
        ready_seconds: from the engine's start call to the first answer; None if never.
        status: HTTP status of the first answer.
        exit_code: where the container ended by itself.
        oom_killed: True where the kernel killed it for its memory limit.
        start_error: the engine's message where it could not start it.
        waited_seconds: how long an answer was waited for at most.
        log_tail: its last lines.
        first: process 1 as it served; None where it did not.
        usage: memory and processes as it served; None where it did not.
    """

    restrictions: tuple[Restriction, ...]
    serves: bool
    ready_seconds: float | None = None
    status: int | None = None
    exit_code: int | None = None
    oom_killed: bool = False
    start_error: str = ""
    waited_seconds: float = 0.0
    log_tail: tuple[str, ...] = ()
    first: ProcessFact | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class HardenedFacts:
    """What the service can do without.

    Attributes:
        together: with every restriction at once.
        plain: without any; None where ``together`` serves.
        alone: one a restriction; empty where ``together`` serves, or ``plain`` does not.
    """

    together: Attempt
    plain: Attempt | None = None
    alone: tuple[Attempt, ...] = ()


def observe_hardened(subject: Subject, request: HardenedRequest) -> HardenedFacts:
    """One start with all restrictions, and more only where that does not serve.

    Raises:
        ObservationFailed: where no port is known, or none can be reached from here.
        BadInput, NoEngine, Stopped: as everywhere.
    """
    together = _attempt(subject, request, RESTRICTIONS, request.service.wait_seconds)
    if together.serves:
        return HardenedFacts(together)
    plain = _attempt(subject, request, (), request.service.wait_seconds)
    if not plain.serves or plain.ready_seconds is None:
        return HardenedFacts(together, plain)
    # What is ready at once without a restriction is not waited for for long with one.
    patience = min(
        request.service.wait_seconds, max(_SHORTEST_WAIT, _PATIENCE * plain.ready_seconds)
    )
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="hardened") as pool:
        alone = list(
            pool.map(lambda one: _attempt(subject, request, (one,), patience), RESTRICTIONS)
        )
    return HardenedFacts(together, plain, tuple(alone))


def _attempt(
    subject: Subject,
    request: HardenedRequest,
    restrictions: tuple[Restriction, ...],
    wait_seconds: float,
) -> Attempt:
    nothing = Attempt(restrictions, serves=False, waited_seconds=wait_seconds)
    try:
        with started_service(
            subject, request.service, _spec(request, restrictions), wait_seconds=wait_seconds
        ) as started:
            return _seen(subject, started, nothing)
    except CannotStart as problem:
        return replace(nothing, start_error=str(problem))


def _spec(request: HardenedRequest, restrictions: tuple[Restriction, ...]) -> ContainerSpec:
    """The image and what is asked are filled in where it is started."""
    on = frozenset(restrictions)
    return ContainerSpec(
        image="",
        user=f"{request.uid}:0" if "uid" in on else "",
        read_only="read-only" in on,
        tmpfs=tuple((path, _TMPFS) for path in request.tmpfs) if "read-only" in on else (),
        cap_drop=("ALL",) if "capabilities" in on else (),
        no_new_privileges="no-new-privileges" in on,
        memory_mb=request.memory_mb if "memory" in on else _ROOMY_MB,
        pids=request.pids if "pids" in on else ContainerSpec("").pids,
    )


def _seen(subject: Subject, started: Started, nothing: Attempt) -> Attempt:
    client, container = subject.client, started.container
    first, usage = None, None
    if started.serves:
        tree = read_processes(client, container.id, subject.stop)
        first = tree.first if tree else None
        usage = read_usage(client.api, container.id)
    state = inspect(client, container)["State"]
    running = bool(state.get("Running"))
    with engine_errors("ending a container"):
        if running:
            kill_and_wait(client.api, container.id)
        log = _log(client, container.id)
    responses = started.run.responses
    return replace(
        nothing,
        serves=started.serves and running,
        ready_seconds=started.run.ready_seconds,
        status=responses[0].status if responses else None,
        exit_code=None if running else int(state.get("ExitCode", 0)),
        oom_killed=bool(state.get("OOMKilled")),
        log_tail=last_lines(log),
        first=first,
        usage=usage,
    )


def _log(client: docker.DockerClient, container: str) -> bytes:
    return bytes(client.api.logs(container, stdout=True, stderr=True, tail=LOG_LINES))
