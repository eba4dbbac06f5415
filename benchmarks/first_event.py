"""How long it takes from the call until the first word of progress, against buildx."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.builds import buildx, request, ten_steps
from benchmarks.pairs import paired_seconds
from benchmarks.peers import DockerCli, started, well_ended
from benchmarks.table import Row, ratio_row
from helpers.build.client import stream
from helpers.engine.connect import Engine

_NAME = "First progress event after the call, cached build / `docker buildx build`"
_TARGET = 0.5
# Of buildx's forms the one that does not hold progress back; "plain" collects it first.
_FORM = "--progress=rawjson"
_NOTE = f"the peer until the first byte with `{_FORM}`"


def rows(engine: Engine, cli: DockerCli, base: str) -> list[Row]:
    """The row. Each build goes on to its end, which does not count."""
    if cli.missing_buildx:
        return [Row(_NAME, None, target=_TARGET, detail=cli.missing_buildx)]
    with ten_steps(engine, cli, base) as folder:
        command = buildx(cli, folder, options=[_FORM])
        try:
            _peer(command)
        except subprocess.CalledProcessError as error:
            if "progress" not in error.stderr:
                raise
            detail = f"this buildx has no {_FORM}"
            return [Row(_NAME, None, target=_TARGET, detail=detail)]
        pairs = paired_seconds(lambda: _ours(engine, folder), lambda: _peer(command))
    return [ratio_row(_NAME, pairs, _TARGET, note=_NOTE)]


def _ours(engine: Engine, folder: Path) -> float:
    begin = time.perf_counter()
    with closing(stream(engine.client.api, request(folder))) as events:
        next(events)
        seconds = time.perf_counter() - begin
        for _ in events:
            pass
    return seconds


def _peer(command: Sequence[str]) -> float:
    begin = time.perf_counter()
    with started(command) as process:
        assert process.stderr is not None
        first = process.stderr.read(1)
        seconds = time.perf_counter() - begin
        _, rest = process.communicate()
    well_ended(process, first + rest)
    return seconds
