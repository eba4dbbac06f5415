"""An engine over SSH: every connection is ``ssh HOST docker system dial-stdio``.

The ssh program of this machine does it, with the user's own configuration, agent and known hosts,
as Docker's own client has it. docker-py's transport needs paramiko even where it runs that program,
and its sockets know no time limit and cannot be interrupted; here they are real ones.

Source: https://docs.docker.com/engine/security/protect-access/#use-ssh-to-protect-the-docker-daemon-socket
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from typing import IO, Any

from docker import DockerClient
from docker.constants import MINIMUM_DOCKER_API_VERSION
from docker.errors import DockerException
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectionError as RequestsConnectionError
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from helpers.build.rpc.ssh_tunnel import SshAddress, SshTunnel

_SAID_BYTES = 4096
_POOL = 9  # connections that are kept for the next request, as docker-py


class SshFailed(RequestsConnectionError):
    """The ssh program ended without an engine's answer; its text is what the program printed."""


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


class _Connection(HTTPConnection):
    def __init__(self, *args: Any, address: SshAddress, said: IO[bytes], **options: Any) -> None:
        super().__init__(*args, **options)
        self._address = address
        self._said = said

    def connect(self) -> None:
        tunnel = SshTunnel.open(self._address, self._said)
        if isinstance(self.timeout, int | float):
            tunnel.settimeout(self.timeout)
        self.sock = tunnel


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection
