"""A look into a running container from one beside it that brings the tools.

The two share their processes and their network; file system and tools stay apart. It is what
``kubectl debug --target`` and ``docker debug`` are made of.
"""

from __future__ import annotations

import docker

from helpers.engine.labels import LESSON
from helpers.errors import WorkbookError
from helpers.observe.beside import TOOLS
from helpers.observe.containers import CannotStart, ContainerSpec, running_container
from helpers.observe.errors import engine_errors

_SECONDS = 30.0


class NothingToSee(WorkbookError):
    """The container beside could not be started, or did not end."""


def look_beside(
    client: docker.DockerClient,
    target: str,
    script: str,
    *,
    user: str = "",
    image: str = TOOLS,
) -> str:
    """Run a shell script in a container that shares the pid and network namespaces of another.

    Args:
        client: a connection to the engine.
        target: name or id of a running container.
        script: for ``sh -c``.
        user: uid, or ``uid:gid``, that it runs as; empty for the tools' own (root).
        image: where the tools come from.

    Returns:
        What it printed, errors among it.

    Raises:
        NothingToSee: where the target has ended, or the script takes more than 30 s.
        BadInput: where the engine has no such image.
        ObservationFailed, NoEngine: where the engine refuses, or stops answering.
    """
    spec = ContainerSpec(
        image,
        command=("sh", "-c", script),
        beside=target,
        network=f"container:{target}",
        user=user,
        role=LESSON,
        memory_mb=64,
    )
    try:
        with running_container(client, spec) as helper:
            try:
                helper.exited.result(timeout=_SECONDS)
            except TimeoutError as error:
                raise NothingToSee(
                    f"The script took more than {_SECONDS:.0f} s.",
                    remedy="Let it end by itself: no `tail -f`, no shell that waits.",
                ) from error
            with engine_errors("reading what the tools printed"):
                return bytes(client.api.logs(helper.id)).decode(errors="replace")
    except CannotStart as error:
        raise NothingToSee(
            f"No container can be started beside it: {error}",
            remedy="See whether the container still runs.",
        ) from error
