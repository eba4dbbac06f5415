"""BuildKit through the Docker SDK: no docker CLI, no buildx.

The names below are loaded when they are first used, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.build.cancel import CancelToken as CancelToken
    from helpers.build.client import build as build
    from helpers.build.client import stream as stream
    from helpers.build.compare import Comparison as Comparison
    from helpers.build.compare import compare as compare
    from helpers.build.context import CHECK_LIMIT_BYTES as CHECK_LIMIT_BYTES
    from helpers.build.context import Context as Context
    from helpers.build.context import DockerfileText as DockerfileText
    from helpers.build.context import folder_context as folder_context
    from helpers.build.context import mapping_context as mapping_context
    from helpers.build.dockerfile import Dockerfile as Dockerfile
    from helpers.build.dockerfile import parse_dockerfile as parse_dockerfile
    from helpers.build.errors import BuildError as BuildError
    from helpers.build.record import BuildRecord as BuildRecord
    from helpers.build.request import BuildRequest as BuildRequest
    from helpers.build.session.agents import SshAgent as SshAgent
    from helpers.build.session.logins import Login as Login
    from helpers.build.session.secrets import Secret as Secret
    from helpers.build.tar_context import tar_context as tar_context

_HOMES = {
    "CHECK_LIMIT_BYTES": "context",
    "BuildError": "errors",
    "BuildRecord": "record",
    "BuildRequest": "request",
    "CancelToken": "cancel",
    "Comparison": "compare",
    "Context": "context",
    "Dockerfile": "dockerfile",
    "DockerfileText": "context",
    "Login": "session.logins",
    "Secret": "session.secrets",
    "SshAgent": "session.agents",
    "build": "client",
    "compare": "compare",
    "folder_context": "context",
    "mapping_context": "context",
    "parse_dockerfile": "dockerfile",
    "stream": "client",
    "tar_context": "tar_context",
}
__all__ = [
    "CHECK_LIMIT_BYTES",
    "BuildError",
    "BuildRecord",
    "BuildRequest",
    "CancelToken",
    "Comparison",
    "Context",
    "Dockerfile",
    "DockerfileText",
    "Login",
    "Secret",
    "SshAgent",
    "build",
    "compare",
    "folder_context",
    "mapping_context",
    "parse_dockerfile",
    "stream",
    "tar_context",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
