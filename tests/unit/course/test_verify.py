"""``workbook verify``: a course with nothing wrong passes, a seeded fault of each kind fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from small_course import (
    BASE,
    END,
    ID,
    LABEL,
    USER,
    change,
    make_course,
    markdown,
    notebook,
    write,
)

from helpers.build.cancel import CancelToken
from helpers.course.exercise import Exercise
from helpers.course.paths import CourseFolders
from helpers.course.verify import read_all, verify
from helpers.course.verify_judging import Judging
from helpers.course.verify_result import KINDS, VerifyResult
from helpers.errors import BadInput, NoEngine
from helpers.judge.verdict import Evidence, Outcome, Verdict
from helpers.report.json import from_json, to_json
from helpers.report.result import CheckOutcome, CheckResult
from helpers.report.text import to_text

EXERCISE = f"exercises/{ID}/exercise.toml"
ANSWERS = f"tests/exercises/{ID}"


def fake_judge(exercise: Exercise, folder: Path, slot: str) -> CheckResult:
    """Judges the Dockerfile's text as the properties would judge the image."""
    file = folder / "Dockerfile"
    if not file.is_file():
        raise BadInput("There is no Dockerfile.", remedy="Write one.")
    text = file.read_text()
    holds = {"labels": LABEL in text, "user": "USER " in text}
    broken = "BROKEN" in text
    return CheckResult(
        exercise=exercise.id,
        title=exercise.title,
        checks=tuple(
            CheckOutcome(
                spec.id,
                spec.title,
                spec.points,
                Verdict(Outcome.UNKNOWN, "no image")
                if broken
                else Verdict(Outcome.PASS, "well")
                if holds.get(spec.id, True)
                else Verdict(Outcome.FAIL, "not well", (Evidence("seen", "It was seen."),)),
                hints=()
                if broken or holds.get(spec.id, True)
                else tuple(h.text for h in spec.hints if "never" not in h.text),
            )
            for spec in exercise.checks
        ),
        build=None,
        problem="It does not build." if broken else "",
        remedy="",
        image_bytes=None,
        engine="none",
        stand_ins=(),
        notes=(),
        files={},
        started="2026-01-01T00:00:00+00:00",
        seconds=0.5,
    )


def result_of(folders: CourseFolders, *names: str) -> VerifyResult:
    with Judging(fake_judge, 2) as judging:
        return verify(folders, read_all(folders, names), judging, everything=not names)


def kinds(result: VerifyResult) -> list[str]:
    return [finding.kind for finding in result.every_finding]


@pytest.fixture
def course(tmp_path: Path) -> CourseFolders:
    return make_course(tmp_path)


def test_a_course_with_nothing_wrong_passes(course: CourseFolders) -> None:
    result = result_of(course)
    assert result.passed, to_text(result)
    (exercise,) = result.exercises
    assert (exercise.id, exercise.checks, len(exercise.answers)) == (ID, 2, 6)
    assert result.notebooks == 3
    assert "✓ Nothing is wrong" in to_text(result)
    assert from_json(to_json(result)) == result


Seed = Callable[[Path], None]

