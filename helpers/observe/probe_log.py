"""How many lines a service logs for the questions that machines ask it all day.

Source of what is wanted: https://cheatsheetseries.owasp.org/cheatsheets/Logging_Cheat_Sheet.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import docker

from helpers.observe.containers import CannotStart, ContainerSpec
from helpers.observe.errors import engine_errors
from helpers.observe.probing import kill_and_wait, last_lines, probe_container
from helpers.observe.requests import Probe, Request
from helpers.observe.service_start import ServiceStart, started_service
from helpers.observe.subject import Subject

_TAIL = 3
_ROOMY_MB = 2_000


@dataclass(frozen=True, slots=True)
class ProbeLogRequest(Request["ProbeLogFacts"]):
    """Ask the service one question many times.

    Attributes:
        service: what is started, and what is asked.
        times: how often.
    """

    service: ServiceStart
    times: int = 20

    observer: ClassVar[str] = "helpers.observe.probe_log:observe_probe_log"


@dataclass(frozen=True, slots=True)
class ProbeLogFacts:
    """What became of the log meanwhile.

    Attributes:
        serves: True where it answered.
        answered: how many of the questions got an answer.
        lines: how many lines longer the log was at the end, on both streams, blank ones left out.
        last: the last of them.
        start_error: the engine's message where it could not be started.
    """

    serves: bool
    answered: int = 0
    lines: int = 0
    last: tuple[str, ...] = ()
    start_error: str = ""


def observe_probe_log(subject: Subject, request: ProbeLogRequest) -> ProbeLogFacts:
    """One container, asked the same many times.

    Raises:
        ObservationFailed: where no port is known, or none can be reached from here.
        BadInput, NoEngine, Stopped: as everywhere.
    """
    spec = ContainerSpec("", memory_mb=_ROOMY_MB, no_health=True)
    try:
        with started_service(subject, request.service, spec) as started:
            if not started.serves or started.port is None:
                return ProbeLogFacts(serves=False)
            before = len(_lines(_log(subject.client, started.container.id)))
            run = probe_container(
                started.port,
                (Probe(request.service.path),) * request.times,
                began=started.began,
                wait_seconds=request.service.wait_seconds,
                exited=started.container.exited,
                stop=subject.stop,
            )
            # The log of a container that has ended has an end.
            with engine_errors("ending a container"):
                kill_and_wait(subject.client.api, started.container.id)
            log = _log(subject.client, started.container.id)
    except CannotStart as problem:
        return ProbeLogFacts(serves=False, start_error=str(problem))
    lines = max(0, len(_lines(log)) - before)
    return ProbeLogFacts(
        serves=True,
        answered=sum(r.status is not None for r in run.responses),
        lines=lines,
        last=last_lines(log, min(lines, _TAIL)) if lines else (),
    )


def _log(client: docker.DockerClient, container: str) -> bytes:
    with engine_errors("reading a container's log"):
        return bytes(client.api.logs(container, stdout=True, stderr=True))


def _lines(log: bytes) -> list[bytes]:
    return [line for line in log.splitlines() if line.strip()]
