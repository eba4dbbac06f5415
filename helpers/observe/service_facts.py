"""What a container did while it was run and probed from outside, as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """The answer to one probe; ``status`` is None where none came, and ``error`` says why.

    Attributes:
        method: for example ``GET``.
        path: for example ``/healthz``.
        status: HTTP status code.
        body: the first 2 kB of the body, as text without control characters.
        seconds: from sending the request to the end of the answer.
        error: why there was no answer, in plain words.
    """

    method: str
    path: str
    status: int | None
    body: str = ""
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Listener:
    """A TCP socket that the container listens on, as the kernel tells it."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """One container from start to removal.

    Attributes:
        started: False where the engine could not start it; ``start_error`` says why.
        ready_seconds: from the engine's start call to the first answered probe; None if never.
        exit_code: where the container ended by itself; None while it was still running.
        oom_killed: True where the kernel killed it for its memory limit.
        responses: answers to the probes, in the order of the request.
        listeners: what it listened on, looked up only where no probe was answered.
        log_tail: its last lines, at most 40, without control characters.
        start_error: the engine's message.
        waited_seconds: how long the probe waited at most.
        listeners_known: True where ``listeners`` was looked up, so that an empty one means that the
            container listened nowhere.
        unreachable: why no probe could be sent at all (the engine is on another machine); then
            nothing is known about the service. Empty where probes were sent.
    """

    started: bool
    ready_seconds: float | None = None
    exit_code: int | None = None
    oom_killed: bool = False
    responses: tuple[HttpResponse, ...] = ()
    listeners: tuple[Listener, ...] = ()
    log_tail: tuple[str, ...] = ()
    start_error: str = ""
    waited_seconds: float = 0.0
    listeners_known: bool = False
    unreachable: str = ""
