"""A cold build of the orders service: every step runs, against buildx."""

from __future__ import annotations

import re
import secrets
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.builds import OURS, PEER, build_folder, buildx
from benchmarks.course import Lesson
from benchmarks.pairs import paired_seconds, timed
from benchmarks.peers import DockerCli, context_folder, silent
from benchmarks.table import Row, ratio_row
from benchmarks.tidy import CacheRecord, cache_removed, images_removed, made_by, remove_images
from helpers.build.errors import BuildError
from helpers.build.record import BuildRecord
from helpers.course.workspace import course_files
from helpers.engine.connect import Engine

_NAME = "Cold build of `apps/orders` (the solution, no cache) / `docker buildx build --no-cache`"
_TARGET = 1.02
_PAIRS = 5
_LIMIT_SECONDS = 90.0  # for one build; npm waits for minutes where a registry stalls
_NOTE = f"median of {_PAIRS} pairs; most of it is `npm ci` over the network, hence the spread"
# What follows the word: the record of a RUN step has another word before it.
_STEP = re.compile(r"^(?:RUN|COPY) (.+)", re.MULTILINE)


def rows(engine: Engine, cli: DockerCli, lesson: Lesson) -> list[Row]:
    """The row; an image is removed before the next one is timed."""
    if cli.missing_buildx:
        return [Row(_NAME, None, target=_TARGET, detail=cli.missing_buildx)]
    files = {**course_files(lesson.folders, lesson.exercise), **lesson.solution.files}
    files["Dockerfile"] = _unlike_others(files["Dockerfile"])
    with (
        cache_removed(engine, _mine(files)),
        images_removed(engine, OURS, PEER),
        context_folder(cli) as folder,
    ):
        _write(folder, files)
        command = buildx(cli, folder, options=["--no-cache"])
        try:
            _ours(engine, folder)  # what the network holds back the first time
            pairs = paired_seconds(
                lambda: _ours(engine, folder),
                lambda: _peer(engine, command),
                pairs=_PAIRS,
                warm_up=0,
            )
        except (BuildError, subprocess.SubprocessError) as error:
            why = error.message if isinstance(error, BuildError) else type(error).__name__
            detail = f"it needs npm's registry, and a build did not succeed: {why}"
            return [Row(_NAME, None, target=_TARGET, detail=detail)]
    return [ratio_row(_NAME, pairs, _TARGET, note=_NOTE)]


def _unlike_others(dockerfile: bytes) -> bytes:
    """A variable of its own: else BuildKit runs a step once for equal builds at the same time."""
    variable = f"ENV WORKBOOK_BENCH={secrets.token_hex(8)}\n"
    return re.sub(rb"^FROM .*\n", rb"\g<0>" + variable.encode(), dockerfile, flags=re.MULTILINE)


def _mine(files: Mapping[str, bytes]) -> Callable[[CacheRecord], bool]:
    dockerfile = files["Dockerfile"].decode()
    named = {word.removeprefix("./").rstrip("/") for word in dockerfile.split()}
    copied = sum(len(raw) for name, raw in files.items() if name.split("/")[0] in named)
    alone = [len(files[name]) for name in ("Dockerfile", ".dockerignore") if name in files]
    return made_by(_STEP.findall(dockerfile), [copied, *alone])


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _ours(engine: Engine, folder: Path) -> float:
    remove_images(engine, OURS)
    return timed(
        lambda: _must_be_cold(
            build_folder(engine, folder, no_cache=True, timeout_seconds=_LIMIT_SECONDS)
        )
    )


def _peer(engine: Engine, command: list[str]) -> float:
    remove_images(engine, PEER)
    return timed(lambda: silent(command, _LIMIT_SECONDS))


def _must_be_cold(record: BuildRecord) -> None:
    cached = [s.step.name for s in record.steps if s.cached and " RUN " in s.step.name]
    if cached:
        raise RuntimeError(f"from the cache: {', '.join(cached)}")
