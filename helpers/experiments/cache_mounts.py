"""What a cache mount does for an installation that has to run again."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from helpers.build.context import DockerfileText, mapping_context
from helpers.build.errors import StepFailedError
from helpers.build.request import BuildRequest
from helpers.engine.connect import Engine
from helpers.experiments.temporary_builds import TemporaryBuilds, temporary_builds
from helpers.observe.build_again import edited

_LOCK = "package-lock.json"


@dataclass(frozen=True, slots=True)
class Reinstall:
    """An installation that runs again because the lock file was edited.

    Attributes:
        name: how it installs.
        seconds: of the installing step, one a run.
        offline: whether it also works without a network, once it has run.
    """

    name: str
    seconds: tuple[float, ...]
    offline: bool

    @property
    def median(self) -> float:
        """The middle one of the times."""
        return median(self.seconds)


def reinstalls(
    engine: Engine,
    files: Mapping[str, bytes],
    dockerfile: str,
    installs: Mapping[str, str],
    *,
    runs: int = 3,
    on_build: Callable[[str], None] = lambda _: None,
) -> tuple[Reinstall, ...]:
    """Install again and again, and once without a network.

    Args:
        engine: where.
        files: the build context, by path, with a ``package-lock.json``.
        dockerfile: its text; ``{install}`` is where the instruction goes.
        installs: the instruction by name; ``{cache}`` in it becomes the id of a cache mount that
            only this measurement uses.
        runs: how often each is measured, after a first time that fills the cache.
        on_build: told before each build what comes.

    Raises:
        BuildError: where one does not build with a network.
    """
    found = []
    with temporary_builds(engine) as builds:
        for name, instruction in installs.items():
            cache = f"workbook-{uuid.uuid4().hex[:12]}"
            text = dockerfile.format(install=instruction.format(cache=cache))
            times = []
            for run in range(runs + 1):
                on_build(f"{name} · run {run} of {runs}" if run else f"{name} · first run")
                times.append(_install(builds, files, text))
            on_build(f"{name} · without a network")
            found.append(Reinstall(name, tuple(times[1:]), _works_offline(builds, files, text)))
    return tuple(found)


def _install(
    builds: TemporaryBuilds, files: Mapping[str, bytes], text: str, network: str | None = None
) -> float:
    """Seconds of the installing step after an edit of the lock file that nobody has seen before."""
    context = edited(mapping_context(files, dockerfile=DockerfileText(text)), _LOCK)
    record = builds.build(BuildRequest(context, network=network))
    return sum(s.seconds for s in record.steps if "npm ci" in s.step.name)


def _works_offline(builds: TemporaryBuilds, files: Mapping[str, bytes], text: str) -> bool:
    # Told to stay offline, npm fails at once; without that it waits for a name server first.
    offline = text.replace("npm ci", "npm ci --offline")
    try:
        _install(builds, files, offline, network="none")
    except StepFailedError:
        return False
    return True
