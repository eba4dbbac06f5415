"""``workbook verify``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from helpers.commands.bases import ensure_bases
from helpers.commands.output import say, show
from helpers.course.paths import CourseFolders, course_folders
from helpers.course.verify import read_all, verify
from helpers.course.verify_judging import judging_on
from helpers.course.verify_result import ExerciseVerified, Finding
from helpers.engine.connect import connect
from helpers.publish.nbval import NotebookRun, run_notebooks
from helpers.units import format_count, format_seconds


def run(names: tuple[str, ...], *, jobs: int, notebooks: bool, as_json: bool) -> int:
    """Verify the course, or some of its exercises. Exit status 0 where nothing is wrong, else 1."""
    folders = course_folders()
    exercises = read_all(folders, names)
    known = [read.exercise for read in exercises if read.exercise is not None]
    with connect(say=say) as engine:
        ensure_bases(engine, tuple(dict.fromkeys(b for e in known for b in e.bases)))
        total = sum(len(read.answers) for read in exercises)
        say(f"Judging {format_count(total, 'answer')}, {jobs} at the same time.")
        with judging_on(engine, folders, jobs) as judging:
            result = verify(
                folders,
                exercises,
                judging,
                everything=not names,
                engine=engine.describe(),
                run_notebooks=(lambda paths: _run(folders, paths)) if notebooks else None,
                on_exercise=_tell,
            )
    show(result, as_json=as_json)
    return 0 if result.passed else 1


def _tell(exercise: ExerciseVerified) -> None:
    """One line an exercise, with a sign and a word."""
    found = len(exercise.findings)
    said = f"✗ {format_count(found, 'finding')}" if found else "✓ nothing is wrong"
    took = format_seconds(exercise.seconds)
    say(f"{exercise.id}: {said} · {format_count(len(exercise.answers), 'answer')}, {took}")


def _run(folders: CourseFolders, paths: Sequence[Path]) -> list[Finding]:
    say(f"Running {format_count(len(paths), 'notebook')}.")

    def tell(done: NotebookRun) -> None:
        name = done.path.relative_to(folders.root).as_posix()
        say(f"{'✓ runs' if done.passed else '✗ fails'}  {name}")

    rules = folders.root / "tests" / "notebooks" / "sanitize.cfg"
    sys.stderr.flush()
    return [
        Finding("notebook-fails", done.path.relative_to(folders.root).as_posix(), done.output)
        for done in run_notebooks(paths, rules, on_run=tell)
        if not done.passed
    ]
