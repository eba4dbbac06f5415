"""Messages of the exercise panel: an error or a note as HTML that a person can act on."""

from __future__ import annotations

import traceback

from helpers.errors import WorkbookError
from helpers.report.blocks import Block, Fold, Line, Log, Tone
from helpers.report.html import blocks_html


def note_html(text: str, tone: Tone = "plain") -> str:
    """One line that screen readers read out when it appears."""
    return _status(blocks_html((Line(text, tone),)))


def error_html(error: BaseException) -> str:
    """What went wrong and what to do; the traceback is folded away where it is a fault in code."""
    if isinstance(error, WorkbookError):
        blocks: tuple[Block, ...] = (
            Line(f"✗ {error.message}", "fail"),
            Line(f"What to do: {error.remedy}"),
        )
        return _status(blocks_html(blocks))
    lines = "".join(traceback.format_exception(error)).rstrip().split("\n")
    blocks = (
        Line(f"✗ The check broke off: {type(error).__name__}: {error}", "fail"),
        Line(
            "This is a fault of the workbook, not of your files, which are as you saved them. "
            "Press Check to try again; if it stays, report it with the details."
        ),
        Fold("Details", (Log(tuple(lines)),)),
    )
    return _status(blocks_html(blocks))


def _status(html: str) -> str:
    return f'<div class="wb" role="status">{html}</div>'
