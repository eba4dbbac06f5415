"""An engine that plays BuildKit: a Unix socket on which both upgrades are granted.

What a build does is a function that a test gives: it tells of steps, asks the builder's session for
files and secrets as BuildKit does, and gives the result or raises the error.
"""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import docker
from rpc_pair import PATIENCE, Duplex

from helpers.build.control_pb2 import SolveRequest, SolveResponse, StatusRequest, StatusResponse
from helpers.build.rpc.grpc import Request, Server, framed
from helpers.build.rpc.http2 import Connection, Headers
from helpers.build.rpc.wire import Wire
from helpers.build.session.session_pb2 import Packet, Stat

GRANTED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
_CONTROL = "/moby.buildkit.v1.Control"


@dataclass
class Received:
    """A directory as the engine got it: what was told of it, and the content that was sent."""

    stats: list[Stat] = field(default_factory=list)
    contents: dict[bytes, bytes] = field(default_factory=dict)


def receive(
    session: Connection,
    name: str,
    followpaths: Iterable[str] = (),
    *,
    wanted: Callable[[Stat], bool] = lambda stat: stat.mode & 0x8F280000 == 0,
    escaped: bool = False,
) -> Received:
    """Ask for a directory as fsutil does: all that is told of, and the content of plain files.

    Raises:
        RpcError: the status that the transfer ended with, where it is an error.
    """
    call = Duplex(
        session, "/moby.filesync.v1.FileSync/DiffCopy", asking(name, followpaths, escaped)
    )
    got = Received()
    numbers: dict[int, bytes] = {}
    while True:
        packet = Packet.FromString(call.next())
        assert packet.type == Packet.PACKET_STAT
        if not packet.HasField("stat"):
            break
        if wanted(packet.stat):
            numbers[len(got.stats)] = packet.stat.path
        got.stats.append(packet.stat)
    for number, path in numbers.items():
        call.send(Packet(type=Packet.PACKET_REQ, ID=number).SerializeToString())
        got.contents[path] = b"".join(_content(call, number))
    call.send(Packet(type=Packet.PACKET_FIN).SerializeToString())
    assert Packet.FromString(call.next()).type == Packet.PACKET_FIN
    call.end()
    return got


def _content(call: Duplex, number: int) -> Iterator[bytes]:
    while True:
        packet = Packet.FromString(call.next())
        assert (packet.type, packet.ID) == (Packet.PACKET_DATA, number)
        if not packet.data:
            return
        yield packet.data


def asking(name: str, followpaths: Iterable[str] = (), escaped: bool = False) -> Headers:
    """The headers with which BuildKit asks for a directory."""
    paths = [os.fsencode(path) for path in followpaths]
    if escaped:
        paths = [quote_plus(path).encode() for path in paths]
    marks = [(b"followpaths-encoded", b"1")] if escaped else []
    return [(b"dir-name", name.encode()), *((b"followpaths", path) for path in paths), *marks]


class Build:
    """One build on the engine's side.

    Attributes:
        request: what the client asked for.
        session: the client's session, to be asked for files and secrets.
        told: the progress that is still to be sent; None ends it.
    """

    def __init__(self, request: SolveRequest, session: Connection) -> None:
        self.request = request
        self.session = session
        self.told: queue.Queue[bytes | None] = queue.Queue()

    def tell(self, **status: Any) -> None:
        """Send a piece of progress."""
        self.tell_raw(StatusResponse(**status).SerializeToString())

    def tell_raw(self, message: bytes) -> None:
        self.told.put(message)

    def receive(self, name: str, *followpaths: str) -> Received:
        return receive(self.session, name, followpaths)


Script = Callable[[Build], dict[str, str] | None]


