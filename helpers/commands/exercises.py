"""``workbook list``, ``start`` and ``reset``."""

from __future__ import annotations

from dataclasses import asdict

from helpers.commands.output import show_json
from helpers.course.exercise import Exercise, exercise_ids, load_exercise
from helpers.course.paths import CourseFolders, course_folders
from helpers.course.progress import Attempt, attempts
from helpers.course.workspace import reset, start, work_folder


def show_list(*, as_json: bool) -> int:
    """List the exercises with the learner's progress."""
    folders = course_folders()
    rows = [_row(folders, load_exercise(folders, i)) for i in exercise_ids(folders)]
    if as_json:
        show_json(rows)
        return 0
    for row in rows:
        print(f"{row['state']:>11}  {row['id']:<18} {row['title']}")
        print(f"{'':>11}  {row['practice']} · {row['level']} · about {row['minutes']} minutes")
    return 0


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
