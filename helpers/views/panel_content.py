"""What the exercise panel says, as blocks: the same for the widgets and for the stored output."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from helpers.report.blocks import Block, Cell, CellValue, Column, Heading, Line, Table
from helpers.units import format_count
from helpers.views.session_protocol import Attempt, ExerciseInfo, TaskFile

#: How many of the last attempts are shown.
SHOWN = 10


def head_blocks(info: ExerciseInfo) -> tuple[Block, ...]:
    """Title, practice, level, time and task."""
    about = f"{info.practice} · {info.level} · about {format_count(info.minutes, 'minute')}"
    return (
        Heading(f"Exercise {info.id}: {info.title}", 1),
        Line(about, "muted"),
        *(Line(text) for text in _paragraphs(info.task)),
    )


def _paragraphs(task: str) -> Iterator[str]:
    """Paragraphs of the task; the items of a list each as one, with a bullet."""
    for paragraph in task.split("\n\n"):
        items = re.split(r"(?:^|\n)\s*[-*] ", paragraph.strip())
        first, *listed = (" ".join(item.split()) for item in items)
        if first:
            yield first
        yield from (f"• {item}" for item in listed)


def file_blocks(info: ExerciseInfo, files: Sequence[TaskFile]) -> tuple[Block, ...]:
    """The task's files as a table."""
    rows = tuple((f.name, "yours to edit" if f.editable else "given", f.path) for f in files)
    columns = (Column("file", "code"), "", Column("path", "code"))
    return (Table("Files", columns, rows, f"Your copy is in {info.folder}."),)


def attempt_blocks(attempts: Sequence[Attempt]) -> tuple[Block, ...]:
    """History of attempts, newest first; empty where there are none."""
    if not attempts:
        return (Line("No attempt yet.", "muted"),)
    rows: list[tuple[Cell | CellValue, ...]] = []
    numbered = list(enumerate(attempts, 1))
    for number, attempt in reversed(numbered[-SHOWN:]):
        rows.append(
            (
                number,
                attempt.started.replace("T", " ").removesuffix("Z").removesuffix("+00:00") + " UTC",
                _outcome(attempt),
                f"{attempt.points}/{attempt.points_possible}",
                attempt.passed,
                attempt.failed,
                attempt.unknown,
                attempt.seconds,
            )
        )
    earlier = len(attempts) - len(rows)
    columns = (
        Column("#", "number"),
        Column("when", "time"),
        Column("result", "time"),
        "points",
        Column("passed", "number"),
        Column("failed", "number"),
        Column("unknown", "number"),
        Column("time", "seconds"),
    )
    note = f"and {format_count(earlier, 'earlier one')}" if earlier else ""
    return (Table("Attempts", columns, tuple(rows), note),)


def _outcome(attempt: Attempt) -> Cell:
    if attempt.problem:
        return Cell("✗ not judged", "fail")
    if attempt.failed or attempt.unknown or not attempt.passed:
        return Cell("✗ not yet", "fail")
    return Cell("✓ passed", "pass")
