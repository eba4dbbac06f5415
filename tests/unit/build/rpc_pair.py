"""Two ends of one HTTP/2 connection in this process, and calls that send more than one message."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import unquote

from helpers.build.rpc.grpc import Call, Handler, Messages, RpcError, Server, framed
from helpers.build.rpc.http2 import Connection, Headers, Stream
from helpers.build.rpc.wire import Wire
from helpers.build.session.session_pb2 import BytesMessage

#: The longest that a test waits for anything, in seconds.
PATIENCE = 20.0


@contextmanager
def connected(
    on_request: Callable[[Stream], None], sockets: tuple[socket.socket, socket.socket] | None = None
) -> Iterator[tuple[Connection, Connection]]:
    """A client's and a server's end, with a function that takes the client's streams."""
    ours, theirs = sockets or socket.socketpair()
    server = Connection(Wire(theirs), "server", on_request)
    client = Connection(Wire(ours), "client")
    try:
        yield client, server
    finally:
        client.close()
        server.close()


@contextmanager
def served(handlers: Mapping[str, Handler]) -> Iterator[Connection]:
    """The client's end of a connection on which gRPC is served."""
    with connected(Server(handlers)) as (client, _):
        yield client


class Duplex:
    """A call with any number of messages in both directions."""

    def __init__(self, connection: Connection, path: str, metadata: Headers | None = None) -> None:
        self.stream = connection.request(
            [
                (b":method", b"POST"),
                (b":scheme", b"http"),
                (b":path", path.encode()),
                (b":authority", b"localhost"),
                *(metadata or []),
            ]
        )
        self.stream.send()
        self._messages = Messages(self.stream)

    def send(self, message: bytes) -> None:
        self.stream.send(framed(message))

    def end(self) -> None:
        self.stream.send(end=True)

    def next(self) -> bytes:
        """The next message; the status as an error where none is left."""
        message = self._messages.next(PATIENCE)
        if message is None:
            found = dict([*self.stream.headers, *self.stream.trailers])
            raise RpcError(int(found[b"grpc-status"]), unquote(found[b"grpc-message"].decode()))
        return message


def ask(connection: Connection, path: str, message: bytes = b"") -> bytes:
    """The answer to one message, both as bytes."""

    class Raw:
        def SerializeToString(self) -> bytes:  # noqa: N802 - protobuf's own name
            return message

    return Call(connection, path, Raw()).result(PATIENCE)


def packed(data: bytes) -> bytes:
    return BytesMessage(data=data).SerializeToString()


def unpacked(message: bytes) -> bytes:
    return BytesMessage.FromString(message).data
