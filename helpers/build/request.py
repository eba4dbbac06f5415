"""What is to be built, as a value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from helpers.build.context import Context


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """One build. The Dockerfile is part of the context: see :func:`folder_context`.

    Attributes:
        context: what it is made from.
        tags: names for the image, for example ``shop:1``.
        target: the stage to build; None for the last one.
        build_args: values for ARG.
        labels: labels for the image.
        no_cache: run every step, whatever the cache holds.
        pull: ask the registry for newer base images.
        network: for RUN steps: ``default``, ``none`` or ``host``; None leaves it to the engine.
        platform: for example ``linux/arm64``; None for the engine's own.
        cache_from: images whose inline cache may be used.
        timeout_seconds: how long it may take in all; None for no limit.
    """

    context: Context
    tags: tuple[str, ...] = ()
    target: str | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    no_cache: bool = False
    pull: bool = False
    network: str | None = None
    platform: str | None = None
    cache_from: tuple[str, ...] = ()
    timeout_seconds: float | None = None

    def parameters(self) -> dict[str, str | list[str]]:
        """The query of ``POST /build``.

        Source: https://docs.docker.com/reference/api/engine/version/v1.45/#tag/Image/operation/ImageBuild
        """
        wanted: dict[str, str | list[str]] = {
            "version": "2",  # BuildKit
            "dockerfile": self.context.dockerfile_path.encode("utf-8", "surrogateescape").decode(
                "utf-8", "replace"
            ),
            "t": list(self.tags),
            "target": self.target or "",
            "buildargs": json.dumps(dict(self.build_args)) if self.build_args else "",
            "labels": json.dumps(dict(self.labels)) if self.labels else "",
            "nocache": "1" if self.no_cache else "",
            "pull": "1" if self.pull else "",
            "networkmode": self.network or "",
            "platform": self.platform or "",
            "cachefrom": json.dumps(self.cache_from) if self.cache_from else "",
        }
        return {name: value for name, value in wanted.items() if value}
