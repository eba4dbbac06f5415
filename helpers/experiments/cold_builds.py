"""Builds on a CI machine: warm, cold, and cold with a cache that an earlier build has exported.

The machine is an engine of its own in a container (``docker:26-dind``), with nothing on it but the
base image, which it pulls as any machine would. It becomes cold by removing what it has built and
its whole build cache: the learner's own engine and its cache are not touched. The cache is exported
inline, as part of an image in a registry: https://docs.docker.com/build/cache/backends/inline/
"""

from __future__ import annotations

import io
import json
import secrets
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from helpers.engine.connect import Engine
from helpers.engine.labels import TOOL
from helpers.experiments.registry import BASE as REGISTRY
from helpers.experiments.registry import LocalRegistry, local_registry
from helpers.experiments.site import exec_in, start_container, wait_for_line
from helpers.observe.containers import ContainerSpec, private_network

#: Base images that the experiment needs, beside the one that is built on.
BASES = (REGISTRY, "docker:26-dind")
Condition = Literal["warm", "cold", "cold, with the exported cache"]
CONDITIONS: tuple[Condition, ...] = ("warm", "cold", "cold, with the exported cache")
_HOST, _PORT = "registry", 5000
_FOLDER = "/ci"


@dataclass(frozen=True, slots=True)
class CiStep:
    """One step of a build on the machine.

    Attributes:
        name: as BuildKit prints it.
        cached: True where nothing ran.
        seconds: how long it ran.
    """

    name: str
    cached: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class CiBuild:
    """A build after an edit of one line.

    Attributes:
        order: name of the Dockerfile.
        condition: what the machine knew.
        seconds: how long the build took, transfers of the cache included.
        steps: the steps of the Dockerfile.
    """

    order: str
    condition: Condition
    seconds: float
    steps: tuple[CiStep, ...]

    def ran(self, words: str) -> int:
        """How many steps with these words ran."""
        return sum(words in s.name and not s.cached for s in self.steps)


@dataclass(frozen=True, slots=True)
class ColdBuilds:
    """What was measured.

    Attributes:
        builds: one for each Dockerfile and condition.
    """

    builds: tuple[CiBuild, ...]

    def of(self, order: str, condition: Condition) -> CiBuild:
        """One build.

        Raises:
            KeyError: where there is none.
        """
        for build in self.builds:
            if (build.order, build.condition) == (order, condition):
                return build
        raise KeyError((order, condition))

    def to_json(self) -> str:
        """One JSON document; :meth:`from_json` gives the same back."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> ColdBuilds:
        """Read what :meth:`to_json` wrote.

        Raises:
            ValueError, KeyError, TypeError: if it is something else.
        """
        raw: dict[str, Any] = json.loads(text)
        return ColdBuilds(
            tuple(
                CiBuild(**{**b, "steps": tuple(CiStep(**s) for s in b["steps"])})
                for b in raw["builds"]
            )
        )


def cold_builds(
    engine: Engine,
    files: Mapping[str, bytes],
    dockerfiles: Mapping[str, str],
    *,
    base: str,
    edit: str,
    on_build: Callable[[str], None] = lambda _: None,
) -> ColdBuilds:
    """Build each Dockerfile after an edit: on a warm machine, on a cold one, and with its cache.

    Args:
        engine: where registry and machine run.
        files: the build context, by path.
        dockerfiles: text by name.
        base: the base image that they stand on.
        edit: path of the file that is edited before each build.
        on_build: told before each build what comes.

    Raises:
        SiteFailed: where a container does not come up, or a build or a transfer fails.
        NoEngine: where the engine does not allow privileged containers.
    """
    builds: list[CiBuild] = []
    on_build("registry and CI machine")
    with _machine(engine, base) as machine:
        for number, (order, text) in enumerate(dockerfiles.items(), start=1):
            on_build(f"{order} · the first build, whose cache is exported")
            machine.put(files, text)
            machine.build(number, export=True)
            for condition in CONDITIONS:
                on_build(f"{order} · {condition}")
                if condition != "warm":
                    machine.wipe()
                machine.put({edit: files[edit] + _new_line()}, text)
                cached = condition == CONDITIONS[-1]
                steps, seconds = machine.build(number, use_export=cached)
                builds.append(CiBuild(order, condition, seconds, steps))
            machine.wipe()
    return ColdBuilds(tuple(builds))


def _new_line() -> bytes:
    return f"// {secrets.token_hex(8)}\n".encode()


@dataclass(frozen=True, slots=True)
class _Machine:
    engine: Engine
    container: str
    base: str

    def put(self, files: Mapping[str, bytes], dockerfile: str) -> None:
        """Put files into the machine's folder, over those that are there."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for path, data in {**files, "Dockerfile": dockerfile.encode()}.items():
                about = tarfile.TarInfo(f"{_FOLDER.strip('/')}/{path}")
                about.size, about.mode = len(data), 0o644
                tar.addfile(about, io.BytesIO(data))
        self.engine.client.api.put_archive(self.container, "/", archive.getvalue())

    def build(
        self, number: int, *, export: bool = False, use_export: bool = False
    ) -> tuple[tuple[CiStep, ...], float]:
        """Build the folder; gives its steps, and seconds from the first to the last."""
        name = f"{_HOST}:{_PORT}/app:{number}"
        command = ["docker", "buildx", "build", "--progress=rawjson", "--network=host"]
        command += ["--provenance=false", "--tag", name if export else "app"]
        command += ["--cache-to=type=inline"] if export else []
        command += [f"--cache-from=type=registry,ref={name}"] if use_export else []
        steps = read_progress(exec_in(self.engine, self.container, [*command, _FOLDER]))
        if export:
            exec_in(self.engine, self.container, ["docker", "push", "--quiet", name])
        return steps

    def wipe(self) -> None:
        """Make the machine cold: nothing is left but the base image."""
        keep = exec_in(self.engine, self.container, ["docker", "images", "-q", self.base]).split()
        every = exec_in(self.engine, self.container, ["docker", "images", "-qa"]).split()
        images = sorted(set(every) - set(keep))
        if images:
            exec_in(self.engine, self.container, ["docker", "image", "rm", "--force", *images])
        exec_in(self.engine, self.container, ["docker", "builder", "prune", "--all", "--force"])