SEEDS: dict[str, tuple[str, Seed]] = {
    "a solution that does not pass": (
        "solution-fails",
        lambda root: change(root, f"solutions/{ID}/files/Dockerfile", USER, ""),
    ),
    "a solution that does not build": (
        "solution-fails",
        lambda root: change(root, f"solutions/{ID}/files/Dockerfile", BASE, "BROKEN\n"),
    ),
    "a starter that passes": (
        "starter-passes",
        lambda root: change(root, f"exercises/{ID}/starter/Dockerfile", END, LABEL + USER + END),
    ),
    "a starter that does not build": (
        "starter-does-not-build",
        lambda root: change(root, f"exercises/{ID}/starter/Dockerfile", BASE, "BROKEN\n"),
    ),
    "a check that no wrong answer trips": (
        "check-never-caught",
        lambda root: change(root, f"{ANSWERS}/root/expect.toml", 'only = "user"', "passes = true"),
    ),
    "an answer that is judged otherwise": (
        "answer-unexpected",
        lambda root: change(root, f"{ANSWERS}/root/Dockerfile", LABEL, ""),
    ),
    "a right answer that fails": (
        "answer-unexpected",
        lambda root: change(root, f"{ANSWERS}/right-other-order/Dockerfile", USER, ""),
    ),
    "an empty hint": (
        "empty-hint",
        lambda root: change(root, EXERCISE, '"Who are you inside?"', '"  "'),
    ),
    "a hint that nothing shows": (
        "hint-never-shown",
        lambda root: change(root, EXERCISE, "Who are you inside?", "This is never shown."),
    ),
    "one hint only": (
        "few-hints",
        lambda root: change(root, EXERCISE, '[[check.hints]]\ntext = "Who are you inside?"\n', ""),
    ),
    "two right answers": (
        "few-right-answers",
        lambda root: change(
            root, f"{ANSWERS}/right-other-user/expect.toml", "passes = true", 'first = "user"'
        ),
    ),
    "a stray file in an exercise": (
        "stray-file",
        lambda root: write(root, f"exercises/{ID}/notes.txt", "to do"),
    ),
    "an editor's leftover in a starter": (
        "stray-file",
        lambda root: write(root, f"exercises/{ID}/starter/Dockerfile~", BASE),
    ),
    "a stray file beside the answers": (
        "stray-file",
        lambda root: write(root, f"{ANSWERS}/README.md", "# Answers\n"),
    ),
    "answers to no exercise": (
        "stray-file",
        lambda root: write(root, "tests/exercises/02-gone/root/expect.toml", "passes = true"),
    ),
    "a solution's file that nobody may edit": (
        "not-editable",
        lambda root: write(root, f"solutions/{ID}/files/compose.yaml", "services: {}\n"),
    ),
    "an answer's file that nobody may edit": (
        "not-editable",
        lambda root: write(root, f"{ANSWERS}/root/.dockerignore", "*\n"),
    ),
    "no task": (
        "missing-file",
        lambda root: (root / f"exercises/{ID}/exercise.ipynb").unlink(),
    ),
    "an exercise that cannot be read": (
        "cannot-be-read",
        lambda root: change(root, EXERCISE, "minutes = 5", "minutes = 1"),
    ),
    "an expectation of a check that does not exist": (
        "cannot-be-read",
        lambda root: change(root, f"{ANSWERS}/root/expect.toml", '"user"', '"users"'),
    ),
    "an expectation of nothing": (
        "cannot-be-read",
        lambda root: write(root, f"{ANSWERS}/root/expect.toml", "passes = false\n"),
    ),
    "a task that the stored panel does not show": (
        "stale-notebook",
        lambda root: change(root, EXERCISE, "Nobody knows who made it.", "Somebody made it."),
    ),
    "a solution that its notebook does not show": (
        "stale-notebook",
        lambda root: change(root, f"solutions/{ID}/files/Dockerfile", END, 'CMD ["false"]\n'),
    ),
    "a solution notebook with other points": (
        "stale-notebook",
        lambda root: change(root, EXERCISE, "points = 2", "points = 4"),
    ),
    "a solution notebook with a check of another title": (
        "stale-notebook",
        lambda root: change(root, EXERCISE, "It says what it is", "It tells its name"),
    ),
    "a notebook that imports what does not exist": (
        "stale-notebook",
        lambda root: write(
            root,
            "notebooks/02-other.ipynb",
            notebook({"cell_type": "code", "source": "from helpers.lesson import Gone"}),
        ),
    ),
    "a notebook that names a folder that does not exist": (
        "stale-notebook",
        lambda root: write(
            root, "notebooks/02-other.ipynb", notebook(markdown("Look into `apps/gone/main.go`."))
        ),
    ),
    "a notebook in another form": (
        "not-the-one-form",
        lambda root: change(
            root, "notebooks/01-words-lesson.ipynb", '\n "nbformat": 4,', '\n\n "nbformat": 4,'
        ),
    ),
    "a dead link in a notebook": (
        "dead-link",
        lambda root: change(
            root, "notebooks/01-words-lesson.ipynb", "exercise-01-words", "exercise-09-gone"
        ),
    ),
    "a dead link in the README": (
        "dead-link",
        lambda root: change(root, "README.md", "apps/tiny/README.md", "apps/gone/README.md"),
    ),
    "a link to a heading that is gone": (
        "dead-link",
        lambda root: change(root, "README.md", "#course", "#gone"),
    ),
}


