"""A check run as blocks: what came out, why, and what to try."""

from __future__ import annotations

from collections.abc import Mapping

from helpers.judge.verdict import Outcome
from helpers.report.blocks import MARKS, Block, Checks, Fold, Heading, Line
from helpers.report.describe_build import describe_build, failing_step_blocks
from helpers.report.result import CheckResult
from helpers.units import format_bytes, format_seconds


def describe_result(
    result: CheckResult, hints: int | Mapping[str, int] | None
) -> tuple[Block, ...]:
    """Blocks of one check run.

    Args:
        result: what came out.
        hints: how many hints to show for each check that did not pass: one number for all, or one
            by check id; None for all of them.
    """
    blocks: list[Block] = [Heading(f"{result.exercise} · {result.title}", 1), headline(result)]
    blocks.append(Line(_circumstances(result), "muted"))
    if result.problem:
        blocks.append(Line(result.problem, "strong"))
        if result.remedy:
            blocks.append(Line(f"What to do: {result.remedy}"))
        if result.build is not None:
            blocks.extend(failing_step_blocks(result.build))
    if result.checks:
        by_check = {c.id: hints for c in result.checks} if isinstance(hints, int) else hints
        blocks.append(Checks(result.checks, by_check, result.exercise))
    blocks.extend(Line(f"Note: {note}", "muted") for note in result.notes)
    if result.build is not None and result.build.steps:
        blocks.append(Fold("The build, step by step", describe_build(result.build, title=False)))
    return tuple(blocks)


def headline(result: CheckResult) -> Line:
    """The outcome of the whole run in one line, for example ``✗ 4 of 6 checks pass``."""
    outcome = overall(result)
    if result.problem and not result.checks:
        return Line(f"{MARKS[outcome]} Nothing could be judged", "fail")
    total = len(result.checks)
    parts = [f"{MARKS[outcome]} {count(result, Outcome.PASS)} of {total} checks pass"]
    if unknown := count(result, Outcome.UNKNOWN):
        parts.append(f"{unknown} could not be judged")
    parts.append(f"{result.points} of {result.points_possible} points")
    return Line(" · ".join(parts), "pass" if result.passed else "fail")


def overall(result: CheckResult) -> Outcome:
    """Pass where every check passed, else fail; never "could not tell" for the whole."""
    return Outcome.PASS if result.passed else Outcome.FAIL


def count(result: CheckResult, outcome: Outcome) -> int:
    """How many checks came out so."""
    return sum(c.verdict.outcome is outcome for c in result.checks)


def _circumstances(result: CheckResult) -> str:
    parts = []
    if result.image_bytes is not None:
        parts.append(f"image {format_bytes(result.image_bytes)} unpacked")
    parts.append(f"took {format_seconds(result.seconds)}")
    parts.append(result.engine)
    if result.stand_ins:
        parts.append(f"stand-in base images: {', '.join(result.stand_ins)}")
    return " · ".join(part for part in parts if part)
