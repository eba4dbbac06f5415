"""A fully cached build of ten steps, against buildx, python-on-whales and docker-py's own build."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from benchmarks.builds import LABELS, OURS, PEER, build_folder, buildx, must_be_cached
from benchmarks.builds import ten_steps as ten_steps_folder
from benchmarks.pairs import paired
from benchmarks.peers import DockerCli, context_folder, silent
from benchmarks.table import Row, ratio_row
from helpers.engine.connect import Engine
from helpers.engine.labels import NAMESPACE

_LEGACY = f"{NAMESPACE}bench-legacy:latest"
_NAME = "Fully cached build of ten steps"
_BUILDX = f"{_NAME} / `docker buildx build`"
_WHALES = f"{_NAME} / python-on-whales"
_DOCKER_PY = f"{_NAME} / docker-py's `images.build`"
_TARGET = 0.2
_WHALES_NOTE = "it starts the docker command line several times, for buildx and to look around"
_LEGACY_NOTE = (
    "not the same work: the older builder, without BuildKit, from its own cache; it takes one "
    "archive and looks up images, where BuildKit asks for Dockerfile, ignore file and context one "
    "after another, solves a graph and exports, most of which is the engine's own time"
)


def rows(engine: Engine, cli: DockerCli, base: str) -> list[Row]:
    """Three rows; ours includes reading the context and decoding every event."""
    with ten_steps_folder(engine, cli, base, _LEGACY) as folder:
        return [
            _against_buildx(engine, cli, folder),
            _against_whales(engine, cli, folder),
            _against_docker_py(engine, folder),
        ]


def _ours(engine: Engine, folder: Path) -> None:
    must_be_cached(build_folder(engine, folder, OURS))


def _against_buildx(engine: Engine, cli: DockerCli, folder: Path) -> Row:
    if cli.missing_buildx:
        return Row(_BUILDX, None, target=_TARGET, detail=cli.missing_buildx)
    command = buildx(cli, folder)
    pairs = paired(lambda: _ours(engine, folder), lambda: silent(command))
    return ratio_row(_BUILDX, pairs, _TARGET)


def _against_whales(engine: Engine, cli: DockerCli, folder: Path) -> Row:
    if cli.missing_buildx:
        return Row(_WHALES, None, target=_TARGET, detail=cli.missing_buildx)
    if find_spec("python_on_whales") is None:
        return Row(_WHALES, None, target=_TARGET, detail="python-on-whales is not installed")
    from python_on_whales import DockerClient

    client = DockerClient(client_call=cli.command())
    with _temporary_files_for(cli):
        pairs = paired(
            lambda: _ours(engine, folder),
            lambda: client.buildx.build(folder, tags=PEER, labels=LABELS, progress=False),
        )
    return ratio_row(_WHALES, pairs, _TARGET, note=_WHALES_NOTE)


def _against_docker_py(engine: Engine, folder: Path) -> Row:
    pairs = paired(
        lambda: _ours(engine, folder),
        lambda: engine.client.images.build(
            path=str(folder), tag=_LEGACY, labels=LABELS, rm=True, forcerm=True
        ),
    )
    return ratio_row(_DOCKER_PY, pairs, None, note=_LEGACY_NOTE)


@contextmanager
def _temporary_files_for(cli: DockerCli) -> Iterator[None]:
    """Temporary files go where the docker command line sees them: it writes an image's id there."""
    before = tempfile.tempdir
    with context_folder(cli) as folder:
        tempfile.tempdir = str(folder)
        try:
            yield
        finally:
            tempfile.tempdir = before
