"""Logins for registries, from values or from Docker's own configuration and credential helpers.

BuildKit asks for the credentials of a host when a registry refuses it, and fetches bearer tokens
with them itself. The configuration is read by docker-py.
Source: https://docs.docker.com/reference/cli/docker/login/#credential-stores
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers.build.errors import LoginError
from helpers.build.rpc.grpc import Handler, unary
from helpers.build.session.session_pb2 import CredentialsRequest, CredentialsResponse

#: The host that BuildKit names for Docker Hub, and what Docker's configuration calls it.
_HUB_HOSTS = frozenset({"registry-1.docker.io", "docker.io", "index.docker.io"})
_HUB = "docker.io"


@dataclass(frozen=True, slots=True)
class Login:
    """Who one is at a registry.

    Attributes:
        username: empty where the password is an identity token.
        password: password, access token or identity token.
    """

    username: str
    password: str = field(repr=False)


#: Gives the login for a host (``registry.example.com:5000``), or None where there is none.
Logins = Callable[[str], Login | None]


def logins_of(logins: Mapping[str, Login]) -> Logins:
    """Logins by host; Docker Hub is ``docker.io``."""
    return lambda host: logins.get(_HUB if host in _HUB_HOSTS else host)


def docker_logins(host: str) -> Login | None:
    """The login that ``docker login`` stored for a host, in a file or in a credential store.

    Raises:
        LoginError: where the configuration or its credential helper cannot be used.
    """
    from docker import auth
    from docker.errors import DockerException

    registry = _HUB if host in _HUB_HOSTS else host
    try:
        _check_config()
        found = auth.load_config().resolve_authconfig(registry)
    # docker-py does not look at the types of what it reads.
    except (DockerException, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise LoginError(
            f"The login for {registry} cannot be read from Docker's configuration: {error}",
            remedy="Check ~/.docker/config.json and the credential helper that it names, or run "
            f"docker login {registry} again.",
        ) from error
    if not found:
        return None
    token = found.get("IdentityToken") or found.get("identitytoken")
    if token:
        return Login("", token)
    return Login(
        found.get("username") or found.get("Username") or "",
        found.get("password") or found.get("Password") or "",
    )


def _check_config() -> None:
    """Refuse a configuration that cannot be read; docker-py takes it for an empty one.

    Raises:
        OSError, ValueError: where it cannot be read, or is not a JSON object.
    """
    from docker.utils import config

    path: Any = config.find_config_file()
    if path is None or Path(path).name != "config.json":
        return
    if not isinstance(json.loads(Path(path).read_bytes()), dict):
        raise ValueError(f"{path} is not a JSON object")  # noqa: TRY004 - about its content


def credentials(logins: Logins) -> Handler:
    """The handler of ``moby.filesync.v1.Auth/Credentials``."""

    def answer(message: bytes) -> CredentialsResponse:
        login = logins(CredentialsRequest.FromString(message).Host)
        if login is None:
            return CredentialsResponse()
        return CredentialsResponse(Username=login.username, Secret=login.password)

    return unary(answer)
