"""The course checks itself: starters fail, solutions pass, wrong answers trip the right check."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from helpers.course.check import check
from helpers.course.exercise import Exercise, exercise_ids, load_exercise
from helpers.course.paths import course_folders
from helpers.course.workspace import read_submission
from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for
from helpers.judge.verdict import Outcome
from helpers.report.result import CheckResult

FOLDERS = course_folders()
ANSWERS = FOLDERS.root / "tests" / "exercises"
BUILD = "build"  # the name under which a build that fails is expected


@dataclass(frozen=True)
class Answer:
    """An answer to an exercise, and what is expected of it."""

    exercise: str
    folder: Path
    passes: bool = False
    first: str = ""
    only: str = ""


def answers() -> list[Answer]:
    found = []
    for path in sorted(ANSWERS.glob("*/*/expect.toml")):
        expected = tomllib.loads(path.read_text())
        found.append(Answer(path.parents[1].name, path.parent, **expected))
    return found


RESULTS: dict[Path, CheckResult] = {}


def judged(engine: Engine, exercise: Exercise, folder: Path) -> CheckResult:
    """Each answer is built and judged once in a test run."""
    if folder not in RESULTS:
        ensure_for(engine, exercise.bases)
        submission = read_submission(FOLDERS, exercise, folder)
        RESULTS[folder] = check(engine, FOLDERS, exercise, submission)
    return RESULTS[folder]


@cache
def exercise_of(exercise: str) -> Exercise:
    return load_exercise(FOLDERS, exercise)


def failing(result: CheckResult) -> list[str]:
    if result.problem:
        return [BUILD]
    return [c.id for c in result.checks if c.verdict.outcome is not Outcome.PASS]


def shown(result: CheckResult) -> str:
    lines = [f"{c.verdict.outcome:>14} {c.id}: {c.verdict.summary}" for c in result.checks]
    return "\n".join([result.problem, *lines])


@pytest.mark.parametrize("exercise", exercise_ids(FOLDERS))
def test_the_solution_passes(engine: Engine, exercise: str) -> None:
    result = judged(engine, exercise_of(exercise), FOLDERS.solutions / exercise / "files")
    assert result.passed, shown(result)


@pytest.mark.parametrize("exercise", exercise_ids(FOLDERS))
def test_the_starter_builds_and_fails(engine: Engine, exercise: str) -> None:
    result = judged(engine, exercise_of(exercise), FOLDERS.exercises / exercise / "starter")
    assert not result.problem, shown(result)
    assert not result.passed
    assert any(c.hints for c in result.checks)


@pytest.mark.parametrize("answer", answers(), ids=lambda a: f"{a.exercise}/{a.folder.name}")
def test_an_answer_is_judged_as_expected(engine: Engine, answer: Answer) -> None:
    result = judged(engine, exercise_of(answer.exercise), answer.folder)
    caught = failing(result)
    if answer.passes:
        assert result.passed, shown(result)
    elif answer.only:
        assert caught == [answer.only], shown(result)
    else:
        assert caught[:1] == [answer.first], shown(result)
    for outcome in result.checks:
        if outcome.verdict.outcome is Outcome.FAIL:
            assert outcome.verdict.evidence, outcome.id
            assert outcome.hints, f"{outcome.id} failed and no hint applies"


@pytest.mark.parametrize("exercise", exercise_ids(FOLDERS))
def test_every_check_has_a_wrong_answer_that_it_catches_first(exercise: str) -> None:
    caught = {a.only or a.first for a in answers() if a.exercise == exercise and not a.passes}
    assert {spec.id for spec in exercise_of(exercise).checks} <= caught


@pytest.mark.parametrize("exercise", exercise_ids(FOLDERS))
def test_every_hint_is_shown_by_some_wrong_answer(engine: Engine, exercise: str) -> None:
    wanted = {(c.id, h.text) for c in exercise_of(exercise).checks for h in c.hints}
    seen = {
        (c.id, hint)
        for a in answers()
        if a.exercise == exercise
        for c in judged(engine, exercise_of(exercise), a.folder).checks
        for hint in c.hints
    }
    assert wanted == seen


@pytest.mark.parametrize("exercise", exercise_ids(FOLDERS))
def test_every_check_has_at_least_two_hints(exercise: str) -> None:
    for spec in exercise_of(exercise).checks:
        assert len(spec.hints) >= 2, spec.id


@pytest.mark.parametrize("exercise", exercise_ids(FOLDERS))
def test_at_least_three_different_right_answers_pass(exercise: str) -> None:
    right = [a for a in answers() if a.exercise == exercise and a.passes]
    assert len(right) + 1 >= 3, "the solution and two others"
