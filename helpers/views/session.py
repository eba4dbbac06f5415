"""The learner's exercise as the panel sees it: files in ``work/``, checks on the engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.build.cancel import CancelToken
from helpers.build.errors import BuildError, Cancelled
from helpers.build.events import Event
from helpers.course import progress, workspace
from helpers.course.exercise import Exercise, load_exercise
from helpers.course.paths import CourseFolders, course_folders
from helpers.course.run import checked, last_result_file
from helpers.engine.connect import connect
from helpers.engine.ensure import ensure_for
from helpers.errors import BadInput, WorkbookError
from helpers.files import write_in_one_piece
from helpers.report.json import from_json
from helpers.report.result import CheckResult
from helpers.views.session_protocol import (
    Attempt,
    ChangedOnDisk,
    CheckCancelled,
    ExerciseInfo,
    FileText,
    Saved,
    Solution,
    TaskFile,
)


class LearnerSession:
    """One learner at one exercise.

    Args:
        folders: the course.
        exercise: what is worked on; the learner's copy is made where there is none.
    """

    def __init__(self, folders: CourseFolders, exercise: Exercise) -> None:
        self._folders = folders
        self._exercise = exercise
        self._folder, _ = workspace.start(folders, exercise)

    def info(self) -> ExerciseInfo:
        """What the exercise is."""
        task = self._exercise
        return ExerciseInfo(
            id=task.id,
            title=task.title,
            practice=task.practice,
            level=task.level,
            minutes=task.minutes,
            task=f"{task.story.strip()}\n\n{task.task.strip()}",
            folder=_shown(self._folder, self._folders),
        )

    def files(self) -> tuple[TaskFile, ...]:
        """The files that may be edited."""
        return tuple(
            TaskFile(name, True, _shown(self._folder / name, self._folders))
            for name in self._exercise.edit
        )

    def read(self, name: str) -> FileText:
        """The file as it is on disk; an empty one where it was deleted."""
        path = self._path(name)
        content = path.read_bytes() if path.exists() else b""
        return FileText(content.decode("utf-8", "replace"), workspace.digest(content))

    def save(self, name: str, text: str, expected_digest: str) -> Saved | ChangedOnDisk:
        """Write the file in one piece, if it still is what was read."""
        path = self._path(name)
        current = self.read(name)
        if current.digest != expected_digest:
            return ChangedOnDisk(current)
        content = text.encode("utf-8")
        write_in_one_piece(path, content)
        return Saved(workspace.digest(content))

    def check(self, on_event: Callable[[Event], None], cancel: threading.Event) -> CheckResult:
        """Build and judge the files as they are on disk."""
        try:
            with _token(cancel) as token, connect() as engine:
                ensure_for(engine, self._exercise.bases)
                return checked(
                    engine, self._folders, self._exercise, on_event=on_event, cancel=token
                )
        except Cancelled as error:
            raise CheckCancelled from error
        except BuildError as error:
            raise BadInput(error.message, remedy=error.remedy) from error

    def reset(self) -> str:
        """Put the starter's files back; the old copy is kept."""
        _, kept = workspace.reset(self._folders, self._exercise)
        return _shown(kept, self._folders) if kept else ""

    def solution(self) -> Solution:
        """The solution's files and the notebook that explains them."""
        folder = self._folders.solutions / self._exercise.id
        files = tuple(
            (name, (folder / "files" / name).read_text())
            for name in self._exercise.edit
            if (folder / "files" / name).exists()
        )
        return Solution(files, _shown(folder / "solution.ipynb", self._folders))

    def attempts(self) -> tuple[Attempt, ...]:
        """All check runs so far."""
        total = len(self._exercise.checks)
        return tuple(
            Attempt(
                started=a.started,
                seconds=a.seconds,
                points=a.points,
                points_possible=a.points_possible,
                passed=total - len(a.failed),
                failed=len(a.failed),
                problem="" if a.image_bytes is not None else "the build failed",
            )
            for a in progress.attempts(self._folders, self._exercise.id)
        )

    def last_result(self) -> CheckResult | None:
        """The result of the last check; None where there was none, or it is of an older course."""
        path = last_result_file(self._folders, self._exercise)
        if not path.exists():
            return None
        try:
            result = from_json(path.read_text())
        except WorkbookError:
            return None
        return result if isinstance(result, CheckResult) else None

    def _path(self, name: str) -> Path:
        if name not in self._exercise.edit:
            raise BadInput(
                f"{name} is no file of this exercise.",
                remedy=f"The files are {', '.join(self._exercise.edit)}.",
            )
        return self._folder / name


def open_session(exercise_id: str) -> LearnerSession:
    """The session of an exercise in this checkout.

    Raises:
        BadInput: where there is no such exercise.
    """
    folders = course_folders()
    return LearnerSession(folders, load_exercise(folders, exercise_id))


@contextmanager
def _token(cancel: threading.Event) -> Iterator[CancelToken]:
    """A token that is cancelled as soon as the event is set."""
    token = CancelToken()

    def watch() -> None:
        cancel.wait()
        token.cancel()

    watcher = threading.Thread(target=watch, name="cancel-watch", daemon=True)
    watcher.start()
    try:
        yield token
    finally:
        cancel.set()  # the check is over: this wakes the watcher, and nothing else listens
        watcher.join()


def _shown(path: Path, folders: CourseFolders) -> str:
    """As a person at this course names it: ``work/…`` for a copy, else from the checkout."""
    if path.is_relative_to(folders.work):
        return str(Path(folders.work.name) / path.relative_to(folders.work))
    return str(path.relative_to(folders.root)) if path.is_relative_to(folders.root) else str(path)
