"""What is looked at: an image on an engine, and what it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from helpers.build.context import Context
from helpers.build.dockerfile import Dockerfile
from helpers.build.record import BuildRecord
from helpers.build.request import BuildRequest

if TYPE_CHECKING:
    from docker import DockerClient


@dataclass(frozen=True, slots=True)
class Subject:
    """What every observer gets.

    Attributes:
        client: a connection to the engine.
        image_id: name or id of the image.
        catalogue: kind of base image by name.
        dockerfile: what the image was built from, where that is known.
        build: the record of the build, where that is known.
        context: the files of the build, where they are known.
        request: what the image was built with (arguments, secrets, target), where that is known.
        files: the whole folder where the image is built of a part of it: manifests stand there.
            None where the context is the whole.
        images: ids of the images that were built of this folder, by the folder that each was built
            of, ``.`` for the whole; empty where nothing is known of others.
        stop: done when the observation is no longer wanted: end at once, leave nothing.
    """

    client: DockerClient
    image_id: str
    catalogue: Mapping[str, str] = field(default_factory=dict)
    dockerfile: Dockerfile | None = None
    build: BuildRecord | None = None
    context: Context | None = None
    request: BuildRequest | None = None
    files: Context | None = None
    images: Mapping[str, str] = field(default_factory=dict)
    stop: Future[None] = field(default_factory=Future)
