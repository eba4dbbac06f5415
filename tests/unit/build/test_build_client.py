"""The client against an engine that misbehaves: a socket that says what a test wants."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from helpers.build.cancel import CancelToken
from helpers.build.client import build, stream
from helpers.build.context import folder_context, mapping_context
from helpers.build.errors import (
    BuildError,
    Cancelled,
    ContextError,
    EngineLost,
    NoBuildKit,
    RequestError,
    TimedOut,
)
from helpers.build.request import BuildRequest

CONTEXT = mapping_context({"Dockerfile": "FROM scratch\n"})
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
TRACE = b'{"id":"moby.buildkit.trace","aux":""}\r\n'
IMAGE = b'{"id":"moby.image.id","aux":{"ID":"sha256:abc"}}\r\n'
END = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@contextmanager
def fake_engine(serve: Callable[[socket.socket], None]) -> Iterator[docker.APIClient]:
    """An engine that answers one request with ``serve``."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=run)
        thread.start()
        api = docker.APIClient(f"tcp://127.0.0.1:{listener.getsockname()[1]}", version="1.45")
        try:
            yield api
        finally:
            api.close()
            thread.join(timeout=10)
            assert not thread.is_alive()


def read_request(connection: socket.socket) -> bytes:
    raw = b""
    while not raw.endswith(END):
        data = connection.recv(65536)
        assert data
        raw += data
    return raw


def answer(*parts: bytes) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"".join(parts))

    return serve


def test_the_request_says_what_is_wanted() -> None:
    seen: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        connection.sendall(HEAD + chunk(TRACE) + chunk(IMAGE) + END)

    request = BuildRequest(
        CONTEXT,
        tags=("a:1", "b:2"),
        target="x",
        build_args={"K": "v"},
        no_cache=True,
        platform="linux/arm64",
    )
    with fake_engine(serve) as api:
        record = build(api, request)
    first = seen[0].split(b"\r\n")[0]
    assert first.startswith(b"POST /v1.45/build?version=2&dockerfile=Dockerfile&t=a%3A1&t=b%3A2&")
    assert b"nocache=1" in first
    assert b"target=x" in first
    assert b"pull" not in first
    assert record.image_id == "sha256:abc"
    assert record.context_bytes == CONTEXT.total_bytes


def test_chunks_may_split_documents() -> None:
    whole = TRACE + IMAGE
    parts = [chunk(whole[i : i + 7]) for i in range(0, len(whole), 7)]
    with fake_engine(answer(HEAD, *parts, END)) as api:
        assert build(api, BuildRequest(CONTEXT)).image_id == "sha256:abc"


def test_an_early_refusal_is_told_while_the_body_is_still_being_sent(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    with (tmp_path / "big").open("wb") as file:
        file.truncate(80_000_000)
    body = json.dumps({"message": "invalid reference format"}).encode()

    def serve(connection: socket.socket) -> None:
        connection.recv(1000)
        head = b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
        connection.sendall(
            head + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
        )
        connection.shutdown(socket.SHUT_WR)

    with fake_engine(serve) as api, pytest.raises(RequestError, match="invalid reference format"):
        build(api, BuildRequest(folder_context(tmp_path)))


def test_a_context_error_while_sending_is_told_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "gone").write_text("x")
    context = folder_context(tmp_path)
    (tmp_path / "gone").unlink()

    def serve(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass

    with fake_engine(serve) as api, pytest.raises(ContextError, match="gone"):
        build(api, BuildRequest(context))


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ((HEAD, chunk(TRACE)), EngineLost),
        ((HEAD, b"ff\r\n{"), EngineLost),
        ((HEAD, chunk(TRACE), END), EngineLost),
        ((), EngineLost),
        ((b"rubbish\r\n\r\n",), EngineLost),
        ((HEAD, chunk(b'{"stream":"Step 1/1 : FROM scratch"}\r\n'), END), NoBuildKit),
    ],
)
def test_an_engine_that_ends_without_a_result(
    parts: tuple[bytes, ...], error: type[BuildError]
) -> None:
    with fake_engine(answer(*parts)) as api, pytest.raises(error) as caught:
        build(api, BuildRequest(CONTEXT))
    assert caught.value.remedy
    assert caught.value.record is not None


def test_no_engine_at_all() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    api = docker.APIClient(f"tcp://127.0.0.1:{port}", version="1.45")
    with pytest.raises(EngineLost):
        build(api, BuildRequest(CONTEXT))


def test_an_engine_that_is_too_old_is_not_even_asked() -> None:
    api = docker.APIClient("tcp://127.0.0.1:1", version="1.38")
    with pytest.raises(NoBuildKit, match=r"1\.38"):
        build(api, BuildRequest(CONTEXT))


def silent(told: threading.Event, ended: threading.Event) -> Callable[[socket.socket], None]:
    """An engine that begins to answer, falls silent, and notices when the client leaves."""

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(HEAD + chunk(TRACE))
        told.set()
        connection.settimeout(10)
        assert connection.recv(1) == b""
        ended.set()

    return serve


def test_time_is_up_while_the_engine_is_silent() -> None:
    told, ended = threading.Event(), threading.Event()
    with fake_engine(silent(told, ended)) as api, pytest.raises(TimedOut, match=r"0\.2 seconds"):
        build(api, BuildRequest(CONTEXT, timeout_seconds=0.2))
    assert ended.is_set()


def test_time_is_up_before_the_engine_says_a_word() -> None:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.settimeout(10)
        assert connection.recv(1) == b""

    with fake_engine(serve) as api, pytest.raises(TimedOut):
        build(api, BuildRequest(CONTEXT, timeout_seconds=0.2))


def test_another_thread_cancels() -> None:
    told, ended, token = threading.Event(), threading.Event(), CancelToken()

    def cancel() -> None:
        told.wait(10)
        token.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with fake_engine(silent(told, ended)) as api, pytest.raises(Cancelled) as error:
        build(api, BuildRequest(CONTEXT), cancel=token)
    thread.join()
    assert not isinstance(error.value, TimedOut)
    assert ended.is_set()


def test_a_token_that_was_cancelled_before_ends_the_build_at_once() -> None:
    token = CancelToken()
    token.cancel()
    api = docker.APIClient("tcp://127.0.0.1:1", version="1.45")
    with pytest.raises(Cancelled):
        build(api, BuildRequest(CONTEXT), cancel=token)


def test_closing_the_events_closes_the_connection() -> None:
    ended = threading.Event()
    warning = chunk(b'{"id":"moby.buildkit.trace","aux":5}\r\n')

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(HEAD + warning)
        connection.settimeout(10)
        assert connection.recv(1) == b""
        ended.set()

    with fake_engine(serve) as api:
        events = stream(api, BuildRequest(CONTEXT))
        next(events)
        events.close()
        assert ended.wait(10)


def test_what_on_event_raises_closes_the_connection_and_comes_through() -> None:
    ended = threading.Event()

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(HEAD + chunk(b'{"id":"moby.buildkit.trace","aux":5}\r\n'))
        connection.settimeout(10)
        assert connection.recv(1) == b""
        ended.set()

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with fake_engine(serve) as api:
        with pytest.raises(KeyboardInterrupt):
            build(api, BuildRequest(CONTEXT), interrupt)
        assert ended.wait(10)
