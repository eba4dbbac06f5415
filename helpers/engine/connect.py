"""The only place that opens a connection to an engine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import docker
from docker.errors import DockerException
from docker.tls import TLSConfig
from requests.exceptions import ChunkedEncodingError, Timeout
from requests.exceptions import ConnectionError as RequestsConnectionError
from urllib3.exceptions import ProtocolError

from helpers.engine import private
from helpers.engine.find import Endpoint, candidates
from helpers.engine.problems import no_engine, reason
from helpers.engine.ssh import ssh_client
from helpers.engine.state import StateFolder, state_folder
from helpers.engine.tls import tls_client
from helpers.errors import NoEngine

#: BuildKit through the API needs 1.39; volumes and labels as used here need nothing newer than 1.41
#: (Engine 20.10). Source: https://docs.docker.com/reference/api/engine/version-history/
OLDEST_API = (1, 41)
OLDEST_ENGINE = "20.10"
#: What the SDK lets through where a connection breaks.
_BROKEN = (ChunkedEncodingError, RequestsConnectionError, Timeout, ProtocolError)
_CONNECT_SECONDS = 600  # a read may wait for a build step that prints nothing for minutes


@dataclass(frozen=True)
class Engine:
    """An engine that answered.

    Attributes:
        client: the Docker SDK's client.
        endpoint: where it listens, and who said so.
        version: for example ``26.1.5``.
        api_version: for example ``1.45``.
        private: True for the workbook's own engine.
    """

    client: docker.DockerClient
    endpoint: Endpoint
    version: str
    api_version: str
    private: bool

    @cached_property
    def info(self) -> dict[str, Any]:
        """The engine's ``/info``, asked for once."""
        return dict(self.client.info())

    @property
    def local(self) -> bool:
        """True where the engine's loopback addresses are this machine's (socket or pipe)."""
        return self.endpoint.url.startswith(("unix:", "npipe:"))

    @property
    def runtimes(self) -> tuple[str, ...]:
        """Names of the OCI runtimes that the engine knows, for example ``runc``, ``crun``."""
        return tuple(sorted(self.info.get("Runtimes", {})))

    def describe(self) -> str:
        """The engine in one line."""
        whose = "the workbook's private engine" if self.private else self.endpoint.source
        return f"Docker {self.version} ({whose})"

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Close; a connection that broke is told as an engine that went away.

        Raises:
            NoEngine: where the engine stopped answering in between.
        """
        self.close()
        if isinstance(error, _BROKEN):
            raise NoEngine(
                f"The engine at {self.endpoint.url} stopped answering: {reason(error)}.",
                remedy="Run `workbook doctor` to see whether it still runs, then try again.",
            ) from error


@dataclass(frozen=True, slots=True)
class Attempt:
    """One address that was tried: ``problem`` is empty where an engine answered."""

    endpoint: Endpoint
    problem: str


def connect(
    *, state: StateFolder | None = None, say: Callable[[str], None] | None = None
) -> Engine:
    """Connect to the engine that the search order finds; start the private one as the last resort.

    Args:
        state: where the private engine lives; the user's state folder by default.
        say: told in one line what takes a while; standard error by default.

    Raises:
        NoEngine: where no engine answers, an explicitly named one does not, or it is too old.
        BadInput: where the current Docker context cannot be read.
    """
    state = state or state_folder()
    attempts: list[Attempt] = []
    for endpoint in candidates():
        try:
            return open_engine(endpoint)
        except NoEngine as error:
            if endpoint.explicit:
                raise
            attempts.append(Attempt(endpoint, error.message))
    why_not = private.why_not_here()
    if why_not:
        tried = "; ".join(a.problem for a in attempts) or "no engine's socket was found"
        raise NoEngine(
            f"There is no Docker Engine to use: {tried}; and {why_not}.",
            remedy="Start Docker Desktop or the docker service, or set DOCKER_HOST to an engine's "
            "address. On Linux, root needs neither: the workbook starts an engine of its own.",
        )
    private.start(state, say or _to_stderr)
    return open_private(state)


def open_private(state: StateFolder) -> Engine:
    """Connect to the private engine, which must be running.

    Raises:
        NoEngine: where it does not answer.
    """
    endpoint = Endpoint(f"unix://{state.socket}", "private engine", explicit=True)
    return open_engine(endpoint, is_private=True)


def open_engine(endpoint: Endpoint, *, is_private: bool | None = None) -> Engine:
    """Connect to one address.

    Args:
        endpoint: the address.
        is_private: whether it is the workbook's own; None to tell by the address.

    Raises:
        NoEngine: where nothing answers there, or what answers is too old.
    """
    try:
        client = _client(endpoint)
        facts = client.version()
    except (DockerException, OSError, ValueError) as error:
        if "is too new" in str(error) or "client version" in str(error):
            raise _too_old(endpoint, str(error)) from error
        raise no_engine(endpoint, error) from error
    api = str(facts.get("ApiVersion", "0.0"))
    if tuple(int(part) for part in api.split(".")[:2]) < OLDEST_API:
        client.close()
        raise _too_old(endpoint, f"it is {facts.get('Version', 'of unknown version')}")
    own = f"unix://{state_folder().socket}"
    return Engine(
        client=client,
        endpoint=endpoint,
        version=str(facts.get("Version", "?")),
        api_version=api,
        private=endpoint.url == own if is_private is None else is_private,
    )


def _client(endpoint: Endpoint) -> docker.DockerClient:
    if endpoint.url.startswith("ssh:"):
        return ssh_client(endpoint.url, timeout=_CONNECT_SECONDS)
    if endpoint.tls_folder is not None and not endpoint.url.startswith(("unix:", "npipe:")):
        tls = _tls(endpoint, endpoint.tls_folder)
        return tls_client(endpoint.url, tls, timeout=_CONNECT_SECONDS)
    return docker.DockerClient(
        base_url=endpoint.url,
        version="auto",  # some parameters exist only in newer versions of the API
        timeout=_CONNECT_SECONDS,
    )


def _tls(endpoint: Endpoint, folder: Path) -> TLSConfig:
    cert, key, ca = folder / "cert.pem", folder / "key.pem", folder / "ca.pem"
    return TLSConfig(
        client_cert=(str(cert), str(key)) if cert.exists() else None,
        ca_cert=str(ca) if ca.exists() else None,
        verify=endpoint.tls_verify,
    )


def _too_old(endpoint: Endpoint, detail: str) -> NoEngine:
    return NoEngine(
        f"The engine at {endpoint.url} ({endpoint.source}) is too old: {detail}.",
        remedy=f"The workbook needs Docker Engine {OLDEST_ENGINE} or later (API "
        f"{OLDEST_API[0]}.{OLDEST_API[1]}). Update it, or set DOCKER_HOST to a newer one.",
    )


def _to_stderr(text: str) -> None:
    sys.stderr.write(f"{text}\n")
