"""``workbook check``."""

from __future__ import annotations

from pathlib import Path

from helpers.commands.bases import ensure_bases
from helpers.commands.output import say, show
from helpers.course.exercise import Exercise, load_exercise
from helpers.course.paths import CourseFolders, course_folders
from helpers.course.run import checked
from helpers.course.workspace import start
from helpers.engine.connect import Engine, connect
from helpers.report.result import CheckResult
from helpers.structure_test.parse import parse_file
from helpers.structure_test.run import run_file
from helpers.views.live_build import progress_for


def run(exercise_id: str, folder: Path | None, *, hints: int, as_json: bool) -> int:
    """Build and judge. Exit status 0 where all checks pass, 1 where some do not."""
    folders = course_folders()
    exercise = load_exercise(folders, exercise_id)
    if folder is None:
        _, made = start(folders, exercise)
        if made:
            say(f"Made your copy of {exercise.id} in {folders.work / exercise.id}")
    with connect(say=say) as engine:
        result = check_once(engine, folders, exercise, folder)
    show(result, as_json=as_json, **({} if as_json else {"hints": hints}))
    return 0 if result.passed else 1


def run_structure_tests(file: Path, image: str, *, as_json: bool) -> int:
    """Run a container-structure-test file. Exit status 0 where all tests pass, 1 where not."""
    spec = parse_file(file)
    with connect(say=say) as engine:
        result = run_file(engine, spec, image)
    show(result, as_json=as_json)
    return 0 if result.passed else 1


def check_once(
    engine: Engine, folders: CourseFolders, exercise: Exercise, folder: Path | None
) -> CheckResult:
    """One check with its build shown on standard error."""
    ensure_bases(engine, exercise.bases)
    with progress_for() as live:
        return checked(engine, folders, exercise, folder, on_event=live.on_event, say=say)
