"""What is to be built, as a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from helpers.build.context import Context
from helpers.build.errors import RequestError
from helpers.build.session.agents import SshAgent
from helpers.build.session.logins import Logins, docker_logins
from helpers.build.session.secrets import Secret

_NETWORKS = (None, "default", "none", "host")
# https://github.com/distribution/reference/blob/main/regexp.go
_DOMAIN = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?/"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_TAG = re.compile(rf"(?:{_DOMAIN})?{_PART}(?:/{_PART})*(?::[\w][\w.-]{{0,127}})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """One build. The Dockerfile is part of the context: see :func:`folder_context`.

    Attributes:
        context: what it is made from.
        tags: names for the image, for example ``shop:1``.
        target: the stage to build; None for the last one.
        build_args: values for ARG.
        labels: labels for the image.
        no_cache: run every step, whatever the cache holds; or names of the stages to run anew.
        pull: ask the registry for newer base images.
        network: for RUN steps: ``default``, ``none`` or ``host``; None leaves it to the engine.
        platform: for example ``linux/arm64``; None for the engine's own.
        add_hosts: addresses by host name, for RUN steps.
        shm_bytes: size of ``/dev/shm`` in RUN steps; None leaves it to the engine (64 MiB).
        cache_from: images whose inline cache may be used.
        inline_cache: write what a later ``cache_from`` needs into the image.
        contexts: more contexts by name, for ``COPY --from=NAME`` and ``FROM NAME``: files, or an
            image or a Git repository as ``docker-image://…``, ``https://…``.
        secrets: values for ``RUN --mount=type=secret``.
        agents: agents for ``RUN --mount=type=ssh``.
        logins: gives the login for a registry; what ``docker login`` stored, by default.
        timeout_seconds: how long it may take in all; None for no limit.
    """

    context: Context
    tags: tuple[str, ...] = ()
    target: str | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    no_cache: bool | tuple[str, ...] = False
    pull: bool = False
    network: str | None = None
    platform: str | None = None
    add_hosts: Mapping[str, str] = field(default_factory=dict)
    shm_bytes: int | None = None
    cache_from: tuple[str, ...] = ()
    inline_cache: bool = False
    contexts: Mapping[str, Context | str] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    agents: tuple[SshAgent, ...] = ()
    logins: Logins = field(default=docker_logins, repr=False, compare=False)
    timeout_seconds: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no engine takes, before anything is built.

        Raises:
            RequestError: for a tag, a network or a size that cannot be.
        """
        for tag in self.tags:
            if not _TAG.fullmatch(tag):
                raise RequestError(
                    f"{tag!r} cannot be the name of an image.",
                    remedy="Write it in lower case as name:tag, perhaps with a registry before it: "
                    "registry.example.com:5000/team/shop:1.",
                )
        if self.network not in _NETWORKS:
            raise RequestError(
                f"A build cannot use the network {self.network!r}.",
                remedy="Choose default, none or host.",
            )
        if self.shm_bytes is not None and self.shm_bytes < 0:
            raise RequestError(
                f"Shared memory cannot have {self.shm_bytes} bytes.",
                remedy="Give a positive number.",
            )
