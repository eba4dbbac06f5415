"""The program that plays the intruder: compiled on the engine, kept as an image."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future
from functools import cache
from importlib.resources import files

import docker
import docker.errors

from helpers.build.cancel import CancelToken
from helpers.build.client import build
from helpers.build.context import mapping_context
from helpers.build.errors import BuildError
from helpers.build.request import BuildRequest
from helpers.engine.labels import BUILT, TOOL, labels
from helpers.errors import NoEngine
from helpers.observe.base_there import ensure_base
from helpers.observe.errors import ObservationFailed, Stopped, engine_errors

#: Where the tools are mounted: a place that no image has.
FOLDER = "/workbook-intruder"
PROGRAM = f"{FOLDER}/intruder"
#: What it is compiled in: the base image that has a compiler.
COMPILER = "node:26-trixie"
_REPOSITORY = f"{BUILT}intruder"
_TIMEOUT_SECONDS = 300.0


@cache
def _sources() -> dict[str, bytes]:
    folder = files("helpers.observe.attack").joinpath("tool")
    return {
        entry.name: entry.read_bytes()
        for entry in sorted(folder.iterdir(), key=lambda e: e.name)
        if entry.name == "Dockerfile" or entry.name.endswith((".c", ".h"))
    }


@cache
def tool_tag() -> str:
    """Name of the image: another one for other sources."""
    digest = hashlib.sha256()
    for name, content in _sources().items():
        digest.update(name.encode() + b"\0" + content + b"\0")
    return f"{_REPOSITORY}:{digest.hexdigest()[:12]}"


def ensure_tool(client: docker.DockerClient, stop: Future[None] | None = None) -> str:
    """The image with the program; it is built where the engine does not have it.

    Args:
        client: a connection to the engine.
        stop: done where it is no longer wanted; ends the build.

    Returns:
        Its name.

    Raises:
        ObservationFailed: where it cannot be built.
        NoBaseImage: where the engine has no compiler and cannot get one.
        NoEngine: where the engine stops answering.
        Stopped: where ``stop`` said so.
    """
    tag = tool_tag()
    with engine_errors("looking for the image of the attack"):
        try:
            client.api.inspect_image(tag)
        except docker.errors.ImageNotFound:
            ensure_base(client, COMPILER)
            _build(client, tag, stop or Future())
            _remove_older(client, tag)
    return tag


def _build(client: docker.DockerClient, tag: str, stop: Future[None]) -> None:
    cancel = CancelToken()
    stop.add_done_callback(lambda _: cancel.cancel())
    request = BuildRequest(
        mapping_context(_sources()),
        tags=(tag,),
        labels=labels(TOOL),
        network="none",
        timeout_seconds=_TIMEOUT_SECONDS,
    )
    try:
        build(client.api, request, cancel=cancel)
    except BuildError as error:
        if stop.done():
            raise Stopped from error
        if error.exit_status == NoEngine.exit_status:
            raise NoEngine(error.message, remedy=error.remedy) from error
        raise ObservationFailed(
            f"The program that plays the intruder could not be built: {error.message}",
            remedy=f"It is compiled in {COMPILER}: get that image first (`workbook bases`). "
            f"{error.remedy}",
        ) from error


def _remove_older(client: docker.DockerClient, tag: str) -> None:
    """Images of the program's earlier versions go, unless a container still uses them."""
    for image in client.api.images(_REPOSITORY):
        for name in image.get("RepoTags") or ():
            if name != tag:
                try:
                    client.api.remove_image(name)
                except docker.errors.APIError as error:
                    if error.status_code not in {404, 409}:
                        raise
