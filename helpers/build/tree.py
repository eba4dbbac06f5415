"""What a build context is made from: a folder, a mapping of names to bytes, or one over the other.

Paths are relative, with ``/``; bytes that are not UTF-8 are kept as surrogate escapes.
"""

from __future__ import annotations

import hashlib
import os
import stat
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from helpers.build.errors import ContextError

EntryKind = Literal["file", "dir", "symlink", "fifo"]

_IGNORE_REMEDY = "Remove it, or leave it out with this line in .dockerignore: {path}"


class OpenFile:
    """A file that stays open for as long as something refers to it; it may have no name.

    Args:
        descriptor: taken over: closed with this object.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        weakref.finalize(self, os.close, descriptor)


@dataclass(frozen=True, slots=True)
class FileSlice:
    """A part of an open file: where a member of a tar archive lies."""

    file: OpenFile
    offset: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a context.

    Attributes:
        path: relative to the context.
        kind: what it is.
        mode: permission bits, setuid, setgid and sticky included.
        size: bytes of content; 0 for anything but a file.
        link: where a symlink points to, as it is written; else empty.
        source: the path of a file on disk, a part of an open one, or the content itself; None for
            what has no content.
        stamp: another number for another state of the file, from 0 to 999,999,999: what tells
            whether the engine has it already. From the content where that is in memory, else from
            the file's times, size and identity.
    """

    path: str
    kind: EntryKind
    mode: int
    size: int = 0
    link: str = ""
    source: str | FileSlice | bytes | None = None
    stamp: int = 0

    def walk_key(self) -> bytes:
        """Sorts entries as a walk through the directories meets them: ``/`` before all else."""
        return os.fsencode(self.path).replace(b"/", b"\0")


class Tree(Protocol):
    """Files by directory."""

    def entry(self, path: str) -> Entry | None:
        """The entry of that path, not followed where it is a symlink; None where there is none."""

    def children(self, directory: str) -> list[Entry]:
        """What is directly in a directory (``""`` for the top), in any order, without sockets."""


class FolderTree:
    """A folder on disk. Symlinks are never followed."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise ContextError(
                f"There is no folder {root}.",
                remedy="Name the folder that holds the files to build from.",
            )

    def entry(self, path: str) -> Entry | None:
        """See :class:`Tree`."""
        try:
            status = os.lstat(self.root / path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise unreadable(path, error) from error
        return _entry(os.fspath(self.root / path), path, status)

    def children(self, directory: str) -> list[Entry]:
        """See :class:`Tree`."""
        found: list[Entry] = []
        prefix = f"{directory}/" if directory else ""
        try:
            with os.scandir(self.root / directory) as entries:
                for item in entries:
                    path = prefix + item.name
                    entry = _entry(item.path, path, item.stat(follow_symlinks=False))
                    if entry is not None:
                        found.append(entry)
        except OSError as error:
            raise unreadable(
                os.path.relpath(error.filename or directory, self.root), error
            ) from error
        return found


class EntryTree:
    """Entries from anywhere; the directories above them come by themselves.

    Raises:
        ContextError: if a path is absolute, leads outside, or is both a file and a directory.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries: dict[str, Entry] = {}
        self._children: dict[str, dict[str, Entry]] = {"": {}}
        for entry in sorted(entries, key=Entry.walk_key):  # a directory before what is in it
            _check_path(entry.path)
            self._add(entry)

    def _add(self, entry: Entry) -> None:
        parent, _, name = entry.path.rpartition("/")
        other = self._entries.get(entry.path)
        if other is not None and (other.kind, entry.kind) != ("dir", "dir"):
            raise _both(entry.path)
        if other is not None:
            return
        self._entries[entry.path] = entry
        if entry.kind == "dir":
            self._children[entry.path] = {}
        if parent:
            self._add(Entry(parent, "dir", 0o755))
        self._children[parent][name] = entry

    def entry(self, path: str) -> Entry | None:
        """See :class:`Tree`."""
        return self._entries.get(path)

    def children(self, directory: str) -> list[Entry]:
        """See :class:`Tree`."""
        return list(self._children.get(directory, {}).values())


