"""HTTP/2 between two ends: all arrives, in order, and nobody waits for ever."""

from __future__ import annotations

import queue
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived
from hypothesis import given, settings
from hypothesis import strategies as st
from rpc_pair import PATIENCE, connected

from helpers.build.rpc.http2 import Connection, ConnectionLost, Headers, Stream
from helpers.build.rpc.wire import Wire

ASK: Headers = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/x"),
    (b":authority", b"localhost"),
]
OK: Headers = [(b":status", b"200")]
#: More than the windows of a stream and of a connection together.
LARGE = bytes(range(256)) * (12 * 4096)


def read(stream: Stream) -> bytes:
    parts = []
    while (data := stream.receive(PATIENCE)) is not None:
        parts.append(data)
    return b"".join(parts)


def in_thread(handler: Callable[[Stream], None]) -> Callable[[Stream], None]:
    return lambda stream: threading.Thread(target=handler, args=(stream,), daemon=True).start()


def echo(stream: Stream) -> None:
    """Sends back each piece as it comes."""
    stream.send_headers(OK)
    while (data := stream.receive(PATIENCE)) is not None:
        stream.send(data)
    stream.send(end=True)


def test_headers_data_and_trailers_arrive() -> None:
    def handler(stream: Stream) -> None:
        stream.send_headers([*OK, *((name, value) for name, value in stream.headers[4:])])
        stream.send(b"got ", read(stream))
        stream.send_headers([(b"after", b"all")], end=True)

    with connected(in_thread(handler)) as (client, _):
        stream = client.request([*ASK, (b"name", b"caf\xe9 \xff")])
        stream.send(b"one ", memoryview(b"two"), end=True)
        assert read(stream) == b"got one two"
        assert (b"name", b"caf\xe9 \xff") in stream.headers
        assert stream.trailers == [(b"after", b"all")]
        assert stream.finished


def test_more_than_the_window_goes_up_and_comes_down() -> None:
    def handler(stream: Stream) -> None:
        data = read(stream)
        stream.send_headers(OK)
        stream.send(data, end=True)

    with connected(in_thread(handler)) as (client, _):
        stream = client.request(ASK)
        stream.send(LARGE, end=True)
        assert read(stream) == LARGE


def test_both_sides_send_more_than_the_window_at_the_same_time() -> None:
    with connected(in_thread(echo)) as (client, _), ThreadPoolExecutor() as pool:
        stream = client.request(ASK)
        sending = pool.submit(stream.send, LARGE, end=True)
        assert read(stream) == LARGE
        sending.result(PATIENCE)


def test_streams_at_once_keep_their_data_apart() -> None:
    with connected(in_thread(echo)) as (client, _), ThreadPoolExecutor(20) as pool:

        def exchange(number: int) -> None:
            stream = client.request(ASK)
            data = bytes([number]) * 500_000
            sending = pool.submit(stream.send, data, end=True)
            assert read(stream) == data
            sending.result(PATIENCE)

        for future in [pool.submit(exchange, number) for number in range(8)]:
            future.result(PATIENCE)


def test_a_reset_ends_the_other_side_and_not_the_connection() -> None:
    ended: queue.Queue[str] = queue.Queue()

    def handler(stream: Stream) -> None:
        try:
            read(stream)
            ended.put("whole")
        except ConnectionLost:
            with pytest.raises(ConnectionLost):
                stream.send_headers(OK, end=True)
            with pytest.raises(ConnectionLost):
                stream.send(b"x")
            ended.put("reset")

    with connected(in_thread(handler)) as (client, _):
        first, second = client.request(ASK), client.request(ASK)
        first.send(b"x")
        first.reset()
        first.reset()
        assert first.over
        assert ended.get(timeout=PATIENCE) == "reset"
        for attempt in (lambda: first.send(b"x"), lambda: first.receive(PATIENCE)):
            with pytest.raises(ConnectionLost, match="gave up"):
                attempt()
        second.send(end=True)
        assert ended.get(timeout=PATIENCE) == "whole"


def test_who_waits_for_room_is_told_of_a_reset() -> None:
    with silent_peer() as (client, peer), ThreadPoolExecutor() as pool:
        stream = client.request(ASK)
        sending = pool.submit(stream.send, LARGE)
        peer.until_full()
        peer.h2.reset_stream(1)
        peer.write()
        with pytest.raises(ConnectionLost):
            sending.result(PATIENCE)


@pytest.mark.parametrize("end", ["ours", "theirs", "peer"])
def test_a_connection_that_breaks_wakes_all_who_wait(end: str) -> None:
    with silent_peer() as (client, peer), ThreadPoolExecutor() as pool:
        stream = client.request(ASK)
        sending = pool.submit(stream.send, LARGE)
        receiving = pool.submit(stream.receive)
        peer.until_full()
        match end:
            case "ours":
                client.shutdown()
            case "theirs":
                peer.socket.shutdown(socket.SHUT_RDWR)
            case "peer":
                peer.h2.close_connection(error_code=2)
                peer.write()
                peer.socket.close()
        for future in (sending, receiving):
            with pytest.raises(ConnectionLost):
                future.result(PATIENCE)
        with pytest.raises(ConnectionLost):
            client.request(ASK)
        assert client.problem


