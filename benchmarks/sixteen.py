"""Sixteen builds at once: threads of one process, against sixteen buildx processes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.builds import (
    build_folder,
    buildx,
    must_be_cached,
    ten_steps_removed,
    write_ten_steps,
)
from benchmarks.pairs import paired_seconds, timed
from benchmarks.peers import DockerCli, context_folder, started, well_ended
from benchmarks.table import Row, ratio_row
from benchmarks.tidy import images_removed, remove_images
from helpers.build.cancel import CancelToken
from helpers.engine.connect import Engine
from helpers.engine.labels import NAMESPACE

_NAME = "Sixteen builds at once from one process / sixteen `docker buildx build` processes"
_TARGET = 0.7
_COUNT = 16
_PAIRS = 5
_NEW = "new.txt"
_NOTE = (
    f"median of {_PAIRS} pairs; each build has a context of its own, ten cached steps and one new "
    "file to copy"
)
_BEHIND = "behind: most of the time is the engine's own, and the same for both"


def rows(engine: Engine, cli: DockerCli, base: str) -> list[Row]:
    """The row; the new files are written before, the images removed after what is timed."""
    if cli.missing_buildx:
        return [Row(_NAME, None, target=_TARGET, detail=cli.missing_buildx)]
    with context_folder(cli) as parent:
        ours, peer = (_folders(parent, side, base) for side in ("ours", "peer"))
        with (
            ten_steps_removed(engine, ours[0]),
            images_removed(engine, *_tags("ours"), *_tags("peer")),
        ):
            build_folder(engine, ours[0], next(_tags("ours")))  # the steps that all have in common
            remove_images(engine, *_tags("ours"))
            pairs = paired_seconds(
                lambda: _run(engine, ours, "ours", partial(_ours, engine, ours)),
                lambda: _run(engine, peer, "peer", partial(_peer, cli, peer)),
                pairs=_PAIRS,
            )
    return [ratio_row(_NAME, pairs, _TARGET, note=_NOTE, behind=_BEHIND)]


def _folders(parent: Path, side: str, base: str) -> list[Path]:
    folders = [parent / f"{side}-{number}" for number in range(_COUNT)]
    for folder in folders:
        folder.mkdir()
        write_ten_steps(folder, base, {_NEW: _new()})
    return folders


def _new() -> str:
    return secrets.token_hex(500)


def _tags(side: str) -> Iterator[str]:
    return (f"{NAMESPACE}bench-{side}-{number}:latest" for number in range(_COUNT))


def _run(engine: Engine, folders: list[Path], side: str, builds: partial[None]) -> float:
    for folder in folders:
        (folder / _NEW).write_text(_new())
    try:
        return timed(builds)
    finally:
        remove_images(engine, *_tags(side))


def _ours(engine: Engine, folders: list[Path]) -> None:
    cancel = CancelToken()
    with ThreadPoolExecutor(_COUNT) as pool:
        builds = [
            pool.submit(build_folder, engine, folder, tag, cancel=cancel)
            for folder, tag in zip(folders, _tags("ours"), strict=True)
        ]
        try:
            for one in builds:
                must_be_cached(one.result(), but=1)
        except BaseException:
            cancel.cancel()  # else the pool waits for all of them
            raise


def _peer(cli: DockerCli, folders: list[Path]) -> None:
    with ExitStack() as stack:
        processes = [
            stack.enter_context(started(buildx(cli, folder, tag)))
            for folder, tag in zip(folders, _tags("peer"), strict=True)
        ]
        for process in processes:
            well_ended(process, process.communicate()[1])
