"""What an image says of how to reach it: for parameters that nobody gave.

Only where to knock is taken from it. What comes back is still judged from outside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from helpers.observe.errors import engine_errors

if TYPE_CHECKING:
    from docker import APIClient

_URL = re.compile(
    r"(?:https?://)?(?:localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0)"
    r"(?::(?P<port>\d{1,5}))?(?P<path>/[A-Za-z0-9._~%/?&=:@+-]*)?"
)
_QUOTED_PATH = re.compile(r"""(?<=["'`])(/[A-Za-z0-9._/-]*)(?=["'`?])""")
_PORT_VARIABLES = ("PORT", "HTTP_PORT", "SERVER_PORT")


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a service can be reached, as far as its image says.

    Attributes:
        ports: TCP ports, the most likely first.
        health_path: path that its HEALTHCHECK asks for; empty where none is told.
        how: where the first port is from, for a person.
    """

    ports: tuple[int, ...] = ()
    health_path: str = ""
    how: str = ""


def seen_in(about: dict[str, Any]) -> Seen:
    """What the engine's inspection of an image tells.

    Args:
        about: the answer to ``GET /images/NAME/json``.
    """
    config = about.get("Config") or {}
    exposed = sorted(
        int(number)
        for number, _, protocol in (p.partition("/") for p in config.get("ExposedPorts") or {})
        if number.isdecimal() and protocol in {"", "tcp"}
    )
    health_port, health_path = _health((config.get("Healthcheck") or {}).get("Test") or ())
    variables = dict(pair.partition("=")[::2] for pair in config.get("Env") or ())
    candidates = [
        (health_port, "HEALTHCHECK"),
        *((_port(variables.get(name, "")), f"ENV {name}") for name in _PORT_VARIABLES),
    ]
    # Where a port is exposed, one of those is meant; the others only tell which one.
    if exposed:
        candidates = [(p, h) for p, h in candidates if p in exposed]
        candidates += [(port, "EXPOSE") for port in exposed]
    found = [(port, how) for port, how in candidates if port is not None]
    ports = tuple(dict.fromkeys(port for port, _ in found))
    return Seen(ports, health_path, found[0][1] if found else "")


def look(api: APIClient, ref: str) -> dict[str, Any]:
    """The engine's inspection of an image.

    Raises:
        BadInput: where the engine has no such image.
        NoEngine: where the engine does not answer.
    """
    with engine_errors("looking at the image"):
        about: dict[str, Any] = api.inspect_image(ref)
    return about


def _health(test: Iterable[str]) -> tuple[int | None, str]:
    """Port and path of the address that a HEALTHCHECK asks for."""
    words = list(test)
    if not words or words[0] == "NONE":
        return None, ""
    text = " ".join(words[1:])
    found = _URL.search(text)
    if found is not None and found["path"]:
        return _port(found["port"] or ""), found["path"]
    # An address that a script puts together still shows its path, as in `... + "/healthz"`.
    path = _QUOTED_PATH.search(text) if found is not None or "http" in text else None
    return _port(found["port"] or "") if found else None, path[1] if path else ""


def _port(text: str) -> int | None:
    return int(text) if text.isdecimal() and 0 < int(text) < 65536 else None
