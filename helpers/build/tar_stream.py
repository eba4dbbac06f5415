"""The one tar writer: entries to bytes, piece by piece, in constant memory.

GNU format, because BuildKit's Dockerfile frontend recognises an archive by its first 1,024 bytes: a
PAX header there makes it read the archive as a Dockerfile.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterable, Iterator

from helpers.build.tree import Entry, changed, unreadable

#: Every modification time: 2001-09-09 UTC. Not 1970, which zip files cannot express.
MTIME = 1_000_000_000
#: How many bytes are handed on at a time.
PIECE = 256 * 1024
_BLOCK = 512
_END = bytes(2 * _BLOCK)
_NAME_LIMIT = tarfile.LENGTH_NAME
_TYPES = {
    "file": tarfile.REGTYPE,
    "dir": tarfile.DIRTYPE,
    "symlink": tarfile.SYMTYPE,
    "fifo": tarfile.FIFOTYPE,
}


def tar_bytes(entries: Iterable[Entry]) -> int:
    """Size in bytes of the archive that :func:`tar_stream` gives for the same entries."""
    return len(_END) + sum(
        _BLOCK + _padded(entry.size) + _long(entry_name(entry)) + _long(entry.link)
        for entry in entries
    )


def tar_stream(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The archive of entries, in their order, owned by 0:0 and with one fixed time.

    Raises:
        ContextError: if a file cannot be read, is gone, or is shorter than it was.
    """
    piece = bytearray()
    for entry in entries:
        piece += _header(entry)
        if entry.kind == "file":
            for data in content(entry):
                piece += data
                if len(piece) >= PIECE:
                    yield bytes(piece)
                    piece.clear()
            piece += bytes(_padded(entry.size) - entry.size)
        if len(piece) >= PIECE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece + _END)


def entry_name(entry: Entry) -> str:
    """The name in the archive: a directory's ends with a slash."""
    return f"{entry.path}/" if entry.kind == "dir" else entry.path


def is_short(entry: Entry) -> bool:
    """Whether the entry's header is one block, so that the archive may begin with it."""
    return not _long(entry_name(entry)) and not _long(entry.link)


def _header(entry: Entry) -> bytes:
    info = tarfile.TarInfo(entry_name(entry))
    info.type = _TYPES[entry.kind]
    info.mode = entry.mode
    info.size = entry.size
    info.mtime = MTIME
    info.linkname = entry.link
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def content(entry: Entry) -> Iterator[bytes]:
    """The bytes of a file, exactly as many as its size says.

    Raises:
        ContextError: if it cannot be read, is gone, or is shorter than it was.
    """
    if not isinstance(entry.source, str):
        yield entry.source or b""
        return
    try:
        # Never through a symlink, and never waiting for a FIFO that took the file's place.
        descriptor = os.open(
            entry.source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        )
    except OSError as error:
        raise unreadable(entry.path, error) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise changed(entry.path)
        left = entry.size
        while left:
            data = _read(entry, descriptor, min(left, PIECE))
            left -= len(data)
            yield data
    finally:
        os.close(descriptor)


def _read(entry: Entry, descriptor: int, size: int) -> bytes:
    try:
        data = os.read(descriptor, size)
    except OSError as error:
        raise unreadable(entry.path, error) from error
    if not data:
        raise changed(entry.path)
    return data


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _long(name: str) -> int:
    """Bytes of the extra blocks for a name that does not fit into a header."""
    length = len(name.encode("utf-8", "surrogateescape"))
    return _BLOCK + _padded(length + 1) if length > _NAME_LIMIT else 0
