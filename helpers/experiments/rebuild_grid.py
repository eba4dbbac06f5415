"""Which steps of a Dockerfile run again after which edit, seen in builds.

Each order of the Dockerfile is built once, so that the cache is filled. Then one thing at a time is
edited, in memory only and to something that no build has seen before, and built. What became of a
step is in BuildKit's own records.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from helpers.build.compare import Change, Comparison, compare
from helpers.build.context import Context, DockerfileText, mapping_context
from helpers.build.reasons import CacheNotUsed
from helpers.build.request import BuildRequest
from helpers.engine.connect import Engine
from helpers.experiments.temporary_builds import TemporaryBuilds, temporary_builds
from helpers.observe.build_again import edited, with_dockerfile

_RAN = (Change.AGAIN, Change.NEW)


@dataclass(frozen=True, slots=True)
class Edit:
    """One thing that somebody changes.

    Attributes:
        name: a word or two.
        path: the file that is edited; empty where it is the Dockerfile.
        line: the line that is put at the end of the Dockerfile; ``{}`` becomes a new word.
    """

    name: str
    path: str = ""
    line: str = ""

    def of(self, context: Context) -> Context:
        """The context after the edit: white space at the end of a file, or a line.

        Raises:
            ObservationFailed: where the context has no such file.
        """
        if self.path:
            return edited(context, self.path)
        line = self.line.format(secrets.token_hex(6))
        return with_dockerfile(context, f"{context.dockerfile.rstrip()}\n{line}\n")


@dataclass(frozen=True, slots=True)
class GridStep:
    """One step of the Dockerfile in a build after an edit.

    Attributes:
        stage: where it belongs.
        instruction: as it stands in the Dockerfile.
        ran: True where it ran, False where it came from the cache or was not asked for.
        seconds: how long it ran.
    """

    stage: str
    instruction: str
    ran: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Rebuild:
    """A build after an edit.

    Attributes:
        order: name of the Dockerfile.
        edit: name of the edit.
        steps: in the order of the Dockerfile, stage by stage.
        seconds: how long the build took.
    """

    order: str
    edit: str
    steps: tuple[GridStep, ...]
    seconds: float

    def ran(self) -> tuple[str, ...]:
        """The instructions that ran."""
        return tuple(s.instruction for s in self.steps if s.ran)

    def step(self, stage: str, instruction: str) -> GridStep:
        """One step; BuildKit does not tell of steps that nothing asks for: they did not run."""
        alike = (s for s in self.steps if (s.stage, s.instruction) == (stage, instruction))
        return next(alike, GridStep(stage, instruction, ran=False, seconds=0.0))

    def installs(self) -> bool:
        """Whether packages were installed again."""
        return any("npm ci" in instruction for instruction in self.ran())


@dataclass(frozen=True, slots=True)
class RebuildGrid:
    """Orders of a Dockerfile against edits.

    Attributes:
        orders: names of the Dockerfiles.
        edits: names of the edits.
        rebuilds: one for each pair, order by order.
    """

    orders: tuple[str, ...]
    edits: tuple[str, ...]
    rebuilds: tuple[Rebuild, ...]

    def of(self, order: str, edit: str) -> Rebuild:
        """One build.

        Raises:
            KeyError: where there is none.
        """
        for rebuild in self.rebuilds:
            if (rebuild.order, rebuild.edit) == (order, edit):
                return rebuild
        raise KeyError((order, edit))

    def to_json(self) -> str:
        """One JSON document; :meth:`from_json` gives the same grid back."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> RebuildGrid:
        """Read what :meth:`to_json` wrote.

        Raises:
            ValueError, KeyError, TypeError: if it is something else.
        """
        raw: dict[str, Any] = json.loads(text)
        rebuilds = (
            Rebuild(**{**r, "steps": tuple(GridStep(**s) for s in r["steps"])})
            for r in raw["rebuilds"]
        )
        return RebuildGrid(tuple(raw["orders"]), tuple(raw["edits"]), tuple(rebuilds))


def rebuild_grid(
    engine: Engine,
    files: Mapping[str, bytes],
    dockerfiles: Mapping[str, str],
    edits: Iterable[Edit],
    *,
    on_build: Callable[[str], None] = lambda _: None,
) -> RebuildGrid:
    """Build each Dockerfile once, and once after each edit.

    Args:
        engine: where.
        files: the build context, by path.
        dockerfiles: text by name.
        edits: what is edited, one at a time.
        on_build: told before each build what comes.

    Raises:
        BuildError: where one does not build.
        ObservationFailed: where a file to edit is not in the context.
    """
    wanted = tuple(edits)
    rebuilds: list[Rebuild] = []
    with temporary_builds(engine) as builds:
        for order, text in dockerfiles.items():
            context = mapping_context(files, dockerfile=DockerfileText(text))
            for edit in wanted:
                on_build(f"{order} · {edit.name}")
                rebuilds.append(_rebuild(builds, order, context, edit))
    return RebuildGrid(tuple(dockerfiles), tuple(e.name for e in wanted), tuple(rebuilds))


def one_rebuild(
    engine: Engine, files: Mapping[str, bytes], dockerfile: str, edit: Edit, *, order: str = ""
) -> Rebuild:
    """One build after one edit; arguments and errors as :func:`rebuild_grid`."""
    return rebuild_grid(engine, files, {order: dockerfile}, (edit,)).rebuilds[0]


def _rebuild(builds: TemporaryBuilds, order: str, context: Context, edit: Edit) -> Rebuild:
    comparison = _compared(builds, context, edit)
    if any(isinstance(change.reason, CacheNotUsed) for change in comparison.steps):
        comparison = _compared(builds, context, edit)  # the cache was cleared in between
    return Rebuild(order, edit.name, _steps(comparison), comparison.after.seconds)


def _compared(builds: TemporaryBuilds, context: Context, edit: Edit) -> Comparison:
    before = builds.build(BuildRequest(context))
    return compare(before, builds.build(BuildRequest(edit.of(context))))


def _steps(comparison: Comparison) -> tuple[GridStep, ...]:
    """Its steps; one that nothing asked for, because what uses it was known, did not run."""
    return tuple(
        GridStep(
            change.stage or "",
            change.step.instruction or change.step.name,
            change.change in _RAN and not (change.after and change.after.cached),
            change.seconds_after,
        )
        for change in comparison.steps
        if change.change is not Change.GONE
    )
