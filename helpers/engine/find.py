"""Which engine to use: the search order, as values, without connecting more than it takes.

Order: ``DOCKER_HOST``, the current Docker context, the usual sockets, the private engine.
Source: https://docs.docker.com/engine/manage-resources/contexts/
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.errors import BadInput


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address at which an engine may listen.

    Attributes:
        url: ``unix://``, ``tcp://``, ``ssh://`` or ``npipe://``.
        source: who named it, for a person: ``DOCKER_HOST``, ``context NAME``, ``usual socket`` …
        explicit: True where somebody asked for this engine: then no other one is tried instead.
        tls_folder: folder with ``ca.pem``, ``cert.pem`` and ``key.pem``, or None for no TLS.
        tls_verify: whether the server's certificate is checked.
    """

    url: str
    source: str
    explicit: bool = False
    tls_folder: Path | None = None
    tls_verify: bool = True


def candidates(env: Mapping[str, str] = os.environ, home: Path | None = None) -> Iterator[Endpoint]:
    """Every address that may hold an engine, best first; the private engine is not among them.

    Args:
        env: the environment.
        home: the user's home folder.

    Raises:
        BadInput: where the current Docker context does not exist or cannot be read.
    """
    home = home or Path.home()
    if host := env.get("DOCKER_HOST"):
        verify = env.get("DOCKER_TLS_VERIFY", "") != ""
        folder = env.get("DOCKER_CERT_PATH") or (str(home / ".docker") if verify else "")
        yield Endpoint(host, "DOCKER_HOST", True, Path(folder) if folder else None, verify)
        return
    context = current_context(env, home)
    if context is not None:
        yield context
        return
    if sys.platform == "win32":
        yield Endpoint("npipe:////./pipe/docker_engine", "usual pipe")
        return
    runtime = env.get("XDG_RUNTIME_DIR")
    sockets = [
        Path("/var/run/docker.sock"),
        *([Path(runtime) / "docker.sock"] if runtime else []),
        home / ".docker/run/docker.sock",
        home / ".docker/desktop/docker.sock",
        home / ".colima/default/docker.sock",
        home / ".orbstack/run/docker.sock",
        home / ".rd/docker.sock",
    ]
    for socket in sockets:
        if socket.is_socket():
            yield Endpoint(f"unix://{socket}", f"usual socket {_short(socket, home)}")


def current_context(env: Mapping[str, str], home: Path) -> Endpoint | None:
    """The endpoint of the current Docker context, or None for the default one.

    Raises:
        BadInput: where the context that is named does not exist or cannot be read.
    """
    folder = Path(env.get("DOCKER_CONFIG") or home / ".docker")
    name = env.get("DOCKER_CONTEXT") or _configured_context(folder)
    if not name or name == "default":
        return None
    for meta in sorted(folder.glob("contexts/meta/*/meta.json")):
        raw = _read_json(meta)
        if raw.get("Name") != name:
            continue
        endpoint = raw.get("Endpoints", {}).get("docker", {})
        tls = folder / "contexts" / "tls" / meta.parent.name / "docker"
        return Endpoint(
            endpoint.get("Host", ""),
            f"Docker context {name}",
            True,
            tls if tls.is_dir() else None,
            not endpoint.get("SkipTLSVerify", False),
        )
    raise BadInput(
        f"The current Docker context is {name!r}, and there is no such context.",
        remedy="Choose one that exists: docker context use default (or unset DOCKER_CONTEXT).",
    )


def _configured_context(folder: Path) -> str:
    config = folder / "config.json"
    return str(_read_json(config).get("currentContext", "")) if config.exists() else ""


def _read_json(path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{path} cannot be read: {error}",
            remedy="Mend or remove the file, or set DOCKER_HOST to the engine's address.",
        ) from error
    return raw if isinstance(raw, dict) else {}


def _short(path: Path, home: Path) -> str:
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