class FakeEngine:
    """Serves the builds of a test.

    Args:
        listener: where it is to be found.
        script: what a build does; what it gives is the exporter's answer.
        answers: what is answered instead, by path; the connection is then ended.
        silent_status: never end the progress, as an engine that hangs.

    Attributes:
        heads: the requests as they came, by path.
    """

    def __init__(
        self,
        listener: socket.socket,
        script: Script,
        answers: dict[str, bytes],
        *,
        silent_status: bool,
    ) -> None:
        self.heads: dict[str, list[bytes]] = {}
        self._script, self._answers, self._silent = script, answers, silent_status
        self._listener = listener
        self._changed = threading.Condition()
        self._sessions: dict[str, Connection] = {}
        self._builds: dict[str, Build] = {}
        self._connections: list[Connection] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        for connection in self._connections:
            connection.close()

    def break_off(self) -> None:
        """Break all connections, as an engine that crashes."""
        for connection in list(self._connections):
            connection.shutdown()

    def wait_until_left(self) -> None:
        """Return once both connections of the client have ended."""
        for connection in self._connections:
            with connection.changed:
                gone = connection.changed.wait_for(lambda c=connection: c.problem, PATIENCE)
            assert gone, "the client is still there"

    def _accept(self) -> None:
        while not self._stopped.is_set():
            with suppress(OSError):
                connection, _ = self._listener.accept()
                self._greet(connection)

    def _greet(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        raw = b""
        while b"\r\n\r\n" not in raw:
            data = connection.recv(65536)
            if not data:
                connection.close()
                return
            raw += data
        head, _, early = raw.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        path = "/" + first.split(b" ")[1].decode().split("/", 2)[2]
        self.heads[path] = [first, *lines]
        if path in self._answers:
            with connection:
                connection.sendall(self._answers[path])
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            return
        connection.sendall(GRANTED)
        wire = Wire(connection, early)
        fields = dict(line.decode().split(": ", 1) for line in lines)
        calls = {f"{_CONTROL}/Solve": self._solve, f"{_CONTROL}/Status": self._status}
        with self._changed:  # a build waits until its connections are known
            if path == "/session":
                made = Connection(wire, "client")
                self._sessions[fields["X-Docker-Expose-Session-Uuid"]] = made
            else:
                made = Connection(wire, "server", Server(calls))
            self._connections.append(made)
            self._changed.notify_all()

    def _solve(self, request: Request) -> None:
        wanted = SolveRequest.FromString(request.messages.next(PATIENCE) or b"")
        with self._changed:
            assert self._changed.wait_for(lambda: wanted.Session in self._sessions, PATIENCE)
            build = self._builds[wanted.Ref] = Build(wanted, self._sessions[wanted.Session])
            self._changed.notify_all()
        try:
            answer = self._script(build)
        finally:
            if not self._silent:
                build.told.put(None)
        request.send(framed(SolveResponse(ExporterResponse=answer or {}).SerializeToString()))

    def _status(self, request: Request) -> None:
        ref = StatusRequest.FromString(request.messages.next(PATIENCE) or b"").Ref
        with self._changed:
            assert self._changed.wait_for(lambda: ref in self._builds, PATIENCE)
        while (message := self._builds[ref].told.get(timeout=PATIENCE)) is not None:
            request.send(framed(message))


@dataclass(frozen=True)
class Running:
    """A fake engine and docker-py's client for it."""

    engine: FakeEngine
    api: docker.APIClient


def done(_: Build) -> dict[str, str]:
    """A build that has nothing to do."""
    return {"containerimage.digest": "sha256:abc"}


@contextmanager
def fake_engine(
    folder: Path,
    script: Script = done,
    *,
    answers: dict[str, bytes] | None = None,
    silent_status: bool = False,
) -> Iterator[Running]:
    """An engine in a folder, for as long as the block runs."""
    path = str(folder / "engine.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        engine = FakeEngine(listener, script, answers or {}, silent_status=silent_status)
        api = docker.APIClient(f"unix://{path}", version="1.45")
        try:
            yield Running(engine, api)
        finally:
            api.close()
            engine.stop()
