"""How long a deployment takes and what it moves: a real registry and a real second engine.

The registry, a relay that limits the speed, and the engine that the image is deployed to are
containers in a network of their own. A push goes from the engine into the registry, a pull from
there into the second engine. Bytes are those that the registry's network card counted.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from docker.errors import NotFound

from helpers.engine.connect import Engine
from helpers.engine.labels import TOOL, labels
from helpers.errors import NoEngine, WorkbookError
from helpers.observe.containers import (
    CannotStart,
    ContainerSpec,
    running_container,
    to_the_end,
)

#: Base images that the measurement needs.
BASES = ("registry:2", "docker:26-dind", "node:26-trixie-slim")
_READY_SECONDS = 60.0
_FULL_SPEED, _LIMITED = 5001, 5002


class DeploymentFailed(WorkbookError):
    """A push or a pull did not work."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One way of an image.

    Attributes:
        bytes: what the registry's network card counted, TCP and HTTP included.
        seconds: from the request to the end.
    """

    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Deployment:
    """A push into the registry and a pull into the engine that runs it."""

    push: Leg
    pull: Leg

    @property
    def bytes(self) -> int:
        """Both ways."""
        return self.push.bytes + self.pull.bytes

    @property
    def seconds(self) -> float:
        """Both ways, one after the other."""
        return self.push.seconds + self.pull.seconds


@dataclass(frozen=True, slots=True)
class Site:
    """A registry and an engine to deploy to. Nothing is in either at the beginning."""

    engine: Engine
    registry: str
    target: str
    ports: dict[int, int]

    def deploy(self, image: str, *, limited: bool = False) -> Deployment:
        """Push an image and pull it on the other engine.

        Args:
            image: name or id on the engine.
            limited: whether both ways go through the limited relay.

        Raises:
            DeploymentFailed: where either does not work.
        """
        port = _LIMITED if limited else _FULL_SPEED
        name = "orders"
        push = self._measured("rx_bytes", lambda: self._push(image, self.ports[port], name))
        pull = self._measured("tx_bytes", lambda: self._pull(f"relay:{port}/{name}"))
        return Deployment(push, pull)

    def _push(self, image: str, port: int, name: str) -> None:
        api = self.engine.client.api
        repository = f"127.0.0.1:{port}/{name}"
        api.tag(image, repository, "latest")
        try:
            for line in api.push(repository, "latest", stream=True, decode=True):
                if "error" in line:
                    raise DeploymentFailed(
                        f"The push into the registry failed: {line['error']}",
                        remedy="Run the cell again; if it fails again: workbook doctor",
                    )
        finally:
            api.remove_image(f"{repository}:latest", noprune=True)

    def _pull(self, reference: str) -> None:
        _exec(self.engine, self.target, ["docker", "pull", "--quiet", reference])

    def _measured(self, counter: str, action: Callable[[], None]) -> Leg:
        before, began = self._counted(counter), time.monotonic()
        action()
        seconds = time.monotonic() - began
        return Leg(self._counted(counter) - before, seconds)

    def _counted(self, counter: str) -> int:
        stats = self.engine.client.api.stats(self.registry, stream=False, one_shot=True)
        return sum(int(card[counter]) for card in stats["networks"].values())


@contextmanager
def deployment_site(engine: Engine, *, rate: int = 50_000_000) -> Iterator[Site]:
    """An empty registry and an empty engine; everything is removed at the end.

    Args:
        engine: on which they run.
        rate: bytes per second of the limited relay in each direction (50 MB/s are 400 Mbit/s).

    Raises:
        NoEngine: where the second engine cannot be started: it needs the right for privileged
            containers.
        DeploymentFailed: where the registry or the relay do not come up.
    """
    api = engine.client.api
    script = files("helpers.experiments").joinpath("throttle.mjs").read_text()
    with ExitStack() as stack:
        network = f"workbook-{uuid.uuid4().hex[:12]}"
        stack.callback(lambda: _gone(lambda: api.remove_network(network)))
        to_the_end(lambda: api.create_network(network, labels=labels(TOOL)))
        common = ContainerSpec("", network=network, memory_mb=None, pids=None, role=TOOL)
        registry = _container(stack, engine, replace(common, image="registry:2", alias="registry"))
        relay = _container(
            stack,
            engine,
            replace(
                common,
                image="node:26-trixie-slim",
                alias="relay",
                command=("node", "--input-type=module", "-e", script),
                env=(("TARGET", "registry:5000"), ("RATE", str(rate))),
                ports=(_FULL_SPEED, _LIMITED),
            ),
        )
        target = _container(
            stack,
            engine,
            replace(
                common,
                image="docker:26-dind",
                alias="target",
                command=tuple(f"--insecure-registry=relay:{p}" for p in (_FULL_SPEED, _LIMITED)),
                env=(("DOCKER_TLS_CERTDIR", ""),),
                privileged=True,
            ),
        )
        _wait_for_line(engine, registry, b"listening on")
        _wait_for_line(engine, relay, f"listening {_LIMITED}".encode())
        _wait_for_line(engine, target, b"API listen on /var/run/docker.sock")
        published = api.inspect_container(relay)["NetworkSettings"]["Ports"]
        ports = {p: int(published[f"{p}/tcp"][0]["HostPort"]) for p in (_FULL_SPEED, _LIMITED)}
        yield Site(engine, registry, target, ports)


def _container(stack: ExitStack, engine: Engine, spec: ContainerSpec) -> str:
    """Start a container in the site's network; it goes with the stack."""
    try:
        return stack.enter_context(running_container(engine.client, spec)).id
    except CannotStart as error:
        raise NoEngine(
            f"The container {spec.alias!r} could not be started: {error}",
            remedy="This measurement needs an engine that allows privileged containers: "
            "the workbook's private engine does.",
        ) from error


def _wait_for_line(engine: Engine, container: str, wanted: bytes) -> None:
    """Follow the container's log until the line is there; the end of the log ends the waiting."""
    deadline = time.monotonic() + _READY_SECONDS
    log: Any = engine.client.api.logs(container, stream=True, follow=True)
    seen = b""
    try:
        for piece in log:
            seen += piece
            if wanted in seen:
                return
            if time.monotonic() > deadline:
                break
    finally:
        log.close()
    tail = seen.decode(errors="replace").strip().splitlines()[-3:]
    raise DeploymentFailed(
        f"A container of the measurement did not come up: {' / '.join(tail) or 'no output'}",
        remedy="Run the cell again; if it fails again: workbook doctor",
    )


def _exec(engine: Engine, container: str, command: list[str]) -> None:
    api = engine.client.api
    made = api.exec_create(container, command)
    output = api.exec_start(made["Id"])
    code = api.exec_inspect(made["Id"])["ExitCode"]
    if code != 0:
        raise DeploymentFailed(
            f"{' '.join(command)} failed: {output.decode(errors='replace').strip()[-500:]}",
            remedy="Run the cell again; if it fails again: workbook doctor",
        )


def _gone(remove: Callable[[], object]) -> None:
    try:
        remove()
    except NotFound:
        return
