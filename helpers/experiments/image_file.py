"""One file of an image, without running the image."""

from __future__ import annotations

import io
import tarfile
import uuid

import docker
import docker.errors

from helpers.engine.labels import LESSON, container_labels
from helpers.errors import BadInput
from helpers.observe.containers import to_the_end
from helpers.observe.errors import engine_errors


def read_file(client: docker.DockerClient, image: str, path: str) -> bytes:
    """The content of a file of an image; links are not followed.

    Args:
        client: a connection to the engine.
        image: name or id.
        path: absolute path in the image.

    Raises:
        BadInput: where the engine has no such image, or the image no such file.
        ObservationFailed, NoEngine: where the engine refuses, or stops answering.
    """
    api = client.api
    name = f"workbook-{LESSON}-{uuid.uuid4().hex[:16]}"
    labels = container_labels(LESSON, name)
    try:
        with engine_errors("reading a file of an image"):
            # A command, so that an image without one will do; it is never run.
            to_the_end(lambda: api.create_container(image, ["none"], name=name, labels=labels))
            try:
                pieces, _ = api.get_archive(name, path)
            except docker.errors.NotFound as error:
                raise _no_file(path) from error
            content = b"".join(pieces)
    finally:
        with engine_errors("removing a container"):
            to_the_end(lambda: _remove(api, name))
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        member = archive.next()
        found = archive.extractfile(member) if member and member.isreg() else None
        if found is None:
            raise _no_file(path)
        return found.read()


def _no_file(path: str) -> BadInput:
    return BadInput(
        f"The image has no file {path}.",
        remedy="`workbook inspect IMAGE` lists what it has.",
    )


def _remove(api: docker.APIClient, name: str) -> None:
    try:
        api.remove_container(name, force=True, v=True)
    except docker.errors.NotFound:
        return  # it never came to be
