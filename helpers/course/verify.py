"""The course checks itself: starters fail, solutions pass, checks catch, hints are shown.

Source of the rules: decision 8 of the design, and CONTRIBUTING.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from helpers.course.copies import published
from helpers.course.exercise import Exercise, exercise_ids, load_exercise
from helpers.course.paths import CourseFolders
from helpers.course.verify_answers import Answer, read_answers
from helpers.course.verify_files import (
    answer_findings,
    file_findings,
    hint_findings,
    orphan_findings,
)
from helpers.course.verify_judged import result_findings, unshown_hints
from helpers.course.verify_judging import Judging
from helpers.course.verify_links import file_link_findings, markdown_files, notebook_names
from helpers.course.verify_notebooks import (
    exercise_notebook_findings,
    notebook_findings,
    solution_notebook_findings,
)
from helpers.course.verify_result import (
    ExerciseVerified,
    Finding,
    JudgedAnswer,
    VerifyResult,
)
from helpers.errors import BadInput

#: Runs notebooks and tells of those that fail.
RunNotebooks = Callable[[Sequence[Path]], Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Read:
    """An exercise as read, with its answers; what could not be read is a finding.

    Attributes:
        id: the exercise's id.
        exercise: None where its file is broken.
        answers: empty where one of them is.
        findings: what could not be read.
    """

    id: str
    exercise: Exercise | None
    answers: tuple[Answer, ...] = ()
    findings: tuple[Finding, ...] = ()


def read_all(folders: CourseFolders, names: Sequence[str] = ()) -> tuple[Read, ...]:
    """The exercises of these names (ids, or unambiguous beginnings), or all.

    Raises:
        BadInput: where there is none of a name.
    """
    ids = exercise_ids(folders)
    wanted = [_id_of(ids, name) for name in names] or list(ids)
    return tuple(_read(folders, exercise_id) for exercise_id in dict.fromkeys(wanted))


def verify(
    folders: CourseFolders,
    exercises: Sequence[Read],
    judging: Judging,
    *,
    everything: bool,
    engine: str = "",
    run_notebooks: RunNotebooks | None = None,
    on_exercise: Callable[[ExerciseVerified], None] | None = None,
) -> VerifyResult:
    """Verify exercises, their notebooks, and with ``everything`` the rest of the course.

    Args:
        folders: the course.
        exercises: what is verified.
        judging: judges the answers; it is entered and left by the caller.
        everything: whether lessons, links of other files and stray folders are looked at, too.
        engine: the engine in one line.
        run_notebooks: runs the notebooks that were looked at; None to run none.
        on_exercise: told each exercise as soon as it is done, in order.

    Raises:
        NoEngine: where the engine stops answering.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    waiting = {
        (read.id, answer.name): judging.submit(read.exercise, answer)
        for read in exercises
        if read.exercise is not None
        for answer in read.answers
    }
    done: list[ExerciseVerified] = []
    for read in exercises:
        seen = {a.name: waiting[read.id, a.name].result() for a in read.answers}
        done.append(verified(folders, read, seen))
        if on_exercise is not None:
            on_exercise(done[-1])
    ids = {read.id for read in exercises}
    notebooks = [p for p in published(folders) if everything or p.parent.name in ids]
    findings = [*_notebooks(folders, notebooks)]
    if everything:
        findings += orphan_findings(folders)
        findings += [f for p in markdown_files(folders) for f in file_link_findings(folders, p)]
    ran: Sequence[Path] = ()
    if run_notebooks is not None:
        ran = notebooks
        findings += run_notebooks(notebooks)
    return VerifyResult(
        exercises=tuple(done),
        findings=tuple(findings),
        notebooks=len(notebooks),
        notebooks_run=len(ran),
        engine=engine,
        started=started.isoformat(timespec="seconds"),
        seconds=time.monotonic() - clock,
    )


def verified(
    folders: CourseFolders, read: Read, seen: Mapping[str, JudgedAnswer]
) -> ExerciseVerified:
    """One exercise, with what became of its answers (by name; those that are missing are not
    judged).
    """
    if read.exercise is None:
        return ExerciseVerified(read.id, 0, findings=read.findings)
    return ExerciseVerified(
        read.id,
        checks=len(read.exercise.checks),
        answers=tuple(seen.values()),
        findings=(
            *read.findings,
            *static_findings(folders, read.exercise, read.answers),
            *judged_findings(folders, read.exercise, read.answers, seen),
        ),
    )


def static_findings(
    folders: CourseFolders, exercise: Exercise, answers: Sequence[Answer]
) -> Iterator[Finding]:
    """What can be told without an engine."""
    yield from file_findings(folders, exercise)
    yield from hint_findings(folders, exercise)
    yield from answer_findings(folders, exercise, answers)
    for place, look in (
        (folders.exercises / exercise.id / "exercise.ipynb", exercise_notebook_findings),
        (folders.solutions / exercise.id / "solution.ipynb", solution_notebook_findings),
    ):
        if place.is_file():
            yield from look(folders, exercise, place)


def judged_findings(
    folders: CourseFolders,
    exercise: Exercise,
    answers: Sequence[Answer],
    seen: Mapping[str, JudgedAnswer],
) -> Iterator[Finding]:
    """What the verdicts on the answers say."""
    for answer in answers:
        if answer.name in seen:
            where = answer.folder.relative_to(folders.root).as_posix()
            yield from result_findings(where, answer, seen[answer.name])
    if all(answer.name in seen for answer in answers):
        file = folders.exercises / exercise.id / "exercise.toml"
        where = file.relative_to(folders.root).as_posix()
        yield from unshown_hints(where, exercise, answers, seen)


def _notebooks(folders: CourseFolders, paths: Sequence[Path]) -> Iterator[Finding]:
    names, ids = notebook_names(folders), exercise_ids(folders)
    for path in paths:
        yield from notebook_findings(folders, path, names, ids)


def _id_of(ids: Sequence[str], name: str) -> str:
    found = [i for i in ids if i == name] or [i for i in ids if name and i.startswith(name)]
    if len(found) != 1:
        what = "no exercise" if not found else "more than one exercise"
        raise BadInput(
            f"There is {what} {name!r}.", remedy=f"The exercises are: {', '.join(ids) or 'none'}."
        )
    return found[0]


def _read(folders: CourseFolders, exercise_id: str) -> Read:
    where = f"exercises/{exercise_id}/exercise.toml"
    try:
        exercise = load_exercise(folders, exercise_id)
    except BadInput as error:
        return Read(exercise_id, None, findings=(_unreadable(where, error),))
    try:
        return Read(exercise_id, exercise, read_answers(folders, exercise))
    except BadInput as error:
        where = f"tests/exercises/{exercise_id}"
        return Read(exercise_id, exercise, findings=(_unreadable(where, error),))


def _unreadable(where: str, error: BadInput) -> Finding:
    return Finding("cannot-be-read", where, f"{error.message} {error.remedy}")
