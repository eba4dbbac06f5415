"""How long a deployment takes and what it moves: a real registry and a real second engine.

The registry, a relay that limits the speed, and the engine that the image is deployed to are
containers in a network of their own. A push goes from the engine into the registry, a pull from
there into the second engine. Bytes are those that the registry's network card counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.resources import files

from helpers.engine.connect import Engine
from helpers.engine.labels import TOOL
from helpers.experiments.site import (
    SiteFailed,
    exec_in,
    published_port,
    start_container,
    wait_for_line,
)
from helpers.observe.containers import ContainerSpec, private_network

#: Base images that the measurement needs.
BASES = ("registry:2", "docker:26-dind", "node:26-trixie-slim")
_FULL_SPEED, _LIMITED = 5001, 5002


class DeploymentFailed(SiteFailed):
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
            SiteFailed: where either does not work.
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
        exec_in(self.engine, self.target, ["docker", "pull", "--quiet", reference])

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
        SiteFailed: where the registry or the relay do not come up.
    """
    script = files("helpers.experiments").joinpath("throttle.mjs").read_text()
    with ExitStack() as stack:
        network = stack.enter_context(private_network(engine.client, TOOL))
        common = ContainerSpec("", network=network, memory_mb=None, pids=None, role=TOOL)
        registry = start_container(
            stack, engine, replace(common, image="registry:2", alias="registry")
        )
        relay = start_container(
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
        target = start_container(
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
        wait_for_line(engine, registry, b"listening on")
        wait_for_line(engine, relay, f"listening {_LIMITED}".encode())
        wait_for_line(engine, target, b"API listen on /var/run/docker.sock")
        ports = {p: published_port(engine, relay, p) for p in (_FULL_SPEED, _LIMITED)}
        yield Site(engine, registry, target, ports)
