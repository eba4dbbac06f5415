"""Reports as rich renderables: for terminals, with colour where there is some."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from helpers.judge.verdict import Evidence
from helpers.report.blocks import (
    MARKS,
    TONES,
    Block,
    Checks,
    Column,
    Facts,
    Findings,
    Fold,
    Heading,
    Line,
    Log,
    Table,
    Tone,
    split_evidence,
)
from helpers.report.clean import clean, one_line, shorten
from helpers.report.describe import Reportable, describe
from helpers.report.format import RIGHT, as_cell, cell_text, text_bar
from helpers.report.result import CheckOutcome
from helpers.units import format_count

#: Longest line of a log that is shown whole, in characters.
LINE_LIMIT = 400
_STYLES: Mapping[Tone, str] = {
    "plain": "",
    "muted": "dim",
    "strong": "bold",
    "pass": "bold green",
    "fail": "bold red",
    "unknown": "bold yellow",
}


def renderable(
    value: Reportable, hints: int | Mapping[str, int] | None = 1, *, folds: bool = False
) -> RenderableType:
    """The value for a rich console.

    Args:
        value: what to show.
        hints: how many hints to show for each check that did not pass; None for all.
        folds: True to show what an HTML report would fold away.
    """
    return blocks_renderable(describe(value, hints), folds=folds)


def blocks_renderable(blocks: tuple[Block, ...], *, folds: bool = False) -> RenderableType:
    """Blocks for a rich console; ``folds`` as in :func:`renderable`."""
    return Group(*_spaced(blocks, folds=folds))


def _spaced(blocks: tuple[Block, ...], *, folds: bool) -> Iterator[RenderableType]:
    first = True
    for block in blocks:
        if isinstance(block, Fold):
            if folds or block.open:
                yield Text()
                yield Text(one_line(block.summary), style="bold")
                yield Padding(Group(*_spaced(block.blocks, folds=folds)), (0, 0, 0, 2))
        else:
            if not first and not isinstance(block, Line):
                yield Text()
            yield _block(block, folds=folds)
        first = False


def _block(
    block: Table | Heading | Line | Facts | Log | Checks | Findings, *, folds: bool
) -> RenderableType:
    match block:
        case Heading():
            return Text(one_line(block.text), style="bold")
        case Line():
            return Text(clean(block.text), style=_STYLES[block.tone], overflow="fold")
        case Facts():
            return _facts(block)
        case Log():
            return _log(block)
        case Table():
            return _table(block)
        case Checks():
            return Group(*_checks(block, folds=folds))
        case Findings():
            return Group(*_findings(block, folds=folds))


def _facts(block: Facts) -> RenderableType:
    grid = RichTable.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in block.pairs:
        grid.add_row(Text(one_line(name)), Text(clean(value)))
    return grid


def _log(block: Log) -> RenderableType:
    lines = [Text(one_line(block.title), style="dim")] if block.title else []
    for line in block.lines:
        text = shorten(clean(line).expandtabs(4), LINE_LIMIT)
        lines.append(Text("  │ " + text.replace("\n", "\n  │ "), overflow="fold"))
    return Group(*lines)


def _table(block: Table) -> RenderableType:
    columns = block.typed_columns()
    table = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for column in columns:
        table.add_column(
            Text(one_line(column.name), style="bold underline"),
            justify="right" if column.kind in RIGHT else "left",
            overflow="fold",
            # Words may wrap; a figure that is broken over two lines cannot be read.
            no_wrap=column.kind in RIGHT or column.kind == "time",
        )
        if column.kind == "share":
            table.add_column("")
    for row in block.rows:
        cells: list[Text] = []
        for value, column in zip(row, columns, strict=True):
            cells.extend(_cells(value, column))
        table.add_row(*cells)
    parts: list[RenderableType] = []
    if block.title:
        parts.append(Text(one_line(block.title), style="bold"))
    if block.rows:
        parts.append(table)
    else:
        parts.append(Text("(none)", style="dim"))
    if block.note:
        parts.append(Text(one_line(block.note), style="dim"))
    return Group(*parts)


def _cells(value: object, column: Column) -> list[Text]:
    cell = as_cell(value)  # type: ignore[arg-type]  # rows hold cells and their values
    cells = [Text(cell_text(cell.value, column), style=_STYLES[cell.tone])]
    if column.kind == "share":
        share = cell.value if isinstance(cell.value, int | float) else 0.0
        cells.append(Text(text_bar(share), no_wrap=True))
    return cells


def _checks(block: Checks, *, folds: bool) -> Iterator[RenderableType]:
    """Every check, a blank line after it; passes stand together."""
    for check, following in zip_longest(block.checks, block.checks[1:]):
        yield _check(check, block, folds=folds)
        if folds or following is None or not (check.verdict.passed and following.verdict.passed):
            yield Text()


def _check(check: CheckOutcome, block: Checks, *, folds: bool) -> RenderableType:
    outcome = check.verdict.outcome
    style = _STYLES[TONES[outcome]]
    earned = check.points if check.verdict.passed else 0
    grid = RichTable.grid(padding=(0, 1), expand=True)
    grid.add_column(no_wrap=True, width=3, justify="right")
    grid.add_column(ratio=1, overflow="fold")
    grid.add_column(no_wrap=True, justify="right")
    title = Text.assemble((str(outcome), style), "  ", (one_line(check.title), "bold"))
    points = Text(f"{earned}/{check.points} points", style="dim")
    grid.add_row(Text(MARKS[outcome], style=style), title, points)
    grid.add_row("", Text(clean(check.verdict.summary)), "")
    first, rest = split_evidence(check.verdict)
    for evidence in (*first, *rest) if folds else first:
        grid.add_row("", Text("· " + one_line(evidence.text, LINE_LIMIT)), "")
    if rest and not folds and not check.verdict.passed:
        all_of_it = f" (workbook check {block.exercise} --json shows all)" if block.exercise else ""
        grid.add_row("", Text(f"… and {len(rest)} more{all_of_it}", style="dim"), "")
    shown = block.shown(check)
    for number, hint in enumerate(shown, 1):
        label = f"Hint {number} of {len(check.hints)}: "
        grid.add_row("", Text.assemble((label, "bold"), clean(hint)), "")
    if not check.verdict.passed and len(check.hints) > len(shown):
        left = format_count(len(check.hints) - len(shown), "more hint" if shown else "hint")
        grid.add_row("", Text(f"({left})", style="dim"), "")
    return grid


def _findings(block: Findings, *, folds: bool) -> Iterator[RenderableType]:
    for number in range(1, len(block.rows) + 1):
        yield _finding(block, number, folds=folds)
        last = number == len(block.rows)
        if not last and not (block.rows[number - 1].verdict.passed and not folds):
            yield Text()


def _finding(block: Findings, number: int, *, folds: bool) -> RenderableType:
    row = block.rows[number - 1]
    outcome = row.verdict.outcome
    style = _STYLES[TONES[outcome]]
    grid = RichTable.grid(padding=(0, 1), expand=True)
    grid.add_column(no_wrap=True, width=3, justify="right")
    grid.add_column(ratio=1, overflow="fold")
    grid.add_column(no_wrap=True, justify="right")
    word = () if block.numbered else ((f"{outcome}  ", style),)
    title = Text.assemble(*word, (one_line(row.title), "bold"))
    weight = f"weight {one_line(row.aside)}" if row.aside else ""
    grid.add_row(Text(block.mark(number), style=style), title, Text(weight, style="dim"))
    grid.add_row("", Text(clean(row.verdict.summary)), "")
    first, rest = split_evidence(row.verdict)
    for evidence in (*first, *rest) if folds else first:
        grid.add_row("", Text(f"· {one_line(evidence.text, LINE_LIMIT)}{_line(evidence)}"), "")
    if rest and not folds and not row.verdict.passed:
        grid.add_row("", Text(f"… and {len(rest)} more", style="dim"), "")
    if row.remedy and not row.verdict.passed:
        grid.add_row("", Text.assemble(("Change: ", "bold"), clean(row.remedy)), "")
    for note in row.notes:
        grid.add_row("", Text(clean(note), style="dim"), "")
    return grid


def _line(evidence: Evidence) -> str:
    return "" if evidence.line is None else f" (Dockerfile line {evidence.line})"
