"""gRPC's own layer over HTTP/2 streams: messages with a length, a status at the end.

Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote, unquote

from helpers.build.rpc.http2 import Connection, ConnectionLost, Headers, Stream

OK = 0
UNKNOWN = 2
NOT_FOUND = 5
UNIMPLEMENTED = 12
#: No message of a build is larger; BuildKit's own limit is 16 MiB as well.
_MESSAGE_LIMIT = 16 * 1024 * 1024
_STATUS_DIGITS = 9
_PREFIX = struct.Struct(">BI")
_OPENING: Headers = [(b":status", b"200"), (b"content-type", b"application/grpc")]


class RpcError(Exception):
    """A call that ended with another status than OK.

    Attributes:
        code: gRPC's status code.
        message: the other side's words.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Wanted(Protocol):
    """A protobuf message to send."""

    def SerializeToString(self) -> bytes:  # noqa: N802 - protobuf's own name
        """The message in wire format."""
        ...


def prefix(size: int) -> bytes:
    """What stands before a message on the wire: no compression, and its length in bytes."""
    return _PREFIX.pack(0, size)


def framed(message: bytes) -> bytes:
    """A message as it is on the wire."""
    return prefix(len(message)) + message


class Messages:
    """Reads the messages of a stream.

    Args:
        stream: where they come from.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = bytearray()

    def next(self, timeout_seconds: float | None = None) -> bytes | None:
        """The next message; None at the end.

        Raises:
            ConnectionLost: where the stream ended in the middle of a message, or broke.
            TimeoutError: where nothing came in time.
            RpcError: where a message is larger than any of a build.
        """
        while True:
            if self._has_prefix():
                compressed, length = _PREFIX.unpack_from(self._buffer)
                if compressed:
                    raise RpcError(UNKNOWN, "a message is compressed, which was not agreed on")
                if length > _MESSAGE_LIMIT:
                    raise RpcError(UNKNOWN, f"a message of {length} bytes is not one of a build")
                end = _PREFIX.size + length
                if len(self._buffer) >= end:
                    message = bytes(self._buffer[_PREFIX.size : end])
                    del self._buffer[:end]
                    return message
            data = self._stream.receive(timeout_seconds)
            if data is None:
                if self._buffer:
                    raise ConnectionLost("a message was cut off")
                return None
            self._buffer += data

    @property
    def ready(self) -> bool:
        """True where :meth:`next` would not wait."""
        if not self._has_prefix():
            return False
        _, length = _PREFIX.unpack_from(self._buffer)
        held = len(self._buffer) - _PREFIX.size
        return bool(length > _MESSAGE_LIMIT or held >= length)

    def _has_prefix(self) -> bool:
        return len(self._buffer) >= _PREFIX.size


class Call:
    """A call to the other side: one message there, any number of them back."""

    def __init__(self, connection: Connection, path: str, message: Wanted) -> None:
        self._stream = connection.request(
            [
                (b":method", b"POST"),
                (b":scheme", b"http"),
                (b":path", path.encode()),
                (b":authority", b"localhost"),
                (b"te", b"trailers"),
                (b"content-type", b"application/grpc"),
            ]
        )
        self._messages = Messages(self._stream)
        self._stream.send(framed(message.SerializeToString()), end=True)

    def next(self, timeout_seconds: float | None = None) -> bytes | None:
        """The next message of the answer; None at its end.

        Raises:
            RpcError: where the call ended with an error.
            ConnectionLost: where the connection broke.
            TimeoutError: where nothing came in time.
        """
        message = self._messages.next(timeout_seconds)
        if message is None:
            _check([*self._stream.headers, *self._stream.trailers])
        return message

    def result(self, timeout_seconds: float | None = None) -> bytes:
        """The only message of the answer; raises what :meth:`next` does."""
        message = self.next(timeout_seconds)
        if message is None:
            raise RpcError(UNKNOWN, "the engine gave no answer")
        return message

    def wait(self, other: Call) -> None:
        """Wait until something more of the answer is here, or another call is done."""
        if not self._messages.ready:
            self._stream.wait(lambda: other.done)

    @property
    def done(self) -> bool:
        """True once the whole answer is here, or never will be."""
        return self._stream.finished

    def cancel(self) -> None:
        """Say that the answer is no longer wanted."""
        self._stream.reset()


@dataclass(frozen=True, slots=True)
class Request:
    """A call of the other side.

    Attributes:
        messages: what it sends.
        metadata: its headers, decoded; names may repeat.
        send: answers with messages that are framed already, any number of times.
    """

    messages: Messages
    metadata: tuple[tuple[str, str], ...]
    send: Callable[..., None] = field(repr=False)

    def values(self, name: str) -> list[str]:
        """All values of one header, in order."""
        return [value for key, value in self.metadata if key == name]


Handler = Callable[[Request], None]


class Server:
    """Answers the calls of the other side, each in a thread of its own.

    Args:
        handlers: what is offered, by path (``/package.Service/Method``). A handler sends what it
            has to say through the request; what it raises becomes the call's status.
    """

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers

    def __call__(self, stream: Stream) -> None:
        """Answer one call."""
        threading.Thread(target=self._answer, args=(stream,), name="grpc-call", daemon=True).start()

    def _answer(self, stream: Stream) -> None:
        with suppress(ConnectionLost):  # whoever asked is gone
            fields = {name: value for name, value in stream.headers if name.startswith(b":")}
            handler = self._handlers.get(fields.get(b":path", b"").decode("ascii", "replace"))
            if handler is None:
                _refuse(stream, UNIMPLEMENTED, "this is not offered")
                return
            opened = False

            def send(*messages: bytes) -> None:
                nonlocal opened
                if not opened:
                    stream.send_headers(_OPENING)
                    opened = True
                stream.send(*messages)

            try:
                handler(Request(Messages(stream), _metadata(stream.headers), send))
            except RpcError as error:
                code, message = error.code, error.message
            except ConnectionLost:
                return
            except Exception as error:  # noqa: BLE001 - the other side has to be told, whatever it is
                code, message = UNKNOWN, f"{type(error).__name__}: {error}"
            else:
                code, message = OK, ""
            if opened or code == OK:
                send()
                stream.send_headers(_status(code, message), end=True)
            else:
                _refuse(stream, code, message)


def unary(handler: Callable[[bytes], Wanted]) -> Handler:
    """A handler for calls with one message and one answer."""

    def answer(request: Request) -> None:
        message = request.messages.next()
        request.send(framed(handler(message or b"").SerializeToString()))

    return answer


def _status(code: int, message: str) -> Headers:
    words = quote(message, safe=" !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~")
    return [(b"grpc-status", str(code).encode()), (b"grpc-message", words.encode("ascii"))]


def _refuse(stream: Stream, code: int, message: str) -> None:
    stream.send_headers([*_OPENING, *_status(code, message)], end=True)


def _metadata(headers: Headers) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.decode("ascii", "replace"), value.decode("utf-8", "surrogateescape"))
        for name, value in headers
        if not name.startswith(b":")
    )


def _check(headers: Headers) -> None:
    found = dict(headers)
    code = found.get(b"grpc-status", b"0")
    if not code.isdigit() or len(code) > _STATUS_DIGITS:
        raise RpcError(UNKNOWN, "the engine's answer has no status that can be read")
    if int(code) != OK:
        words = unquote(found.get(b"grpc-message", b"").decode("utf-8", "replace"))
        raise RpcError(int(code), words)
