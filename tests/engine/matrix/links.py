"""The matrix: which engine over which transport, and what a test gets of it."""

from __future__ import annotations

import io
import socket
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from helpers.build import BuildRecord, BuildRequest, build
from helpers.engine.connect import Engine
from helpers.engine.find import Endpoint
from helpers.engine.processes import belonging_to, command_line
from helpers.engine.variants import VARIANTS, RunningVariant

BASE = "matrix-base:1"
_APPLETS = "sh cat echo false mkdir printf sleep true"
#: Every engine over its socket, and the oldest one over the other transports too.
LINKS = [
    (VARIANTS[0], "unix"),
    (VARIANTS[0], "tls"),
    (VARIANTS[0], "ssh"),
    *((variant, "unix") for variant in VARIANTS[1:]),
]


@dataclass
class Linked:
    """An engine over one transport.

    Attributes:
        machine: the engine.
        engine: the connection.
        base: name of the image that everything is built from.
        built: ids of images that the test made.
    """

    machine: RunningVariant
    engine: Engine
    base: str
    built: list[str] = field(default_factory=list)

    def build(self, request: BuildRequest, **options: object) -> BuildRecord:
        """Build, and remember what to remove."""
        record = build(self.engine.client.api, request, **options)  # type: ignore[arg-type]
        assert record.image_id is not None
        self.built.append(record.image_id)
        return record

    def running(self, word: str) -> tuple[int, ...]:
        """Ids of the engine's processes whose command line holds the word."""
        run = self.machine.run
        found = belonging_to(run.namespace, run.cgroup)
        return tuple(pid for pid in found if word in command_line(pid))


def tls_endpoint(machine: RunningVariant, certificates: Path) -> Endpoint:
    listen = machine.listen
    assert listen is not None
    return Endpoint(listen.url, "test", explicit=True, tls_folder=certificates)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def load_base(machine: RunningVariant) -> None:
    """An image of busybox, which is part of the engine's own tree: nothing is downloaded."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name in ("bin", "tmp"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
        tar.add((machine.state.rootfs / "usr/bin/busybox").resolve(), "bin/busybox")
        for applet in _APPLETS.split():
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    repository, tag = BASE.split(":")
    machine.engine.client.api.import_image_from_data(
        raw.getvalue(), repository=repository, tag=tag, changes=["ENV PATH=/bin"]
    )
