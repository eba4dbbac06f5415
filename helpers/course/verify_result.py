"""What the course says of itself, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

#: Every kind of finding, with what it stands for.
KINDS: Mapping[str, str] = MappingProxyType(
    {
        "cannot-be-read": "exercise.toml or an expect.toml cannot be used",
        "missing-file": "a file that every exercise has is not there",
        "stray-file": "a file lies where none belongs",
        "not-editable": "a solution or an answer changes a file that learners cannot",
        "empty-hint": "a hint says nothing",
        "few-hints": "a check has fewer than two hints",
        "few-right-answers": "fewer than three right answers are tried",
        "check-never-caught": "no wrong answer is caught by the check",
        "starter-does-not-build": "the starter does not build",
        "starter-passes": "the starter passes",
        "solution-fails": "the solution does not pass",
        "answer-unexpected": "an answer is judged otherwise than expected",
        "no-reason": "a check fails without evidence, or without a hint that applies",
        "hint-never-shown": "a hint is shown by no wrong answer",
        "not-the-one-form": "a notebook is not stored in the one form",
        "stale-notebook": "a notebook names what no longer exists, or shows what was",
        "notebook-fails": "a notebook does not run, or does not show what is stored",
        "dead-link": "a link leads nowhere",
    }
)
#: Kinds that only judging answers on an engine can find.
JUDGED = (
    "starter-does-not-build",
    "starter-passes",
    "solution-fails",
    "answer-unexpected",
    "no-reason",
    "hint-never-shown",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of the course.

    Attributes:
        kind: one of :data:`KINDS`.
        where: a path in the course, with the check or cell where there is one.
        text: what is wrong, in one sentence or a few lines.
    """

    kind: str
    where: str
    text: str


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """What became of one answer.

    Attributes:
        name: of the answer; ``starter`` and ``solution`` are two.
        caught: the checks that did not pass, in their order; ``build`` alone where it did not
            build.
        hints: what was shown: check and text.
        bare: checks that failed without evidence or without a hint.
        lines: every verdict in a line, for people.
        seconds: how long it took.
        problem: why it was not judged at all; else empty.
    """

    name: str
    caught: tuple[str, ...] = ()
    hints: tuple[tuple[str, str], ...] = ()
    bare: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    seconds: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ExerciseVerified:
    """One exercise.

    Attributes:
        id: its id.
        checks: how many it has.
        answers: what became of each answer that was judged.
        findings: what is wrong with it.
    """

    id: str
    checks: int
    answers: tuple[JudgedAnswer, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def seconds(self) -> float:
        """How long its answers took, added up."""
        return sum(answer.seconds for answer in self.answers)


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """The whole course, or the part of it that was asked for.

    Attributes:
        exercises: in reading order.
        findings: about notebooks, links and folders that belong to no exercise.
        notebooks: how many notebooks were looked at.
        notebooks_run: how many of them were run.
        engine: the engine in one line.
        started: ISO 8601 time in UTC.
        seconds: how long it took.
    """

    exercises: tuple[ExerciseVerified, ...]
    findings: tuple[Finding, ...]
    notebooks: int
    notebooks_run: int
    engine: str
    started: str
    seconds: float

    @property
    def every_finding(self) -> tuple[Finding, ...]:
        """Findings of the exercises, then of all else."""
        return (*(f for e in self.exercises for f in e.findings), *self.findings)

    @property
    def passed(self) -> bool:
        """True where nothing is wrong."""
        return not self.every_finding
