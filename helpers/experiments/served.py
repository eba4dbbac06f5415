"""A service that a notebook keeps running: asked over HTTP, its log, its files, what it uses."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import docker
import docker.errors
import httpx

from helpers.engine.labels import LESSON
from helpers.errors import BadInput
from helpers.observe.containers import ContainerSpec, RunningContainer, running_container
from helpers.observe.errors import ObservationFailed, engine_errors
from helpers.observe.events import ContainerEvent, follow_events
from helpers.observe.follow import Follower
from helpers.observe.probing import LOOPBACK, kill_and_wait, probe_container, published_port
from helpers.observe.requests import Probe
from helpers.observe.run_service import why_unreachable
from helpers.observe.stats import Usage, read_usage

_READY_SECONDS = 20.0
_PERIOD = 100_000  # microseconds: the kernel's own default


@dataclass(frozen=True, slots=True)
class End:
    """How a container ended, as the engine tells it.

    Attributes:
        exit_code: 128 plus the signal's number where a signal ended it.
        oom_killed: True where the kernel ended a process of it for its memory limit.
        log: its lines on both streams, without blank ones.
        seconds: from its start to its end.
        actions: the engine's events of it, in order.
    """

    exit_code: int
    oom_killed: bool
    log: tuple[str, ...]
    seconds: float
    actions: tuple[str, ...]


@dataclass(frozen=True)
class Served:
    """A running container of a service."""

    client: docker.DockerClient = field(repr=False)
    container: RunningContainer
    port: int
    http: httpx.Client = field(repr=False)
    follower: Follower[ContainerEvent] = field(repr=False)

    def ask(self, path: str, method: str = "GET", body: str = "") -> httpx.Response:
        """One request on a connection that is kept.

        Raises:
            httpx.HTTPError: where no answer comes.
        """
        kind = {"Content-Type": "application/json"} if body else {}
        return self.http.request(method, path, content=body or None, headers=kind)

    def ask_once(self, path: str) -> str:
        """The text of one answer, over a connection of its own: also from another thread."""
        response = httpx.get(f"{self.http.base_url}".rstrip("/") + path, trust_env=False)
        return response.raise_for_status().text

    def log(self) -> tuple[str, ...]:
        """The lines that the engine has of both streams."""
        with engine_errors("reading a container's log"):
            log = bytes(self.client.api.logs(self.container.id))
        return tuple(log.decode(errors="replace").splitlines())

    def usage(self) -> Usage:
        """Memory, processes and processor time now."""
        return read_usage(self.client.api, self.container.id)

    def throttled(self) -> tuple[int, int]:
        """Periods of the processor limit so far, and in how many of them it had to wait.

        Source: https://docs.kernel.org/scheduler/sched-bwc.html#statistics
        """
        with engine_errors("reading what a container uses"):
            raw: Any = self.client.api.stats(self.container.id, stream=False, one_shot=True)
        data = raw["cpu_stats"].get("throttling_data") or {}
        return int(data.get("periods", 0)), int(data.get("throttled_periods", 0))

    def limit_cpus(self, cpus: float | None) -> None:
        """Change the limit of the running container (``docker update``); None takes it away."""
        quota = round(cpus * _PERIOD) if cpus is not None else -1
        with engine_errors("changing a limit"):
            self.client.api.update_container(self.container.id, cpu_period=_PERIOD, cpu_quota=quota)

    def read_file(self, path: str) -> str:
        """A file of the container.

        Raises:
            BadInput: where there is no such file, or no such container any more.
        """
        return read_file(self.client, self.container.name, path)

    def events(self, seconds: float = 0.5) -> tuple[ContainerEvent, ...]:
        """The engine's events of it since they were last asked for."""
        return tuple(self.follower.within(time.monotonic() + seconds))


