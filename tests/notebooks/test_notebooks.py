"""Every notebook and solution runs from top to bottom and shows what is stored (nbval)."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from helpers.course.copies import published
from helpers.course.paths import course_folders
from helpers.engine.connect import connect
from helpers.engine.ensure import ensure_for
from helpers.lesson import BASES_OF_THE_COURSE
from helpers.publish.nbval import NotebookRun, run_notebooks
from helpers.publish.normalize import IGNORE, to_text

FOLDERS = course_folders()
NOTEBOOKS = published(FOLDERS)
RULES = Path(__file__).with_name("sanitize.cfg")


@pytest.fixture(scope="session")
def runs(request: pytest.FixtureRequest) -> dict[Path, NotebookRun]:
    """The notebooks that are wanted, some at the same time, each in a folder of its own."""
    wanted = [
        item.callspec.params["notebook"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and "runs" in item.fixturenames
    ]
    with connect() as engine:
        ensure_for(engine, BASES_OF_THE_COURSE)
    return {run.path: run for run in run_notebooks(wanted, RULES)}


@pytest.mark.timeout(2400)
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: str(p.relative_to(FOLDERS.root)))
def test_it_runs_and_shows_what_is_stored(notebook: Path, runs: dict[Path, NotebookRun]) -> None:
    assert runs[notebook].passed, runs[notebook].output


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
