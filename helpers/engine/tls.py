"""An engine over TCP with TLS, by the certificates that it was configured with and no others."""

from __future__ import annotations

import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

from docker import DockerClient
from docker.constants import MINIMUM_DOCKER_API_VERSION
from docker.errors import DockerException
from docker.tls import TLSConfig
from requests import Response
from requests.adapters import HTTPAdapter

_ALERT_SECONDS = 5.0
#: A connection that broke off while something was sent, so that what the engine said was not read.
_BROKE_OFF = ("EOF occurred", "Connection reset", "Broken pipe", "RemoteDisconnected")


def tls_client(url: str, tls: TLSConfig, *, timeout: int) -> DockerClient:
    """The Docker SDK's client for an engine over TCP with TLS.

    Args:
        url: ``tcp://HOST:PORT``.
        tls: the certificates.
        timeout: for one read from the engine, in seconds.

    Raises:
        DockerException: where no engine answers.
    """
    # A version keeps the SDK from connecting by itself, before the adapter is in its place.
    client = DockerClient(url, version=MINIMUM_DOCKER_API_VERSION, timeout=timeout, tls=tls)
    api: Any = client.api
    api.mount("https://", _Adapter(api.verify, api.cert))
    try:
        api._version = api._retrieve_server_version()  # noqa: SLF001
    except DockerException as error:
        client.close()
        if any(words in str(error) for words in _BROKE_OFF) and (alert := _alert(url, tls)):
            raise DockerException(alert) from error
        raise
    except BaseException:
        client.close()
        raise
    return client


class _Adapter(HTTPAdapter):
    """Holds to the given certificates.

    Where REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE is set, requests takes that instead of what a session
    was told, and no engine with an authority of its own is trusted any more.
    Source: https://github.com/psf/requests/issues/3829
    """

    def __init__(self, verify: bool | str, cert: tuple[str, str] | None) -> None:
        super().__init__()
        self._verify = verify
        self._cert = cert

    def send(self, *args: Any, **options: Any) -> Response:
        return super().send(*args, **{**options, "verify": self._verify, "cert": self._cert})


def _alert(url: str, tls: TLSConfig) -> str:
    """What the engine says of the client's certificate; empty where it says nothing.

    In TLS 1.3 a server refuses a client when the client has taken the handshake for done and is
    sending already. Whoever only listens gets to read why.
    """
    address = urlsplit(url)
    context = ssl.create_default_context(cafile=tls.ca_cert)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert:
        context.load_cert_chain(*tls.cert)
    host = address.hostname or ""
    try:
        with (
            socket.create_connection((host, address.port or 2376), _ALERT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as connection,
        ):
            connection.recv(1)
    except ssl.SSLError as error:
        return str(error)
    except OSError:
        return ""
    return ""
