"""What can be told of an exercise without an engine: its files, hints and answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from helpers.course.exercise import Exercise
from helpers.course.paths import CourseFolders
from helpers.course.verify_answers import EXPECT, Answer, answers_folder
from helpers.course.verify_result import Finding

_FEWEST_HINTS = 2
_FEWEST_RIGHT = 3  # the solution is one of them
#: What editors, notebooks and test runs leave behind.
_LEFT_BEHIND = frozenset(
    {".DS_Store", ".ipynb_checkpoints", "__pycache__", "node_modules", ".pytest_cache"}
)
_LEFT_ENDINGS = ("~", ".orig", ".rej", ".bak", ".swp", ".pyc")


def file_findings(folders: CourseFolders, exercise: Exercise) -> Iterator[Finding]:
    """Files that are missing, in the way, or edited though learners cannot."""
    own = folders.exercises / exercise.id
    solved = folders.solutions / exercise.id
    wanted = (
        own / "exercise.ipynb",
        own / "starter" / exercise.edit[0],
        solved / "solution.ipynb",
        solved / "files" / exercise.edit[0],
    )
    for path in wanted:
        if not path.is_file():
            where = _shown(folders, path)
            yield Finding("missing-file", where, "Every exercise has this file.")
    yield from _strays(folders, own, {"exercise.toml", "exercise.ipynb"}, "starter")
    yield from _strays(folders, solved, {"solution.ipynb"}, "files")
    yield from _edits(folders, exercise, solved / "files", set())
    answers = answers_folder(folders, exercise.id)
    for path in sorted(answers.iterdir()) if answers.is_dir() else ():
        if path.is_dir() and (path / EXPECT).is_file():
            yield from _edits(folders, exercise, path, {EXPECT})
        else:
            yield Finding("stray-file", _shown(folders, path), f"It is no folder with {EXPECT}.")


def orphan_findings(folders: CourseFolders) -> Iterator[Finding]:
    """Folders of solutions and answers to exercises that do not exist, and files beside them."""
    known = {p.parent.name for p in folders.exercises.glob("*/exercise.toml")}
    for place in (folders.exercises, folders.solutions, answers_folder(folders, "")):
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            if not path.is_dir() or path.name not in known:
                yield Finding("stray-file", _shown(folders, path), "It belongs to no exercise.")


def hint_findings(folders: CourseFolders, exercise: Exercise) -> Iterator[Finding]:
    """Hints that say nothing, and checks with too few."""
    for spec in exercise.checks:
        where = _check(folders, exercise, spec.id)
        if len(spec.hints) < _FEWEST_HINTS:
            text = f"It has {len(spec.hints)}; help goes in steps, from a nudge to the solution."
            yield Finding("few-hints", where, text)
        for number, hint in enumerate(spec.hints, 1):
            if not hint.text.strip():
                yield Finding("empty-hint", where, f"Hint {number} is empty.")


def answer_findings(
    folders: CourseFolders, exercise: Exercise, answers: Iterable[Answer]
) -> Iterator[Finding]:
    """Checks that no wrong answer is caught by, and too few right answers."""
    known = tuple(answers)
    caught = {n for a in known if a.is_wrong and a.expected for n in a.expected.names}
    for spec in exercise.checks:
        if spec.id not in caught:
            text = "No wrong answer in the tests is caught by it alone, first, or named in `fails`."
            yield Finding("check-never-caught", _check(folders, exercise, spec.id), text)
    right = sum(a.expected is not None and a.expected.passes for a in known)
    if right < _FEWEST_RIGHT:
        where = _shown(folders, answers_folder(folders, exercise.id))
        text = (
            f"{right} right answers are tried, the solution included; {_FEWEST_RIGHT} are wanted."
        )
        yield Finding("few-right-answers", where, text)


def _strays(folders: CourseFolders, folder: Path, files: set[str], below: str) -> Iterator[Finding]:
    """What lies in an exercise's folder beside its files, and what tools left in the one below."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name not in files and not (path.name == below and path.is_dir()):
            text = f"Only {', '.join(sorted(files))} and {below}/ belong here."
            yield Finding("stray-file", _shown(folders, path), text)
    for path in _files(folder / below):
        relative = path.relative_to(folder)
        if _LEFT_BEHIND.intersection(relative.parts) or path.name.endswith(_LEFT_ENDINGS):
            yield Finding("stray-file", _shown(folders, path), "A tool left it behind.")


def _edits(
    folders: CourseFolders, exercise: Exercise, folder: Path, beside: set[str]
) -> Iterator[Finding]:
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if name not in exercise.edit and name not in beside:
            text = f"Learners edit {', '.join(exercise.edit)}; no check ever reads this file."
            yield Finding("not-editable", _shown(folders, path), text)


def _files(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.rglob("*")) if not path.is_dir())


def _check(folders: CourseFolders, exercise: Exercise, check: str) -> str:
    path = folders.exercises / exercise.id / "exercise.toml"
    return f"{_shown(folders, path)}, check {check}"


def _shown(folders: CourseFolders, path: Path) -> str:
    return path.relative_to(folders.root).as_posix()
