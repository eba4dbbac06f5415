"""The bytes of a context's files, piece by piece, in constant memory."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from helpers.build.tree import Entry, FileSlice, changed, unreadable

#: How many bytes are handed on at a time.
PIECE = 256 * 1024


def content(entry: Entry) -> Iterator[bytes]:
    """The bytes of a file, exactly as many as its size says.

    Raises:
        ContextError: if it cannot be read, is gone, or is shorter than it was.
    """
    source = entry.source
    if source is None or isinstance(source, bytes):
        # In pieces as well: BuildKit refuses a message of more than 16 MiB.
        for offset in range(0, max(len(source or b""), 1), PIECE):
            yield (source or b"")[offset : offset + PIECE]
        return
    if isinstance(source, FileSlice):
        yield from _pieces(entry, source.file.descriptor, source.offset)
        return
    try:
        # Never through a symlink, and never waiting for a FIFO that took the file's place.
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise unreadable(entry.path, error) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise changed(entry.path)
        yield from _pieces(entry, descriptor, 0)
    finally:
        os.close(descriptor)


def _pieces(entry: Entry, descriptor: int, offset: int) -> Iterator[bytes]:
    end = offset + entry.size
    while offset < end:
        data = _read(entry, descriptor, min(end - offset, PIECE), offset)
        offset += len(data)
        yield data


def _read(entry: Entry, descriptor: int, size: int, offset: int) -> bytes:
    try:
        data = os.pread(descriptor, size, offset)
    except OSError as error:
        raise unreadable(entry.path, error) from error
    if not data:
        raise changed(entry.path)
    return data
