"""One check from the learner's folder to the log of attempts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from helpers.build.cancel import CancelToken
from helpers.build.events import Event
from helpers.course import progress
from helpers.course.check import check
from helpers.course.exercise import Exercise
from helpers.course.paths import CourseFolders
from helpers.course.workspace import read_submission
from helpers.engine.connect import Engine
from helpers.files import write_in_one_piece
from helpers.report.json import to_json
from helpers.report.result import CheckResult


def checked(
    engine: Engine,
    folders: CourseFolders,
    exercise: Exercise,
    folder: Path | None = None,
    *,
    on_event: Callable[[Event], None] | None = None,
    cancel: CancelToken | None = None,
    say: Callable[[str], None] | None = None,
) -> CheckResult:
    """Read the edited files once, check them, and remember the attempt.

    What is edited while the check runs counts for the next one. Two checks of one exercise run one
    after the other.

    Args:
        engine: where it is built and run.
        folders: the course.
        exercise: what is asked for.
        folder: a folder with the edited files; the learner's copy by default. Only checks of the
            learner's own copy are remembered.
        on_event: called with every event of the build.
        cancel: ends the build from another thread.
        say: told in one line where another check has to end first.

    Raises:
        BadInput, NoEngine, Cancelled: as :func:`helpers.course.check.check` and
            :func:`helpers.course.workspace.read_submission`.
    """
    submission = read_submission(folders, exercise, folder)
    folders.records.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folders.records / f"{exercise.id}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if say is not None:
            say(f"Another check of {exercise.id} is running; this one waits for it.")
        lock.acquire()
    try:
        result = check(engine, folders, exercise, submission, on_event=on_event, cancel=cancel)
    finally:
        lock.release()
    if folder is None:
        progress.record(folders, progress.attempt_of(result))
        write_in_one_piece(last_result_file(folders, exercise), to_json(result))
    return result


def last_result_file(folders: CourseFolders, exercise: Exercise) -> Path:
    """Where the result of the latest check is kept."""
    return folders.records / f"{exercise.id}.last.json"
