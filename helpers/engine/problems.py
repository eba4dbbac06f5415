"""Why an engine does not answer, in a person's words, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from helpers.engine.find import Endpoint
from helpers.engine.ssh import SshFailed
from helpers.errors import NoEngine

_CLIENT_CERTIFICATE = (
    "Check that cert.pem and key.pem in the folder that DOCKER_CERT_PATH names were made for this "
    "engine and are not out of date."
)
_SERVER_CERTIFICATE = (
    "Check that ca.pem in the folder that DOCKER_CERT_PATH names is the authority that signed the "
    "engine's certificate, and that DOCKER_HOST has the name that stands in it."
)
#: What the text of an error holds, the reason that this is, and a remedy where it has one of its
#: own; the first one that fits. The alerts are those of https://www.rfc-editor.org/rfc/rfc8446#section-6.2
_KNOWN = (
    ("ALERT_CERTIFICATE_REQUIRED", "it wants a client certificate", _CLIENT_CERTIFICATE),
    ("ALERT_UNKNOWN_CA", "it refuses the client certificate", _CLIENT_CERTIFICATE),
    ("ALERT_BAD_CERTIFICATE", "it refuses the client certificate", _CLIENT_CERTIFICATE),
    ("ALERT_CERTIFICATE_", "it refuses the client certificate", _CLIENT_CERTIFICATE),
    ("CERTIFICATE", "its TLS certificate is not trusted", _SERVER_CERTIFICATE),
    (
        "HTTP request to an HTTPS server",
        "it speaks TLS, and the client does not",
        "Set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder with the certificates.",
    ),
    (
        "WRONG_VERSION_NUMBER",
        "it does not speak TLS, and the client does",
        (
            "Unset DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, or let the engine use TLS (dockerd "
            "--tlsverify): without it, whoever reaches the port is root there."
        ),
    ),
    ("No such file", "the socket does not exist", None),
    ("FileNotFoundError", "the socket does not exist", None),
    ("Permission denied", "permission to use the socket is denied", None),
    ("Connection refused", "the connection is refused", None),
    ("timed out", "it does not answer in time", None),
    ("Name or service not known", "its host name is not known", None),
)


def no_engine(endpoint: Endpoint, error: Exception) -> NoEngine:
    """The error for an address where no engine answers.

    Args:
        endpoint: the address.
        error: what the connection gave.
    """
    reason, remedy = _told(endpoint, error)
    return NoEngine(
        f"No engine answers at {endpoint.url} ({endpoint.source}): {reason}.", remedy=remedy
    )


def reason(error: Exception) -> str:
    """Why a connection broke, as a part of a sentence without its full stop."""
    return _known(error)[0]


def _told(endpoint: Endpoint, error: Exception) -> tuple[str, str]:
    if endpoint.url.startswith("ssh:"):
        return _ssh(endpoint, error)
    reason, remedy = _known(error)
    return reason, remedy or _remedy(endpoint)


def _known(error: Exception) -> tuple[str, str | None]:
    text = str(error)
    for words, reason, remedy in _KNOWN:
        if words in text:
            return reason, remedy
    return text.rstrip(".")[:300], None


def _ssh(endpoint: Endpoint, error: Exception) -> tuple[str, str]:
    said = next((str(e) for e in _causes(error) if isinstance(e, SshFailed)), None)
    if said is None:
        if isinstance(error, ValueError):
            return str(error), "Write it as DOCKER_HOST=ssh://USER@HOST or ssh://USER@HOST:PORT."
        return _known(error)[0], "Check that the ssh program is here and that the host is on."
    if re.search(r"docker: (command )?not found|docker: No such file", said):
        return (
            f"the host has no docker program ({said})",
            "Install Docker there, command line included, on the PATH of a login without terminal.",
        )
    target = endpoint.url.removeprefix("ssh://").rstrip("/")
    name, _, port = target.partition(":")
    by_hand = f"ssh {f'-p {port} ' if port else ''}{name} docker version"
    remedy = (
        f"Try by hand: {by_hand}. It has to work without a question: the host's key known, a key "
        "of yours accepted, and the user there allowed to use Docker."
    )
    return f"ssh ended with: {said.rstrip('.')}", remedy


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _remedy(endpoint: Endpoint) -> str:
    if endpoint.source == "DOCKER_HOST":
        return "Start that engine, or unset DOCKER_HOST to let the workbook look for another one."
    if endpoint.source.startswith("Docker context"):
        return "Start that engine, or choose another context: docker context use default."
    if endpoint.source == "private engine":
        return "Run: workbook engine start"
    return "Start Docker, or add your user to the group that owns the socket."
