"""Files for the engine: it is told what there is, and asks for what it does not have yet.

The protocol is fsutil's, in the messages of ``moby.filesync.v1.FileSync/DiffCopy``: a STAT packet
for each file in the order of a walk and an empty one at the end; a REQ packet back for each file
whose content is wanted; DATA packets for it, the last one empty; FIN from both sides.
Source: https://github.com/tonistiigi/fsutil (send.go, receive.go).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from urllib.parse import unquote_plus

from helpers.build.content import content
from helpers.build.rpc.grpc import NOT_FOUND, UNKNOWN, Handler, Request, RpcError, framed, prefix
from helpers.build.session.selection import Directory
from helpers.build.session.session_pb2 import Packet, Stat
from helpers.build.tree import Entry

#: Every modification time, in seconds: 2001-09-09 UTC. Not 1970, which zip files cannot express.
#: Layers keep whole seconds only, so that the same files give the same layer; the part below tells
#: the engine whether it has a file already.
MTIME = 1_000_000_000
_BATCH = 256 * 1024
# Types in the mode bits of Go's io/fs package.
_GO_TYPES = {"file": 0, "dir": 1 << 31, "symlink": 1 << 27, "fifo": 1 << 25}
_GO_SPECIAL = ((0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20))
_DATA_FIELD = bytes([Packet.DATA_FIELD_NUMBER << 3 | 2])  # 2: a length, then so many bytes
_LAST_STAT = framed(Packet(type=Packet.PACKET_STAT).SerializeToString())
_FIN = framed(Packet(type=Packet.PACKET_FIN).SerializeToString())


def file_sync(
    directories: Mapping[str, Directory],
    on_bytes: Callable[[int], None],
    on_file: Callable[[str, Entry], None],
) -> Handler:
    """The handler of ``FileSync/DiffCopy``.

    Args:
        directories: what may be asked for, by name.
        on_bytes: told how many bytes were sent, as they are sent.
        on_file: told of each file that is wanted, with its directory's name.
    """

    def answer(request: Request) -> None:
        name, *_ = [*_decoded(request, "dir-name"), ""]
        directory = directories.get(name)
        if directory is None:
            raise RpcError(NOT_FOUND, f"no access allowed to dir {name!r}")
        entries = directory.select(_decoded(request, "followpaths"))
        send = _counting(request.send, on_bytes)
        wanted = dict(enumerate(entries))
        _send_batched(send, chain(map(_stat, entries), (_LAST_STAT,)))
        for packet in _requests(request):
            entry = wanted.pop(packet, None)
            if entry is None or entry.kind != "file":
                raise RpcError(UNKNOWN, f"invalid file id {packet}")
            on_file(name, entry)
            _send_batched(send, _data(packet, entry))
        send(_FIN)

    return answer


def _requests(request: Request) -> Iterator[int]:
    """The numbers of the files that are asked for, until no more are."""
    while (message := request.messages.next()) is not None:
        packet = Packet.FromString(message)
        if packet.type == Packet.PACKET_REQ:
            yield packet.ID
        elif packet.type == Packet.PACKET_FIN:
            return
        elif packet.type == Packet.PACKET_ERR:
            raise RpcError(UNKNOWN, packet.data.decode("utf-8", "replace"))
    raise RpcError(UNKNOWN, "the engine stopped in the middle of a transfer")


def _stat(entry: Entry) -> bytes:
    link = os.fsencode(entry.link)
    stat = Stat(
        path=os.fsencode(entry.path),
        mode=go_mode(entry),
        size=len(link) if entry.kind == "symlink" else entry.size,
        modTime=MTIME * 1_000_000_000 + entry.stamp,
        linkname=link,
    )
    return framed(Packet(type=Packet.PACKET_STAT, stat=stat).SerializeToString())


def _data(number: int, entry: Entry) -> Iterator[bytes]:
    """The content in DATA packets.

    The head of each is made by hand: most of a context goes through here, and a message object
    would copy all of it.
    """
    head = Packet(type=Packet.PACKET_DATA, ID=number).SerializeToString()
    for piece in content(entry):
        if piece:
            field = head + _DATA_FIELD + _varint(len(piece))
            yield prefix(len(field) + len(piece)) + field
            yield piece
    yield framed(head)


def _varint(number: int) -> bytes:
    """A number as protobuf writes it."""
    raw = bytearray()
    while number > 0x7F:
        raw.append(number & 0x7F | 0x80)
        number >>= 7
    raw.append(number)
    return bytes(raw)


def go_mode(entry: Entry) -> int:
    """Type and permissions of an entry as Go's ``fs.FileMode`` has them."""
    special = sum(go for unix, go in _GO_SPECIAL if entry.mode & unix)
    return _GO_TYPES[entry.kind] | special | (entry.mode & 0o777)


def _send_batched(send: Callable[..., None], messages: Iterable[bytes]) -> None:
    held: list[bytes] = []
    size = 0
    for message in messages:
        held.append(message)
        size += len(message)
        if size >= _BATCH:
            send(*held)
            held, size = [], 0
    if held:
        send(*held)


def _counting(send: Callable[..., None], on_bytes: Callable[[int], None]) -> Callable[..., None]:
    def counted(*messages: bytes) -> None:
        on_bytes(sum(map(len, messages)))
        send(*messages)

    return counted


def _decoded(request: Request, name: str) -> list[str]:
    """A header's values; the engine escapes all of them where one is not ASCII, and says so."""
    values = request.values(name)
    if request.values(f"{name}-encoded"):
        return [unquote_plus(value, errors="surrogateescape") for value in values]
    return values