@contextmanager
def _machine(engine: Engine, base: str) -> Iterator[_Machine]:
    with ExitStack() as stack:
        network = stack.enter_context(private_network(engine.client, TOOL))
        registry: LocalRegistry = stack.enter_context(
            local_registry(engine, network=network, alias=_HOST)
        )
        spec = ContainerSpec(
            "docker:26-dind",
            network=network,
            command=(f"--insecure-registry={_HOST}:{_PORT}",),
            env=(("DOCKER_TLS_CERTDIR", ""),),
            privileged=True,
            memory_mb=None,
            pids=None,
            role=TOOL,
        )
        container = start_container(stack, engine, spec)
        registry.push(base, "base", "1")
        wait_for_line(engine, container, b"API listen on /var/run/docker.sock")
        source = f"{_HOST}:{_PORT}/base:1"
        exec_in(engine, container, ["docker", "pull", "--quiet", source])
        exec_in(engine, container, ["docker", "tag", source, base])
        yield _Machine(engine, container, base)


def read_progress(text: str) -> tuple[tuple[CiStep, ...], float]:
    """Steps and seconds from what ``docker buildx build --progress=rawjson`` prints.

    Args:
        text: JSON objects one after the other, on one line each or indented, as the release
            does it; what stands between them is passed over.

    Returns:
        The steps of the Dockerfile, and the seconds from the first sign of any step to the last.
    """
    states: dict[str, dict[str, Any]] = {}
    for message in _objects(text):
        for vertex in message.get("vertexes") or ():
            states[vertex["digest"]] = {**states.get(vertex["digest"], {}), **vertex}
    times = [_time(s[key]) for s in states.values() for key in ("started", "completed") if key in s]
    steps = tuple(
        CiStep(s["name"], bool(s.get("cached")), _seconds(s))
        for s in states.values()
        if s["name"].startswith("[") and not s["name"].startswith("[internal]")
    )
    return steps, max(times) - min(times) if times else 0.0


def _objects(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            found, end = decoder.raw_decode(text, at)
        except ValueError:
            end = at + 1
        else:
            yield found
        at = text.find("{", end)


def _seconds(state: Mapping[str, Any]) -> float:
    if state.get("cached") or "started" not in state or "completed" not in state:
        return 0.0
    return _time(state["completed"]) - _time(state["started"])


def _time(text: str) -> float:
    """Seconds since 1970; Go writes nine digits after the point, Python reads six."""
    main, _, rest = text.rstrip("Z").partition(".")
    moment = datetime.fromisoformat(f"{main}+00:00").timestamp()
    return moment + (float(f"0.{rest}") if rest else 0.0)
