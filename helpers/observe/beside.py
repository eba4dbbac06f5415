"""A second container in the pid namespace of the one that is looked at.

It sees every process of the other, and brings its own tools: an image without a shell is no
obstacle, and nothing that the image says of itself is asked. It is run by the engine, so it works
wherever that is.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

import docker

from helpers.errors import BadInput
from helpers.observe.base_there import ensure_base
from helpers.observe.containers import CannotStart, ContainerSpec, running_container
from helpers.observe.errors import ObservationFailed, Stopped, engine_errors

#: Has a shell and all small tools, statically linked.
TOOLS = "busybox:1.37"
_SECONDS = 20.0
_MOST_BYTES = 400_000


def run_beside(
    client: docker.DockerClient, target: str, script: str, stop: Future[None]
) -> str | None:
    """Run a shell script with the tools of BusyBox among the processes of a container.

    Args:
        client: a connection to the engine.
        target: id of a running container.
        script: for ``sh -c``.
        stop: done where nobody wants to know any more.

    Returns:
        What it printed; None where the container ended meanwhile.

    Raises:
        ObservationFailed: where it took too long.
        NoBaseImage: where the engine has no tools and cannot get them.
        Stopped: where ``stop`` said so.
        NoEngine: if the engine stops answering.
    """
    spec = ContainerSpec(TOOLS, command=("sh", "-c", script), beside=target, memory_mb=64)
    try:
        return _printed(client, spec, stop)
    except BadInput:  # there is no such image
        ensure_base(client, TOOLS)
        return _printed(client, spec, stop)


def _printed(client: docker.DockerClient, spec: ContainerSpec, stop: Future[None]) -> str | None:
    try:
        with running_container(client, spec) as helper:
            ends: list[Future[Any]] = [helper.exited, stop]
            wait(ends, timeout=_SECONDS, return_when=FIRST_COMPLETED)
            if stop.done():
                raise Stopped
            if not helper.exited.done():
                raise ObservationFailed(
                    f"Looking at a container's processes took more than {_SECONDS:.0f} s.",
                    remedy="Try again when the machine has less to do.",
                )
            with engine_errors("reading what the tools printed"):
                log = client.api.logs(helper.id, stdout=True, stderr=False, tail=10_000)
    except CannotStart:
        # Its namespace is gone with the other container.
        return None
    return bytes(log)[:_MOST_BYTES].decode("utf-8", "replace")
