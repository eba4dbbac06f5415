"""The base images that the course uses, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from helpers.engine.standins.recipes import Recipe, recipe
from helpers.errors import BadInput

Kind = Literal["full", "slim", "alpine", "distroless", "debian", "tool"]


@dataclass(frozen=True, slots=True)
class Base:
    """One base image.

    Attributes:
        name: as it stands in a FROM line.
        kind: what sort of base it is; ``tool`` for what lessons run but do not build on.
        title: what it is, in a few words.
        official: what the official image is made of.
        source: link to where the official one is made.
        recipe: how its stand-in is made.
    """

    name: str
    kind: Kind
    title: str
    official: str
    source: str
    recipe: Recipe


def _base(name: str, kind: Kind, title: str, official: str, source: str) -> Base:
    return Base(name, kind, title, official, source, recipe(name))


_NODE = "https://github.com/nodejs/docker-node/tree/main/26"

_DISTROLESS = "https://github.com/GoogleContainerTools/distroless/tree/main"

_CATALOGUE = (
    _base(
        "debian:trixie",
        "debian",
        "Debian 13",
        "Debian's essential packages and apt",
        "https://github.com/debuerreotype/docker-debian-artifacts",
    ),
    _base(
        "debian:trixie-slim",
        "debian",
        "Debian 13 without documentation",
        "Debian's essential packages and apt, without documentation and translations",
        "https://github.com/debuerreotype/docker-debian-artifacts",
    ),
    _base(
        "node:26-trixie",
        "full",
        "Node.js 26 with compilers, git and Python",
        "buildpack-deps:trixie, Node.js and npm",
        f"{_NODE}/trixie",
    ),
    _base(
        "node:26-trixie-slim",
        "slim",
        "Node.js 26 on Debian",
        "debian:trixie-slim, Node.js and npm",
        f"{_NODE}/trixie-slim",
    ),
    _base(
        "node:26-alpine",
        "alpine",
        "Node.js 26 on musl and BusyBox",
        "Alpine Linux, Node.js built for musl and npm",
        f"{_NODE}/alpine3.24",
    ),
    _base(
        "alpine:3.24",
        "alpine",
        "Alpine Linux: musl, BusyBox and apk",
        "Alpine Linux 3.24",
        "https://github.com/alpinelinux/docker-alpine",
    ),
    _base(
        "golang:1.24-trixie",
        "full",
        "Go 1.24 with git and a C compiler",
        "buildpack-deps:trixie-scm, gcc and Go",
        "https://github.com/docker-library/golang/tree/master/1.24/trixie",
    ),
    _base(
        "ghcr.io/webassembly/wasi-sdk:wasi-sdk-27",
        "full",
        "a C and C++ compiler for WebAssembly with a C library for WASI",
        "Ubuntu, clang, lld and the project's own wasi-libc",
        "https://github.com/WebAssembly/wasi-sdk/blob/main/docker/Dockerfile",
    ),
    _base(
        "python:3.13-slim-trixie",
        "slim",
        "Python 3.13 on Debian",
        "debian:trixie-slim, Python and pip",
        "https://github.com/docker-library/python/tree/master/3.13/slim-trixie",
    ),
    _base(
        "gcr.io/distroless/nodejs26-debian13:nonroot",
        "distroless",
        "Node.js 26 and the libraries that it needs",
        "unpacked Debian packages and the Node.js binary; no shell, no package manager",
        f"{_DISTROLESS}/nodejs",
    ),
    _base(
        "gcr.io/distroless/static-debian13:nonroot",
        "distroless",
        "certificates, time zones and users for a static program",
        "unpacked Debian packages without a program or a library",
        f"{_DISTROLESS}/base",
    ),
    _base(
        "gcr.io/distroless/base-debian13:nonroot",
        "distroless",
        "glibc and OpenSSL for a program that is linked with them",
        "unpacked Debian packages; no shell, no package manager",
        f"{_DISTROLESS}/base",
    ),
    _base(
        "gcr.io/distroless/python3-debian13:nonroot",
        "distroless",
        "Python 3.13 and the libraries that it needs",
        "unpacked Debian packages; no shell, no package manager, no pip",
        f"{_DISTROLESS}/python3",
    ),
    _base(
        "busybox:1.37",
        "tool",
        "BusyBox, one static program",
        "BusyBox, built statically",
        "https://github.com/docker-library/busybox",
    ),
    _base(
        "registry:2",
        "tool",
        "an image registry",
        "Distribution 2.8 on Alpine Linux",
        "https://github.com/distribution/distribution-library-image",
    ),
    _base(
        "postgres:17-trixie",
        "tool",
        "PostgreSQL 17, the database of the sample services",
        "PostgreSQL 17 from its own packages on Debian 13",
        "https://github.com/docker-library/postgres/tree/master/17/trixie",
    ),
    _base(
        "docker:26-dind",
        "tool",
        "a Docker Engine to deploy to",
        "Docker 26.1 on Alpine Linux; runs privileged",
        "https://github.com/docker-library/docker",
    ),
    _base(
        "quay.io/podman/stable:v5.4.2",
        "tool",
        "Podman, which applies a Pod without a cluster",
        "Podman 5.4.2 on Fedora; runs privileged",
        "https://github.com/containers/image_build/tree/main/podman",
    ),
)


def catalogue() -> tuple[Base, ...]:
    """Every base image that the course uses."""
    return _CATALOGUE


def base(name: str) -> Base:
    """The base image of that name.

    Raises:
        BadInput: where the course has none of that name.
    """
    for found in catalogue():
        if found.name == name:
            return found
    raise BadInput(
        f"{name!r} is not one of the course's base images.",
        remedy=f"They are: {', '.join(b.name for b in catalogue())}.",
    )
