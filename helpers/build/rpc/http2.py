"""One HTTP/2 connection, either side of it, for callers that wait in threads.

A thread of its own reads; everybody may write. The protocol itself is the library h2's; see
https://python-hyper.org/projects/h2/.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes

from helpers.build.rpc.wire import Wire

Headers = list[tuple[bytes, bytes]]
_READ = 256 * 1024
_WINDOW = 4 * 1024 * 1024
#: How much is put into frames before it is written: one system call for many frames.
_BATCH = 256 * 1024


class ConnectionLost(Exception):
    """The connection ended before the exchange did."""


class Stream:
    """One exchange: headers and data in both directions. Made by :class:`Connection`."""

    def __init__(self, connection: Connection, number: int) -> None:
        self.number = number
        self.headers: Headers = []
        self.trailers: Headers = []
        self._connection = connection
        self._inbox: deque[bytes] = deque()
        self._ended = False
        self._reset = False

    def send(self, *pieces: bytes | memoryview, end: bool = False) -> None:
        """Send data; waits while the other side has no room for more.

        Raises:
            ConnectionLost: where the stream or the connection has ended.
        """
        self._connection.send_data(self, pieces, end=end)

    def send_headers(self, headers: Headers, *, end: bool = False) -> None:
        """Send a response's headers or trailers.

        Raises:
            ConnectionLost: where the stream or the connection has ended.
        """
        self._connection.send_headers(self, headers, end=end)

    def receive(self, timeout_seconds: float | None = None) -> bytes | None:
        """The next piece of data; None at the end of the stream.

        Raises:
            ConnectionLost: where the stream was reset or the connection has ended.
            TimeoutError: where nothing came in time.
        """
        changed = self._connection.changed
        with changed:
            if not changed.wait_for(self._has_news, timeout_seconds):
                raise TimeoutError("nothing was received in time")
            if self._inbox:
                return self._inbox.popleft()
            if self._ended:
                return None
            raise ConnectionLost(self._connection.problem or "the other side gave up")

    def wait(self, other: Callable[[], bool]) -> None:
        """Wait until :meth:`receive` would not, or something else on the connection is so."""
        changed = self._connection.changed
        with changed:
            changed.wait_for(lambda: self._has_news() or other())

    def reset(self) -> None:
        """Say that no more is wanted of this stream."""
        self._connection.reset(self)

    @property
    def over(self) -> bool:
        """True where nothing more can be sent or received."""
        return self._reset or bool(self._connection.problem)

    @property
    def finished(self) -> bool:
        """True where nothing more is coming."""
        return self._ended or self.over

    def _has_news(self) -> bool:
        return bool(self._inbox) or self._ended or self.over

    def take(self, event: Event) -> None:
        """Note what was received; called by the connection under its lock."""
        if isinstance(event, DataReceived):
            self._inbox.append(event.data or b"")
        elif isinstance(event, (RequestReceived, ResponseReceived)):
            self.headers = list(event.headers or [])
        elif isinstance(event, TrailersReceived):
            self.trailers = list(event.headers or [])
        elif isinstance(event, StreamEnded):
            self._ended = True
        elif isinstance(event, StreamReset):
            self._reset = True

    def abandon(self) -> None:
        """Note that it was reset from here; called by the connection under its lock."""
        self._reset = True


class Connection:
    """An HTTP/2 connection.

    Args:
        wire: the connection below; closed by :meth:`close`.
        side: which part is played here.
        on_request: called in the reading thread with each new stream of the other side.

    Attributes:
        changed: notified of everything that happens.
        problem: why the connection is over; empty while it is not.
    """

    def __init__(
        self,
        wire: Wire,
        side: Literal["client", "server"],
        on_request: Callable[[Stream], None] | None = None,
    ) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.problem = ""
        self._wire = wire
        self._socket = wire.socket
        self._on_request = on_request
        self._streams: dict[int, Stream] = {}
        self._closing = False
        self._unsent = bytearray()
        self._h2 = H2Connection(
            H2Configuration(
                client_side=side == "client",
                header_encoding=None,
                # File names in headers need not be UTF-8, and all is ours or the engine's own.
                validate_inbound_headers=False,
                normalize_inbound_headers=False,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self._socket.setblocking(False)
        with self.changed:
            self._h2.initiate_connection()
            self._h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW})
            self._h2.increment_flow_control_window(_WINDOW)
            self._flush()
        self._reader = threading.Thread(target=self._read, name=f"http2-{side}", daemon=True)
        self._reader.start()

    def request(self, headers: Headers) -> Stream:
        """Begin an exchange.

        Raises:
            ConnectionLost: where the connection has ended.
        """
        with self.changed, _translated():
            self._alive()
            stream = Stream(self, self._h2.get_next_available_stream_id())
            self._streams[stream.number] = stream
            self._h2.send_headers(stream.number, headers)
            return stream  # flushed with its data

    def send_headers(self, stream: Stream, headers: Headers, *, end: bool) -> None:
        """See :meth:`Stream.send_headers`."""
        with self.changed, _translated():
            self._alive(stream)
            self._h2.send_headers(stream.number, headers, end_stream=end)
            if end:  # else they go with the data that follows
                self._flush()

    def send_data(
        self, stream: Stream, pieces: tuple[bytes | memoryview, ...], *, end: bool
    ) -> None:
        """See :meth:`Stream.send`."""
        with self.changed, _translated():
            held = 0
            # Joined, so that many small messages share a frame.
            rest = memoryview(pieces[0] if len(pieces) == 1 else b"".join(pieces))
            while rest:
                self._alive(stream)
                room = self._room(stream)
                if room <= 0 or held >= _BATCH:
                    self._flush()  # others may write meanwhile
                    held = 0
                    if not stream.over and self._room(stream) <= 0:
                        self.changed.wait()
                    continue
                self._h2.send_data(stream.number, bytes(rest[:room]))
                held += min(room, len(rest))
                rest = rest[room:]
            self._alive(stream)
            if end:
                self._h2.end_stream(stream.number)
            self._flush()

    def reset(self, stream: Stream) -> None:
        """See :meth:`Stream.reset`."""
        with self.changed:
            if not stream.over:
                with suppress(ProtocolError, ConnectionLost):  # it may end in the same moment
                    self._h2.reset_stream(stream.number, ErrorCodes.CANCEL)
                    self._flush()
                stream.abandon()
                self.changed.notify_all()

    def shutdown(self) -> None:
        """Break the connection under whoever waits for it; callable from any thread."""
        self._closing = True
        self._wire.shutdown()

    def close(self) -> None:
        """Break the connection and wait for the reading thread to end."""
        self.shutdown()
        if threading.current_thread() is not self._reader:
            self._reader.join()
        self._wire.close()

    def _room(self, stream: Stream) -> int:
        """How many bytes may be sent now in one frame."""
        window: int = self._h2.local_flow_control_window(stream.number)
        return min(window, self._h2.max_outbound_frame_size)

    def _alive(self, stream: Stream | None = None) -> None:
        if self.problem:
            raise ConnectionLost(self.problem)
        if stream is not None and stream.over:
            raise ConnectionLost("the other side gave up")

    def _read(self) -> None:
        problem = "the connection ended"
        try:
            if self._wire.early:
                self._received(self._wire.early)
            while not self._closing:
                if not self._pending():
                    _wait(self._socket, select.POLLIN | (select.POLLOUT if self._unsent else 0))
                data = self._receive()
                if data == b"":
                    break
                if data or self._unsent:
                    self._received(data or b"")
        except (OSError, ValueError, ProtocolError, ConnectionLost) as error:
            problem = str(error) or type(error).__name__
        finally:
            with self.changed:
                self.problem = self.problem or problem
                self.changed.notify_all()
            self._wire.shutdown()  # the other side is told too, whatever it waits for

    def _pending(self) -> int:
        return self._socket.pending() if isinstance(self._socket, ssl.SSLSocket) else 0

    def _receive(self) -> bytes | None:
        """What has arrived: empty at the end, None where it is not enough for anything yet."""
        try:
            if isinstance(self._socket, ssl.SSLSocket):
                with self.changed:  # OpenSSL allows one thread at a time
                    return self._socket.recv(_READ)
            return self._socket.recv(_READ)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None

    def _received(self, data: bytes) -> None:
        begun: list[Stream] = []
        with self.changed:
            for event in self._h2.receive_data(data):
                self._handle(event, begun)
            self._flush(wait=False)
            self.changed.notify_all()
        if self._on_request is not None:
            for stream in begun:
                self._on_request(stream)

    def _handle(self, event: Event, begun: list[Stream]) -> None:
        if isinstance(event, ConnectionTerminated):
            if event.error_code != ErrorCodes.NO_ERROR:
                self.problem = f"the other side ended the connection ({event.error_code!s})"
            return
        number = getattr(event, "stream_id", None)
        if not isinstance(number, int):
            return
        if isinstance(event, RequestReceived):
            self._streams[number] = Stream(self, number)
            begun.append(self._streams[number])
        if number in self._streams:
            self._streams[number].take(event)
        if isinstance(event, DataReceived) and event.flow_controlled_length:
            self._h2.acknowledge_received_data(event.flow_controlled_length, number)

    def _flush(self, *, wait: bool = True) -> None:
        """Write what h2 has to say, in its order; called under the lock, once.

        The lock is let go while the other side takes nothing: who reads must never wait for who
        writes, or two sides that both write wait for each other. Whoever writes next goes on where
        the last one stopped.
        """
        self._unsent += self._h2.data_to_send()
        while self._unsent:
            needed = self._write()
            if needed and not wait:
                return
            if needed:
                self.changed.release()
                try:
                    _wait(self._socket, needed)
                finally:
                    self.changed.acquire()
                self._alive()

    def _write(self) -> int:
        """Write once; what has to be waited for where that cannot be, else 0."""
        try:
            del self._unsent[: self._socket.send(self._unsent)]
        except (BlockingIOError, ssl.SSLWantWriteError):
            return select.POLLOUT
        except ssl.SSLWantReadError:
            return select.POLLIN
        except (OSError, ValueError) as error:
            self.problem = self.problem or str(error)
            self.changed.notify_all()
            raise ConnectionLost(self.problem) from error
        return 0


@contextmanager
def _translated() -> Iterator[None]:
    """What h2 refuses to send (after a farewell, on a stream that is over) is a lost connection."""
    try:
        yield
    except ProtocolError as error:
        raise ConnectionLost(str(error) or type(error).__name__) from error


def _wait(connection: socket.socket, what: int) -> None:
    poll = select.poll()
    poll.register(connection, what)
    poll.poll()
