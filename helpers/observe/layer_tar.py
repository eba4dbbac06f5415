"""One layer: what its archive adds, replaces and deletes.

Source: https://github.com/opencontainers/image-spec/blob/main/layer.md
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

from helpers.observe.byte_source import ByteSource
from helpers.observe.capabilities import decode
from helpers.observe.errors import ImageUnreadable
from helpers.observe.image_facts import FileKind
from helpers.observe.tar_members import Member, printable_name, read_members

#: More entries than this in one layer are refused; the largest real images have some 500,000.
MAX_ENTRIES = 1_000_000
#: Largest file whose content is kept, in bytes.
MAX_KEPT = 1 << 18

_WHITEOUT = "/.wh."
_OPAQUE = ".wh..wh..opq"
#: Gets a file's absolute path, its header, and the source at its content.
Visit = Callable[[str, Member, ByteSource], None]

_AUFS = ".wh..wh."  # bookkeeping of the AUFS storage driver in old images


class Entry(NamedTuple):
    """What a layer says about one path."""

    kind: FileKind
    size: int
    mode: int
    uid: int
    gid: int
    link: str | None
    capabilities: str = ""


@dataclass(frozen=True, slots=True)
class LayerContents:
    """One layer as its archive tells it.

    Attributes:
        entries: by absolute path, in the order of the archive; the root itself is left out.
        whiteouts: absolute paths of lower layers that are deleted.
        opaque: directories of which nothing from lower layers remains; ``""`` is the root.
        tar_bytes: size of the uncompressed archive.
        kept: content of the files that were asked for.
    """

    entries: dict[str, Entry]
    whiteouts: frozenset[str]
    opaque: frozenset[str]
    tar_bytes: int
    kept: dict[str, bytes]

    @property
    def file_bytes(self) -> int:
        """Sum of the sizes of its files."""
        return sum(e.size for e in self.entries.values())


def read_layer(
    source: ByteSource,
    size: int | None = None,
    keep: Collection[str] = (),
    visit: Visit | None = None,
) -> LayerContents:
    """Read one uncompressed layer archive.

    Args:
        source: stands at the start of the archive; afterwards at its end.
        size: length of the archive in bytes; None where it goes on to the end of the stream.
        keep: absolute paths whose content is wanted.
        visit: called for every other file with its path, its header and the source, which then
            stands at the file's content; it may read that, or not.

    Raises:
        ImageUnreadable: if the archive is damaged, cut off, or leads out of the root directory.
    """
    start = source.position
    entries: dict[str, Entry] = {}
    whiteouts: set[str] = set()
    opaque: set[str] = set()
    kept: dict[str, bytes] = {}
    for member in read_members(source, None if size is None else start + size):
        path = _absolute(member.name)
        if _WHITEOUT in path:
            _add_whiteout(path, whiteouts, opaque)
        elif path:
            entries[path] = _entry(member)
            if path in keep and member.kind == "file" and member.stored <= MAX_KEPT:
                kept[path] = source.read(member.stored)
            elif visit is not None and member.kind == "file" and member.stored:
                visit(path, member, source)
            if len(entries) > MAX_ENTRIES:
                raise ImageUnreadable(f"A layer has more than {MAX_ENTRIES:,} entries.")
    return LayerContents(
        entries, frozenset(whiteouts), frozenset(opaque), source.position - start, kept
    )


def _entry(member: Member) -> Entry:
    link: str | None = None
    if member.kind == "symlink":
        link = member.link.decode("utf-8", "surrogateescape")
    elif member.kind == "hardlink":
        link = _absolute(member.link)
    capabilities = decode(member.capability) if member.capability else ""
    return Entry(member.kind, member.size, member.mode, member.uid, member.gid, link, capabilities)


def _absolute(name: bytes) -> str:
    """The absolute path without a slash at its end; empty for the root directory."""
    path = "/" + name.decode("utf-8", "surrogateescape").strip("/")
    if "/." in path or "//" in path:
        parts = [p for p in path.split("/") if p not in {"", "."}]
        if ".." in parts:
            raise ImageUnreadable(
                f"A layer has an entry that leads out of its directory: {printable_name(name)}."
            )
        path = "/" + "/".join(parts)
    if "\0" in path:
        raise ImageUnreadable(f"A layer has a name with a NUL in it: {printable_name(name)}.")
    return "" if path == "/" else path


def _add_whiteout(path: str, whiteouts: set[str], opaque: set[str]) -> None:
    folder, _, base = path.rpartition("/")
    if base == _OPAQUE:
        opaque.add(folder)
    elif base.startswith(_AUFS) or not base.startswith(".wh."):
        return
    elif base in {".wh.", ".wh..", ".wh..."}:
        raise ImageUnreadable(f"A layer has a whiteout that names no file: {path!r}.")
    else:
        whiteouts.add(f"{folder}/{base.removeprefix('.wh.')}")
