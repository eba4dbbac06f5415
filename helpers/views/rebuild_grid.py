"""The picture of a rebuild grid: steps against edits, one panel for each order of a Dockerfile."""

from __future__ import annotations

from collections.abc import Iterator

from helpers.experiments.rebuild_grid import GridStep, RebuildGrid
from helpers.report.blocks import Table
from helpers.report.text import blocks_text
from helpers.units import format_seconds
from helpers.views import svg
from helpers.views.picture import Picture
from helpers.views.timeline import diamond

_LABEL, _CELL, _ROW = 204.0, 50.0, 23.0
_MARGIN, _GAP, _HEAD, _TOP = 16.0, 20.0, 48.0, 44.0
_SIZE = 11.0
_ACROSS = 2


def rebuild_grid_picture(grid: RebuildGrid) -> Picture:
    """Steps against edits, one panel for each order.

    A filled square with a time is a step that ran, a diamond one that came from the cache. The last
    row has the time of the whole build.

    Args:
        grid: what was seen.

    Returns:
        The picture, with a table as its text twin.
    """
    panel = _LABEL + _CELL * len(grid.edits)
    across = min(_ACROSS, len(grid.orders))
    width = 2 * _MARGIN + panel * across + _GAP * (across - 1)
    title = "What runs again after an edit"
    shapes = [svg.text(_MARGIN, 28, title, size=15, bold=True)]
    top = _TOP
    for start in range(0, len(grid.orders), across):
        row = grid.orders[start : start + across]
        for index, order in enumerate(row):
            shapes += _panel(grid, order, _MARGIN + index * (panel + _GAP), top)
        top += _HEAD + _ROW * (max(len(_rows(grid, order)) for order in row) + 1) + _GAP
    shapes += _legend(top + 2)
    picture = svg.document(width, top + 20, title, _description(grid), shapes)
    return Picture(picture, blocks_text(rebuild_grid_blocks(grid)))


def rebuild_grid_blocks(grid: RebuildGrid) -> tuple[Table, ...]:
    """The same as tables, one for each order."""
    return tuple(
        Table(
            order,
            ("step", *grid.edits),
            (
                *(
                    (_label(row, rows), *(_word(_at(grid, order, e, row)) for e in grid.edits))
                    for row in rows
                ),
                ("the whole build", *_totals(grid, order)),
            ),
        )
        for order in grid.orders
        for rows in (_rows(grid, order),)
    )


def _at(grid: RebuildGrid, order: str, edit: str, row: GridStep) -> GridStep:
    return grid.of(order, edit).step(row.stage, row.instruction)


def _rows(grid: RebuildGrid, order: str) -> tuple[GridStep, ...]:
    """The steps of an order, from the build that tells of most."""
    return max((grid.of(order, edit).steps for edit in grid.edits), key=len)


def _label(step: GridStep, rows: tuple[GridStep, ...]) -> str:
    """The instruction, with its stage where there are several."""
    several = len({row.stage for row in rows}) > 1
    return f"{step.stage}: {step.instruction}" if several else step.instruction


def _word(step: GridStep) -> str:
    return format_seconds(step.seconds) if step.ran else "cached"


def _totals(grid: RebuildGrid, order: str) -> tuple[str, ...]:
    return tuple(format_seconds(grid.of(order, edit).seconds) for edit in grid.edits)


def _description(grid: RebuildGrid) -> str:
    parts = []
    for rebuild in grid.rebuilds:
        ran = ", ".join(rebuild.ran()) or "nothing"
        parts.append(f"{rebuild.order}, edit of {rebuild.edit}: {ran} ran")
    return "; ".join(parts)


def _panel(grid: RebuildGrid, order: str, left: float, top: float) -> Iterator[str]:
    right = left + _LABEL + _CELL * len(grid.edits)
    yield svg.text(left, top + 14, svg.fit(order, right - left, 13), size=13, bold=True)
    for index, edit in enumerate(grid.edits):
        middle = left + _LABEL + _CELL * (index + 0.5)
        words = svg.fit(edit, _CELL + 4, 10) or edit[:6]
        yield svg.text(middle, top + 38, words, size=10, ink=svg.SOFT, anchor="middle")
    y = top + _HEAD
    rows = _rows(grid, order)
    for at, row in enumerate(rows):
        if at % 2 == 0:
            yield svg.rect(left, y, right - left, _ROW, svg.BAND)
        label = _label(row, rows)
        words = svg.fit(label, _LABEL - 6, _SIZE, mono=True)
        yield svg.text(left + 4, y + 15, words, size=_SIZE, mono=True, tooltip=label)
        for index, edit in enumerate(grid.edits):
            x = left + _LABEL + _CELL * index
            yield from _cell(_at(grid, order, edit, row), edit, x, y)
        y += _ROW
    n = svg.num
    yield svg.line(f"M{n(left)} {n(y)}H{n(right)}", svg.STROKE, thick=1)
    yield svg.text(left + 4, y + 16, "the whole build", size=_SIZE, bold=True)
    for index, words in enumerate(_totals(grid, order)):
        middle = left + _LABEL + _CELL * (index + 0.5)
        yield svg.text(middle, y + 16, words, size=_SIZE, bold=True, anchor="middle")


def _cell(step: GridStep, edit: str, x: float, y: float) -> Iterator[str]:
    tooltip = f"{step.instruction}: {_word(step)} after an edit of {edit}"
    if not step.ran:
        yield diamond(x + _CELL / 2, y + _ROW / 2, tooltip=tooltip)
        return
    place = (x + 2, y + 2, _CELL - 4, _ROW - 4)
    yield svg.rect(*place, svg.FILLS[1], stroke=svg.STROKE, radius=3, tooltip=tooltip)
    words = format_seconds(step.seconds)
    yield svg.text(x + _CELL / 2, y + 15, words, size=10, bold=True, anchor="middle")


def _legend(y: float) -> Iterator[str]:
    yield svg.rect(_MARGIN, y - 6, 22, 14, svg.FILLS[1], stroke=svg.STROKE, radius=3)
    yield svg.text(_MARGIN + 30, y + 5, "ran, with its time", size=11, ink=svg.SOFT)
    yield diamond(_MARGIN + 176, y + 1)
    yield svg.text(_MARGIN + 190, y + 5, "came from the cache", size=11, ink=svg.SOFT)
