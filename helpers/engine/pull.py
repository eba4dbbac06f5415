"""Official images from their registry: the tag is resolved to a digest, and the digest is pulled.

The engine does the talking, so its own proxies, mirrors and certificates count, not this machine's.
Sources: ``GET /distribution/{name}/json`` and ``POST /images/create`` of
https://docs.docker.com/reference/api/engine/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

from docker import APIClient, auth
from docker.errors import APIError, DockerException
from requests import Response
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import Timeout

from helpers.errors import NoEngine, WorkbookError

Phase = Literal["resolve", "pull", "wait", "bootstrap", "build", "done"]

#: How long a registry may take to name a digest, in seconds; one try.
RESOLVE_SECONDS = 8.0

_DOCKER_HUB = "docker.io"
#: What Go's HTTP client says where no registry answered, after the request that it tried.
_TRANSPORT = re.compile(
    r'^(?:Get|Head|Post) "[^"]*": .*(?:'
    r"dial tcp|lookup |proxyconnect|timeout|deadline exceeded|Client\.Timeout|\bEOF\b|"
    r"reset by peer|broken pipe|no route to host|network is unreachable|connection refused)"
)
#: The same where a proxy does not let the engine through: the rest is the proxy's status alone.
_PROXY_SAYS_NO = re.compile(
    r'^(?:Get|Head|Post) "[^"]*": '
    r"(?:Forbidden|Bad Gateway|Service Unavailable|Gateway Timeout|Proxy Authentication Required)$"
)


class OutOfReach(WorkbookError):
    """No registry answers: the network, a name server or a proxy is in the way."""

    exit_status = 3


class RegistryRefused(WorkbookError):
    """The registry answers, but does not give the image."""

    exit_status = 3


@dataclass(frozen=True, slots=True)
class Progress:
    """What is being done for a base image.

    Attributes:
        base: the image's name.
        phase: ``resolve`` (asking the registry), ``pull``, ``wait`` (another run is at it),
            ``bootstrap`` (unpacking Debian), ``build`` or ``done``.
        detail: for a person, in a few words.
        done_bytes: how much of it there is.
        total_bytes: how much it will be; 0 where that is not known.
    """

    base: str
    phase: Phase
    detail: str
    done_bytes: int = 0
    total_bytes: int = 0


def registry_of(name: str) -> str:
    """The registry that an image name means.

    Source: https://github.com/distribution/reference/blob/main/normalize.go
    """
    first, slash, _ = name.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        return first
    return _DOCKER_HUB


def split_tag(name: str) -> tuple[str, str]:
    """Repository and tag of an image name; the tag is ``latest`` where there is none."""
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        return name, "latest"
    return repository, tag


def pull(api: APIClient, name: str, on_progress: Callable[[Progress], None]) -> str:
    """Pull an image by the digest that its tag has now, and give it the tag.

    Args:
        api: the engine.
        name: for example ``node:26-alpine``.
        on_progress: told about digest and bytes.

    Returns:
        The digest, ``sha256:…``.

    Raises:
        OutOfReach: where no registry answers.
        RegistryRefused: where it answers, but does not give the image.
        NoEngine: where the engine stops answering.
    """
    on_progress(Progress(name, "resolve", f"asking {registry_of(name)}"))
    digest = resolve(api, name)
    repository, tag = split_tag(name)
    on_progress(Progress(name, "pull", digest))
    layers: dict[str, tuple[int, int]] = {}
    for message in _create(api, name, repository, digest):
        if "error" in message:
            raise _failure(name, str(message["error"]))
        if _note(layers, message):
            done = sum(d for d, _ in layers.values())
            total = sum(t for _, t in layers.values())
            on_progress(Progress(name, "pull", digest, done, total))
    api.tag(f"{repository}@{digest}", repository, tag)
    return digest


def resolve(api: APIClient, name: str, *, seconds: float = RESOLVE_SECONDS) -> str:
    """The digest that a tag has in its registry.

    Args:
        api: the engine, which asks.
        name: for example ``node:26-alpine``.
        seconds: how long it may take; there is one try.

    Raises:
        OutOfReach: where no registry answers in time.
        RegistryRefused: where it answers, but has or gives no such image.
        NoEngine: where the engine stops answering.
    """
    try:
        found = _distribution(api, name, seconds)
    except Timeout as error:
        raise OutOfReach(
            f"The registry {registry_of(name)} did not answer within {seconds:g} seconds.",
            remedy=_OUT_OF_REACH,
        ) from error
    except NoConnection as error:
        raise _engine_gone(error) from error
    except APIError as error:
        raise _failure(name, str(error.explanation or error)) from error
    return str(found["Descriptor"]["digest"])


def is_out_of_reach(message: str) -> bool:
    """Whether the engine's message says that no registry answered at all.

    A certificate that the engine does not trust is no such case: something answered.
    """
    if "x509:" in message or "certificate" in message:
        return False
    return bool(_TRANSPORT.search(message) or _PROXY_SAYS_NO.search(message))


_OUT_OF_REACH = (
    "Check the engine's network, name server and proxy settings, then try again; or use stand-ins."
)


def _failure(name: str, message: str) -> WorkbookError:
    registry = registry_of(name)
    if is_out_of_reach(message):
        return OutOfReach(
            f"The registry {registry} is out of reach: {message}.", remedy=_OUT_OF_REACH
        )
    return RegistryRefused(
        f"The registry {registry} answers, but does not give {name}: {message}.",
        remedy=_refused_remedy(name, message),
    )


def _refused_remedy(name: str, message: str) -> str:
    registry = registry_of(name)
    text = message.lower()
    login = "docker login" if registry == _DOCKER_HUB else f"docker login {registry}"
    if "x509" in text or "certificate" in text:
        return (
            "A proxy seems to re-sign TLS. Let the engine trust its certificate: "
            "https://docs.docker.com/engine/security/certificates/"
        )
    if "toomanyrequests" in text or _says(text, 429):
        return f"Log in, which raises the limit ({login}), or wait and try again."
    if "unauthorized" in text or "denied" in text or _says(text, 401, 403):
        return f"Log in and try again: {login}"
    if "not found" in text or "manifest unknown" in text or _says(text, 404):
        return "Check that the registry (or the mirror that stands for it) has this image."
    return f"Try again later; if it stays so, see what the engine says: docker pull {name}"


def _says(text: str, *statuses: int) -> bool:
    """True where a status stands alone: ports, addresses and digests have such digits, too."""
    return any(re.search(rf"(?<![\w:.]){status}(?![\w.])", text) for status in statuses)


def _create(api: APIClient, name: str, repository: str, digest: str) -> Iterator[Mapping[str, Any]]:
    """The messages of a pull. Leaving early closes the connection, which ends the pull."""
    try:
        with closing(_create_image(api, name, repository, digest)) as response:
            for line in response.iter_lines():
                if line.strip():
                    yield json.loads(line)
    except APIError as error:
        raise _failure(name, str(error.explanation or error)) from error
    except (NoConnection, Timeout) as error:
        raise _engine_gone(error) from error


def _distribution(api: Any, name: str, seconds: float) -> dict[str, Any]:
    """``GET /distribution/{name}/json``; docker-py's own call takes no time limit."""
    response = api._get(  # noqa: SLF001
        api._url("/distribution/{0}/json", name),  # noqa: SLF001
        headers=_credentials(api, name),
        timeout=seconds,
    )
    return dict(api._result(response, json=True))  # noqa: SLF001


