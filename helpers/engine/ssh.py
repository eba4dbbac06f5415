"""An engine over SSH: every connection is ``ssh HOST docker system dial-stdio``.

The ssh program of this machine does it, with the user's own configuration, agent and known hosts,
as Docker's own client has it. docker-py's transport needs paramiko even where it runs that program,
and its sockets know no time limit and cannot be interrupted; here they are real ones.

Source: https://docs.docker.com/engine/security/protect-access/#use-ssh-to-protect-the-docker-daemon-socket
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import urlsplit

from docker import DockerClient
from docker.constants import MINIMUM_DOCKER_API_VERSION
from docker.errors import DockerException
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectionError as RequestsConnectionError
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

_CONNECT_SECONDS = 30  # as Docker's own client
_END_SECONDS = 1.0
_SAID_BYTES = 4096
_POOL = 9  # connections that are kept for the next request, as docker-py
_HIDDEN = ("LD_LIBRARY_PATH", "SSL_CERT_FILE")  # meant for this process, not for ssh


class SshFailed(RequestsConnectionError):
    """The ssh program ended without an engine's answer; its text is what the program printed."""


@dataclass(frozen=True, slots=True)
class SshAddress:
    """Where an engine is reached over SSH.

    Attributes:
        host: name, address, or a Host of the user's ssh_config.
        user: None for what ssh_config says.
        port: None for what ssh_config says.
    """

    host: str
    user: str | None = None
    port: int | None = None

    @staticmethod
    def parse(url: str) -> SshAddress:
        """Read ``ssh://USER@HOST:PORT``.

        Raises:
            ValueError: where it is no such address; the text says what is wrong.
        """
        parts = urlsplit(url)
        if parts.scheme != "ssh" or not parts.hostname:
            raise ValueError("the address names no host")
        if parts.password is not None:
            raise ValueError("an address with a password is not used; SSH keys are")
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("nothing can stand behind the host of an SSH address")
        return SshAddress(parts.hostname, parts.username, parts.port)

    def __str__(self) -> str:
        """As docker-py's adapter has it: ``USER@HOST:PORT``."""
        return (
            (f"{self.user}@" if self.user else "")
            + self.host
            + (f":{self.port}" if self.port else "")
        )

    def command(self) -> tuple[str, ...]:
        """The program that connects its standard input and output to the engine."""
        return (
            "ssh",
            *("-T", "-o", f"ConnectTimeout={_CONNECT_SECONDS}"),
            *(("-l", self.user) if self.user else ()),
            *(("-p", str(self.port)) if self.port else ()),
            *("--", self.host, "docker system dial-stdio"),
        )


def ssh_client(url: str, *, timeout: int) -> DockerClient:
    """The Docker SDK's client for an engine over SSH.

    Args:
        url: ``ssh://USER@HOST:PORT``.
        timeout: for one read from the engine, in seconds.

    Raises:
        ValueError: where the address cannot be used.
        DockerException: where no engine answers; caused by :class:`SshFailed`.
    """
    address = SshAddress.parse(url)
    if shutil.which("ssh") is None:
        raise DockerException("the program ssh is not installed on this machine")
    adapter = SshAdapter(address, timeout)
    # A version and an address keep the SDK from connecting by itself; both are replaced below.
    client = DockerClient("http://localhost:1", version=MINIMUM_DOCKER_API_VERSION, timeout=timeout)
    api: Any = client.api
    api.adapters.clear()
    api.mount("http+docker://", adapter)
    api.base_url = "http+docker://localhost"
    try:
        api._version = api._retrieve_server_version()  # noqa: SLF001
    except BaseException:
        client.close()
        raise
    return client


class SshAdapter(HTTPAdapter):
    """Sends requests over SSH.

    Attributes:
        ssh_host: ``USER@HOST:PORT``, under the name that docker-py's own adapter has for it.
    """

    def __init__(self, address: SshAddress, timeout: float) -> None:
        super().__init__()
        self.ssh_host = str(address)
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the adapter)
        self._connections = _Pool(
            "localhost", timeout=timeout, maxsize=_POOL, address=address, said=self._said
        )

    def get_connection_with_tls_context(
        self,
        request: PreparedRequest,  # noqa: ARG002
        verify: bool | str | None,  # noqa: ARG002
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002
        cert: tuple[str, str] | str | None = None,  # noqa: ARG002
    ) -> HTTPConnectionPool:
        """The pool, whatever is asked for: there is one engine behind it."""
        return self._connections

    def request_url(
        self,
        request: PreparedRequest,
        proxies: Mapping[str, str] | None,  # noqa: ARG002
    ) -> str:
        """The path alone: no proxy stands between."""
        return request.path_url

    def send(self, *args: Any, **options: Any) -> Response:
        """Send a request.

        Raises:
            SshFailed: where ssh ended before the engine answered.
        """
        said = self._said.fileno()
        before = os.fstat(said).st_size
        try:
            return super().send(*args, **options)
        except RequestsConnectionError as error:
            lines = os.pread(said, _SAID_BYTES, before).decode(errors="replace").splitlines()
            words = [line.strip() for line in lines if line.strip()] or [str(error)]
            raise SshFailed(words[-1], request=error.request) from error

    def close(self) -> None:
        """End the connections that are not in use."""
        super().close()
        self._connections.close()
        self._said.close()


class _Tunnel(socket.socket):
    """A connection to the engine; the ssh that carries it ends with it."""

    process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def open(address: SshAddress, said: IO[bytes]) -> _Tunnel:
        ours, theirs = socket.socketpair()
        try:
            process = subprocess.Popen(
                address.command(),
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=said,
                env={name: value for name, value in os.environ.items() if name not in _HIDDEN},
                start_new_session=True,  # Ctrl-C is this program's affair
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        tunnel = _Tunnel(fileno=ours.detach())
        tunnel.process = process
        return tunnel

    def close(self) -> None:
        """Close it; once nobody reads from it any more, ssh is ended and waited for."""
        super().close()
        if self.fileno() != -1 or self.process is None:
            return
        process, self.process = self.process, None
        for stop in (process.terminate, process.kill):
            # Its standard input has ended, so it ends by itself, with all that was sent.
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                stop()
            else:
                return
        process.wait()


class _Connection(HTTPConnection):
    def __init__(self, *args: Any, address: SshAddress, said: IO[bytes], **options: Any) -> None:
        super().__init__(*args, **options)
        self._address = address
        self._said = said

    def connect(self) -> None:
        tunnel = _Tunnel.open(self._address, self._said)
        if isinstance(self.timeout, int | float):
            tunnel.settimeout(self.timeout)
        self.sock = tunnel


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection
