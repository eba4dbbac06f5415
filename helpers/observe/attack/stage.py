"""Where an attack takes place: a volume with the tools, networks, and a neighbour to be reached."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import docker
import docker.errors

from helpers.engine.labels import TOOL, container_labels, labels
from helpers.observe.attack.hardening import Network
from helpers.observe.attack.tool import FOLDER, ensure_tool
from helpers.observe.containers import (
    CannotStart,
    ContainerSpec,
    running_container,
    to_the_end,
)
from helpers.observe.errors import ObservationFailed, engine_errors

#: Where the neighbour serves the program.
PORT = 8080


@dataclass(frozen=True, slots=True)
class Stage:
    """What the containers under attack share.

    Attributes:
        volume: name of the volume with the tools.
        networks: names by kind.
        neighbour: the neighbour's address on the shared network.
        gateway: the host's address there.
    """

    volume: str
    networks: dict[Network, str]
    neighbour: str
    gateway: str


@contextmanager
def stage(
    client: docker.DockerClient, kinds: frozenset[Network], stop: Future[None] | None = None
) -> Iterator[Stage]:
    """Set it up, and remove it at the end, also after an error or Ctrl-C.

    Args:
        client: a connection to the engine.
        kinds: which networks the containers will be in. The neighbour's is always there.
        stop: done where it is no longer wanted.

    Raises:
        ObservationFailed: where the engine refuses.
        NoEngine: where it stops answering.
        Stopped: where ``stop`` said so before the program was there.
    """
    api = client.api
    tool = ensure_tool(client, stop)
    name = f"workbook-attack-{uuid.uuid4().hex[:12]}"
    names: dict[Network, str] = {"shared": f"{name}-shared", "none": "none"}
    with ExitStack() as stack:
        with engine_errors("setting up the attack"):
            stack.callback(to_the_end, lambda: _gone(lambda: api.remove_volume(name)))
            to_the_end(lambda: _fill_volume(api, name, tool))
            _network(stack, api, names["shared"], internal=False)
            if "own" in kinds:
                names["own"] = f"{name}-own"
                _network(stack, api, names["own"], internal=True)
        neighbour = ContainerSpec(
            tool,
            command=("serve", str(PORT)),
            role=TOOL,
            network=names["shared"],
            memory_mb=64,
            pids=64,
            read_only=True,
            cap_drop=("ALL",),
        )
        try:
            running = stack.enter_context(running_container(client, neighbour))
        except CannotStart as error:
            raise ObservationFailed(
                f"The container beside the attacked one could not be started: {error}",
                remedy="Run `workbook doctor`, then try again.",
            ) from error
        with engine_errors("setting up the attack"):
            _wait_until_it_listens(api, running.id)
            joined = api.inspect_container(running.id)["NetworkSettings"]["Networks"]
            address = joined[names["shared"]]
        if not address["IPAddress"]:
            raise ObservationFailed(
                "The engine gave the container beside the attacked one no IPv4 address.",
                remedy="Allow IPv4 on the engine's bridge networks.",
            )
        yield Stage(name, names, address["IPAddress"], address["Gateway"])


def _fill_volume(api: docker.APIClient, volume: str, tool: str) -> None:
    """An empty volume takes over what the image has at the path that it is mounted at.

    Source: https://docs.docker.com/engine/storage/volumes/#mounting-a-volume-over-existing-data
    """
    api.create_volume(volume, labels=labels(TOOL))
    container = f"{volume}-fill"
    try:
        api.create_container(
            tool,
            name=container,
            labels=container_labels(TOOL, container),
            host_config=api.create_host_config(binds=[f"{volume}:{FOLDER}"]),
        )
    finally:
        _gone(lambda: api.remove_container(container, force=True))


def _network(stack: ExitStack, api: docker.APIClient, name: str, *, internal: bool) -> None:
    stack.callback(to_the_end, lambda: _gone(lambda: api.remove_network(name)))
    to_the_end(lambda: api.create_network(name, labels=labels(TOOL), internal=internal))


def _wait_until_it_listens(api: docker.APIClient, container: str) -> None:
    """Follow the log to its first line; it ends with the container."""
    log = api.logs(container, stream=True, follow=True)
    try:
        for piece in log:
            if b"listening" in piece:
                return
    finally:
        log.close()
    raise docker.errors.DockerException("the container beside the attacked one ended too early")


def _gone(remove: Callable[[], object]) -> None:
    """Remove something that may not be there."""
    with engine_errors("removing what the attack needed"):
        try:
            remove()
        except docker.errors.NotFound:
            return
