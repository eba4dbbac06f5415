"""Base images that an observation itself needs: fetched where the engine lacks them."""

from __future__ import annotations

import threading

import docker

from helpers.engine.bases import ensure
from helpers.engine.state import state_folder
from helpers.observe.errors import engine_errors

_ONE_AFTER_THE_OTHER = threading.Lock()


def ensure_base(client: docker.DockerClient, name: str) -> None:
    """Get a base image by the workbook's rule: from its registry, else as a stand-in.

    Stand-ins are made on the workbook's own engine only. That can take minutes, once.

    Args:
        client: a connection to the engine.
        name: one of the course's base images.

    Raises:
        NoBaseImage, RegistryRefused: where it cannot be had.
        NoEngine: where the engine stops answering.
    """
    with _ONE_AFTER_THE_OTHER, engine_errors(f"getting {name}"):
        ensure(client, (name,), allow_stand_ins=_is_private(client))


def _is_private(client: docker.DockerClient) -> bool:
    """The private engine is known by its data folder: a client does not tell its socket."""
    data = str(client.info().get("DockerRootDir") or "")
    return data.startswith(f"{state_folder().engine}/")
