"""The result as a Markdown table, and its place in the README."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from benchmarks.pairs import Pairs, Summary, summary

BEGIN = "<!-- benchmarks -->"
END = "<!-- /benchmarks -->"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        name: what was measured, against what.
        figure: None where it was not measured; ``detail`` then says why.
        unit: ``×`` for a ratio, ``s`` for seconds, ``MB`` for megabytes.
        target: the most that the median may be, None where no target is set.
        exclusive: True where the target itself is too much already ("under 0.3 s").
        detail: absolute times, or the reason.
    """

    name: str
    figure: Summary | None
    unit: str = "×"
    target: float | None = None
    exclusive: bool = False
    detail: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the unrounded median keeps the target; None where that cannot be said."""
        if self.figure is None or self.target is None:
            return None
        median = self.figure.median
        return median < self.target if self.exclusive else median <= self.target


def ratio_row(
    name: str, pairs: Pairs, target: float | None, *, note: str = "", behind: str = ""
) -> Row:
    """A row for a ratio, with the absolute medians as its detail.

    Args:
        name: what was measured, against what.
        pairs: the runs.
        target: the most that the median may be, None where no target is set.
        note: what one has to know to read it.
        behind: why, where the target is missed; shown only then.
    """
    ours, peer = (_seconds(summary(times).median) for times in (pairs.ours, pairs.peer))
    row = Row(name, pairs.ratio, target=target)
    parts = [f"{ours} against {peer}", note, behind if row.met is False else ""]
    return replace(row, detail="; ".join(part for part in parts if part))


def render(rows: Iterable[Row], caption: str) -> str:
    """The table with a caption above it."""
    lines = [
        caption,
        "",
        "| what | median (min–max) | target | | medians, remarks |",
        "| --- | --- | --- | --- | --- |",
        *map(_line, rows),
    ]
    return "\n".join(lines) + "\n"


def insert(document: str, table: str) -> str:
    """The document with the table between its two markers.

    Raises:
        ValueError: where there is not exactly one of each, in order.
    """
    if document.count(BEGIN) != 1 or document.count(END) != 1:
        raise ValueError(f"there has to be one {BEGIN} and one {END}")
    head, rest = document.split(BEGIN)
    if END not in rest:
        raise ValueError(f"{END} stands before {BEGIN}")
    return f"{head}{BEGIN}\n{table}{END}{rest.split(END)[1]}"


def _line(row: Row) -> str:
    cells = (row.name, _figure(row), _target(row), _verdict(row), row.detail)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _figure(row: Row) -> str:
    if row.figure is None:
        return "not measured"
    digits = 0 if row.unit == "MB" else 2
    median, low, high = (
        f"{n:.{digits}f}" for n in (row.figure.median, row.figure.low, row.figure.high)
    )
    if row.figure.low == row.figure.high:
        return f"{median} {row.unit}"
    return f"{median} {row.unit} ({low}–{high})"


def _target(row: Row) -> str:
    if row.target is None:
        return "none"
    return f"{'<' if row.exclusive else '≤'} {row.target:g} {row.unit}"


def _verdict(row: Row) -> str:
    return {True: "met", False: "**missed**", None: ""}[row.met]


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"