class MappingTree(EntryTree):
    """Files from memory.

    Args:
        files: content by path. Text is written as UTF-8.
        modes: permission bits by path; 0644 for what is not named.

    Raises:
        ContextError: as :class:`EntryTree`.
    """

    def __init__(
        self, files: Mapping[str, bytes | str], modes: Mapping[str, int] | None = None
    ) -> None:
        super().__init__(
            memory_file(path, content, (modes or {}).get(path, 0o644))
            for path, content in files.items()
        )


class OverlayTree:
    """One tree over another: where both have a file, the upper one's counts, with the lower's mode.

    Raises:
        ContextError: on use, where one has a file and the other a directory or a symlink.
    """

    def __init__(self, lower: Tree, upper: Tree) -> None:
        self._lower = lower
        self._upper = upper

    def entry(self, path: str) -> Entry | None:
        """See :class:`Tree`."""
        return _over(self._lower.entry(path), self._upper.entry(path))

    def children(self, directory: str) -> list[Entry]:
        """See :class:`Tree`."""
        lower: dict[str, Entry] = {}
        if directory == "" or self._lower.entry(directory) is not None:
            lower = {entry.path: entry for entry in self._lower.children(directory)}
        upper = {entry.path: entry for entry in self._upper.children(directory)}
        merged = (_over(lower.get(path), upper.get(path)) for path in {**lower, **upper})
        return [entry for entry in merged if entry is not None]


def memory_file(path: str, content: bytes | str, mode: int = 0o644) -> Entry:
    """A file whose content is at hand; text is written as UTF-8."""
    raw = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else bytes(content)
    return Entry(path, "file", mode, len(raw), source=raw, stamp=stamp_of(raw))


def stamp_of(state: bytes) -> int:
    """The stamp of a file in a state: see :class:`Entry`."""
    return int.from_bytes(hashlib.blake2b(state, digest_size=8).digest()) % 1_000_000_000


def unreadable(path: str, error: OSError) -> ContextError:
    """The error for a file that cannot be read."""
    reason = error.strerror or str(error)
    return ContextError(
        f"{printable(path)} cannot be read: {reason}.",
        remedy=f"Give it read permission. {_IGNORE_REMEDY.format(path=printable(path))}",
        path=path,
    )


def changed(path: str) -> ContextError:
    """The error for a file that is no longer what it was when the context was looked through."""
    return ContextError(
        f"{printable(path)} changed while it was being sent.",
        remedy="Build again once nothing writes to it. "
        + _IGNORE_REMEDY.format(path=printable(path)),
        path=path,
    )


def printable(path: str) -> str:
    r"""A path that can be written to a terminal: bytes that are not UTF-8 shown as ``\xNN``."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _entry(file: str, path: str, status: os.stat_result) -> Entry | None:
    mode = stat.S_IMODE(status.st_mode)
    match stat.S_IFMT(status.st_mode):
        case stat.S_IFREG:
            state = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
            return Entry(
                path, "file", mode, status.st_size, source=file, stamp=stamp_of(str(state).encode())
            )
        case stat.S_IFDIR:
            return Entry(path, "dir", mode)
        case stat.S_IFLNK:
            return Entry(path, "symlink", 0o777, link=os.readlink(file))  # noqa: PTH115 - text, not a Path
        case stat.S_IFIFO:
            return Entry(path, "fifo", mode)
        case stat.S_IFSOCK:
            return None
        case _:
            raise ContextError(
                f"{printable(path)} is a device file; a build context cannot carry one.",
                remedy=_IGNORE_REMEDY.format(path=printable(path)),
                path=path,
            )


def _check_path(path: str) -> None:
    parts = path.split("/")
    if (
        not path
        or path.startswith("/")
        or any(part in {"", ".", ".."} for part in parts)
        or "\0" in path
    ):
        raise ContextError(
            f"{printable(path)!r} cannot be the name of a file in a build context.",
            remedy="Name files relative to the context, with / and without . or .. in them.",
            path=path,
        )


def _over(lower: Entry | None, upper: Entry | None) -> Entry | None:
    if lower is None or upper is None:
        return upper or lower
    if lower.kind == upper.kind == "dir":
        return lower
    if "dir" in {lower.kind, upper.kind}:
        raise _both(upper.path)
    mode = lower.mode if lower.kind == "file" else upper.mode
    return replace(upper, mode=mode)


def _both(path: str) -> ContextError:
    return ContextError(
        f"{printable(path)} is given both as a file and as a folder.",
        remedy="Rename or remove one of the two.",
        path=path,
    )
