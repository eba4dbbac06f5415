"""An HTTP load on a service that is told to stop: requests in flight, and new ones.

A request in flight is made by the client, so that every service can be tried: the end of the
request is held back until after the signal. That the service has accepted the connection is proven
by a whole request on it before.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import h11

Outcome = Literal["answered", "early", "dropped"]

#: How many requests are held back, and how many clients ask anew all the time.
HELD = 4
CLIENTS = 4
_CONNECT_SECONDS = 2.0
_ANSWER_SECONDS = 5.0
_CLOSES_SECONDS = 0.1
_PAUSE = 0.01
_MOST_BYTES = 262_144


@dataclass(frozen=True, slots=True)
class HeldRequest:
    """One request whose end was sent only after the signal.

    Attributes:
        outcome: ``answered`` after its end was sent, ``early`` where it was answered before, or
            ``dropped``: the connection ended without an answer.
        accepted: True where a whole request had been answered on the same connection.
        status: HTTP status of the answer.
        seconds: from the signal to the answer, or to the end of the connection.
        error: why there was no answer.
    """

    outcome: Outcome
    accepted: bool
    status: int | None = None
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class NewRequest:
    """One whole request on a new connection.

    Attributes:
        sent: seconds after the signal; negative before it.
        seconds: until its answer, or until there was none to be had.
        answered: True where it was answered.
    """

    sent: float
    seconds: float
    answered: bool


@dataclass(frozen=True, slots=True)
class LoadFacts:
    """What the clients saw.

    Attributes:
        held: the requests that were held back.
        answered_before: whole requests that were answered before the signal.
        answered_after: requests on new connections, sent after the signal, that were answered.
        refused_after: such requests that got no answer.
        last_answer_seconds: from the signal to the sending of the last new request that was
            answered; None where none was.
        in_flight: whole requests that were sent well before the signal and not answered by then.
        lost: how many of those got no answer at all.
        requests: all of them in the order in which they were done, where the plan keeps them.
    """

    held: tuple[HeldRequest, ...] = ()
    answered_before: int = 0
    answered_after: int = 0
    refused_after: int = 0
    last_answer_seconds: float | None = None
    in_flight: int = 0
    lost: int = 0
    requests: tuple[NewRequest, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What is asked of the service.

    Attributes:
        port: on this machine's loopback.
        path: of the whole GET requests.
        method: of the requests that are held back.
        held_path: their path.
        body: their JSON body, whose second half is held back; empty to hold back the end of the
            request's head.
        settle_seconds: how long the load runs before the signal.
        hold_seconds: from the signal until the rest is sent.
        keep_requests: whether every whole request is kept, for a picture.
    """

    port: int
    path: str
    method: str = "GET"
    held_path: str = "/"
    body: str = ""
    settle_seconds: float = 0.3
    hold_seconds: float = 1.0
    keep_requests: bool = False


@dataclass(slots=True)
class _Asked:
    """One whole request on a new connection."""

    sent: float
    done: float
    answered: bool


@dataclass(slots=True)
class _Run:
    """What is shared by the clients of one run."""

    plan: LoadPlan
    ended: asyncio.Event
    told: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[_Asked] = field(default_factory=list)
    signal_at: float = 0.0


async def run_load(
    plan: LoadPlan, tell: Callable[[], Awaitable[None]], ended: asyncio.Event
) -> LoadFacts:
    """Load the service, tell it to stop, and see what becomes of the requests.

    Args:
        plan: what is asked.
        tell: sends the signal.
        ended: set when the container has ended.
    """
    run = _Run(plan, ended)
    ready: asyncio.Queue[None] = asyncio.Queue()
    held = [asyncio.ensure_future(_hold(run, ready)) for _ in range(HELD)]
    idle = asyncio.ensure_future(_stay(run))
    clients = [asyncio.ensure_future(_client(run)) for _ in range(CLIENTS)]
    try:
        # A service that does not answer in time is told to stop all the same.
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * _ANSWER_SECONDS):
                for _ in range(HELD):
                    await ready.get()
        await _pause(ended, plan.settle_seconds)
        run.signal_at = time.monotonic()
        await tell()
        run.told.set()
        await _pause(ended, plan.hold_seconds)
        run.release.set()
        answers = await asyncio.gather(*held)
        await ended.wait()
    finally:
        for task in (*held, *clients, idle):
            task.cancel()
        await asyncio.gather(*held, *clients, idle, return_exceptions=True)
    return _facts(run, tuple(answers))


def _facts(run: _Run, held: tuple[HeldRequest, ...]) -> LoadFacts:
    # A connection that the kernel took just before the service stopped accepting is nobody's fault,
    # and on a machine that is busy "just before" is longer.
    before = [a for a in run.asked if a.answered and a.done <= run.signal_at]
    slowest = max((a.done - a.sent for a in before), default=0.0)
    well_before = run.signal_at - max(0.15, 2 * slowest)
    new = [a for a in run.asked if a.sent > run.signal_at]
    flying = [a for a in run.asked if a.sent < well_before and a.done > run.signal_at]
    return LoadFacts(
        held=held,
        answered_before=len(before),
        answered_after=sum(a.answered for a in new),
        refused_after=sum(not a.answered for a in new),
        last_answer_seconds=max((a.sent - run.signal_at for a in new if a.answered), default=None),
        in_flight=len(flying),
        lost=sum(not a.answered for a in flying),
        requests=tuple(
            NewRequest(a.sent - run.signal_at, a.done - a.sent, a.answered)
            for a in run.asked
            if run.plan.keep_requests
        ),
    )


