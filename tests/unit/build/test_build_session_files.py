"""Files for the engine, as fsutil's receiver in BuildKit asks for them."""

from __future__ import annotations

import os
import stat
import tracemalloc
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from fake_engine import asking, receive
from rpc_pair import Duplex, served

from helpers.build.content import PIECE
from helpers.build.context import folder_context, mapping_context
from helpers.build.rpc.grpc import NOT_FOUND, UNKNOWN, RpcError
from helpers.build.rpc.http2 import Connection
from helpers.build.session.files import MTIME, file_sync, go_mode
from helpers.build.session.selection import Directory
from helpers.build.session.session_pb2 import Packet
from helpers.build.tree import Entry

PATH = "/moby.filesync.v1.FileSync/DiffCopy"
FROM = "FROM scratch\n"
REQ, FIN, ERR = Packet.PACKET_REQ, Packet.PACKET_FIN, Packet.PACKET_ERR


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text(FROM)
    return tmp_path


def serving(
    directories: Mapping[str, Directory],
    on_bytes: Callable[[int], None] = lambda _: None,
    on_file: Callable[[str, Entry], None] = lambda *_: None,
) -> AbstractContextManager[Connection]:
    return served({PATH: file_sync(directories, on_bytes, on_file)})


def of(path: Path) -> dict[str, Directory]:
    return {"context": Directory(folder_context(path).entries)}


def stats(directories: Mapping[str, Directory], *paths: str) -> dict[str, tuple[int, int, str]]:
    """Mode, size and link of what the engine is told of."""
    with serving(directories) as session:
        got = receive(session, "context", paths)
    return {os.fsdecode(s.path): (s.mode, s.size, os.fsdecode(s.linkname)) for s in got.stats}


def test_files_are_told_of_in_the_order_of_a_walk_and_sent_when_asked_for() -> None:
    files = {"a/b": b"1", "a-b": b"2", "a.b/c": b"", "a/b.c": b"4", "Dockerfile": FROM, "ü": b"5"}
    with serving({"context": Directory(mapping_context(files).entries)}) as session:
        got = receive(session, "context")
    order = ["Dockerfile", "a", "a/b", "a/b.c", "a-b", "a.b", "a.b/c", "ü"]
    assert [stat.path.decode() for stat in got.stats] == order
    assert got.contents == {
        name.encode(): text if isinstance(text, bytes) else text.encode()
        for name, text in files.items()
    }


def test_owners_are_root_and_whole_seconds_are_the_same_for_all(folder: Path) -> None:
    os.utime(folder / "Dockerfile", (1, 1))
    with serving(of(folder)) as session:
        (told,) = receive(session, "context").stats
    assert (told.uid, told.gid) == (0, 0)
    assert told.modTime // 1_000_000_000 == MTIME


def test_modes_and_links_are_gos(folder: Path) -> None:
    (folder / "run.sh").write_text("x")
    (folder / "run.sh").chmod(0o4750)
    (folder / "shared").mkdir()
    (folder / "shared").chmod(0o3775)
    (folder / "link").symlink_to("/etc/passwd")
    os.mkfifo(folder / "fifo", 0o600)
    assert stats(of(folder)) == {
        "Dockerfile": (0o644, len(FROM), ""),
        "fifo": (1 << 25 | 0o600, 0, ""),
        "link": (1 << 27 | 0o777, len("/etc/passwd"), "/etc/passwd"),
        "run.sh": (1 << 23 | 0o750, 1, ""),
        "shared": (1 << 31 | 1 << 22 | 1 << 20 | 0o775, 0, ""),
    }


@pytest.mark.parametrize("mode", range(0, 0o10000, 0o111))
def test_no_permission_gets_lost(mode: int) -> None:
    told = go_mode(Entry("x", "file", mode))
    assert told & 0o777 == mode & 0o777
    for unix, go in ((stat.S_ISUID, 1 << 23), (stat.S_ISGID, 1 << 22), (stat.S_ISVTX, 1 << 20)):
        assert bool(told & go) == bool(mode & unix)


