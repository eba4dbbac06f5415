"""What the exercise panel needs from whoever keeps an exercise: a protocol and its small values.

The panel knows no files, no engine and no course: it can be tested with a session made by hand.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from helpers.build.events import Event
from helpers.errors import WorkbookError
from helpers.report.result import CheckResult


@dataclass(frozen=True, slots=True)
class ExerciseInfo:
    """What the head of the panel says.

    Attributes:
        id: for example ``01-multi-stage``.
        title: as an imperative.
        practice: the practice that it belongs to.
        level: for example ``starter``.
        minutes: about how long it takes.
        task: what to do, in plain text; blank lines part paragraphs.
        folder: where the learner's copy is, as a path that a person can open.
    """

    id: str
    title: str
    practice: str
    level: str
    minutes: int
    task: str
    folder: str


@dataclass(frozen=True, slots=True)
class TaskFile:
    """One file of the task.

    Attributes:
        name: path within the learner's copy, with ``/``.
        editable: whether the learner may change it.
        path: where it is, relative to where JupyterLab runs, to be opened in an editor tab.
    """

    name: str
    editable: bool
    path: str


@dataclass(frozen=True, slots=True)
class FileText:
    """A file's text and the sha256 hex digest of its bytes at that moment."""

    text: str
    digest: str


@dataclass(frozen=True, slots=True)
class Saved:
    """The text was written; ``digest`` is that of the file now."""

    digest: str


@dataclass(frozen=True, slots=True)
class ChangedOnDisk:
    """Nothing was written: the file is no longer the one that was read.

    Attributes:
        current: what it holds now; an empty digest says that it was deleted.
    """

    current: FileText


@dataclass(frozen=True, slots=True)
class Solution:
    """The solution's files with their text, and the notebook that explains it (a path or empty)."""

    files: tuple[tuple[str, str], ...]
    notebook: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One check run of the past.

    Attributes:
        started: ISO 8601 time in UTC.
        seconds: how long it took.
        points: earned.
        points_possible: of all checks.
        passed: number of checks that passed.
        failed: number of checks that failed.
        unknown: number of checks that could not tell.
        problem: why nothing could be judged; else empty.
    """

    started: str
    seconds: float
    points: int
    points_possible: int
    passed: int
    failed: int
    unknown: int = 0
    problem: str = ""


class CheckCancelled(WorkbookError):
    """A check was stopped by the learner: nothing was judged, and nothing is left running."""

    def __init__(self) -> None:
        super().__init__("The check was stopped.", remedy="Press Check to run it again.")


class ExerciseSession(Protocol):
    """One learner at one exercise. Every method may raise :class:`WorkbookError`."""

    def info(self) -> ExerciseInfo:
        """What the exercise is."""

    def files(self) -> tuple[TaskFile, ...]:
        """The task's files, editable ones first."""

    def read(self, name: str) -> FileText:
        """The file as it is on disk."""

    def save(self, name: str, text: str, expected_digest: str) -> Saved | ChangedOnDisk:
        """Write the file, if it still has the expected digest."""

    def check(self, on_event: Callable[[Event], None], cancel: threading.Event) -> CheckResult:
        """Build and judge the files as they are on disk.

        Args:
            on_event: takes the build's events, from any thread.
            cancel: once set, the run stops, cleans up and raises :class:`CheckCancelled`.
        """

    def reset(self) -> str:
        """Put the starter's files back; the path of the copy that was kept."""

    def solution(self) -> Solution:
        """The solution."""

    def attempts(self) -> tuple[Attempt, ...]:
        """All check runs so far, oldest first."""

    def last_result(self) -> CheckResult | None:
        """The result of the last check run that is known, also from an earlier day."""
