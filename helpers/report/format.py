"""One table cell as words: the same in the terminal, in text and in HTML."""

from __future__ import annotations

from helpers.report.blocks import Cell, CellValue, Column
from helpers.report.clean import one_line
from helpers.units import format_bytes, format_seconds, format_share

RIGHT = frozenset({"bytes", "seconds", "number", "share"})
_BAR_CELLS = 12
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def as_cell(value: Cell | CellValue) -> Cell:
    """A bare value as a cell without a tone."""
    return value if isinstance(value, Cell) else Cell(value)


def cell_text(value: CellValue, column: Column) -> str:
    """The value in its column's unit; text is cleaned and stays on one line."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return one_line(value)
    match column.kind:
        case "bytes":
            return format_bytes(round(value))
        case "seconds":
            return format_seconds(value)
        case "share":
            return format_share(value)
        case _:
            return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def text_bar(share: float, cells: int = _BAR_CELLS) -> str:
    """A bar of block characters, ``cells`` wide for a share of 1; never empty for more than 0."""
    eighths = round(min(max(share, 0.0), 1.0) * cells * 8)
    if share > 0:
        eighths = max(eighths, 1)
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")
