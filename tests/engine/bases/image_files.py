"""What tests look at: the files of an image, the port of a container."""

from __future__ import annotations

import io
import tarfile

from docker import DockerClient
from docker.models.containers import Container

from helpers.engine.labels import TOOL, labels


def port_of(container: Container, port: int) -> int:
    """The port of the engine's loopback that leads to a container's port."""
    container.reload()
    return int(container.ports[f"{port}/tcp"][0]["HostPort"])


def archive_of(client: DockerClient, image: str, path: str = "") -> tarfile.TarFile:
    """A file or folder of an image, or all of it, without starting it."""
    container = client.api.create_container(image, ["none"], labels=labels(TOOL))["Id"]
    try:
        if path:
            pieces, _ = client.api.get_archive(container, path)
        else:
            pieces = client.api.export(container)
        archive = b"".join(pieces)
    finally:
        client.api.remove_container(container, v=True)
    return tarfile.open(fileobj=io.BytesIO(archive))


def files_of(client: DockerClient, image: str) -> dict[str, tarfile.TarInfo]:
    """What is in an image, by absolute path."""
    with archive_of(client, image) as tar:
        return {"/" + member.name.removeprefix("./"): member for member in tar}


def names_in(client: DockerClient, image: str, folder: str) -> set[str]:
    """Names of what is directly in a folder of an image."""
    with archive_of(client, image, folder) as tar:
        return {name.partition("/")[2] for name in tar.getnames()}


def text_of(client: DockerClient, image: str, path: str) -> str:
    """The text of a file in an image."""
    with archive_of(client, image, path) as tar:
        (member,) = tar.getmembers()
        found = tar.extractfile(member)
        assert found is not None
        return found.read().decode()
