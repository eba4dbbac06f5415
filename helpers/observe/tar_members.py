"""Tar headers from a stream: ustar, GNU and pax, as far as layers and image archives use them.

Python's own ``tarfile`` spends most of the time of a pass over an image on building objects that
nobody looks at; this reader takes only what an observation needs.

Sources: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html and
https://www.gnu.org/software/tar/manual/html_node/Standard.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple
from zlib import adler32

from helpers.observe.byte_source import ByteSource
from helpers.observe.errors import ImageUnreadable
from helpers.observe.image_facts import FileKind

BLOCK = 512
#: Longest extended header that is read, in bytes; Go's archive/tar has the same limit.
MAX_EXTENDED = 1 << 20
#: Longest path that Linux knows (PATH_MAX), in bytes; nothing longer could be unpacked.
MAX_NAME = 4096

_HEADER = struct.Struct("100s8s8s8s12s12x8s1s100s8s80x155s12x")
_ZEROS = bytes(BLOCK)
_ADLER_MODULUS = 65521
_EXTENDED = b"xXLKg"
_KINDS: dict[bytes, FileKind] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"S": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "char",
    b"4": "block",
    b"5": "dir",
    b"6": "fifo",
}


class Member(NamedTuple):
    """One entry of an archive.

    Attributes:
        name: as it stands there.
        kind: what it is.
        size: bytes of the file.
        stored: how many bytes follow in the archive.
        mode: permission bits.
        uid: numeric owner.
        gid: numeric group.
        link: where a link leads.
        capability: the extended attribute ``security.capability``, empty where there is none.
    """

    name: bytes
    kind: FileKind
    size: int
    stored: int
    mode: int
    uid: int
    gid: int
    link: bytes
    capability: bytes = b""


def is_tar_header(block: bytes) -> bool:
    """True where the block is a valid tar header (its checksum is right)."""
    return len(block) == BLOCK and block != _ZEROS and _checksum_holds(block)


def read_members(source: ByteSource, end: int | None = None) -> Iterator[Member]:
    """The members of the tar archive that starts here.

    After each member its content may be read from ``source``; what is left of it is skipped. At the
    end the source stands at ``end``, or at the end of the stream where ``end`` is None.

    Args:
        source: stands at the first header.
        end: position where the archive ends at the latest.

    Raises:
        ImageUnreadable: if a header is damaged, lies about its size, or the stream ends too early.
    """
    numbers: dict[bytes, int] = {}
    extended: dict[str, bytes] = {}
    while end is None or source.position + BLOCK <= end:
        header = source.read(BLOCK) if end is not None else _read_or_end(source)
        if not header or header == _ZEROS:
            break
        if not _checksum_holds(header):
            raise ImageUnreadable(
                f"A layer archive is damaged: the header at byte {source.position - BLOCK} has a "
                "wrong checksum."
            )
        if header[156] in _EXTENDED:
            _read_extended(source, header, end, extended)
            continue
        member = _member(source, header, end, numbers)
        if extended:
            member = _extend(member, extended)
            extended = {}
            if len(member.name) > MAX_NAME or len(member.link) > MAX_NAME:
                raise ImageUnreadable(
                    f"A layer archive has a name longer than {MAX_NAME} bytes: "
                    f"{printable_name(member.name[:60])}…"
                )
        following = source.position + member.stored + (-member.stored) % BLOCK
        if end is not None and following > end:
            raise ImageUnreadable(
                f"A layer archive is cut off: {printable_name(member.name)} says that it has "
                f"{member.stored} bytes, only {end - source.position} are left."
            )
        yield member
        source.skip(following - source.position)
    _skip_rest(source, end)


def _member(
    source: ByteSource, header: bytes, end: int | None, numbers: dict[bytes, int]
) -> Member:
    """What the header itself says; ``numbers`` remembers owners and modes, which are few."""
    name, mode, uid, gid, size_field, _, flag, link, magic, prefix = _HEADER.unpack(header)
    kind = _KINDS.get(flag)
    if kind is None:
        raise ImageUnreadable(f"A layer archive has an entry of the unknown type {flag!r}.")
    name = name.split(b"\0", 1)[0]
    if magic[:6] == b"ustar\0" and prefix[0]:
        name = prefix.split(b"\0", 1)[0] + b"/" + name
    for field in (mode, uid, gid):
        if field not in numbers:
            numbers[field] = _number(field)
    size = stored = 0  # types other than a file are headers only, whatever their size says
    if kind == "file":
        size = stored = _number(size_field)
        if flag == b"S":
            size = _number(header[483:495])
            _skip_sparse_map(source, header[482], end)
        if name.endswith(b"/"):
            kind, size, stored = "dir", 0, 0  # archives older than ustar have no type for it
    return Member(
        name,
        kind,
        size,
        stored,
        numbers[mode] & 0o7777,
        numbers[uid],
        numbers[gid],
        link.split(b"\0", 1)[0],
    )


def _extend(member: Member, extended: dict[str, bytes]) -> Member:
    """The member with what an extended header says instead."""
    size, stored = member.size, member.stored
    if member.kind == "file":
        stored = _decimal(extended, "size", stored)
        size = _decimal(extended, "realsize", stored if "size" in extended else size)
    return member._replace(
        name=extended.get("path", member.name),
        link=extended.get("linkpath", member.link),
        size=size,
        stored=stored,
        uid=_decimal(extended, "uid", member.uid),
        gid=_decimal(extended, "gid", member.gid),
        capability=extended.get("capability", b""),
    )


def printable_name(name: bytes) -> str:
    """A file name from an archive as text for a person."""
    return repr(name.decode("utf-8", "backslashreplace"))


def _read_or_end(source: ByteSource) -> bytes:
    return b"" if source.at_end() else source.read(BLOCK)


def _skip_rest(source: ByteSource, end: int | None) -> None:
    """Padding after the end mark."""
    if end is not None:
        source.skip(end - source.position)
        return
    while chunk := source.peek(1 << 16):
        source.skip(len(chunk))


def _checksum_holds(header: bytes) -> bool:
    """The header's bytes add up to what it says, its checksum field taken as spaces.

    Half of an Adler-32 is that sum, computed in C.
    """
    field = header[148:156]
    try:
        stored = _number(field)
    except ImageUnreadable:
        return False
    total = (adler32(header) & 0xFFFF) - 1 - sum(field) + 8 * ord(" ")
    return (total - stored) % _ADLER_MODULUS == 0


def _number(field: bytes) -> int:
    """A number in octal digits, or in GNU's base 256 where the first bit is set."""
    if field[0] & 0x80:
        if field[0] & 0x40:
            raise ImageUnreadable("A layer archive has a negative number in a header.")
        return int.from_bytes(bytes((field[0] & 0x7F,)) + field[1:], "big")
    digits = field.split(b"\0", 1)[0].strip()
    try:
        value = int(digits, 8) if digits else 0
    except ValueError:
        value = -1
    if value < 0:
        raise ImageUnreadable(f"A layer archive has no number where one must be: {field!r}.")
    return value


