"""The clients that load a service which is told to stop, against servers of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from helpers.observe.load import CLIENTS, HELD, LoadFacts, LoadPlan, run_load

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BODY = '{"a": "bcdefgh"}'


class Server:
    """Answers HTTP; what it does when it is told to stop is up to the test."""

    def __init__(self, *, keep_alive: bool = True, reads_body: bool = True) -> None:
        self.keep_alive, self.reads_body = keep_alive, reads_body
        self.flying: set[asyncio.Task[None]] = set()
        self.writers: set[asyncio.StreamWriter] = set()
        self.stopping = False
        self.ended = asyncio.Event()

    async def start(self) -> int:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        port: int = self.server.sockets[0].getsockname()[1]
        return port

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.writers.add(writer)
        try:
            while await self.one(reader, writer, task):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.flying.discard(task)
            writer.close()

    async def one(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, task: asyncio.Task[None]
    ) -> bool:
        first = await reader.readexactly(1)
        self.flying.add(task)
        head = first + await reader.readuntil(b"\r\n\r\n")
        if self.reads_body and b"content-length: " in head.lower():
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
        writer.write(OK)
        await writer.drain()
        self.flying.discard(task)
        return self.keep_alive and not self.stopping and b"connection: close" not in head.lower()

    async def stop_in_order(self) -> None:
        self.stopping = True
        self.server.close()

        async def wait() -> None:
            if self.flying:
                await asyncio.wait(self.flying)
            self.cut()

        self.late = asyncio.ensure_future(wait())

    async def stop_at_once(self) -> None:
        self.server.close()
        self.cut()

    async def take_no_notice(self) -> None:
        async def killed() -> None:
            await asyncio.sleep(0.6)
            await self.stop_at_once()

        self.late = asyncio.ensure_future(killed())

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        self.ended.set()


def load(
    how: Callable[[Server], Callable[[], Awaitable[None]]],
    body: str = BODY,
    **server: bool,
) -> LoadFacts:
    async def run() -> LoadFacts:
        found = Server(**server)
        plan = LoadPlan(
            await found.start(), "/", "POST", "/orders", body, settle_seconds=0.1, hold_seconds=0.3
        )
        async with asyncio.timeout(20):
            return await run_load(plan, how(found), found.ended)

    return asyncio.run(run())


@pytest.mark.parametrize("body", [BODY, ""])
@pytest.mark.parametrize("keep_alive", [True, False])
def test_a_server_that_stops_in_order_answers_what_is_in_flight(
    body: str, keep_alive: bool
) -> None:
    facts = load(lambda server: server.stop_in_order, body, keep_alive=keep_alive)
    assert [h.outcome for h in facts.held] == ["answered"] * HELD
    assert [h.status for h in facts.held] == [200] * HELD
    assert all(0.25 < h.seconds < 3 for h in facts.held)
    assert all(h.accepted is keep_alive for h in facts.held)
    assert facts.answered_before >= CLIENTS
    assert facts.refused_after > 0
    assert facts.lost == 0
    assert facts.last_answer_seconds is None or facts.last_answer_seconds < 0.1


def test_a_server_that_stops_at_once_drops_it() -> None:
    facts = load(lambda server: server.stop_at_once)
    assert [h.outcome for h in facts.held] == ["dropped"] * HELD
    assert all(h.error and h.accepted for h in facts.held)
    assert facts.answered_after == 0


def test_a_server_that_takes_no_notice_goes_on_answering() -> None:
    facts = load(lambda server: server.take_no_notice)
    assert facts.answered_after > CLIENTS
    assert facts.last_answer_seconds is not None
    assert facts.last_answer_seconds > 0.4


def test_an_answer_before_the_end_of_the_request_is_told_apart() -> None:
    facts = load(lambda server: server.stop_in_order, reads_body=False)
    assert {h.outcome for h in facts.held} <= {"early", "dropped"}
    assert any(h.outcome == "early" for h in facts.held)


def test_a_port_where_nobody_listens() -> None:
    async def run() -> LoadFacts:
        server = Server()
        port = await server.start()
        server.server.close()
        await server.server.wait_closed()

        async def tell() -> None:
            server.ended.set()

        return await run_load(LoadPlan(port, "/", settle_seconds=0.05), tell, server.ended)

    facts = asyncio.run(run())
    assert [h.outcome for h in facts.held] == ["dropped"] * HELD
    assert facts.answered_before == 0