def _create_image(api: Any, name: str, repository: str, digest: str) -> Response:
    """``POST /images/create``; docker-py's own call does not let its connection be closed."""
    response: Response = api._post(  # noqa: SLF001
        api._url("/images/create"),  # noqa: SLF001
        params={"fromImage": repository, "tag": digest},
        headers=_credentials(api, name),
        stream=True,
    )
    api._raise_for_status(response)  # noqa: SLF001
    return response


def _note(layers: dict[str, tuple[int, int]], message: Mapping[str, Any]) -> bool:
    """Take a message about a layer into account; True where the sums changed."""
    if message.get("status") != "Downloading":
        return False
    detail = message.get("progressDetail") or {}
    layers[str(message.get("id"))] = (int(detail.get("current", 0)), int(detail.get("total", 0)))
    return True


def _credentials(api: APIClient, name: str) -> dict[str, str]:
    """The login that the user's Docker configuration holds for the registry, if any."""
    try:
        header = auth.get_config_header(api, registry_of(name))
    except DockerException as error:
        raise RegistryRefused(
            f"The login for {registry_of(name)} cannot be read: {error}.",
            remedy="Repair the credential store that the Docker configuration (config.json) names, "
            "or take it out of there.",
        ) from error
    return {"X-Registry-Auth": header.decode()} if header else {}


def _engine_gone(error: Exception) -> NoEngine:
    return NoEngine(
        f"The engine stopped answering: {error}.",
        remedy="See whether it still runs (workbook doctor), then try again.",
    )
