"""What the learner has tried, as an append-only log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from helpers.course.paths import CourseFolders
from helpers.report.result import CheckResult


@dataclass(frozen=True, slots=True)
class Attempt:
    """One check run.

    Attributes:
        exercise: its id.
        started: ISO 8601 time in UTC.
        seconds: how long the run took.
        points: points earned.
        points_possible: points of all checks.
        passed: whether every check passed.
        failed: ids of the checks that did not pass.
        image_bytes: unpacked size of the image, or None where none was built.
    """

    exercise: str
    started: str
    seconds: float
    points: int
    points_possible: int
    passed: bool
    failed: tuple[str, ...]
    image_bytes: int | None


def attempt_of(result: CheckResult) -> Attempt:
    """The line that a result leaves in the log."""
    return Attempt(
        exercise=result.exercise,
        started=result.started,
        seconds=round(result.seconds, 3),
        points=result.points,
        points_possible=result.points_possible,
        passed=result.passed,
        failed=tuple(c.id for c in result.checks if not c.verdict.passed),
        image_bytes=result.image_bytes,
    )


def record(folders: CourseFolders, attempt: Attempt) -> None:
    """Add an attempt to the log; several processes may do so at once."""
    folders.records.mkdir(parents=True, exist_ok=True)
    with FileLock(folders.records / "progress.lock"), _log(folders).open("a") as log:
        log.write(json.dumps(asdict(attempt)) + "\n")


def attempts(folders: CourseFolders, exercise: str | None = None) -> tuple[Attempt, ...]:
    """Every attempt, or those at one exercise, oldest first. A damaged line is passed over."""
    return tuple(a for a in _read(_log(folders)) if exercise in (None, a.exercise))


def _read(log: Path) -> Iterator[Attempt]:
    if not log.exists():
        return
    for line in log.read_text(errors="replace").splitlines():
        try:
            raw = json.loads(line)
            yield Attempt(**{**raw, "failed": tuple(raw["failed"])})
        except (ValueError, TypeError, KeyError):
            continue  # cut off by a crash while it was written: the other lines still count


def _log(folders: CourseFolders) -> Path:
    return folders.records / "progress.jsonl"
