"""Which base images the engine holds, and what their layers are."""

from __future__ import annotations

from collections.abc import Mapping

import docker
import docker.errors

from helpers.engine.labels import STAND_IN
from helpers.observe.errors import engine_errors
from helpers.observe.requests import BaseImage, BasesRequest
from helpers.observe.subject import Subject


def read_bases(client: docker.DockerClient, catalogue: Mapping[str, str]) -> tuple[BaseImage, ...]:
    """The base images of the catalogue that are on the engine, in the catalogue's order.

    Args:
        client: a connection to the engine.
        catalogue: kind (``full``, ``slim``, ``alpine``, ``distroless``, ``debian``) by image name.

    Raises:
        ObservationFailed: if the engine refuses.
        NoEngine: if the engine stops answering.
    """
    bases = []
    for name, kind in catalogue.items():
        with engine_errors("reading the base images"):
            try:
                about = client.api.inspect_image(name)
            except docker.errors.ImageNotFound:
                continue
        layers = (about.get("RootFS") or {}).get("Layers") or ()
        labels = (about.get("Config") or {}).get("Labels") or {}
        bases.append(BaseImage(name, kind, tuple(layers), labels.get(STAND_IN)))
    return tuple(bases)


def observe_bases(subject: Subject, request: BasesRequest) -> tuple[BaseImage, ...]:  # noqa: ARG001
    """The base images of the subject's catalogue; raises what :func:`read_bases` does."""
    return read_bases(subject.client, subject.catalogue)