@pytest.mark.parametrize("fault", SEEDS)
def test_a_seeded_fault_is_found(course: CourseFolders, fault: str) -> None:
    kind, seed = SEEDS[fault]
    seed(course.root)
    result = result_of(course)
    assert kind in kinds(result), to_text(result)
    assert not result.passed
    (found, *_) = [f for f in result.every_finding if f.kind == kind]
    assert found.where
    assert found.text
    assert KINDS[kind] in " ".join(to_text(result).split())  # its lines are wrapped


def test_every_kind_of_finding_has_a_seeded_fault() -> None:
    elsewhere = {"notebook-fails", "no-reason"}  # tested below
    assert {kind for kind, _ in SEEDS.values()} | elsewhere == set(KINDS)


def test_a_fail_without_a_hint_that_applies_is_found(course: CourseFolders) -> None:
    for text in ("Who are you inside?", "USER 1000:1000 as"):
        change(course.root, EXERCISE, text, "never")
    assert "no-reason" in kinds(result_of(course))


def test_exactly_these_checks_fail(course: CourseFolders) -> None:
    write(course.root, f"{ANSWERS}/nothing/Dockerfile", BASE + END)
    expect = f"{ANSWERS}/nothing/expect.toml"
    write(course.root, expect, 'fails = ["user", "labels"]\n')
    assert result_of(course).passed
    write(course.root, expect, 'fails = ["user"]\n')
    assert kinds(result_of(course)) == ["answer-unexpected"]


def test_an_answer_without_its_file_is_a_finding_and_the_others_go_on(
    course: CourseFolders,
) -> None:
    (course.root / f"{ANSWERS}/root/Dockerfile").unlink()
    result = result_of(course)
    assert "answer-unexpected" in kinds(result)
    assert len(result.exercises[0].answers) == 6


def test_one_exercise_alone_does_not_look_at_the_rest(course: CourseFolders) -> None:
    change(course.root, "README.md", "apps/tiny/README.md", "gone.md")
    assert result_of(course, "01").passed
    with pytest.raises(BadInput, match="no exercise"):
        result_of(course, "07")


def test_a_lost_engine_ends_everything(course: CourseFolders) -> None:
    cancel = CancelToken()
    cleaned: list[str] = []

    def judge(exercise: Exercise, folder: Path, slot: str) -> CheckResult:
        if folder.name == "root":
            raise NoEngine("It is gone.", remedy="Start it.")
        return fake_judge(exercise, folder, slot)

    def clean(exercise: Exercise, slot: str) -> None:
        cleaned.append(slot)

    with (
        pytest.raises(NoEngine),
        Judging(judge, 2, cancel=cancel, clean=clean) as judging,
    ):
        verify(course, read_all(course), judging, everything=True)
    assert cancel.cancelled
    assert cleaned
    assert len(cleaned) == len(set(cleaned))


def test_answers_at_the_same_time_have_slots_of_their_own(course: CourseFolders) -> None:
    import threading

    at_once: set[str] = set()
    most: list[int] = []
    lock = threading.Lock()
    both = threading.Barrier(2, timeout=10)

    def judge(exercise: Exercise, folder: Path, slot: str) -> CheckResult:
        with lock:
            assert slot not in at_once
            at_once.add(slot)
            most.append(len(at_once))
        both.wait()  # six answers: always two together
        with lock:
            at_once.remove(slot)
        return fake_judge(exercise, folder, slot)

    with Judging(judge, 2) as judging:
        verify(course, read_all(course), judging, everything=False)
    assert max(most) == 2
