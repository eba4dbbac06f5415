"""The course checks itself, exercise by exercise: the functions of ``workbook verify``.

``-k NN-slug`` judges one exercise, ``-k "NN-slug/answer"`` one of its answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

import pytest

from helpers.course.exercise import exercise_ids
from helpers.course.paths import course_folders
from helpers.course.verify import Read, judged_findings, read_all, static_findings
from helpers.course.verify_answers import Answer
from helpers.course.verify_judged import result_findings
from helpers.course.verify_judging import Judging, judging_on
from helpers.course.verify_result import KINDS, Finding, JudgedAnswer
from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for

FOLDERS = course_folders()
IDS = exercise_ids(FOLDERS)
#: Findings about one answer are told by its own test.
OF_AN_ANSWER = ("starter-does-not-build", "starter-passes", "solution-fails", "answer-unexpected")
OF_NOTEBOOKS = ("not-the-one-form", "notebook-fails", "dead-link")
OF_AN_EXERCISE = [k for k in KINDS if k not in (*OF_AN_ANSWER, *OF_NOTEBOOKS)]
NEED_ANSWERS = ("no-reason", "hint-never-shown")


@cache
def read(exercise: str) -> Read:
    return read_all(FOLDERS, (exercise,))[0]


def answers() -> list[Answer]:
    return [answer for exercise in IDS for answer in read(exercise).answers]


@pytest.fixture(scope="session")
def judging(request: pytest.FixtureRequest, engine: Engine) -> Iterator[Judging]:
    """Judges what the chosen tests ask for: each answer once, several at the same time."""
    with judging_on(engine, FOLDERS) as found:
        for item in request.session.items:
            if not isinstance(item, pytest.Function) or "judging" not in item.fixturenames:
                continue
            params = item.callspec.params
            if "answer" in params:
                submit(engine, found, params["answer"])
            elif params["kind"] in NEED_ANSWERS:
                for answer in read(params["exercise"]).answers:
                    submit(engine, found, answer)
        yield found


def submit(engine: Engine, judging: Judging, answer: Answer) -> None:
    exercise = read(answer.exercise).exercise
    assert exercise is not None
    ensure_for(engine, exercise.bases)
    judging.submit(exercise, answer)


def judged(judging: Judging, answer: Answer) -> JudgedAnswer:
    exercise = read(answer.exercise).exercise
    assert exercise is not None
    return judging.submit(exercise, answer).result()


def shown(findings: list[Finding]) -> str:
    return "\n".join(f"{f.where}: {KINDS[f.kind]}.\n{f.text}" for f in findings)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("answer", answers(), ids=lambda a: f"{a.exercise}/{a.name}")
def test_an_answer_is_judged_as_expected(judging: Judging, answer: Answer) -> None:
    findings = list(result_findings(str(answer.folder), answer, judged(judging, answer)))
    assert not findings, shown(findings)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", OF_AN_EXERCISE)
@pytest.mark.parametrize("exercise", IDS)
def test_the_exercise_has_no_such_fault(judging: Judging, exercise: str, kind: str) -> None:
    known = read(exercise)
    findings = list(known.findings)
    if known.exercise is not None:
        seen: Mapping[str, JudgedAnswer] = {}
        if kind in NEED_ANSWERS:
            seen = {a.name: judged(judging, a) for a in known.answers}
        findings += static_findings(FOLDERS, known.exercise, known.answers)
        findings += judged_findings(FOLDERS, known.exercise, known.answers, seen)
    found = [f for f in findings if f.kind == kind]
    assert not found, shown(found)