def test_names_that_are_not_utf8_are_sent_byte_by_byte(folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9")).write_text("x")
    (folder / "to").symlink_to(os.fsdecode(b"caf\xe9"))
    with serving(of(folder)) as session:
        got = receive(session, "context")
        escaped = receive(session, "context", [os.fsdecode(b"caf\xe9")], escaped=True)
    assert got.contents[b"caf\xe9"] == b"x"
    assert [s.linkname for s in got.stats if s.path == b"to"] == [b"caf\xe9"]
    assert [s.path for s in escaped.stats] == [b"caf\xe9"]


@pytest.mark.parametrize("name", ["ü ☃", "100%25", "a+b", "a&b=c", "x y"])
def test_escaped_names_are_understood_and_plain_ones_taken_as_they_are(name: str) -> None:
    entries = mapping_context({"Dockerfile": FROM, name: "x", "other": "y"}).entries
    with serving({"context": Directory(entries)}) as session:
        assert len(receive(session, "context", [name], escaped=True).stats) == 1
        assert len(receive(session, "context", [name]).stats) == 1


def test_only_what_is_named_is_told_of(folder: Path) -> None:
    for name in ("src/a", "src/deep/b", "other/c"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    assert set(stats(of(folder), "src/deep", "Dockerfile")) == {
        "Dockerfile",
        "src",
        "src/deep",
        "src/deep/b",
    }


def test_a_directory_that_is_not_offered_is_refused() -> None:
    with serving({}) as session, pytest.raises(RpcError, match="no access allowed") as error:
        receive(session, "context")
    assert error.value.code == NOT_FOUND


def test_what_is_sent_is_counted(folder: Path) -> None:
    (folder / "data").write_bytes(b"x" * 700_000)
    counted: list[int] = []
    with serving(of(folder), counted.append) as session:
        receive(session, "context", ["Dockerfile"])
        assert 0 < sum(counted) < 1000
        receive(session, "context", ["data"])
    assert 700_000 < sum(counted) < 702_000


def test_large_files_come_whole_and_in_constant_memory(folder: Path) -> None:
    size = 60_000_000
    with (folder / "big").open("wb") as file:
        file.truncate(size)
    entries = of(folder)
    sent = 0

    def count(amount: int) -> None:
        nonlocal sent
        sent += amount

    with serving(entries, count) as session:
        call = Duplex(session, PATH, asking("context", ["big"]))
        assert Packet.FromString(call.next()).stat.path == b"big"
        assert not Packet.FromString(call.next()).HasField("stat")
        call.send(Packet(type=REQ, ID=0).SerializeToString())
        tracemalloc.start()
        got = 0
        while data := Packet.FromString(call.next()).data:
            assert len(data) <= PIECE
            got += len(data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert got == size <= sent
    # Both ends run here: the windows of both, and no more.
    assert peak < 30_000_000


def test_a_file_that_grows_is_sent_as_it_was(folder: Path) -> None:
    (folder / "log").write_text("12345")
    entries = of(folder)
    (folder / "log").write_text("1234567890")
    with serving(entries) as session:
        assert receive(session, "context").contents[b"log"] == b"12345"


@pytest.mark.parametrize("change", ["vanish", "shrink", "link", "fifo", "folder"])
def test_a_file_that_is_not_what_it_was_ends_the_transfer(folder: Path, change: str) -> None:
    file = folder / "data"
    file.write_bytes(b"x" * 5000)
    entries = of(folder)
    if change == "shrink":
        file.write_bytes(b"x" * 10)
    else:
        file.unlink()
    match change:
        case "link":
            file.symlink_to("/etc/passwd")
        case "fifo":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
    with serving(entries) as session, pytest.raises(RpcError, match="ContextError: data"):
        receive(session, "context")


def ask_for(*packets: Packet) -> RpcError:
    """The error that a transfer of two files and a folder ends with."""
    entries = mapping_context({"Dockerfile": FROM, "d/a": "x"}).entries
    with serving({"context": Directory(entries)}) as session:
        call = Duplex(session, PATH, asking("context"))
        for packet in packets:
            call.send(packet.SerializeToString())
        call.end()
        with pytest.raises(RpcError) as error:
            while True:
                call.next()
    return error.value


@pytest.mark.parametrize("number", [1, 3, 99, 2**32 - 1])
def test_a_number_that_is_no_files_is_refused(number: int) -> None:
    error = ask_for(Packet(type=REQ, ID=number))
    assert (error.code, error.message) == (UNKNOWN, f"invalid file id {number}")


def test_a_file_is_sent_once() -> None:
    twice = ask_for(Packet(type=REQ, ID=0), Packet(type=REQ, ID=0))
    assert twice.message == "invalid file id 0"


def test_what_the_receiver_complains_of_ends_the_transfer() -> None:
    assert "disk full \ufffd" in ask_for(Packet(type=ERR, data=b"disk full \xff")).message
    assert "in the middle" in ask_for().message
    assert ask_for(Packet(type=FIN)).code == 0
    error = ask_for(Packet(type=Packet.PACKET_DATA, data=b"x"))
    assert "in the middle" in error.message


def test_a_packet_that_cannot_be_read_ends_the_transfer() -> None:
    with serving({"context": Directory(())}) as session:
        call = Duplex(session, PATH, asking("context"))
        call.next()
        call.send(b"\xff\xff\xff")
        with pytest.raises(RpcError) as error:
            call.next()
    assert error.value.code == UNKNOWN


def test_an_empty_directory_is_told_of_as_such() -> None:
    with serving({"context": Directory(())}) as session:
        assert receive(session, "context").stats == []
        assert receive(session, "context", ["x"]).stats == []


def test_the_files_that_are_wanted_are_told_with_their_directory(folder: Path) -> None:
    (folder / "link").symlink_to("Dockerfile")
    told: list[tuple[str, str]] = []
    with serving(of(folder), on_file=lambda name, entry: told.append((name, entry.path))) as s:
        receive(s, "context", wanted=lambda _: False)
        assert told == []
        receive(s, "context", ["link"])
    assert told == [("context", "Dockerfile")]


@pytest.mark.parametrize("size", [0, 1, 127, 128, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE])
def test_files_of_every_size_come_whole(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    entries = mapping_context({"Dockerfile": FROM, "data": data[:size]}).entries
    with serving({"context": Directory(entries)}) as session:
        assert receive(session, "context", ["data"]).contents == {b"data": data[:size]}


def test_several_transfers_at_once(folder: Path) -> None:
    (folder / "data").write_bytes(os.urandom(2_000_000))
    with serving(of(folder)) as session, ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: receive(session, "context"), range(4)))
    assert all(got.contents[b"data"] == (folder / "data").read_bytes() for got in found)
