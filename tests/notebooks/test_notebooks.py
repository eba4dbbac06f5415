"""Every notebook and solution runs from top to bottom and shows what is stored (nbval)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest

from helpers.commands.notebooks import published
from helpers.course.paths import course_folders
from helpers.engine.connect import connect
from helpers.engine.ensure import ensure_for
from helpers.lesson import BASES_OF_THE_COURSE
from helpers.publish.normalize import IGNORE, to_text

FOLDERS = course_folders()
NOTEBOOKS = published(FOLDERS)
RULES = Path(__file__).with_name("sanitize.cfg")


AT_ONCE = 2  # much of a notebook is waiting: for a stop, for a health check


def _run(notebook: Path, work: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "--nbval",
            f"--nbval-sanitize-with={RULES}",
            "--nbval-cell-timeout=900",
            str(notebook),
        ],
        env={**os.environ, "WORKBOOK_WORK": str(work)},
        capture_output=True,
        text=True,
        check=False,
    )


Runs = dict[Path, "Future[subprocess.CompletedProcess[str]]"]


@pytest.fixture(scope="session")
def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runs]:
    """The chosen notebooks, a few at a time, in their order."""
    chosen = [
        item.callspec.params["notebook"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and "runs" in item.fixturenames
    ]
    with connect() as engine:
        ensure_for(engine, BASES_OF_THE_COURSE)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            yield {n: pool.submit(_run, n, tmp_path_factory.mktemp("work")) for n in chosen}
        finally:
            pool.shutdown(cancel_futures=True)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: str(p.relative_to(FOLDERS.root)))
def test_it_runs_and_shows_what_is_stored(notebook: Path, runs: Runs) -> None:
    done = runs[notebook].result()
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: str(p.relative_to(FOLDERS.root)))
def test_it_is_stored_in_the_one_form(notebook: Path) -> None:
    stored = nbformat.read(notebook, as_version=4)
    assert to_text(stored) == notebook.read_text()
    for cell in stored.cells:
        if cell.cell_type == "code" and IGNORE in cell.metadata.get("tags", ()):
            assert cell.outputs, "a cell whose output varies still shows one"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: str(p.relative_to(FOLDERS.root)))
def test_its_links_within_the_course_lead_somewhere(notebook: Path) -> None:
    import re

    exercises = {f"exercise-{p.parent.name}.ipynb" for p in NOTEBOOKS if p.name == "exercise.ipynb"}
    names = exercises | {p.name for p in NOTEBOOKS}
    for cell in nbformat.read(notebook, as_version=4).cells:
        for target in re.findall(r"\]\(([^)\s]+)\)", cell.source):
            assert target.startswith("https://") or target in names, target
