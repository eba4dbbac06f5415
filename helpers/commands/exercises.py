"""``workbook list``, ``start`` and ``reset``."""

from __future__ import annotations

from dataclasses import asdict

from helpers.commands.output import say, show_json
from helpers.course.exercise import Exercise, load_exercise, load_exercises
from helpers.course.paths import CourseFolders, course_folders
from helpers.course.progress import Attempt, attempts
from helpers.course.workspace import reset, start, work_folder
from helpers.errors import BadInput


def show_list(*, as_json: bool) -> int:
    """List the exercises with the learner's progress.

    One that cannot be read keeps nobody from the others: it has its place in the list, and what is
    wrong with it is said on standard error. Exit status 0, or 1 where there is such a one.
    """
    folders = course_folders()
    exercises = load_exercises(folders)
    rows = [
        _broken_row(exercise_id, found) if isinstance(found, BadInput) else _row(folders, found)
        for exercise_id, found in exercises.items()
    ]
    if as_json:
        show_json(rows)
    else:
        for row in rows:
            _print(row)
    broken = [found for found in exercises.values() if isinstance(found, BadInput)]
    for error in broken:
        say(f"workbook: {error.message}\n→ {error.remedy}")
    return 1 if broken else 0


def start_copy(exercise_id: str) -> int:
    """Make the learner's copy."""
    folders = course_folders()
    exercise = load_exercise(folders, exercise_id)
    folder, made = start(folders, exercise)
    print(f"{'Made' if made else 'There is already'} your copy: {folder}")
    print(f"Edit {' and '.join(exercise.edit)}, then run: workbook check {exercise.id}")
    return 0


def reset_copy(exercise_id: str) -> int:
    """Make the learner's copy again."""
    folders = course_folders()
    exercise = load_exercise(folders, exercise_id)
    folder, kept = reset(folders, exercise)
    print(f"Made your copy again: {folder}")
    if kept:
        print(f"The old one is kept: {kept}")
    return 0


def _print(row: dict[str, object]) -> None:
    if "problem" in row:
        print(f"{row['state']:>11}  {row['id']:<18} cannot be read")
        return
    print(f"{row['state']:>11}  {row['id']:<18} {row['title']}")
    print(f"{'':>11}  {row['practice']} · {row['level']} · about {row['minutes']} minutes")


def _broken_row(exercise_id: str, error: BadInput) -> dict[str, object]:
    return {
        "id": exercise_id,
        "state": "✗ broken",
        "problem": error.message,
        "remedy": error.remedy,
    }


def _row(folders: CourseFolders, exercise: Exercise) -> dict[str, object]:
    tried = attempts(folders, exercise.id)
    return {
        "id": exercise.id,
        "title": exercise.title,
        "practice": exercise.practice,
        "level": exercise.level,
        "minutes": exercise.minutes,
        "state": _state(tried, started=work_folder(folders, exercise).exists()),
        "attempts": len(tried),
        "best": asdict(max(tried, key=lambda a: a.points)) if tried else None,
    }


def _state(tried: tuple[Attempt, ...], *, started: bool) -> str:
    if any(a.passed for a in tried):
        return "✓ passed"
    if tried:
        best = max(a.points for a in tried)
        return f"{best}/{tried[-1].points_possible} points"
    return "started" if started else "not started"
