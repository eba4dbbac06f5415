"""One file of an image, without running the image."""

from __future__ import annotations

import io
import tarfile

import docker
import docker.errors

from helpers.engine.labels import LESSON
from helpers.errors import BadInput
from helpers.observe.containers import unstarted
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
    doing = "reading a file of an image"
    with unstarted(client.api, image, LESSON, doing) as name, engine_errors(doing):
        try:
            pieces, _ = client.api.get_archive(name, path)
        except docker.errors.NotFound as error:
            raise _no_file(path) from error
        content = b"".join(pieces)
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
