"""A rolling update in Swarm mode, with and without a HEALTHCHECK to hold it back.

The swarm is one Docker Engine of its own in a container: nothing of it touches the engine that the
notebook uses, and all of it goes with the container. The service is a small web server.
"""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from helpers.engine.connect import Engine
from helpers.engine.labels import TOOL
from helpers.experiments.site import SiteFailed, exec_in, start_container, wait_for_line
from helpers.observe.containers import ContainerSpec
from helpers.observe.errors import engine_errors

#: Base images that it needs.
BASES = ("docker:26-dind", "busybox:1.37")
SERVICE = "web"
_ARCHIVES = "/images"
_READY = b"API listen on /var/run/docker.sock"


@dataclass(frozen=True, slots=True)
class Task:
    """One task of the service, as ``docker service ps`` tells it.

    Attributes:
        image: what it runs.
        wanted: the state that Swarm wants it in.
        state: the state that it is in, without its age.
        error: why it ended, where it did.
    """

    image: str
    wanted: str
    state: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Update:
    """One rolling update.

    Attributes:
        image: what was to be rolled out.
        outcome: Swarm's word for it, for example ``completed`` or ``rollback_completed``.
        seconds: how long it took.
        tasks: all tasks of the service afterwards, the newest first.
        serving: how many of the tasks that Swarm wants to run then answer a request.
        running: how many tasks that is.
    """

    image: str
    outcome: str
    seconds: float
    tasks: tuple[Task, ...]
    serving: int
    running: int


@dataclass(frozen=True, slots=True)
class Swarm:
    """A swarm of one node, in a container."""

    engine: Engine
    container: str

    def docker(self, *words: str) -> str:
        """Run ``docker …`` there and give what it prints.

        Raises:
            SiteFailed: where it fails.
        """
        return exec_in(self.engine, self.container, ["docker", *words])

    def load(self, image: str, name: str) -> None:
        """Bring an image of the outer engine there, under a name."""
        api = self.engine.client.api
        with engine_errors("bringing an image into the swarm"):
            tar = b"".join(api.get_image(image))
            api.put_archive(self.container, "/", _one_file(f"{_ARCHIVES}/{name}.tar", tar))
        loaded = self.docker("load", "--quiet", "--input", f"{_ARCHIVES}/{name}.tar")
        self.docker("tag", loaded.split()[-1], name)

    def create(self, image: str, replicas: int = 2) -> None:
        """Make the service: updates start the new tasks first, and are rolled back on a failure.

        Source: https://docs.docker.com/reference/cli/docker/service/create/
        """
        self.docker(
            *("service", "create", "--quiet", "--name", SERVICE, "--replicas", str(replicas)),
            *("--update-order", "start-first", "--update-failure-action", "rollback"),
            *("--update-monitor", "500ms", "--rollback-monitor", "500ms"),
            *("--update-parallelism", "0", "--rollback-parallelism", "0"),  # all at once
            *("--stop-grace-period", "500ms", "--no-resolve-image", image),
        )

    def update(self, image: str) -> Update:
        """Roll an image out, wait until Swarm is done with it, and ask every replica."""
        began = time.monotonic()
        with suppress(SiteFailed):  # rolled back: what became of it is asked below
            self.docker(
                *("service", "update", "--quiet", "--no-resolve-image", "--image", image, SERVICE)
            )
        seconds = time.monotonic() - began
        about = json.loads(self.docker("service", "inspect", SERVICE))[0]
        running = self.docker(
            *("service", "ps", "--no-trunc", "--filter", "desired-state=running"),
            *("--format", "{{.Name}}.{{.ID}}", SERVICE),
        ).split()
        return Update(
            image=image,
            outcome=str((about.get("UpdateStatus") or {}).get("State", "")),
            seconds=seconds,
            tasks=self.tasks(),
            serving=sum(self._serves(one) for one in running),
            running=len(running),
        )

    def tasks(self) -> tuple[Task, ...]:
        """All tasks of the service, the newest of each slot first."""
        lines = self.docker("service", "ps", "--no-trunc", "--format", "json", SERVICE)
        return tuple(_task(json.loads(line)) for line in lines.splitlines() if line.strip())

    def _serves(self, container: str) -> bool:
        ask = ("wget", "-q", "-T", "1", "-O", "/dev/null", "http://127.0.0.1:3000/")
        try:
            self.docker("exec", container, *ask)
        except SiteFailed:
            return False
        return True


def _task(raw: dict[str, str]) -> Task:
    state = raw["CurrentState"].partition(" ")[0]
    return Task(raw["Image"], raw["DesiredState"], state, raw["Error"].strip('"'))


def _one_file(path: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo(path.lstrip("/"))
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@contextmanager
def swarm(engine: Engine) -> Iterator[Swarm]:
    """An empty swarm of one node; everything is removed at the end.

    Raises:
        NoEngine: where it cannot be started: it needs the right for privileged containers.
        SiteFailed: where it does not come up.
    """
    with ExitStack() as stack:
        spec = ContainerSpec(
            "docker:26-dind",
            env=(("DOCKER_TLS_CERTDIR", ""),),
            memory_mb=None,
            pids=None,
            privileged=True,
            role=TOOL,
        )
        found = Swarm(engine, start_container(stack, engine, spec))
        wait_for_line(engine, found.container, _READY)
        found.docker("swarm", "init", "--advertise-addr", "127.0.0.1")
        yield found
