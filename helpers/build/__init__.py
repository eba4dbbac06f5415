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

_HOMES = {
    "CHECK_LIMIT_BYTES": "context",
    "BuildError": "errors",
    "BuildRecord": "record",
    "BuildRequest": "request",
    "CancelToken": "cancel",
    "Context": "context",
    "Dockerfile": "dockerfile",
    "DockerfileText": "context",
    "build": "client",
    "folder_context": "context",
    "mapping_context": "context",
    "parse_dockerfile": "dockerfile",
    "stream": "client",
}
__all__ = [
    "CHECK_LIMIT_BYTES",
    "BuildError",
    "BuildRecord",
    "BuildRequest",
    "CancelToken",
    "Context",
    "Dockerfile",
    "DockerfileText",
    "build",
    "folder_context",
    "mapping_context",
    "parse_dockerfile",
    "stream",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