def _decimal(extended: dict[str, bytes], key: str, otherwise: int) -> int:
    text = extended.get(key)
    if text is None:
        return otherwise
    if not text.isdigit() or len(text) > 20:
        raise ImageUnreadable(f"A pax header has no number for {key}: {text[:40]!r}.")
    return int(text)


def _read_extended(
    source: ByteSource, header: bytes, end: int | None, into: dict[str, bytes]
) -> None:
    flag = header[156:157]
    size = _number(header[124:136])
    if size > MAX_EXTENDED or (end is not None and source.position + size > end):
        raise ImageUnreadable(f"A layer archive has an extended header of {size} bytes.")
    data = source.read(size)
    source.skip((-size) % BLOCK)
    if flag == b"L":
        into["path"] = data.split(b"\0", 1)[0]
    elif flag == b"K":
        into["linkpath"] = data.split(b"\0", 1)[0]
    elif flag != b"g":  # global headers carry comments; the engine ignores them too
        _read_pax(data, into)


_PAX_KEYS = {
    b"path": "path",
    b"linkpath": "linkpath",
    b"size": "size",
    b"uid": "uid",
    b"gid": "gid",
    b"SCHILY.xattr.security.capability": "capability",
    b"GNU.sparse.name": "path",
    b"GNU.sparse.size": "realsize",
    b"GNU.sparse.realsize": "realsize",
}


def _read_pax(data: bytes, into: dict[str, bytes]) -> None:
    """Records, each its length, a key, an equals sign, a value of any bytes, and a line end."""
    at = 0
    sparse_name: bytes | None = None
    while at < len(data):
        space = data.find(b" ", at, at + 20)
        digits = data[at:space]
        if space < 0 or not digits.isdigit():
            raise ImageUnreadable("A layer archive has a damaged pax header.")
        stop = at + int(digits)
        if stop > len(data) or stop <= space or data[stop - 1 : stop] != b"\n":
            raise ImageUnreadable("A layer archive has a damaged pax header.")
        key, equals, value = data[space + 1 : stop - 1].partition(b"=")
        if not equals:
            raise ImageUnreadable("A layer archive has a damaged pax header.")
        if key == b"GNU.sparse.name":
            sparse_name = value
        elif key in _PAX_KEYS and value:
            into[_PAX_KEYS[key]] = value
        at = stop
    if sparse_name is not None:
        into["path"] = sparse_name


def _skip_sparse_map(source: ByteSource, is_extended: int, end: int | None) -> None:
    """Further blocks of the old GNU sparse format; each says whether another one follows."""
    while is_extended:
        if end is not None and source.position + BLOCK > end:
            raise ImageUnreadable("A layer archive is cut off in the map of a sparse file.")
        is_extended = source.read(BLOCK)[504]
