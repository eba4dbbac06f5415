"""Run a container of an image and see from outside if it answers, ends or listens elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from urllib.parse import urlsplit

import docker

from helpers.observe.containers import (
    CannotStart,
    ContainerSpec,
    RunningContainer,
    running_container,
)
from helpers.observe.errors import engine_errors
from helpers.observe.http_probe import ProbeRun
from helpers.observe.listeners import is_process_here, read_listeners
from helpers.observe.probing import (
    LOG_LINES,
    kill_and_wait,
    last_lines,
    probe_container,
    published_port,
)
from helpers.observe.requests import ServiceRequest
from helpers.observe.service_facts import Listener, ServiceFacts
from helpers.observe.subject import Subject
from helpers.observe.text import printable

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def observe_service(subject: Subject, request: ServiceRequest) -> ServiceFacts:
    """A container of the subject's image; raises what :func:`run_service` does."""
    return run_service(subject.client, subject.image_id, request, stop=subject.stop)


def run_service(
    client: docker.DockerClient,
    image: str,
    request: ServiceRequest,
    *,
    stop: Future[None] | None = None,
) -> ServiceFacts:
    """Start a container, probe it, and tell what was seen. The container is always removed.

    Args:
        client: a connection to the engine.
        image: name or id.
        request: port, probes, environment and limits.
        stop: done where the observation is to be given up.

    Raises:
        BadInput: if the engine has no such image.
        ObservationFailed: if the engine cannot run containers at the moment.
        NoEngine: if the engine stops answering.
        Stopped: where ``stop`` said so.
    """
    unreachable = why_unreachable(client)
    if unreachable:
        return ServiceFacts(
            started=False, unreachable=unreachable, waited_seconds=request.wait_seconds
        )
    spec = ContainerSpec(image, (request.port,), request.env, request.memory_mb)
    began = time.monotonic()
    try:
        with running_container(client, spec) as container:
            return see_service(client.api, container, request, began, stop or Future())
    except CannotStart as problem:
        return ServiceFacts(
            started=False, start_error=str(problem), waited_seconds=request.wait_seconds
        )


def why_unreachable(client: docker.DockerClient) -> str:
    """Why a port that the engine publishes on its loopback cannot be probed; empty where it can.

    A socket or pipe belongs to an engine on this machine (Docker Desktop forwards its ports here).
    An engine that is reached over TCP or SSH publishes on the other machine's loopback.
    """
    url = urlsplit(str(client.api.base_url))
    if url.scheme == "http+docker" and url.hostname != "ssh":
        return ""
    if url.hostname in _LOOPBACK_NAMES:
        return ""
    return (
        f"the engine is on another machine ({printable(url.netloc, 100)}), and a port published "
        "there on 127.0.0.1 cannot be reached from here"
    )


def see_service(
    api: docker.APIClient,
    container: RunningContainer,
    request: ServiceRequest,
    began: float,
    stop: Future[None],
    *,
    while_it_serves: Callable[[], None] | None = None,
) -> ServiceFacts:
    """Probe a container that was started, tell what was seen, and end it.

    Args:
        api: a connection to the engine.
        container: it.
        request: port and probes.
        began: ``time.monotonic()`` at its start.
        stop: done where the observation is to be given up.
        while_it_serves: called after the probes, where the first one was answered.

    Raises:
        ObservationFailed, NoEngine, Stopped: as :func:`run_service`.
    """
    with engine_errors("running a container"):
        about = api.inspect_container(container.id)
    port = published_port(about, request.port)
    run = ProbeRun(None, ())
    if port is not None and request.probes:
        run = probe_container(
            port,
            request.probes,
            began=began,
            wait_seconds=request.wait_seconds,
            exited=container.exited,
            stop=stop,
        )
    if run.ready_seconds is not None and while_it_serves is not None:
        while_it_serves()
    listeners: tuple[Listener, ...] | None = None
    unreachable = ""
    with engine_errors("running a container"):
        state = api.inspect_container(container.id)["State"]
        running = bool(state.get("Running"))
        if running and run.ready_seconds is None:
            pid = int(state.get("Pid") or 0)
            if is_process_here(pid, container.id):
                listeners = read_listeners(pid)
            elif run.refused:
                unreachable = (
                    "nothing is behind the published port on this machine, though the container "
                    "runs: the engine seems to be in another machine or network"
                )
        if running:
            # The log of a stopped container has an end, however fast it printed.
            kill_and_wait(api, container.id)
        log = api.logs(container.id, stdout=True, stderr=True, tail=LOG_LINES)
    return ServiceFacts(
        started=True,
        ready_seconds=run.ready_seconds,
        exit_code=None if running else int(state.get("ExitCode", 0)),
        oom_killed=bool(state.get("OOMKilled")),
        responses=run.responses,
        listeners=listeners or (),
        listeners_known=listeners is not None,
        log_tail=last_lines(log),
        waited_seconds=request.wait_seconds,
        unreachable=unreachable,
    )
