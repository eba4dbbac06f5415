"""What a check wants to know: requests are values, so equal ones are observed once.

A request says itself what answers it, so that a new kind of observation is one new module: a
frozen dataclass that derives from ``Request[ITS_ANSWER]``, and the function that it names. The
answer is a frozen dataclass, too. :class:`Observations` holds all answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from helpers.build.dockerfile import Dockerfile
from helpers.build.record import BuildRecord
from helpers.observe.image_facts import ImageFacts
from helpers.observe.service_facts import ServiceFacts

T = TypeVar("T")


class Request(Generic[T]):
    """Something to be seen; ``T`` is what answers it.

    Attributes:
        observer: ``module:function``, imported when it is needed, and called with the
            :class:`helpers.observe.subject.Subject` and the request. What it raises as
            :class:`helpers.errors.WorkbookError` becomes the reason why nothing can be told.
        builds_again: whether the image is built again to see it, which takes as long as a build.
    """

    observer: ClassVar[str]
    builds_again: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class ImageRequest(Request[ImageFacts]):
    """One pass over the image."""

    observer: ClassVar[str] = "helpers.observe.read_image:observe_image"


@dataclass(frozen=True, slots=True)
class BasesRequest(Request["tuple[BaseImage, ...]"]):
    """The layers of base images that the engine holds."""

    observer: ClassVar[str] = "helpers.observe.bases:observe_bases"


@dataclass(frozen=True, slots=True)
class Probe:
    """One HTTP request to a running container. ``body`` is sent as JSON where it is not empty."""

    path: str
    method: str = "GET"
    body: str = ""


@dataclass(frozen=True, slots=True)
class ServiceRequest(Request[ServiceFacts]):
    """Run a container of the image and probe it.

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

    observer: ClassVar[str] = "helpers.observe.run_service:observe_service"


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
        answers: everything else that was seen, by request; see :meth:`answer`.
        failures: why a request could not be answered, by request; such a property cannot tell.
    """

    dockerfile: Dockerfile | None = None
    build: BuildRecord | None = None
    image: ImageFacts | None = None
    bases: tuple[BaseImage, ...] = ()
    services: Mapping[ServiceRequest, ServiceFacts] = field(default_factory=dict)
    dev_packages: frozenset[str] = frozenset()
    answers: Mapping[Request[Any], Any] = field(default_factory=dict)
    failures: Mapping[Request[Any], str] = field(default_factory=dict)

    def answer(self, request: Request[T]) -> T | None:
        """What was seen on a request; None where it was not answered (``failures`` says why)."""
        found: T | None = self.answers.get(request)
        return found
