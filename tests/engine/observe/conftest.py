"""Small images made for these tests from one static busybox, and removed after them."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from helpers.engine.labels import CHECK, labels

MakeImage = Callable[..., str]


@pytest.fixture(scope="session")
def busybox(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A statically linked busybox: the machine's own, or the one from Debian's archive."""
    own = shutil.which("busybox")
    if own and b"ld-linux" not in Path(own).read_bytes():
        return Path(own).read_bytes()
    if not shutil.which("apt-get"):
        pytest.fail("these tests need a static busybox on the PATH, or apt-get to fetch one")
    folder = tmp_path_factory.mktemp("busybox")
    subprocess.run(["apt-get", "download", "busybox-static"], cwd=folder, check=True)
    (package,) = folder.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", package, folder / "root"], check=True)
    return next((folder / "root").glob("**/bin/busybox")).read_bytes()


def context(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o755
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.fixture(scope="session")
def make_image(client: docker.DockerClient, busybox: bytes) -> Iterator[MakeImage]:
    """Build an image from a Dockerfile; a file ``busybox`` is always in the context."""
    made: list[str] = []

    def make(dockerfile: str, files: dict[str, bytes] | None = None) -> str:
        tag = f"workbook/observe-test-{uuid.uuid4().hex[:12]}:1"
        api = client.api
        everything = {"Dockerfile": dockerfile.encode(), "busybox": busybox, **(files or {})}
        response = api._post(
            api._url("/build"),
            data=context(everything),
            params={"t": tag, "version": "2", "labels": json.dumps(labels(CHECK))},
            headers={"Content-Type": "application/x-tar"},
            stream=True,
        )
        log = b"".join(response.iter_content(65_536))
        assert b"moby.image.id" in log, log[-2000:]
        made.append(tag)
        return tag

    yield make
    for tag in made:
        client.images.remove(tag, force=True)


#: A shell with everything in it, for a Dockerfile.
SHELL = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\n"


@pytest.fixture
def containers(client: docker.DockerClient) -> Callable[[str], list[str]]:
    """Ids of the containers, in whatever state, of an image."""

    def find(image: str) -> list[str]:
        found = client.api.containers(all=True, filters={"ancestor": image})
        return [c["Id"] for c in found]

    return find
