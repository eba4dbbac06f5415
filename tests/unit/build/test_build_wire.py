"""The connection that is upgraded, and engines that do not grant it."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
import pytest
from rpc_pair import PATIENCE

from helpers.build.errors import EngineLost, NoBuildKit
from helpers.build.rpc.wire import open_wire

GRANTED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"


@contextmanager
def engine(
    folder: Path, serve: Callable[[socket.socket, bytes], None], *, tcp: bool = False
) -> Iterator[docker.APIClient]:
    """An engine that serves one connection."""
    path = str(folder / "engine.sock")
    family = socket.AF_INET if tcp else socket.AF_UNIX
    with socket.socket(family) as listener:
        listener.bind(("127.0.0.1", 0) if tcp else path)
        listener.listen()

        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(PATIENCE)
                head = b""
                while b"\r\n\r\n" not in head:
                    head += connection.recv(65536)
                serve(connection, head)

        thread = threading.Thread(target=run)
        thread.start()
        base = f"tcp://127.0.0.1:{listener.getsockname()[1]}" if tcp else f"unix://{path}"
        api = docker.APIClient(base, version="1.45", timeout=int(PATIENCE))
        try:
            yield api
        finally:
            api.close()
            thread.join(PATIENCE)
            assert not thread.is_alive()


def says(*parts: bytes) -> Callable[[socket.socket, bytes], None]:
    def serve(connection: socket.socket, _: bytes) -> None:
        for part in parts:
            connection.sendall(part)

    return serve


@pytest.mark.parametrize("tcp", [False, True])
def test_the_upgrade_is_asked_for_and_the_connection_is_the_callers(
    tmp_path: Path, tcp: bool
) -> None:
    heads: list[bytes] = []

    def serve(connection: socket.socket, head: bytes) -> None:
        heads.append(head)
        connection.sendall(GRANTED)
        assert connection.recv(100) == b"hello"
        connection.sendall(b"welcome")

    with engine(tmp_path, serve, tcp=tcp) as api:
        wire = open_wire(api, "/session", [("X-One", "1"), ("X-One", "2")])
        assert wire.early == b""
        assert wire.socket.gettimeout() is None
        wire.socket.sendall(b"hello")
        assert wire.socket.recv(100) == b"welcome"
        wire.close()
    first, *lines = heads[0].split(b"\r\n")
    assert first == b"POST /v1.45/session HTTP/1.1"
    assert {b"Connection: Upgrade", b"Upgrade: h2c", b"X-One: 1", b"X-One: 2"} <= set(lines)


def test_what_comes_with_the_answer_is_kept(tmp_path: Path) -> None:
    with engine(tmp_path, says(GRANTED + b"early\r\n\r\nbytes")) as api:
        wire = open_wire(api, "/grpc")
        assert wire.early == b"early\r\n\r\nbytes"
        wire.close()


def test_an_answer_may_come_byte_by_byte(tmp_path: Path) -> None:
    with engine(tmp_path, says(*(GRANTED[i : i + 1] for i in range(len(GRANTED))))) as api:
        wire = open_wire(api, "/grpc")
        assert wire.early == b""
        wire.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n{}", "POST /grpc was answered with 404 Not Found"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "400 Bad Request"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "200 OK"),
        (b"HTTP/1.1 403\r\n\r\n", "403"),
        (b"rubbish\r\n\r\n", "nothing that can be read"),
        (b"\xff\xfe\r\n\r\n", "nothing that can be read"),
        (b"\r\n\r\n", "nothing that can be read"),
    ],
)
def test_an_engine_that_refuses_has_no_buildkit(tmp_path: Path, answer: bytes, words: str) -> None:
    with engine(tmp_path, says(answer)) as api, pytest.raises(NoBuildKit, match=words) as error:
        open_wire(api, "/grpc")
    assert error.value.remedy


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ((), "closed the connection"),
        ((b"HTTP/1.1 101",), "closed the connection"),
        ((b"HTTP/1.1 101 UPGRADED\r\n" + b"x" * 70_000,), "has no end"),
    ],
)
def test_an_engine_that_stops_in_the_middle_is_lost(
    tmp_path: Path, parts: tuple[bytes, ...], words: str
) -> None:
    with engine(tmp_path, says(*parts)) as api, pytest.raises(EngineLost, match=words) as error:
        open_wire(api, "/grpc")
    assert error.value.remedy


def test_an_engine_that_never_answers_is_lost_in_time(tmp_path: Path) -> None:
    gone = threading.Event()

    def serve(connection: socket.socket, _: bytes) -> None:
        assert connection.recv(1) == b""
        gone.set()

    with engine(tmp_path, serve) as api:
        api.timeout = 0.1  # type: ignore[assignment]
        with pytest.raises(EngineLost, match="timed out"):
            open_wire(api, "/grpc")
        assert gone.wait(PATIENCE)


def test_an_engine_that_is_not_there_is_lost(tmp_path: Path) -> None:
    with pytest.raises(EngineLost, match="No such file"):
        open_wire(docker.APIClient(f"unix://{tmp_path}/none.sock", version="1.45"), "/grpc")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(EngineLost, match="refused"):
        open_wire(docker.APIClient(f"tcp://127.0.0.1:{port}", version="1.45"), "/grpc")


def test_an_error_leaves_no_connection_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    refuses = engine(tmp_path, says(b"HTTP/1.1 404 Not Found\r\n\r\n"))
    with refuses as api, pytest.raises(NoBuildKit):
        open_wire(api, "/grpc")
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_tls_is_checked_with_the_clients_own_certificates(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", cert),
            *("-addext", "subjectAltName=DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.load_verify_locations(cert)
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            for _ in range(2):
                plain, _ = listener.accept()
                plain.settimeout(PATIENCE)
                with suppress(OSError), context.wrap_socket(plain, server_side=True) as connection:
                    connection.recv(65536)
                    connection.sendall(GRANTED + b"early")

        thread = threading.Thread(target=run)
        thread.start()
        base = f"https://localhost:{listener.getsockname()[1]}"
        mine = (str(cert), str(key))
        trusted = docker.tls.TLSConfig(client_cert=mine, ca_cert=str(cert), verify=True)
        wire = open_wire(docker.APIClient(base, version="1.45", tls=trusted), "/grpc")
        assert wire.early == b"early"
        wire.close()
        api = docker.APIClient(base, version="1.45", tls=docker.tls.TLSConfig(verify=True))
        with pytest.raises(EngineLost, match="TLS connection was refused") as error:
            open_wire(api, "/grpc")
        assert "DOCKER_CERT_PATH" in error.value.remedy
        thread.join(PATIENCE)


def fake_ssh(folder: Path, script: str) -> None:
    program = folder / "ssh"
    program.write_text(f'#!/bin/sh\necho $$ > {folder}/pid\necho "$@" > {folder}/args\n{script}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def ssh_client(user_at_host: str) -> docker.APIClient:
    """docker-py's client with an SSH address, without connecting."""
    api = docker.APIClient("tcp://127.0.0.1:1", version="1.45", timeout=int(PATIENCE))

    class Adapter:
        ssh_host = user_at_host

        def close(self) -> None:
            """Nothing is open."""

    api.mount("http://", Adapter())  # type: ignore[arg-type]
    return api


def test_ssh_carries_the_connection_and_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = GRANTED.decode("latin-1").replace("\r\n", "\\r\\n")
    fake_ssh(tmp_path, f"sed -u '/^.$/q' >/dev/null; printf '{answer}'; exec cat")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    wire = open_wire(ssh_client("me@build.example.com:2222"), "/grpc")
    args = (tmp_path / "args").read_text()
    assert args.endswith("-l me -p 2222 -- build.example.com docker system dial-stdio\n")
    wire.socket.sendall(b"hello")
    assert wire.socket.recv(100) == b"hello"
    wire.close()
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


def test_ssh_that_fails_is_a_lost_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ssh(tmp_path, "echo 'Permission denied (publickey).' >&2; exit 255")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(EngineLost, match=r"Permission denied \(publickey\)"):
        open_wire(ssh_client("build.example.com"), "/grpc")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(EngineLost, match="No such file"):
        open_wire(ssh_client("build.example.com"), "/grpc")
