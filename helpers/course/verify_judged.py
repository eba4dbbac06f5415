"""What the verdicts on an exercise's answers say of the exercise. Pure: nothing is run here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from helpers.course.exercise import Exercise
from helpers.course.verify_answers import BUILD, Answer
from helpers.course.verify_result import Finding, JudgedAnswer
from helpers.judge.verdict import Outcome
from helpers.report.result import CheckResult

_EVIDENCE = 3  # pieces that are kept of each fail


def judged(answer: Answer, result: CheckResult) -> JudgedAnswer:
    """What has to be known of a result."""
    verdicts = []
    for c in result.checks:
        verdicts.append(f"{c.verdict.outcome:>14} {c.id}: {c.verdict.summary}")
        if c.verdict.outcome is Outcome.FAIL:
            verdicts += [f"{'·':>16} {e.code}: {e.text}" for e in c.verdict.evidence[:_EVIDENCE]]
    caught = tuple(c.id for c in result.checks if not c.verdict.passed)
    return JudgedAnswer(
        answer.name,
        caught=(BUILD,) if result.problem else caught,
        hints=tuple((c.id, hint) for c in result.checks for hint in c.hints),
        bare=tuple(
            c.id
            for c in result.checks
            if c.verdict.outcome is Outcome.FAIL and not (c.verdict.evidence and c.hints)
        ),
        lines=(*result.problem.splitlines(), *verdicts),
        seconds=result.seconds,
    )


def result_findings(where: str, answer: Answer, seen: JudgedAnswer) -> Iterator[Finding]:
    """What is wrong with one answer, or with how it was judged.

    Args:
        where: the answer's folder in the course.
        answer: it.
        seen: what became of it.
    """
    lines = "\n".join(seen.lines)
    if seen.problem:
        kind = {"starter": "starter-does-not-build", "solution": "solution-fails"}
        yield Finding(kind.get(answer.role, "answer-unexpected"), where, seen.problem)
        return
    if answer.role == "starter":
        if seen.caught == (BUILD,):
            yield Finding("starter-does-not-build", where, f"It has to build.\n{lines}")
        elif not seen.caught:
            yield Finding("starter-passes", where, "There is nothing to do: every check passes.")
        elif not seen.hints:
            yield Finding("no-reason", where, f"The starter fails and no hint applies.\n{lines}")
    elif answer.expected is not None and not answer.expected.fits(seen.caught):
        kind_of = "solution-fails" if answer.role == "solution" else "answer-unexpected"
        failed = ", ".join(seen.caught) or "none"
        text = f"Failed: {failed}; {answer.expected.in_words()}.\n{lines}"
        yield Finding(kind_of, where, text)
    for check in seen.bare:
        text = f"The check {check} failed without evidence, or no hint applies to what was seen."
        yield Finding("no-reason", where, text)


def unshown_hints(
    where: str,
    exercise: Exercise,
    answers: Iterable[Answer],
    seen: Mapping[str, JudgedAnswer],
) -> Iterator[Finding]:
    """Hints that no wrong answer shows.

    Args:
        where: the exercise's file.
        exercise: it.
        answers: its answers.
        seen: what became of each, by name.
    """
    shown = {hint for a in answers if a.is_wrong and a.name in seen for hint in seen[a.name].hints}
    for spec in exercise.checks:
        for number, hint in enumerate(spec.hints, 1):
            if (spec.id, hint.text) not in shown:
                when = f" (when {', '.join(hint.when)})" if hint.when else ""
                text = f"No wrong answer shows hint {number}{when}: {hint.text}"
                yield Finding("hint-never-shown", f"{where}, check {spec.id}", text)
