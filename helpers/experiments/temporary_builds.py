"""Builds whose images nobody needs: only how they went is of interest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from docker.errors import APIError, ImageNotFound

from helpers.build.client import build
from helpers.build.record import BuildRecord
from helpers.build.request import BuildRequest
from helpers.engine.connect import Engine
from helpers.engine.labels import LESSON, labels
from helpers.observe.errors import engine_errors


class TemporaryBuilds:
    """Builds in a row; see :func:`temporary_builds`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._made: list[str] = []

    def build(self, request: BuildRequest) -> BuildRecord:
        """Build without a name.

        Raises:
            BuildError: where it does not build.
        """
        wanted = replace(request, tags=(), labels=labels(LESSON))
        record = build(self._engine.client.api, wanted)
        if record.image_id is not None:
            self._made.append(record.image_id)
        return record

    def remove(self) -> None:
        """Remove the images that have no name; the build cache keeps its layers."""
        api = self._engine.client.api
        with engine_errors("removing an image"):
            for image in dict.fromkeys(self._made):
                try:
                    if not api.inspect_image(image).get("RepoTags"):
                        api.remove_image(image)
                except ImageNotFound:
                    continue
                except APIError as error:
                    if error.status_code != 409:  # a container uses it: it is somebody's
                        raise
        self._made.clear()


@contextmanager
def temporary_builds(engine: Engine) -> Iterator[TemporaryBuilds]:
    """Builds whose images are removed at the end, also after an error or Ctrl-C."""
    builds = TemporaryBuilds(engine)
    try:
        yield builds
    finally:
        builds.remove()
