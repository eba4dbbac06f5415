"""Pods that really run: ``podman kube play`` in a privileged container, which is no Kubernetes.

Podman takes the same manifest and starts its containers on one machine. There is no scheduler, no
kubelet and no API server. What it does with each field:
https://github.com/containers/podman/blob/main/docs/kubernetes_support.md
"""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any

from helpers.engine.connect import Engine
from helpers.engine.labels import LESSON
from helpers.experiments.site import SiteFailed, start_container
from helpers.observe.containers import ContainerSpec
from helpers.observe.errors import engine_errors
from helpers.observe.probing import probe_container, published_port
from helpers.observe.requests import Probe
from helpers.observe.text import printable

#: Where the pods run.
PODMAN = "quay.io/podman/stable:v5.4.2"
_AGAIN = "Run the cell again; if it fails again: workbook doctor"
_MANIFEST = "pod.yaml"
# Its storage is a volume, on which the kernel's overlay works without a helper.
_ENV = (("STORAGE_DRIVER", "overlay"), ("PODMAN_IGNORE_CGROUPSV1_WARNING", "1"))


@dataclass(frozen=True, slots=True)
class Ran:
    """A command on the node.

    Attributes:
        exit_code: of the command.
        output: of both streams, without blank ends.
        seconds: how long it took.
    """

    exit_code: int
    output: str
    seconds: float


@dataclass(frozen=True, slots=True)
class PodStop:
    """A pod that was told to stop.

    Attributes:
        seconds: from the order until its containers had ended.
        exit_code: of its first container.
    """

    seconds: float
    exit_code: int


@dataclass(frozen=True, slots=True)
class Node:
    """A machine for pods: a container with podman.

    Attributes:
        engine: on which it runs.
        container: its id.
        ports: on this machine's loopback, by the port on the node.
    """

    engine: Engine
    container: str
    ports: dict[int, int]

    def run(self, *command: str) -> Ran:
        """Run a command on the node, to its end."""
        api, began = self.engine.client.api, time.monotonic()
        with engine_errors("running a command on the node"):
            made = api.exec_create(self.container, list(command))
            output = api.exec_start(made["Id"])
            code = int(api.exec_inspect(made["Id"])["ExitCode"])
        text = bytes(output).decode(errors="replace").strip()
        return Ran(code, text, time.monotonic() - began)

    def podman(self, *words: str) -> str:
        """What a podman command prints.

        Raises:
            SiteFailed: where it fails.
        """
        ran = self.run("podman", *words)
        if ran.exit_code != 0:
            shown = printable(ran.output[-400:], 400)
            raise SiteFailed(f"podman {' '.join(words)} failed: {shown}", remedy=_AGAIN)
        return ran.output

    def load(self, image: str, name: str) -> float:
        """Bring an image onto the node, without a registry; gives the seconds that it took.

        Args:
            image: name or id on the engine.
            name: what manifests call it.

        Raises:
            SiteFailed: where podman does not take it.
        """
        began, api = time.monotonic(), self.engine.client.api
        repository, _, tag = name.rpartition(":")
        with engine_errors("sending an image to the node"):
            api.tag(image, repository, tag)
            try:
                with tempfile.TemporaryFile() as whole:
                    for piece in api.get_image(name):
                        whole.write(piece)
                    with _as_archive(whole, "image.tar") as archive:
                        api.put_archive(self.container, "/tmp", archive)  # noqa: S108
            finally:
                api.remove_image(name, noprune=True)
        self.podman("load", "--quiet", "--input", "/tmp/image.tar")  # noqa: S108
        self.run("rm", "/tmp/image.tar")  # noqa: S108
        return time.monotonic() - began

    def apply(self, manifest: str) -> Ran:
        """``podman kube play``: what was there of the same name is replaced.

        Args:
            manifest: one Pod, as YAML.
        """
        data = manifest.encode()
        with tempfile.TemporaryFile() as whole:
            whole.write(data)
            with _as_archive(whole, _MANIFEST) as archive, engine_errors("sending a manifest"):
                self.engine.client.api.put_archive(self.container, "/tmp", archive)  # noqa: S108
        ports = [word for port in self.ports for word in ("--publish", f"{port}:{port}")]
        path = f"/tmp/{_MANIFEST}"  # noqa: S108
        return self.run("podman", "kube", "play", "--replace", *ports, path)

    def inspect(self, container: str) -> Any:
        """What podman says of a container; pod and container have one name, ``POD-CONTAINER``."""
        return json.loads(self.podman("container", "inspect", container))[0]

    def ask(self, port: int, path: str, *, seconds: float = 15.0) -> int | None:
        """The status of a GET request from outside; None where no answer comes in time."""
        run = probe_container(
            self.ports[port],
            (Probe(path),),
            began=time.monotonic(),
            wait_seconds=seconds,
            exited=Future(),
            stop=Future(),
        )
        return run.responses[0].status

    def stop(self, pod: str, container: str) -> PodStop:
        """Stop a pod and wait until its containers have ended.

        Raises:
            SiteFailed: where podman does not stop it.
        """
        began = time.monotonic()
        self.podman("pod", "stop", pod)
        seconds = time.monotonic() - began
        return PodStop(seconds, int(self.inspect(container)["State"]["ExitCode"]))


@contextmanager
def pod_node(engine: Engine, *, ports: Sequence[int] = (3000,)) -> Iterator[Node]:
    """A node without pods; it is removed at the end, with everything on it.

    Args:
        engine: on which it runs.
        ports: of the node, to be reached from this machine.

    Raises:
        NoEngine: where it cannot be started: it needs the right for privileged containers.
    """
    spec = ContainerSpec(
        PODMAN,
        tuple(ports),
        _ENV,
        memory_mb=None,
        pids=None,
        role=LESSON,
        privileged=True,
        init=True,
        command=("sleep", "infinity"),
    )
    with ExitStack() as stack:
        container = start_container(stack, engine, spec)
        with engine_errors("looking at a container"):
            about = engine.client.api.inspect_container(container)
        here = {p: found for p in ports if (found := published_port(about, p)) is not None}
        yield Node(engine, container, here)


@contextmanager
def _as_archive(content: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    """A tar archive of one file, as the engine takes it."""
    size = content.seek(0, io.SEEK_END)
    content.seek(0)
    member = tarfile.TarInfo(name)
    member.size = size
    with tempfile.TemporaryFile() as whole:
        with tarfile.open(fileobj=whole, mode="w", format=tarfile.GNU_FORMAT) as archive:
            archive.addfile(member, content)
        whole.seek(0)
        yield whole
