"""An engine in a container, with a "host" that nothing depends on: what is done to it ends with it.

It listens on a socket of its own only, so that nobody else can reach it; commands go through
``docker exec``, which works on a remote engine, too.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for
from helpers.engine.labels import LESSON
from helpers.experiments.site import exec_in, start_container, wait_for_line
from helpers.observe.containers import ContainerSpec
from helpers.observe.errors import engine_errors

#: What it is made of.
BASE = "docker:26-dind"
SOCKET = "/var/run/docker.sock"
_READY = b"API listen on /var/run/docker.sock"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that was run: its exit code, and what it printed, standard error included."""

    code: int
    output: str


@dataclass(frozen=True, slots=True)
class NestedEngine:
    """An engine in a container; the container's file system is its host's.

    Attributes:
        engine: on which the container runs.
        container: its id.
    """

    engine: Engine
    container: str

    def load(self, image: str, name: str) -> None:
        """Copy an image into it.

        Args:
            image: name or id on the outer engine.
            name: what it is called inside.
        """
        api = self.engine.client.api
        with tempfile.TemporaryFile() as image_file, tempfile.TemporaryFile() as outer:
            with engine_errors("reading an image"):
                for piece in api.get_image(image, chunk_size=_PIECE):
                    image_file.write(piece)
            info = tarfile.TarInfo("image.tar")
            info.size = image_file.tell()
            image_file.seek(0)
            with tarfile.open(fileobj=outer, mode="w", format=tarfile.GNU_FORMAT) as archive:
                archive.addfile(info, image_file)
            outer.seek(0)
            with engine_errors("copying an image"):
                api.put_archive(self.container, "/", outer)
        said = self.host("docker", "load", "--quiet", "--input", "/image.tar")
        loaded = said.strip().rpartition(" ")[2]
        self.host("docker", "tag", loaded, name)
        self.host("rm", "/image.tar")

    def docker(self, *arguments: str) -> Ran:
        """Run the docker command on its host."""
        return self.run("docker", *arguments)

    def run(self, *command: str) -> Ran:
        """Run a command on its host, whatever it ends with."""
        api = self.engine.client.api
        with engine_errors("running a command in the nested engine"):
            made = api.exec_create(self.container, list(command))
            output: Any = api.exec_start(made["Id"])
            code = api.exec_inspect(made["Id"])["ExitCode"]
        return Ran(int(code), bytes(output).decode("utf-8", "replace").strip())

    def host(self, *command: str) -> str:
        """Run a command on its host that has to work, and give what it prints.

        Raises:
            SiteFailed: where it does not.
        """
        with engine_errors("running a command in the nested engine"):
            return exec_in(self.engine, self.container, command)

    def write(self, path: str, text: str) -> None:
        """Make a file of root, mode 644, on its host. The folder has to be there."""
        folder, _, name = path.rpartition("/")
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(text.encode()), 0o644
            archive.addfile(info, io.BytesIO(text.encode()))
        with engine_errors("writing a file in the nested engine"):
            self.engine.client.api.put_archive(self.container, folder or "/", out.getvalue())

    def read(self, path: str) -> str:
        """A file of its host, read by the outer engine: no program of the container is asked."""
        with engine_errors("reading a file of the nested engine"):
            stream, _ = self.engine.client.api.get_archive(self.container, path)
            data = b"".join(stream)
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            found = archive.extractfile(archive.next() or tarfile.TarInfo())
            return found.read().decode("utf-8", "replace") if found else ""


@contextmanager
def nested_engine(engine: Engine, *options: str) -> Iterator[NestedEngine]:
    """Start one, empty; it and all that is in it go at the end, also after Ctrl-C.

    Args:
        engine: on which it runs; it must allow privileged containers.
        options: for ``dockerd``, for example ``--userns-remap=default``.

    Raises:
        NoEngine: where it cannot be started.
        SiteFailed: where it does not come up.
    """
    ensure_for(engine, (BASE,))
    spec = ContainerSpec(
        BASE,
        # Containers in it need no network, so it touches no packet filter.
        command=(
            *("dockerd", f"--host=unix://{SOCKET}", "--bridge=none"),
            *("--iptables=false", "--ip6tables=false", *options),
        ),
        env=(("DOCKER_TLS_CERTDIR", ""),),
        memory_mb=None,
        pids=None,
        privileged=True,
        network="none",
        role=LESSON,
    )
    with ExitStack() as stack:
        container = start_container(stack, engine, spec)
        wait_for_line(engine, container, _READY)
        yield NestedEngine(engine, container)