async def _hold(run: _Run, ready: asyncio.Queue[None]) -> HeldRequest:
    connection = await _Connection.open(run.plan.port)
    accepted = False
    try:
        if connection is not None:
            status = await connection.ask("GET", run.plan.path)
            accepted = status is not None and connection.can_go_on and await connection.stays()
        if not accepted:
            # It serves one request a connection: the next one is all that can be had.
            await _close(connection)
            connection = await _Connection.open(run.plan.port)
        if connection is None:
            ready.put_nowait(None)
            await run.told.wait()
            return HeldRequest("dropped", accepted, error="no connection before the signal")
        rest = await connection.begin(run.plan)
        ready.put_nowait(None)
        early = asyncio.ensure_future(connection.answer())
        await asyncio.wait(
            {early, asyncio.ensure_future(run.release.wait())}, return_when=asyncio.FIRST_COMPLETED
        )
        outcome: Outcome = "early" if early.done() else "answered"
        if not early.done():
            await connection.send(rest)
        status = await early
        seconds = time.monotonic() - run.signal_at if run.signal_at else 0.0
        if status is None:
            return HeldRequest("dropped", accepted, None, seconds, connection.error)
        return HeldRequest(outcome, accepted, status, seconds)
    finally:
        await _close(connection)


async def _stay(run: _Run) -> None:
    """A client that keeps its connection open, as a load balancer does."""
    connection = await _Connection.open(run.plan.port)
    try:
        if connection is not None:
            await connection.ask("GET", run.plan.path)
        await run.ended.wait()
    finally:
        await _close(connection)


async def _client(run: _Run) -> None:
    while not run.ended.is_set():
        sent = time.monotonic()
        connection = await _Connection.open(run.plan.port)
        try:
            status = None
            if connection is not None:
                status = await connection.ask("GET", run.plan.path, close=True)
            run.asked.append(_Asked(sent, time.monotonic(), status is not None))
        finally:
            await _close(connection)
        await _pause(run.ended, _PAUSE)


async def _pause(ended: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(ended.wait(), seconds)


async def _close(connection: _Connection | None) -> None:
    if connection is not None:
        connection.writer.close()
        with suppress(OSError, TimeoutError):
            await asyncio.wait_for(connection.writer.wait_closed(), 1.0)


class _Connection:
    """One HTTP/1.1 connection, with full say over when which byte is sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.http = h11.Connection(h11.CLIENT)
        self.error = ""

    @classmethod
    async def open(cls, port: int) -> _Connection | None:
        """A connection, or None where there is none to be had."""
        try:
            return cls(
                *await asyncio.wait_for(
                    asyncio.open_connection("127.0.0.1", port), _CONNECT_SECONDS
                )
            )
        except (OSError, TimeoutError):
            return None

    @property
    def can_go_on(self) -> bool:
        """True where another request may follow; it is made ready for it."""
        if self.http.our_state is not h11.DONE or self.http.their_state is not h11.DONE:
            return False
        self.http.start_next_cycle()
        return True

    async def stays(self) -> bool:
        """False where the server closes after an answer without saying so in its head."""
        try:
            await asyncio.wait_for(self.reader.read(1), _CLOSES_SECONDS)
        except TimeoutError:
            return True
        except OSError:
            return False
        return False

    async def ask(self, method: str, path: str, *, close: bool = False) -> int | None:
        """One whole request; the status of the answer, or None."""
        data = self.http.send(_head(method, path, close=close)) or b""
        data += self.http.send(h11.EndOfMessage()) or b""
        await self.send(data)
        return await self.answer()

    async def begin(self, plan: LoadPlan) -> bytes:
        """Send a request but for its end, which is given back."""
        body = plan.body.encode()
        data = self.http.send(_head(plan.method, plan.held_path, body)) or b""
        data += self.http.send(h11.Data(body)) or b"" if body else b""
        data += self.http.send(h11.EndOfMessage()) or b""
        cut = len(data) - (max(1, len(body) // 2) if body else 2)
        await self.send(data[:cut])
        return data[cut:]

    async def send(self, data: bytes) -> None:
        """Send; a connection that is gone is told by the answer that does not come."""
        with suppress(OSError):
            self.writer.write(data)
            await self.writer.drain()

    async def answer(self) -> int | None:
        """The status of a whole answer; None where there was none, and ``error`` says why."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS + 5):
                return await self._read()
        except TimeoutError:
            self.error = "no complete answer in time"
        except (OSError, h11.RemoteProtocolError) as problem:
            self.error = str(problem)[:200] or type(problem).__name__
        return None

    async def _read(self) -> int | None:
        status: int | None = None
        taken = 0
        while True:
            event = self.http.next_event()
            if event is h11.NEED_DATA:
                data = await self.reader.read(65_536)
                taken += len(data)
                if taken > _MOST_BYTES:
                    return status
                self.http.receive_data(data)
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.EndOfMessage):
                return status
            elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
                self.error = self.error or "the connection was closed without an answer"
                return None


def _head(method: str, path: str, body: bytes = b"", *, close: bool = False) -> h11.Request:
    headers = [("Host", "127.0.0.1"), ("Accept-Encoding", "identity")]
    if close:
        headers.append(("Connection", "close"))
    if body:
        headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return h11.Request(method=method, target=path, headers=headers)
