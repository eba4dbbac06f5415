"""What a check wants to know: requests are values, so equal ones are observed once.

The observer answers every request with one observation; :class:`Observations` holds the answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from helpers.build.dockerfile import Dockerfile
from helpers.build.record import BuildRecord
from helpers.observe.image_facts import ImageFacts
from helpers.observe.service_facts import ServiceFacts


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One pass over the image: answered with :class:`ImageFacts`."""


@dataclass(frozen=True, slots=True)
class BasesRequest:
    """The layers of base images that the engine holds: answered with ``tuple[BaseImage, …]``."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One HTTP request to a running container. ``body`` is sent as JSON where it is not empty."""

    path: str
    method: str = "GET"
    body: str = ""


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """Run a container of the image and probe it: answered with :class:`ServiceFacts`.

    Attributes:
        port: TCP port inside the container.
        probes: requests to send, in order; the first is repeated until it is answered.
        env: environment, as sorted pairs.
        wait_seconds: how long to wait for the first answer.
        memory_mb: memory limit in MB (10^6 bytes).
    """

    port: int
    probes: tuple[Probe, ...]
    env: tuple[tuple[str, str], ...] = ()
    wait_seconds: float = 10.0
    memory_mb: int = 256


Request = ImageRequest | BasesRequest | ServiceRequest


@dataclass(frozen=True, slots=True)
class BaseImage:
    """A base image as the engine holds it.

    Attributes:
        name: the name as it stands in a FROM line.
        kind: ``full``, ``slim``, ``alpine``, ``distroless`` or ``debian``.
        diff_ids: its layers, lowest first.
        stand_in: the sentence on its stand-in label, or None for an official image.
    """

    name: str
    kind: str
    diff_ids: tuple[str, ...]
    stand_in: str | None = None


@dataclass(frozen=True, slots=True)
class Observations:
    """Everything that was seen in one check run: the only thing that a property looks at.

    Attributes:
        dockerfile: the Dockerfile as parsed, or None where there is none.
        build: the record of the build.
        image: None where nobody asked for it.
        bases: the base images that the engine holds.
        services: one entry a distinct request.
        dev_packages: npm packages that the course's own lock file marks as development-only.
        failures: why a request could not be answered, by request; such a property cannot tell.
    """

    dockerfile: Dockerfile | None = None
    build: BuildRecord | None = None
    image: ImageFacts | None = None
    bases: tuple[BaseImage, ...] = ()
    services: Mapping[ServiceRequest, ServiceFacts] = field(default_factory=dict)
    dev_packages: frozenset[str] = frozenset()
    failures: Mapping[Request, str] = field(default_factory=dict)
