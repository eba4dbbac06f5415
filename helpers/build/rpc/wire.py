"""A raw connection to the engine that docker-py talks to, upgraded to HTTP/2.

The engine answers ``101`` to ``POST /grpc`` and ``POST /session`` with ``Upgrade: h2c``, and the
same socket carries HTTP/2 from then on.
Source: https://github.com/moby/moby/tree/master/daemon/server/router (session, grpc).
"""

from __future__ import annotations

import os
import socket
import ssl
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from helpers.build.errors import NO_BUILDKIT_REMEDY, EngineLost, NoBuildKit
from helpers.build.rpc.ssh_tunnel import SshAddress, SshTunnel

if TYPE_CHECKING:
    from docker import APIClient

_HEAD_LIMIT = 64 * 1024


@dataclass(slots=True)
class Wire:
    """One upgraded connection.

    Attributes:
        socket: the connection itself.
        early: what the engine sent behind its answer already.
        said: what the ssh that carries it has to say; None where none does.
    """

    socket: socket.socket
    early: bytes = b""
    said: IO[bytes] | None = None

    def shutdown(self) -> None:
        """Break the connection under whoever reads from it or writes to it."""
        with suppress(OSError):
            # The plain socket's own: a TLS goodbye could wait for the peer.
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it, and end its ``ssh``."""
        self.shutdown()
        self.socket.close()
        if self.said is not None:
            self.said.close()

    def reason(self) -> str:
        """The last line that ssh printed; empty where it printed none."""
        if self.said is None or self.said.closed:
            return ""
        said = os.pread(self.said.fileno(), _HEAD_LIMIT, 0).decode(errors="replace")
        return next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "")


def open_wire(api: APIClient, path: str, headers: Iterable[tuple[str, str]] = ()) -> Wire:
    """Open a connection of its own to the engine, and have it upgraded.

    Args:
        api: docker-py's low-level client; its address and its certificates are used.
        path: ``/grpc`` or ``/session``.
        headers: more request headers.

    Raises:
        EngineLost: where the engine does not answer.
        NoBuildKit: where it answers that there is no such thing.
    """
    wire = _connect(api)
    try:
        wire.socket.settimeout(api.timeout)
        lines = [
            f"POST /v{api.api_version}{path} HTTP/1.1",
            "Host: docker",
            "Connection: Upgrade",
            "Upgrade: h2c",
            "Content-Length: 0",
            *(f"{name}: {value}" for name, value in headers),
        ]
        wire.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        wire.early = _upgraded(wire.socket, path)
        wire.socket.settimeout(None)
    except (OSError, EOFError) as error:
        reason = wire.reason()
        wire.close()
        raise lost(EOFError(reason) if reason else error) from error
    except BaseException:
        wire.close()
        raise
    return wire


def lost(error: Exception) -> EngineLost:
    """The error for a connection that broke or never came about."""
    if isinstance(error, ssl.SSLError):
        return EngineLost(
            f"The engine's TLS connection was refused: {error}",
            remedy="Check DOCKER_CERT_PATH and DOCKER_TLS_VERIFY, and the certificate's dates.",
        )
    return EngineLost(
        f"The engine stopped answering during the build: {error}",
        remedy="See whether the engine still runs (its log tells why not), then build again.",
    )


def _connect(api: Any) -> Wire:
    """A connection by the client's own transport: Unix socket, SSH, TLS or plain TCP."""
    base = api.base_url
    adapter = api.get_adapter(base)
    try:
        if hasattr(adapter, "socket_path"):
            unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                unix.settimeout(api.timeout)
                unix.connect(adapter.socket_path)
            except BaseException:
                unix.close()
                raise
            return Wire(unix)
        if hasattr(adapter, "ssh_host"):
            return _ssh(adapter)
        address = urlsplit(base)
        tcp = socket.create_connection(
            (address.hostname or "localhost", address.port or 2375), timeout=api.timeout
        )
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Wire(_tls(api, tcp, address.hostname or "") if address.scheme == "https" else tcp)
    except OSError as error:
        raise lost(error) from error


def _tls(api: Any, plain: socket.socket, host: str) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=api.verify if isinstance(api.verify, str) else None)
    if not api.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if api.cert:
        context.load_cert_chain(*api.cert)
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _ssh(adapter: Any) -> Wire:
    """Always the ssh program, also where the client itself uses paramiko."""
    said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the wire
    try:
        address = SshAddress.parse(f"ssh://{adapter.ssh_host.removeprefix('ssh://')}")
        return Wire(SshTunnel.open(address, said), said=said)
    except BaseException:
        said.close()
        raise


def _upgraded(connection: socket.socket, path: str) -> bytes:
    """Read the answer's head; what follows it belongs to HTTP/2."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(4096)
        if not data:
            raise EOFError("it closed the connection")
        head += data
        if len(head) > _HEAD_LIMIT:
            raise EOFError("its answer has no end")
    head, _, early = head.partition(b"\r\n\r\n")
    status, *_ = head.decode("latin-1").split("\r\n")
    parts = status.split(" ", 2)
    answer = " ".join(parts[1:]) or "nothing that can be read"
    if parts[1:2] == ["101"]:
        return early
    if parts[1:2] and parts[1][0] == "5":
        raise EngineLost(
            f"The engine answered {answer} to POST {path}.",
            remedy="See the engine's log, and whether something stands between it and you.",
        )
    raise NoBuildKit(
        f"The engine does not give access to BuildKit: POST {path} was answered with {answer}.",
        remedy=NO_BUILDKIT_REMEDY,
    )
