"""A build context from a tar archive, without unpacking it.

An archive on disk is read once for its table of contents; what the engine asks for is then read
from its place. One that is compressed, or comes from a stream, is first written to a file without
a name, which is gone with the context.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import posixpath
import tarfile
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, cast

from helpers.build.context import Context, DockerfileText, context_of
from helpers.build.errors import ContextError
from helpers.build.tree import Entry, EntryKind, EntryTree, FileSlice, OpenFile, printable, stamp_of

_PIECE = 256 * 1024
_MAGIC_BYTES = 6
_DAMAGED = (tarfile.TarError, lzma.LZMAError, EOFError, OSError, ValueError)


def tar_context(
    archive: str | Path | IO[bytes],
    *,
    dockerfile: str | DockerfileText = "Dockerfile",
    limit_bytes: int | None = None,
) -> Context:
    """The context of a tar archive, plain or compressed with gzip, bzip2 or xz.

    Hard links become copies; owners and times are left out, as everywhere. Where a name occurs
    twice, the later one counts, as when unpacking.

    Args:
        archive: its path, or an open binary stream of which the rest is read.
        dockerfile: its path in the archive, or its text.
        limit_bytes: the most that the unpacked archive may have; None for no limit.

    Raises:
        ContextError: if it is no archive, is cut off, holds a path that leads outside, a sparse
            file or a device, or as :func:`helpers.build.context.folder_context`.
        DockerfileError: if there is no such Dockerfile, or it is not UTF-8.
    """
    named = isinstance(archive, (str, Path))
    name = printable(str(archive)) if named else "The archive"
    try:
        file = _on_disk(archive, name, limit_bytes)
        with open(file.descriptor, "rb", closefd=False) as raw:
            entries = _entries(raw, file, name)
    except _DAMAGED as error:
        raise ContextError(
            f"{name} cannot be read as a tar archive: {error}.",
            remedy="Name an archive that holds the files to build from; make one with: "
            "tar -cf context.tar -C FOLDER .",
        ) from error
    identity = os.path.abspath(archive) if isinstance(archive, (str, Path)) else ""  # noqa: PTH100
    return context_of(
        EntryTree(entries.values()), dockerfile, limit_bytes=limit_bytes, identity=identity
    )


def _on_disk(archive: str | Path | IO[bytes], name: str, limit_bytes: int | None) -> OpenFile:
    """The uncompressed archive as a file: its own, or one without a name."""
    with ExitStack() as stack:
        if isinstance(archive, (str, Path)):
            source: IO[bytes] = stack.enter_context(Path(archive).open("rb"))
            stream = _uncompressed(source)
            if stream is source:
                return OpenFile(os.dup(source.fileno()))
        else:
            buffered = io.BufferedReader(cast("Any", archive))
            stack.callback(buffered.detach)  # the stream stays open: it is the caller's
            stream = _uncompressed(buffered)
        unpacked = stack.enter_context(tempfile.TemporaryFile())
        size = 0
        while piece := stream.read(_PIECE):
            size += len(piece)
            if limit_bytes is not None and size > limit_bytes:
                raise ContextError(
                    f"{name} has more than {limit_bytes / 1e6:.0f} MB when it is unpacked.",
                    remedy="Leave out of the archive what the build does not need.",
                )
            unpacked.write(piece)
        unpacked.flush()
        return OpenFile(os.dup(unpacked.fileno()))


def _uncompressed(source: IO[bytes]) -> IO[bytes]:
    """The stream itself, or what it unpacks to."""
    magic = source.peek(_MAGIC_BYTES)[:_MAGIC_BYTES]  # type: ignore[attr-defined]
    if magic.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=source)  # type: ignore[return-value]
    if magic.startswith(b"BZh"):
        return bz2.BZ2File(source)
    if magic.startswith(b"\xfd7zXZ"):
        return lzma.LZMAFile(source)
    return source


def _entries(raw: IO[bytes], file: OpenFile, name: str) -> dict[str, Entry]:
    """The members by path; a later one takes the place of an earlier one."""
    status = os.fstat(file.descriptor)
    state = f"{status.st_dev}:{status.st_ino}:{status.st_mtime_ns}:{status.st_ctime_ns}"
    entries: dict[str, Entry] = {}
    raw.seek(0)  # a duplicated descriptor shares its place
    with tarfile.open(fileobj=raw, mode="r:", errors="surrogateescape") as tar:
        for member in tar:
            path = posixpath.normpath(member.name)
            if path == ".":
                continue
            if member.islnk():
                target = entries.get(posixpath.normpath(member.linkname))
                if target is None:
                    raise ContextError(
                        f"{name}: {printable(path)} is a link to {printable(member.linkname)}, "
                        "which does not come before it.",
                        remedy="Make the archive anew, with all files that belong together.",
                        path=path,
                    )
                entries[path] = replace(target, path=path)
                continue
            source = FileSlice(file, member.offset_data) if member.isreg() else None
            entries[path] = Entry(
                path,
                _kind(member, name),
                member.mode & 0o7777,
                member.size if source else 0,
                member.linkname if member.issym() else "",
                source,
                stamp_of(f"{state}:{member.offset_data}".encode()),
            )
    if status.st_size % tarfile.BLOCKSIZE or not _is_whole(entries, status.st_size):
        raise EOFError("it is cut off")
    return entries


def _is_whole(entries: dict[str, Entry], size: int) -> bool:
    """Whether the content of every file lies within the archive."""
    return all(
        entry.source.offset + entry.size <= size
        for entry in entries.values()
        if isinstance(entry.source, FileSlice)
    )


def _kind(member: tarfile.TarInfo, name: str) -> EntryKind:
    if member.issparse():
        raise ContextError(
            f"{name}: {printable(member.name)} is stored as a sparse file.",
            remedy="Make the archive without --sparse.",
            path=member.name,
        )
    if member.isreg():
        return "file"
    if member.isdir():
        return "dir"
    if member.issym():
        return "symlink"
    if member.isfifo():
        return "fifo"
    raise ContextError(
        f"{name}: {printable(member.name)} is a device file; a build context cannot carry one.",
        remedy="Leave it out of the archive.",
        path=member.name,
    )
