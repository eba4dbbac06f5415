"""A tiny base image, a name for this run, and a look at what runs on the engine."""

from __future__ import annotations

import io
import subprocess
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound
from image_builder import Builder

BASE = "busybox:1.37"
_APPLETS = "sh cat echo env id ls mkdir printf ps seq sleep test true false dd head wc yes"


@pytest.fixture(scope="session")
def base(client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A busybox image; where the engine has none, one made of Debian's busybox for this run."""
    try:
        client.images.get(BASE)
    except ImageNotFound:
        pass
    else:
        yield BASE
        return
    folder = tmp_path_factory.mktemp("busybox")
    subprocess.run(["apt-get", "download", "-qq", "busybox-static"], cwd=folder, check=True)
    (package,) = folder.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", package, folder / "root"], check=True)
    (binary,) = [
        path
        for path in folder.glob("root/**/busybox")
        if path.is_file() and path.stat().st_size > 9999
    ]
    client.api.import_image_from_data(
        _root(binary), repository="busybox", tag="1.37", changes=["ENV PATH=/bin"]
    )
    yield BASE
    client.images.remove(BASE, force=True)


def _root(binary: Path) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, mode in (("bin", 0o755), ("tmp", 0o1777)):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, mode
            tar.addfile(folder)
        program = tarfile.TarInfo("bin/busybox")
        program.size, program.mode = binary.stat().st_size, 0o755
        with binary.open("rb") as file:
            tar.addfile(program, file)
        for applet in _APPLETS.split():
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return raw.getvalue()


@pytest.fixture
def nonce() -> str:
    """A word that no earlier build has seen, so that nothing is cached yet."""
    return uuid.uuid4().hex[:12]


@pytest.fixture
def builder(client: docker.DockerClient) -> Iterator[Builder]:
    builder = Builder(client, f"helpers-build-test:{uuid.uuid4().hex[:12]}", [])
    yield builder
    for image in {*builder.built, builder.tag}:
        try:
            client.images.remove(image, force=True)
        except ImageNotFound:
            continue


@pytest.fixture
def is_running(client: docker.DockerClient, base: str) -> Callable[[str], bool]:
    """Whether a command line that holds the word runs on the engine's machine."""

    def look(word: str) -> bool:
        listing = client.containers.run(
            base,
            ["busybox", "ps", "-o", "args"],
            pid_mode="host",
            userns_mode="host",
            network_mode="none",
            remove=True,
        )
        return word.encode() in listing

    return look


@pytest.fixture
def is_gone(is_running: Callable[[str], bool]) -> Callable[[str], bool]:
    """Whether it ends within ten seconds."""

    def wait(word: str) -> bool:
        deadline = time.monotonic() + 10
        while is_running(word):
            if time.monotonic() > deadline:
                return False
        return True

    return wait
