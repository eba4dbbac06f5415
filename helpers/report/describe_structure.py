"""The tests of a container-structure-test file as blocks."""

from __future__ import annotations

from helpers.judge.verdict import Evidence, Outcome, Verdict
from helpers.report.blocks import MARKS, Block, Findings, Heading, Judged, Line
from helpers.structure_test.result import StructureOutcome, StructureResult
from helpers.units import format_count, format_seconds


def describe_structure(result: StructureResult) -> tuple[Block, ...]:
    """Blocks of one run."""
    passed = sum(test.passed for test in result.tests)
    outcome = Outcome.PASS if result.passed else Outcome.FAIL
    head = f"{MARKS[outcome]} {passed} of {format_count(len(result.tests), 'test')} pass"
    return (
        Heading(f"{result.file} on {result.image}", 1),
        Line(head, "pass" if result.passed else "fail"),
        Line(f"took {format_seconds(result.seconds)} · {result.engine}", "muted"),
        Findings(tuple(map(_judged, result.tests))),
        *(Line(f"Note: {note}", "muted") for note in result.notes),
    )


def _judged(test: StructureOutcome) -> Judged:
    evidence = tuple(Evidence("error", text) for text in test.errors)
    seconds = f" after {format_seconds(test.seconds)}" if test.seconds else ""
    summary = "As wanted" if test.passed else "Not as wanted"
    verdict = Verdict(
        Outcome.PASS if test.passed else Outcome.FAIL, f"{summary}{seconds}.", evidence
    )
    return Judged(
        f"{test.kind}: {test.name}" if test.name else test.kind, verdict, notes=test.notes
    )
