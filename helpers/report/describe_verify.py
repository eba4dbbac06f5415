"""What the course says of itself, as blocks: each finding with its place, then a table."""

from __future__ import annotations

from helpers.course.verify_result import KINDS, VerifyResult
from helpers.report.blocks import Block, Cell, Column, Heading, Line, Log, Table
from helpers.units import format_count, format_seconds


def describe_verify(result: VerifyResult) -> tuple[Block, ...]:
    """Blocks of one run of ``workbook verify``."""
    found = result.every_finding
    mark, tone = ("✓", "pass") if result.passed else ("✗", "fail")
    said = "Nothing is wrong" if result.passed else format_count(len(found), "finding")
    blocks: list[Block] = [
        Heading("The course checks itself", 1),
        Line(f"{mark} {said} · {_looked_at(result)}", "pass" if tone == "pass" else "fail"),
        Line(f"took {format_seconds(result.seconds)} · {result.engine}".rstrip(" ·"), "muted"),
    ]
    for finding in found:
        first, *more = finding.text.splitlines() or [""]
        blocks.append(Line(f"✗ {finding.where}: {KINDS[finding.kind]}.", "strong"))
        blocks.append(Line(first))
        if more:
            blocks.append(Log(tuple(more)))
    if result.exercises:
        blocks.append(_table(result))
    return tuple(blocks)


def _looked_at(result: VerifyResult) -> str:
    answers = sum(len(e.answers) for e in result.exercises)
    ran = f" ({result.notebooks_run} run)" if result.notebooks_run else " (none run)"
    return ", ".join(
        (
            format_count(len(result.exercises), "exercise"),
            format_count(answers, "answer"),
            format_count(result.notebooks, "notebook") + ran,
        )
    )


def _table(result: VerifyResult) -> Table:
    rows = tuple(
        (
            exercise.id,
            exercise.checks,
            len(exercise.answers),
            exercise.seconds,
            Cell(f"✗ {len(exercise.findings)}", "fail")
            if exercise.findings
            else Cell("✓ none", "pass"),
        )
        for exercise in result.exercises
    )
    columns = (
        Column("exercise", "code"),
        Column("checks", "number"),
        Column("answers", "number"),
        Column("judging", "seconds"),
        "findings",
    )
    note = "Judging: all answers of the exercise added up; several are judged at the same time."
    return Table("Exercises", columns, rows, note)