def test_what_arrived_before_the_end_can_still_be_read() -> None:
    with silent_peer() as (client, peer):
        stream = client.request(ASK)
        stream.send()
        peer.read()
        peer.h2.send_headers(1, OK)
        peer.h2.send_data(1, b"last words")
        peer.write()
        peer.socket.close()
        with client.changed:
            assert client.changed.wait_for(lambda: client.problem, PATIENCE)
        assert stream.receive(PATIENCE) == b"last words"
        with pytest.raises(ConnectionLost):
            stream.receive(PATIENCE)


def test_waiting_ends_in_time() -> None:
    with connected(lambda _: None) as (client, _):
        stream = client.request(ASK)
        stream.send()
        with pytest.raises(TimeoutError):
            stream.receive(0.05)
        assert not stream.over


def test_a_farewell_is_a_lost_connection_for_what_is_sent_afterwards() -> None:
    with silent_peer() as (client, peer):
        stream = client.request(ASK)
        stream.send()
        peer.read()
        peer.h2.close_connection()
        peer.write()
        with client.changed:
            assert client.changed.wait_for(
                lambda: client._h2.state_machine.state.name == "CLOSED", PATIENCE
            )
        for attempt in (
            lambda: stream.send(b"x"),
            lambda: stream.send_headers(OK, end=True),
            lambda: client.request(ASK),
        ):
            with pytest.raises(ConnectionLost):
                attempt()
        stream.reset()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\0" * 100,
        b"\xff" * 100_000,
        b"\0\0\x05\x00\x00\0\0\0\x07hello",  # data on a stream that nobody opened
        b"\0\0\x04\x01\x04\0\0\0\x01\xff\xff\xff\xff",  # headers that are none
        b"\0\0\x04\x08\0\0\0\0\0\0\0\0\0",  # a window that grows by nothing
    ],
)
def test_a_peer_that_talks_nonsense_loses_the_connection(nonsense: bytes) -> None:
    ours, theirs = socket.socketpair()
    client = Connection(Wire(ours), "client")
    with theirs:
        theirs.settimeout(PATIENCE)
        stream = client.request(ASK)
        stream.send()
        theirs.sendall(nonsense)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionLost):
            stream.receive(PATIENCE)
        # Whoever waits at the other end is told as well.
        while theirs.recv(65536):
            pass
    client.close()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["client", "server"]))
def test_random_bytes_are_never_more_than_a_lost_connection(raw: bytes, side: str) -> None:
    ours, theirs = socket.socketpair()
    seen: list[Stream] = []
    connection = Connection(Wire(ours), side, seen.append)  # type: ignore[arg-type]
    with theirs:
        theirs.settimeout(PATIENCE)
        theirs.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" * (side == "server") + raw)
        theirs.shutdown(socket.SHUT_WR)
        while theirs.recv(65536):
            pass
    connection.close()
    assert connection.problem


def test_closing_twice_and_from_the_reading_thread_is_allowed() -> None:
    closed = threading.Event()

    def handler(_: Stream) -> None:
        holder[0].close()
        closed.set()

    holder: list[Connection] = []
    with connected(handler) as (client, server):
        holder.append(server)
        client.request(ASK).send()
        assert closed.wait(PATIENCE)
        client.close()
        client.close()
    assert not client._reader.is_alive()


class Peer:
    """A server that reads when it is told to and gives no room for more."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.settimeout(PATIENCE)
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self.h2.initiate_connection()
        self.write()
        self.received = 0

    def write(self) -> None:
        self.socket.sendall(self.h2.data_to_send())

    def read(self) -> None:
        """Read until something of a stream has come."""
        while not self.h2.streams:
            self._take()

    def until_full(self) -> None:
        """Read until the client may send no more."""
        while self.received < 65_535:
            self._take()

    def _take(self) -> None:
        for event in self.h2.receive_data(self.socket.recv(65536)):
            if isinstance(event, DataReceived):
                self.received += len(event.data or b"")
        self.write()


class silent_peer:  # noqa: N801 - used like a function
    """A client's connection, and the peer that it talks to."""

    def __enter__(self) -> tuple[Connection, Peer]:
        ours, self._theirs = socket.socketpair()
        self._client = Connection(Wire(ours), "client")
        return self._client, Peer(self._theirs)

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._theirs.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", cert),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


def secured(certificate: tuple[Path, Path]) -> tuple[ssl.SSLSocket, ssl.SSLSocket]:
    """Both ends of a TLS connection: the client's and the server's."""
    plain = socket.socketpair()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*certificate)
    client = ssl.create_default_context(cafile=str(certificate[0]))
    with ThreadPoolExecutor() as pool:
        accepting = pool.submit(server.wrap_socket, plain[1], server_side=True)
        ours = client.wrap_socket(plain[0], server_hostname="localhost")
        return ours, accepting.result(PATIENCE)


def test_tls_carries_as_much_in_both_directions(certificate: tuple[Path, Path]) -> None:
    with (
        connected(in_thread(echo), secured(certificate)) as (client, _),
        ThreadPoolExecutor() as pool,
    ):
        stream = client.request(ASK)
        sending = pool.submit(stream.send, LARGE, end=True)
        assert read(stream) == LARGE
        sending.result(PATIENCE)


def test_a_tls_connection_that_ends_wakes_who_waits(certificate: tuple[Path, Path]) -> None:
    with connected(lambda _: None, secured(certificate)) as (client, server):
        stream = client.request(ASK)
        stream.send()
        with ThreadPoolExecutor() as pool:
            receiving = pool.submit(stream.receive)
            server.shutdown()
            with pytest.raises(ConnectionLost):
                receiving.result(PATIENCE)
