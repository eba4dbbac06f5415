"""A context of 1 GB in 20,000 files: sent for the first time, built again, and the memory it takes.

The files of both sides lie in folders of their own and are written anew before each run; afterwards
the engine's copy of them is removed. So neither side profits from what the other one sent.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.builds import LABELS, OURS, PEER, build_folder, buildx
from benchmarks.pairs import Pairs, Summary, timed
from benchmarks.peers import DockerCli, context_folder, silent
from benchmarks.table import Row, ratio_row
from benchmarks.tidy import CacheRecord, cache_removed, images_removed
from helpers.engine.connect import Engine

_FOLDERS = 200
_FILES = 100  # in each of the folders
_FILE_BYTES = 50_000
_BYTES = _FOLDERS * _FILES * _FILE_BYTES
#: Both contexts, the engine's copy, the layer, and some room.
_ROOM = 6 * _BYTES
_DOCKERFILE = "FROM scratch\nCOPY . /\n"
_PAIRS = 3

_FIRST = "Context of 1 GB in 20,000 files, never sent before / `docker buildx build`"
_AGAIN = "The same context again, unchanged / `docker buildx build`"
_MEMORY = "Peak memory of `workbook build` on that context"
_TARGET = 1.1
_MEMORY_TARGET = 120.0
_NOTE = f"median of {_PAIRS} pairs"
_BEHIND = "behind: HTTP/2 in Python takes more processor time, which the engine needs as well"
_SENT = re.compile(r"transferring context: [\d.]+(\w+)")
# In between stands a small process: at fork a child inherits the peak of its parent.
_PEAK = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
sys.stderr.write(f"\\npeak {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}\\n")
sys.exit(done.returncode)
"""


@dataclass(frozen=True, slots=True)
class _Run:
    """Seconds of a first build and of one more."""

    first: float
    again: float


def rows(engine: Engine, cli: DockerCli) -> list[Row]:
    """Three rows: the first time, the second time, and memory."""
    with context_folder(cli) as parent:
        free = shutil.disk_usage(parent).free
        problem = cli.missing_buildx
        if free < _ROOM:
            problem = f"it needs {_ROOM / 1e9:.0f} GB of disk, {free / 1e9:.0f} GB are free"
        if problem:
            targets = ((_FIRST, _TARGET), (_AGAIN, None), (_MEMORY, _MEMORY_TARGET))
            return [Row(name, None, target=target, detail=problem) for name, target in targets]
        ours, peer = parent / "ours", parent / "peer"
        command = buildx(cli, peer)
        runs = [
            (
                _built_twice(engine, ours, lambda first: _ours(engine, ours, first=first)),
                _built_twice(engine, peer, lambda first: _peer(command, first=first)),
            )
            for _ in range(_PAIRS)
        ]
        memory = _memory(engine, ours)
    first = Pairs(tuple(a.first for a, _ in runs), tuple(b.first for _, b in runs))
    again = Pairs(tuple(a.again for a, _ in runs), tuple(b.again for _, b in runs))
    return [
        ratio_row(_FIRST, first, _TARGET, note=_NOTE, behind=_BEHIND),
        ratio_row(_AGAIN, again, None, note=_NOTE),
        memory,
    ]


def _built_twice(engine: Engine, folder: Path, build: Callable[[bool], object]) -> _Run:
    with cache_removed(engine, _mine), images_removed(engine, OURS, PEER):
        _write(folder)
        return _Run(timed(lambda: build(True)), timed(lambda: build(False)))


def _memory(engine: Engine, ours: Path) -> Row:
    workbook = str(Path(sys.executable).with_name("workbook"))
    flags = [f"--label={key}={value}" for key, value in LABELS.items()]
    own = [workbook, "build", str(ours), "-t", OURS, *flags]
    with cache_removed(engine, _mine), images_removed(engine, OURS):
        _write(ours)
        peak = _peak(own)
    figure = Summary(peak, peak, peak)
    return Row(_MEMORY, figure, "MB", _MEMORY_TARGET, exclusive=True, detail="one run")


def _peak(command: list[str]) -> float:
    """Megabytes of the largest process of a command."""
    said = silent([sys.executable, "-c", _PEAK, *command])
    return int(said.rsplit("peak ", 1)[1]) * 1024 / 1e6


def _ours(engine: Engine, folder: Path, *, first: bool) -> None:
    record = build_folder(engine, folder)
    _must_send(record.context_bytes > _BYTES, first=first)


def _peer(command: list[str], *, first: bool) -> None:
    units = _SENT.findall(silent(command))
    _must_send(bool(units) and units[-1] == "GB", first=first)


def _must_send(sent: bool, *, first: bool) -> None:
    if sent != first:
        what = "nothing was sent" if first else "the context was sent"
        raise RuntimeError(f"{what} in the {'first' if first else 'second'} build")


def _write(folder: Path) -> None:
    """New files, in the same names and sizes, safely on the disk before the time begins."""
    body = secrets.token_bytes(_FILE_BYTES)
    for number in range(_FOLDERS):
        below = folder / f"folder-{number:03}"
        below.mkdir(parents=True, exist_ok=True)
        for name in range(_FILES):
            head = secrets.token_bytes(16)
            (below / f"file-{name:03}.bin").write_bytes(head + body[len(head) :])
    (folder / "Dockerfile").write_text(_DOCKERFILE)
    os.sync()


def _mine(record: CacheRecord) -> bool:
    whole = abs(record.size - _BYTES) < _BYTES / 50
    if record.kind == "source.local":
        return whole or record.size in {0, len(_DOCKERFILE)}
    return whole and record.description.endswith("COPY . /")
