"""Files of an image through the engine: from a container that is made and never started.

The engine puts the layers on top of each other, adds what every container has (``/etc/hosts``,
``/dev``, volumes), and sends what is asked for. This is what the tool looks at, too.
Source: ``GET /containers/ID/archive`` of https://docs.docker.com/reference/api/engine/.
"""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import IO, cast

import docker
from docker.errors import APIError, NotFound

from helpers.observe.errors import engine_errors
from helpers.observe.text import printable
from helpers.structure_test import go
from helpers.structure_test.judge import LICENSES_NOT_ASKED
from helpers.structure_test.seen import ContentSeen, LicensesSeen, PathSeen

#: Largest file that is read, in bytes.
MAX_FILE = 64_000_000
_MAX_LINKS = 40
# What the engine says, with status 500, of a path that leads nowhere.
_NO_SUCH_PATH = ("lstat ", "not a directory", "too many links", "too many levels", "file name too")
_PACKAGES = "/usr/share/doc"
_LICENSE = "copyright"


def read_path(api: docker.APIClient, container: str, path: str) -> PathSeen:
    """What a path is: the link itself where it is one."""
    try:
        with _archive(api, container, path) as archive:
            member = archive.next()
            kind = _kind(member)
            if member is None or not kind or _name(member) != go.base(path):
                return PathSeen(problem="no file, folder or link.")
            return PathSeen(kind, member.mode & 0o7777, member.uid, member.gid)
    except _Missing as missing:
        return PathSeen(problem=str(missing))


def read_content(api: docker.APIClient, container: str, path: str) -> ContentSeen:
    """The content of a file; a link's target is looked for from the root, as the tool does."""
    from_root = ""
    for _ in range(_MAX_LINKS):
        try:
            with _archive(api, container, path) as archive:
                member = archive.next()
                kind = _kind(member)
                if member is not None and kind == "file" and _name(member) == go.base(path):
                    return _content(archive, member, from_root)
                if member is None or kind != "symlink":
                    what = "it is a folder." if kind == "dir" else "it is no file."
                    return ContentSeen(problem=what)
                if not member.linkname.startswith("/") and posixpath.dirname(path) not in {"", "/"}:
                    from_root = from_root or path
                path = member.linkname
        except _Missing as missing:
            return ContentSeen(problem=str(missing), from_root=from_root)
    return ContentSeen(problem="its links lead in a circle.")


def read_licenses(
    api: docker.APIClient, container: str, *, debian: bool, files: tuple[str, ...]
) -> LicensesSeen:
    """The licence files of all Debian packages, and others by path."""
    found: list[tuple[str, ContentSeen]] = []
    problem = ""
    if debian:
        try:
            packages = _packages(api, container)
        except _Missing as missing:
            packages, problem = (), str(missing)
        paths = [f"{_PACKAGES}/{package}/{_LICENSE}" for package in packages]
        found += [(path, read_content(api, container, path)) for path in paths]
    found += [(path, read_content(api, container, path)) for path in files]
    return LicensesSeen(tuple(found), problem)


def _packages(api: docker.APIClient, container: str) -> tuple[str, ...]:
    """Folders right below the packages' own."""
    with _archive(api, container, _PACKAGES) as archive:
        parts = [m.name.strip("/").split("/") for m in archive if m.isdir()]
    return tuple(p[1] for p in parts if len(p) == 2 and p[1] not in LICENSES_NOT_ASKED)


class _Missing(Exception):
    """The path is not there; the text is the engine's."""


@contextmanager
def _archive(api: docker.APIClient, container: str, path: str) -> Iterator[tarfile.TarFile]:
    """What the engine sends for a path, read as it comes in; the rest is never fetched."""
    with engine_errors("reading a file of the image"):
        try:
            pieces, _ = api.get_archive(container, path or "/")
        except NotFound as error:
            if "no such container" in _reason(error).lower():
                raise
            raise _Missing("the image has no such path.") from error
        except APIError as error:
            if any(sign in _reason(error).lower() for sign in _NO_SUCH_PATH):
                raise _Missing(_reason(error)) from error
            raise
        with closing(pieces):
            stream = cast("IO[bytes]", io.BufferedReader(_Pieces(pieces)))
            try:
                with tarfile.open(fileobj=stream, mode="r|", errorlevel=0) as archive:
                    yield archive
            except tarfile.TarError as error:
                raise _Missing(f"the engine's answer cannot be read ({error}).") from error


class _Pieces(io.RawIOBase):
    """A stream of the pieces that come in."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        if not self._left:
            self._left = next(self._pieces, b"")
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo, from_root: str) -> ContentSeen:
    if member.size > MAX_FILE:
        return ContentSeen(problem=f"it has {member.size:,} bytes; at most {MAX_FILE:,} are read.")
    content = archive.extractfile(member)
    return ContentSeen(content.read() if content else b"", from_root=from_root)


def _kind(member: tarfile.TarInfo | None) -> str:
    if member is None:
        return ""
    if member.isfile() or member.islnk():
        return "file"
    return "dir" if member.isdir() else "symlink" if member.issym() else ""


def _name(member: tarfile.TarInfo) -> str:
    return posixpath.normpath(member.name) if member.name else "/"


def _reason(error: APIError) -> str:
    return f"{printable(str(error.explanation or error), 200).rstrip('.')}."
