"""How a service is started and asked, wherever that is observed; and starting it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import docker

from helpers.observe.containers import ContainerSpec, RunningContainer, running_container
from helpers.observe.errors import ObservationFailed, engine_errors
from helpers.observe.http_probe import ProbeRun
from helpers.observe.probing import probe_container, published_port, service_port
from helpers.observe.requests import Probe
from helpers.observe.run_service import why_unreachable
from helpers.observe.subject import Subject

_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class ServiceStart:
    """A service and the request that tells whether it serves.

    Attributes:
        port: TCP port inside the container; 0 for the lowest that the image names (EXPOSE).
        path: path of a GET request; any answer below 500 counts as serving.
        env: environment, as sorted pairs.
        wait_seconds: how long to wait for the first answer.
    """

    port: int = 0
    path: str = "/"
    env: tuple[tuple[str, str], ...] = ()
    wait_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Started:
    """A container that was started and asked.

    Attributes:
        container: the container.
        began: ``time.monotonic()`` at the engine's start call.
        port: the port on this machine; None where it had ended already.
        run: what came of the probes.
        created: when it was created, as the engine writes it.
    """

    container: RunningContainer
    began: float
    port: int | None
    run: ProbeRun
    created: str

    @property
    def serves(self) -> bool:
        """True where the first probe got an answer that is no server error."""
        return self.run.ready_seconds is not None and serves(self.run.responses[0].status)


def serves(status: int | None) -> bool:
    """Whether an HTTP status tells of a service that serves."""
    return status is not None and status < _SERVER_ERROR


@contextmanager
def started_service(
    subject: Subject,
    service: ServiceStart,
    spec: ContainerSpec | None = None,
    *,
    probes: tuple[Probe, ...] = (),
    headers: tuple[tuple[str, str], ...] = (),
    wait_seconds: float | None = None,
) -> Iterator[Started]:
    """Start a container of the subject, wait until it answers, remove it at the end.

    Args:
        subject: what is run, and where.
        service: port, path and environment.
        spec: how it is run; its image, ports and environment are filled in.
        probes: what to ask after the first answer.
        headers: sent with every probe.
        wait_seconds: instead of the service's own.

    Raises:
        CannotStart: if the image cannot be started.
        ObservationFailed: where no port is known, or none can be reached from here.
        BadInput, NoEngine, Stopped: as everywhere.
    """
    client = subject.client
    unreachable = why_unreachable(client)
    if unreachable:
        raise ObservationFailed(
            f"A container cannot be asked: {unreachable}",
            remedy="Run this on the engine's own machine.",
        )
    port = service_port(client, subject.image_id, service.port)
    spec = replace(
        spec or ContainerSpec(subject.image_id),
        image=subject.image_id,
        ports=(port,),
        env=(*service.env, *(spec.env if spec else ())),
    )
    began = time.monotonic()
    with running_container(client, spec) as container:
        about = inspect(client, container)
        yield ask(
            container,
            about,
            service,
            port,
            began,
            subject.stop,
            probes=probes,
            headers=headers,
            wait_seconds=wait_seconds,
        )


def ask(
    container: RunningContainer,
    about: Any,
    service: ServiceStart,
    port: int,
    began: float,
    stop: Future[None],
    *,
    probes: tuple[Probe, ...] = (),
    headers: tuple[tuple[str, str], ...] = (),
    wait_seconds: float | None = None,
) -> Started:
    """Wait until a container answers.

    Args:
        container: it.
        about: what the engine says of it.
        service: what to ask.
        port: TCP port inside.
        began: ``time.monotonic()`` at its start.
        stop: done where nobody wants to know any more.
        probes: what to ask after the first answer.
        headers: sent with every probe.
        wait_seconds: instead of the service's own.
    """
    here = published_port(about, port)
    run = ProbeRun(None, ())
    if here is not None:
        run = probe_container(
            here,
            (Probe(service.path), *probes),
            began=began,
            wait_seconds=service.wait_seconds if wait_seconds is None else wait_seconds,
            exited=container.exited,
            stop=stop,
            headers=dict(headers),
        )
    return Started(container, began, here, run, str(about.get("Created", "")))


def inspect(client: docker.DockerClient, container: RunningContainer) -> Any:
    """What the engine says of a container."""
    with engine_errors("looking at a container"):
        return client.api.inspect_container(container.id)
