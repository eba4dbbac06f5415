"""Files of a Compose application's folder inside its containers, without a mount of the host.

All of them go into one volume, from which each container gets its own file or folder. So it works
on an engine that is elsewhere, and with a read-only root file system.

Source: https://docs.docker.com/engine/storage/volumes/#mount-a-volume-subdirectory
"""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager

import docker
from docker.utils import version_gte

from helpers.build.content import content
from helpers.build.errors import BuildError
from helpers.build.tree import Entry, Tree
from helpers.errors import BadInput
from helpers.observe.beside import TOOLS
from helpers.observe.compose_container import GivenFile, NotComposed
from helpers.observe.containers import filled_volume
from helpers.observe.errors import ObservationFailed

#: The engine's API that knows parts of volumes.
SUBPATHS = "1.45"
_MOST_BYTES = 4_000_000
_MOST_FILES = 500
_FILE = 0o444
_WRITABLE = 0o666


def text_at(tree: Tree, path: str) -> str | None:
    """The text of a small file; None where there is none."""
    entry = tree.entry(posixpath.normpath(path)) if path else None
    if entry is None or entry.kind != "file" or entry.size > _MOST_BYTES:
        return None
    try:
        return b"".join(content(entry)).decode("utf-8", "replace")
    except BuildError as error:
        raise BadInput(error.message, remedy=error.remedy) from error


@contextmanager
def files_volume(
    client: docker.DockerClient, tree: Tree, wanted: tuple[tuple[str, GivenFile], ...]
) -> Iterator[tuple[str, dict[tuple[str, str], str]]]:
    """Make a volume with what services are given, and remove it at the end.

    Args:
        client: a connection to the engine.
        tree: the folder of the Compose file.
        wanted: names of services, each with a file or folder.

    Yields:
        The volume's name; and by service and target the path in it.

    Raises:
        ObservationFailed: where the engine is too old, or refuses.
        NotComposed: where a file is not there.
        NoEngine: if the engine stops answering.
    """
    if not version_gte(client.api.api_version, SUBPATHS):
        raise ObservationFailed(
            f"The engine's API is {client.api.api_version}; parts of volumes need {SUBPATHS}.",
            remedy="Use Docker Engine 26 or later.",
        )
    places: dict[tuple[str, str], str] = {}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for number, (service, given) in enumerate(wanted):
            places[service, given.target] = str(number)
            mode = _FILE if given.read_only else _WRITABLE
            if not given.source:
                _add(archive, str(number), given.text.encode(), mode)
                continue
            entry = tree.entry(given.source)
            if entry is None:
                raise NotComposed(f"`{service}` is given {given.source}, which is not there")
            for below, found in _all(tree, entry):
                _add(archive, f"{number}{below}", _content(found), mode)
    with filled_volume(client, TOOLS, packed.getvalue()) as name:
        yield name, places


def _all(tree: Tree, entry: Entry) -> Iterator[tuple[str, Entry]]:
    """The file itself, or the files below a folder, each with its path below."""
    if entry.kind == "file":
        yield "", entry
    folders, seen = [entry] if entry.kind == "dir" else [], 0
    while folders and seen < _MOST_FILES:
        for child in sorted(tree.children(folders.pop(0).path), key=lambda e: e.path):
            seen += 1
            if child.kind == "dir":
                folders.append(child)
            elif child.kind == "file":
                yield child.path.removeprefix(entry.path), child


def _content(entry: Entry) -> bytes:
    if entry.size > _MOST_BYTES:
        raise NotComposed(f"{entry.path} is larger than {_MOST_BYTES // 1_000_000} MB")
    try:
        return b"".join(content(entry))
    except BuildError as error:
        raise BadInput(error.message, remedy=error.remedy) from error


def _add(archive: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    about = tarfile.TarInfo(name)
    about.size, about.mode = len(data), mode
    archive.addfile(about, io.BytesIO(data))
