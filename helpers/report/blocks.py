"""What a report is made of: a few kinds of blocks, each shown as text, in a terminal and as HTML.

A value is described once, as blocks (``describe_*.py``); so its text and its HTML cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from helpers.judge.verdict import Evidence, Outcome, Verdict
from helpers.report.result import CheckOutcome

Tone = Literal["plain", "muted", "strong", "pass", "fail", "unknown"]
ColumnKind = Literal["text", "code", "bytes", "seconds", "number", "share", "time"]
CellValue = str | int | float | None

#: The sign beside the word: never colour alone.
MARKS: Mapping[Outcome, str] = {Outcome.PASS: "✓", Outcome.FAIL: "✗", Outcome.UNKNOWN: "?"}
TONES: Mapping[Outcome, Tone] = {
    Outcome.PASS: "pass",
    Outcome.FAIL: "fail",
    Outcome.UNKNOWN: "unknown",
}


_EVIDENCE_OPEN = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """A table cell with a tone of its own."""

    value: CellValue
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Column:
    """A column and how its values are written.

    Attributes:
        name: heading.
        kind: ``bytes`` and ``seconds`` are formatted as sizes and durations, ``share`` (0 to 1) as
            a bar with per cent, ``code`` in the code font, ``time`` is a text that is never broken
            over two lines; numbers stand at the right.
    """

    name: str
    kind: ColumnKind = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings. A ``None`` is shown as ``–``.

    Attributes:
        title: above the table; may be empty.
        columns: a string stands for a text column.
        rows: as many cells each as there are columns.
        note: a line below the table; may be empty.

    Raises:
        ValueError: if a row has another number of cells.
    """

    title: str
    columns: tuple[Column | str, ...]
    rows: tuple[tuple[Cell | CellValue, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"table {self.title!r}: {len(row)} cells for {len(self.columns)} columns"
                )

    def typed_columns(self) -> tuple[Column, ...]:
        """The columns, strings made into text columns."""
        return tuple(c if isinstance(c, Column) else Column(c) for c in self.columns)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the report's own title."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One paragraph."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with their values."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Log:
    """Lines that a program printed, in the code font."""

    lines: tuple[str, ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks that open on demand where that is possible."""

    summary: str
    blocks: tuple[Block, ...]
    open: bool = False


@dataclass(frozen=True, slots=True)
class Checks:
    """The verdicts of an exercise with evidence and hints.

    Attributes:
        checks: in order.
        hints: how many hints to show, by check id; None shows all of them, one by one where
            that is possible.
        exercise: its id, for telling how to see what is left out; may be empty.
    """

    checks: tuple[CheckOutcome, ...]
    hints: Mapping[str, int] | None = None
    exercise: str = ""

    def shown(self, check: CheckOutcome) -> tuple[str, ...]:
        """The hints of the check that are to be seen; none where it passed."""
        if check.verdict.passed:
            return ()
        return check.hints if self.hints is None else check.hints[: self.hints.get(check.id, 0)]


@dataclass(frozen=True, slots=True)
class Judged:
    """One property as a report shows it.

    Attributes:
        title: what is wanted.
        verdict: how it came out.
        aside: what stands at the right, for example ``weight 4``; may be empty.
        remedy: what to change; shown where it did not pass.
        notes: lines below, for example the source or why it is ignored.
    """

    title: str
    verdict: Verdict
    aside: str = ""
    remedy: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """Properties with their verdicts and evidence.

    Attributes:
        rows: in order.
        numbered: True to count them instead of telling the outcome, which then is a failure.
    """

    rows: tuple[Judged, ...]
    numbered: bool = False

    def mark(self, number: int) -> str:
        """What stands in front of the row at this place, counted from 1."""
        return f"{number}." if self.numbered else MARKS[self.rows[number - 1].verdict.outcome]


def split_evidence(verdict: Verdict) -> tuple[tuple[Evidence, ...], tuple[Evidence, ...]]:
    """What stands open under a verdict, and what opens on demand.

    A red cross never stands without its reason; a pass is one line. A fold is never for one line,
    which would take its room.
    """
    evidence = verdict.evidence
    if verdict.passed:
        return (), evidence
    count = len(evidence) if len(evidence) == _EVIDENCE_OPEN + 1 else _EVIDENCE_OPEN
    return evidence[:count], evidence[count:]


Block = Table | Heading | Line | Facts | Log | Fold | Checks | Findings