@contextmanager
def served(
    client: docker.DockerClient,
    spec: ContainerSpec,
    *,
    port: int = 3000,
    path: str = "/healthz",
) -> Iterator[Served]:
    """Start a service and wait until it answers; it is removed at the end.

    Args:
        client: the engine.
        spec: how it is run; its port is published.
        port: TCP port inside.
        path: what to ask until it answers.

    Raises:
        CannotStart: if the image cannot be started.
        ObservationFailed: where it does not answer, or cannot be reached from here.
        BadInput, NoEngine: as everywhere.
    """
    unreachable = why_unreachable(client)
    if unreachable:
        raise ObservationFailed(
            f"A container cannot be asked: {unreachable}",
            remedy="Run this on the engine's own machine.",
        )
    stop: Future[None] = Future()
    began = time.monotonic()
    with running_container(client, replace(spec, ports=(port,), role=LESSON)) as container:
        with engine_errors("looking at a container"):
            about = client.api.inspect_container(container.id)
        here = published_port(about, port)
        ready = here is not None and (
            probe_container(
                here,
                (Probe(path),),
                began=began,
                wait_seconds=_READY_SECONDS,
                exited=container.exited,
                stop=stop,
            ).ready_seconds
            is not None
        )
        if here is None or not ready:
            log = bytes(client.api.logs(container.id, tail=5)).decode(errors="replace").strip()
            raise ObservationFailed(
                f"The service did not answer: {log or 'it printed nothing'}",
                remedy="Run the cell again; if it fails again: workbook doctor",
            )
        follower = follow_events(client.api, container.id, str(about["Created"]), stop)
        # The environment's proxies are for the outside world, not for a container next door.
        with httpx.Client(
            base_url=f"http://{LOOPBACK}:{here}", trust_env=False, timeout=20.0
        ) as http:
            yield Served(client, container, here, http, follower)


def read_file(client: docker.DockerClient, container: str, path: str) -> str:
    """A text file of a container.

    Raises:
        BadInput: where there is no such file, or no such container.
    """
    try:
        stream, _ = client.api.get_archive(container, path)
    except docker.errors.NotFound as error:
        raise BadInput(
            f"There is no {path}, or no such container any more.",
            remedy="What was in a container is gone with it.",
        ) from error
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
        member = archive.extractfile(archive.next() or "")
        return member.read().decode(errors="replace") if member else ""


def run_to_the_end(
    client: docker.DockerClient, spec: ContainerSpec, seconds: float = 60.0, *, kill: bool = False
) -> End:
    """Run a container until it ends; it is removed then.

    Args:
        client: the engine.
        spec: how it is run.
        seconds: how long to wait for its end.
        kill: send it SIGKILL from outside. (Process 1 cannot do that to itself: the kernel keeps
            signals of a namespace from its own first process.)

    Raises:
        ObservationFailed: where it does not end in time.
        CannotStart, BadInput, NoEngine: as everywhere.
    """
    stop: Future[None] = Future()
    began = time.monotonic()
    with running_container(client, replace(spec, role=LESSON)) as container:
        with engine_errors("looking at a container"):
            created = str(client.api.inspect_container(container.id)["Created"])
        follower = follow_events(client.api, container.id, created, stop)
        if kill:
            with engine_errors("ending a container"):
                kill_and_wait(client.api, container.id)
        try:
            container.exited.result(timeout=seconds)
        except TimeoutError as error:
            raise ObservationFailed(
                f"The container did not end within {seconds:.0f} s.",
                remedy="Run the cell again on a machine that is less busy.",
            ) from error
        took = time.monotonic() - began
        seen: list[str] = []
        for event in follower.within(time.monotonic() + 5.0):
            seen.append(event.action)
            if event.action == "die":
                break
        with engine_errors("looking at a container"):
            state = client.api.inspect_container(container.id)["State"]
            log = bytes(client.api.logs(container.id)).decode(errors="replace")
    return End(
        exit_code=int(state["ExitCode"]),
        oom_killed=bool(state["OOMKilled"]),
        log=tuple(line for line in log.splitlines() if line.strip()),
        seconds=took,
        actions=tuple(seen),
    )
