"""Files of an engine's own folders, read through its archive endpoint (``docker cp``).

A container that is created and never started has the folders mounted, read-only; the endpoint sends
what is in them as a tar. The folders are the engine's and are named as the engine itself names
them, so this works over any connection.

Source: https://docs.docker.com/reference/api/engine/version/v1.45/ (ContainerArchive)
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import docker
import docker.errors
from docker.types import Mount

from helpers.engine.labels import CHECK, container_labels
from helpers.observe.byte_source import ByteSource
from helpers.observe.containers import to_the_end
from helpers.observe.errors import Stopped
from helpers.observe.tar_members import read_members

_CHUNK = 1 << 20


class NotInStore(Exception):
    """The engine's store cannot be read this way."""


class Pieces:
    """A stream that can be left before its end: the engine then stops sending.

    Args:
        stream: as docker-py gives it.
        stopped: asked at each piece; True ends it.
    """

    def __init__(self, stream: Any, stopped: Callable[[], bool]) -> None:
        self._stream = stream
        self._stopped = stopped

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            if self._stopped():
                raise Stopped
            yield piece

    def close(self) -> None:
        """Read no further."""
        self._stream.close()


class EngineFiles:
    """Folders and files of an engine by the names that they were given when they were opened.

    Args:
        api: a connection to the engine.
        container: the container that has them mounted.
        folder: where, in the container.
        stopped: asked while reading; True ends it.
    """

    def __init__(
        self, api: docker.APIClient, container: str, folder: str, stopped: Callable[[], bool]
    ) -> None:
        self._api = api
        self._container = container
        self._folder = folder
        self._stopped = stopped

    def archive(self, inside: str) -> Pieces:
        """A file or folder as a tar, to be closed.

        Raises:
            docker.errors.DockerException: if it is not there, or the engine refuses.
        """
        path = f"{self._folder}/{inside}"
        stream, _ = self._api.get_archive(self._container, path, chunk_size=_CHUNK)
        return Pieces(stream, self._stopped)

    def content(self, inside: str, most: int) -> bytes | None:
        """The content of a file; None where it is no file or has more than ``most`` bytes."""
        with closing(self.archive(inside)) as pieces:
            source = ByteSource(pieces)
            for member in read_members(source):
                if member.kind == "file" and member.stored <= most:
                    return source.read(member.stored)
        return None


@contextmanager
def open_engine_files(
    api: docker.APIClient,
    image: str,
    sources: Mapping[str, str],
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[EngineFiles]:
    """Open files and folders of an engine.

    Args:
        api: a connection to the engine.
        image: any image that the engine has; nothing of it is run.
        sources: absolute paths on the engine's machine by the names to give them.
        stopped: asked while reading; True ends it.

    Raises:
        NotInStore: if the engine does not let them be read.
        Stopped: where ``stopped`` said so.
    """
    name = f"workbook-{CHECK}-{uuid.uuid4().hex[:16]}"
    folder = f"/.{name}"
    # Mounts, not binds: the engine makes the folder of a bind where there is none. For what is its
    # own it wants a propagation that cannot keep its file systems busy (rslave).
    mounts = [
        Mount(f"{folder}/{target}", source, type="bind", read_only=True, propagation="rslave")
        for target, source in sources.items()
    ]
    try:
        to_the_end(lambda: _create(api, image, name, mounts))
        yield EngineFiles(api, name, folder, stopped)
    except (docker.errors.DockerException, ValueError) as error:
        raise NotInStore(f"the engine does not let its store be read ({error})") from error
    finally:
        to_the_end(lambda: _remove(api, name))


def _create(api: docker.APIClient, image: str, name: str, mounts: list[Mount]) -> None:
    """A container that nobody starts: its command does not matter, but there must be one."""
    api.create_container(
        image,
        ["never-started"],
        name=name,
        labels=container_labels(CHECK, name),
        network_disabled=True,
        host_config=api.create_host_config(mounts=mounts, network_mode="none"),
    )


def _remove(api: docker.APIClient, name: str) -> None:
    try:
        api.remove_container(name, v=True, force=True)
    except docker.errors.NotFound:
        return
