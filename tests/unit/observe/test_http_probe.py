from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from helpers.observe import http_probe
from helpers.observe.http_probe import MAX_KEPT, ProbeRun, run_probes
from helpers.observe.requests import Probe

Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


def probe_server(
    handler: Handler, probes: tuple[Probe, ...], wait: float = 2.0, end_after: float | None = None
) -> ProbeRun:
    """Run the probes against a server that answers each connection with the handler."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (
                    int(h[15:])
                    for h in head.split(b"\r\n")
                    if h.lower().startswith(b"content-length")
                ),
                0,
            )
            await handler(head + await reader.readexactly(length), writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def main() -> ProbeRun:
        server = await asyncio.start_server(connection, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        ended = asyncio.Event()
        if end_after is not None:
            asyncio.get_running_loop().call_later(end_after, ended.set)
        try:
            return await run_probes(
                f"http://127.0.0.1:{port}",
                probes,
                began=time.monotonic(),
                wait_seconds=wait,
                ended=ended,
            )
        finally:
            server.close()

    return asyncio.run(main())


def answer(status: str, body: bytes = b"", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _echo(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(answer("200 OK", request))


def test_each_probe_is_answered_in_order() -> None:
    run = probe_server(_echo, (Probe("/a"), Probe("/b?x=1", "POST", '{"n": 1}')))
    assert [(r.method, r.path, r.status) for r in run.responses] == [
        ("GET", "/a", 200),
        ("POST", "/b?x=1", 200),
    ]
    assert "GET /a HTTP/1.1" in run.responses[0].body
    assert '{"n": 1}' in run.responses[1].body
    assert "content-type: application/json" in run.responses[1].body.lower()
    assert run.ready_seconds is not None


def test_any_status_is_an_answer_and_a_redirect_is_not_followed() -> None:
    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer("302 Found", b"", "Location: /elsewhere\r\n"))

    run = probe_server(handler, (Probe("/"),))
    assert [r.status for r in run.responses] == [302]


def test_the_first_probe_is_sent_again_until_it_is_answered() -> None:
    calls = 0

    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        if calls > 3:  # before that: closed without a word, as Docker's proxy does
            writer.write(answer("200 OK", b"ready"))

    run = probe_server(handler, (Probe("/"),))
    assert calls == 4
    assert run.responses[0].body == "ready"


def test_nothing_is_sent_any_more_once_the_container_has_ended() -> None:
    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        return

    began = time.monotonic()
    run = probe_server(handler, (Probe("/"), Probe("/b")), wait=30, end_after=0.1)
    assert time.monotonic() - began < 5
    assert run.ready_seconds is None
    assert [r.status for r in run.responses] == [None]
    assert run.responses[0].error
    assert not run.refused


def test_no_connection_at_all_is_told() -> None:
    run = asyncio.run(_probe_closed_port())
    assert run == ProbeRun(None, run.responses, refused=True)
    assert run.responses[0].error == "no connection"


async def _probe_closed_port() -> ProbeRun:
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return await run_probes(
        f"http://127.0.0.1:{port}",
        (Probe("/"),),
        began=time.monotonic(),
        wait_seconds=0.1,
        ended=asyncio.Event(),
    )


def test_a_huge_body_is_neither_read_nor_kept_whole() -> None:
    sent = 0

    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(4000):
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    run = probe_server(handler, (Probe("/"),))
    assert run.responses[0].status == 200
    assert run.responses[0].body == "x" * MAX_KEPT
    assert sent < 20_000_000


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_an_answer_that_drips_is_cut_by_the_deadline(
    head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_probe, "ANSWER_SECONDS", 0.3)

    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    began = time.monotonic()
    run = probe_server(handler, (Probe("/"),), wait=0.5)
    assert time.monotonic() - began < 3
    assert "no complete answer" in run.responses[0].error


def test_control_characters_are_written_out() -> None:
    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer("200 OK", b"a\x1b[2Jb\xff\n"))

    body = probe_server(handler, (Probe("/"),)).responses[0].body
    assert body.isprintable()
    assert body.startswith("a\\x1b[2Jb")


def test_something_else_than_http_is_no_answer() -> None:
    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"-ERR unknown command\r\n")

    run = probe_server(handler, (Probe("/"),), wait=0.2)
    assert run.responses[0].status is None


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert probe_server(_echo, (Probe("/"),)).responses[0].status == 200
