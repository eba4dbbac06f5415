"""A fully cached build, against ``docker buildx build``."""

from __future__ import annotations

from pathlib import Path

from benchmarks.pairs import paired
from benchmarks.peers import DockerCli, context_folder
from benchmarks.table import Row, ratio_row
from helpers.build.client import build
from helpers.build.context import folder_context
from helpers.build.record import BuildRecord
from helpers.build.request import BuildRequest
from helpers.engine.connect import Engine
from helpers.engine.labels import NAMESPACE, TOOL, labels

TAG = f"{NAMESPACE}bench-ten-steps:latest"
_NAME = "Fully cached build of ten steps / `docker buildx build`"
_TARGET = 0.25
_STEPS = 10


def rows(engine: Engine, cli: DockerCli, base: str) -> list[Row]:
    """The row; ours includes reading and sending the context, and decoding every event."""
    if cli.missing_buildx:
        return [Row(_NAME, None, target=_TARGET, detail=cli.missing_buildx)]
    with context_folder(cli) as folder:
        _fill(folder, base)
        flags = [f"--label={key}={value}" for key, value in labels(TOOL).items()]
        _build(engine, folder)
        pairs = paired(
            lambda: _must_be_cached(_build(engine, folder)),
            lambda: cli.run("buildx", "build", "--tag", TAG, *flags, str(folder)),
        )
    return [ratio_row(_NAME, pairs, _TARGET)]


def _fill(folder: Path, base: str) -> None:
    """Five files, each copied and then used: ten steps on the base."""
    lines = [f"FROM {base}"]
    for number in range(_STEPS // 2):
        (folder / f"part-{number}.txt").write_text(f"{number}\n" * 1000)
        lines += [f"COPY part-{number}.txt /parts/", f"RUN sort /parts/part-{number}.txt -o /tmp/s"]
    (folder / "Dockerfile").write_text("\n".join(lines) + "\n")


def _build(engine: Engine, folder: Path) -> BuildRecord:
    request = BuildRequest(folder_context(folder), tags=(TAG,), labels=labels(TOOL))
    return build(engine.client.api, request)


def _must_be_cached(record: BuildRecord) -> None:
    steps = [s for s in record.steps if s.step.instruction]
    ran = [
        s.step.name
        for s in steps
        if not s.cached and not str(s.step.instruction).startswith("FROM")
    ]
    if len(steps) < _STEPS:
        raise RuntimeError(f"{len(steps)} steps instead of {_STEPS}")
    if ran:
        raise RuntimeError(f"not from the cache: {', '.join(ran)}")
