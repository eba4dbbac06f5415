"""gRPC's messages and statuses, whole and damaged."""

from __future__ import annotations

import socket
import struct
import threading

import pytest
from h2.connection import H2Connection
from h2.events import Event, StreamEnded
from hypothesis import given, settings
from hypothesis import strategies as st
from rpc_pair import PATIENCE, Duplex, ask, connected, packed, served, unpacked

from helpers.build.errors import ContextError
from helpers.build.rpc.grpc import (
    NOT_FOUND,
    UNIMPLEMENTED,
    UNKNOWN,
    Call,
    Messages,
    Request,
    RpcError,
    framed,
    unary,
)
from helpers.build.rpc.http2 import Connection, ConnectionLost, Headers, Stream
from helpers.build.rpc.wire import Wire
from helpers.build.session.session_pb2 import BytesMessage

ANSWER: Headers = [(b":status", b"200"), (b"content-type", b"application/grpc")]
EMPTY = BytesMessage()
ASK: Headers = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/x"),
    (b":authority", b"localhost"),
]


class Pieces:
    """A stream that gives the pieces it was made with."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def receive(self, timeout_seconds: float | None = None) -> bytes | None:
        return self._pieces.pop(0) if self._pieces else None


def messages(*pieces: bytes) -> list[bytes]:
    reader = Messages(Pieces(*pieces))  # type: ignore[arg-type]
    found = []
    while (message := reader.next()) is not None:
        found.append(message)
    return found


def test_messages_may_be_cut_anywhere() -> None:
    raw = framed(b"one") + framed(b"") + framed(b"three" * 20)
    for cut in range(len(raw)):
        assert messages(raw[:cut], raw[cut:]) == [b"one", b"", b"three" * 20]
    assert messages(*(raw[i : i + 1] for i in range(len(raw)))) == [b"one", b"", b"three" * 20]


def test_several_messages_may_come_in_one_piece() -> None:
    reader = Messages(Pieces(framed(b"a") + framed(b"b")))  # type: ignore[arg-type]
    assert not reader.ready
    assert reader.next() == b"a"
    assert reader.ready
    assert reader.next() == b"b"
    assert not reader.ready
    assert reader.next() is None


@pytest.mark.parametrize("cut", range(1, 8))
def test_a_message_that_is_cut_off_is_a_lost_connection(cut: int) -> None:
    with pytest.raises(ConnectionLost, match="cut off"):
        messages(framed(b"one")[:cut])


def test_a_message_that_is_too_large_is_refused_before_it_has_come() -> None:
    with pytest.raises(RpcError, match="is not one of a build"):
        messages(struct.pack(">BI", 0, 16 * 1024 * 1024 + 1))
    with pytest.raises(ConnectionLost):
        messages(struct.pack(">BI", 0, 16 * 1024 * 1024))


def test_a_compressed_message_is_refused() -> None:
    with pytest.raises(RpcError, match="compressed"):
        messages(b"\1" + framed(b"x")[1:])


@given(st.lists(st.binary(max_size=30), max_size=8))
def test_random_bytes_give_messages_or_a_documented_error(pieces: list[bytes]) -> None:
    try:
        found = messages(*pieces)
    except (RpcError, ConnectionLost):
        return
    assert b"".join(map(framed, found)) == b"".join(pieces)


def test_a_call_is_answered() -> None:
    def upper(message: bytes) -> BytesMessage:
        return BytesMessage(data=unpacked(message).upper())

    with served({"/x.X/Upper": unary(upper)}) as client:
        assert unpacked(ask(client, "/x.X/Upper", packed(b"one"))) == b"ONE"
        assert unpacked(ask(client, "/x.X/Upper")) == b""


def test_metadata_is_told_in_order_whatever_its_bytes() -> None:
    seen: list[list[str]] = []

    def handler(request: Request) -> None:
        seen.append(request.values("path"))
        assert request.values("nothing") == []

    with served({"/x": handler}) as client:
        call = Duplex(client, "/x", [(b"path", b"b"), (b"other", b"x"), (b"path", b"caf\xe9")])
        with pytest.raises(RpcError):
            call.next()
    assert seen == [["b", "caf\udce9"]]


def test_what_is_not_offered_is_refused() -> None:
    with served({}) as client:
        with pytest.raises(RpcError, match="not offered") as error:
            ask(client, "/x.X/Nothing")
        assert error.value.code == UNIMPLEMENTED
        # and the connection goes on
        with pytest.raises(RpcError):
            ask(client, "/x.X/Nothing")


@pytest.mark.parametrize(
    "words", ["plain", "100 % ünï ☃", "line\nbreak\r\n", "a%20b", "", "\0\x7f", '"quoted" {}~']
)
def test_an_error_keeps_its_words(words: str) -> None:
    def handler(_: Request) -> None:
        raise RpcError(NOT_FOUND, words)

    with served({"/x": handler}) as client, pytest.raises(RpcError) as error:
        ask(client, "/x")
    assert (error.value.code, error.value.message) == (NOT_FOUND, words)


@pytest.mark.parametrize("sent_before", [False, True])
def test_a_handler_that_raises_ends_its_call_with_what_it_said(sent_before: bool) -> None:
    def handler(request: Request) -> None:
        if sent_before:
            request.send(framed(b"part"))
        raise ContextError("x cannot be read.", remedy="Read it.")

    def broken(_: Request) -> None:
        raise ZeroDivisionError("nothing to divide")

    with served({"/x": handler, "/broken": broken}) as client:
        call = Call(client, "/x", EMPTY)
        if sent_before:
            assert call.next(PATIENCE) == b"part"
        with pytest.raises(RpcError, match=r"ContextError: x cannot be read\.") as error:
            call.next(PATIENCE)
        assert error.value.code == UNKNOWN
        with pytest.raises(RpcError, match="ZeroDivisionError"):
            ask(client, "/broken")


def test_a_handler_may_say_nothing_at_all() -> None:
    with served({"/x": lambda _: None}) as client:
        call = Call(client, "/x", EMPTY)
        assert call.next(PATIENCE) is None
        assert call.done
        with pytest.raises(RpcError, match="no answer"):
            ask(client, "/x")


def test_a_handler_whose_caller_has_gone_ends_quietly() -> None:
    begun, ended = threading.Event(), threading.Event()

    def handler(request: Request) -> None:
        begun.set()
        try:
            while True:
                request.messages.next(PATIENCE)
                request.send(framed(b"x" * 1000))
        finally:
            ended.set()

    with served({"/x": handler}) as client:
        call = Duplex(client, "/x")
        assert begun.wait(PATIENCE)
        call.stream.reset()
        assert ended.wait(PATIENCE)


def test_calls_at_once_do_not_wait_for_each_other() -> None:
    meet = threading.Barrier(4, timeout=PATIENCE)

    def handler(request: Request) -> None:
        meet.wait()
        request.send(framed(request.messages.next() or b""))

    with served({"/x": handler}) as client:
        calls = [Call(client, "/x", BytesMessage(data=bytes([n]))) for n in range(4)]
        assert [unpacked(call.result(PATIENCE)) for call in calls] == [b"\0", b"\1", b"\2", b"\3"]


def test_a_call_waits_for_its_own_answer_or_for_another_call() -> None:
    go = threading.Event()

    def slow(request: Request) -> None:
        go.wait(PATIENCE)
        request.send(framed(b"x"))

    def silent(request: Request) -> None:
        request.messages.next()
        request.messages.next(PATIENCE)
        go.wait(PATIENCE)

    def two(request: Request) -> None:
        request.send(framed(b"1"), framed(b"2"))
        go.wait(PATIENCE)

    with served({"/slow": slow, "/silent": silent, "/two": two}) as client:
        other, both = Call(client, "/slow", EMPTY), Call(client, "/two", EMPTY)
        both.wait(other)
        assert both.next(PATIENCE) == b"1"
        both.wait(other)  # the second message is here already, in the same piece
        assert both.next(PATIENCE) == b"2"
        assert not other.done
        waiting = threading.Thread(target=both.wait, args=(other,))
        waiting.start()
        go.set()
        waiting.join(PATIENCE)
        assert not waiting.is_alive()


def test_a_call_that_is_cancelled_is_no_longer_answered() -> None:
    cancelled = threading.Event()
    with served({"/x": lambda _: cancelled.wait(PATIENCE)}) as client:
        call = Call(client, "/x", EMPTY)
        call.cancel()
        with pytest.raises(ConnectionLost):
            call.next(PATIENCE)
        assert call.done
        cancelled.set()


@pytest.mark.parametrize(
    ("trailers", "code", "message"),
    [
        ([(b"grpc-status", b"13"), (b"grpc-message", b"a%20b%E2%98%83%0Ac")], 13, "a b☃\nc"),
        ([(b"grpc-status", b"2")], 2, ""),
        ([(b"grpc-status", b"5"), (b"grpc-message", b"%zz %")], 5, "%zz %"),
        ([(b"grpc-status", b"5"), (b"grpc-message", b"\xff")], 5, "\ufffd"),
        ([(b"grpc-status", b"-1")], UNKNOWN, "no status that can be read"),
        ([(b"grpc-status", b"")], UNKNOWN, "no status that can be read"),
        ([(b"grpc-status", b"9" * 9999)], UNKNOWN, "no status that can be read"),
        ([(b"grpc-status", b"\xb2")], UNKNOWN, "no status that can be read"),
    ],
)
@pytest.mark.parametrize("with_data", [False, True])
def test_the_status_of_an_answer_is_read(
    trailers: Headers, code: int, message: str, with_data: bool
) -> None:
    def server(stream: Stream) -> None:
        if with_data:
            stream.send_headers(ANSWER)
            stream.send(framed(b"x"))
            stream.send_headers(trailers, end=True)
        else:
            stream.send_headers([*ANSWER, *trailers], end=True)

    with connected(server) as (client, _):
        call = Call(client, "/x", EMPTY)
        if with_data:
            assert call.next(PATIENCE) == b"x"
        with pytest.raises(RpcError) as error:
            call.next(PATIENCE)
    assert error.value.code == code
    assert error.value.message.endswith(message)


def recorded_answer() -> bytes:
    """What a server writes to answer one call with two messages."""
    ours, theirs = socket.socketpair()

    def server(stream: Stream) -> None:
        stream.send_headers(ANSWER)
        stream.send(framed(b"one"), framed(b"two" * 50))
        stream.send_headers([(b"grpc-status", b"0"), (b"grpc-message", b"")], end=True)

    connection = Connection(Wire(theirs), "server", server)
    h2 = H2Connection()
    h2.initiate_connection()
    h2.send_headers(1, [*ASK], end_stream=True)
    raw = b""
    with ours:
        ours.sendall(h2.data_to_send())
        ours.settimeout(PATIENCE)
        events: list[Event] = []
        while not any(isinstance(event, StreamEnded) for event in events):
            raw += (data := ours.recv(65536))
            events = h2.receive_data(data)
    connection.close()
    return raw


RECORDED = recorded_answer()


def answered(raw: bytes) -> list[bytes]:
    """What a call gets from a server that writes these bytes and leaves."""
    ours, theirs = socket.socketpair()
    with theirs:
        client = Connection(Wire(ours), "client")
        try:
            call = Call(client, "/x", EMPTY)
            theirs.settimeout(PATIENCE)
            theirs.sendall(raw)
            theirs.shutdown(socket.SHUT_WR)
            found = []
            while (message := call.next(PATIENCE)) is not None:
                found.append(message)
            return found
        finally:
            client.close()


def test_the_recorded_answer_is_whole() -> None:
    assert answered(RECORDED) == [b"one", b"two" * 50]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_damaged_answer_gives_messages_or_a_documented_error(data: st.DataObject) -> None:
    raw = bytearray(RECORDED[: data.draw(st.integers(0, len(RECORDED)))])
    for _ in range(data.draw(st.integers(0, 3))):
        if raw:
            place = data.draw(st.integers(0, len(raw) - 1))
            raw[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        answered(bytes(raw))
    except (RpcError, ConnectionLost):
        return
