"""The verdicts in the panel: under each check that did not pass its hints, one a press."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

import ipywidgets as widgets

from helpers.report.blocks import Block, Checks, Heading, Line
from helpers.report.clean import one_line
from helpers.report.describe import describe
from helpers.report.html import blocks_html, text_html
from helpers.report.result import CheckOutcome, CheckResult
from helpers.units import format_count

#: The checks are tables one below the other, with hints between them: they look like one.
VERDICT_STYLE = """
.wb-panel .wb-part table.wb-checks { margin: 0; }
.wb-panel .wb-next thead {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
}
.wb-panel .wb-hinted tr td { border-bottom: 0; padding-bottom: 0.2em; }
.wb-panel .wb-hints { padding-left: 141px; border-bottom: 1px solid var(--wb-rule); }
.wb-panel .wb-hints button { font-size: 12px; height: 26px; line-height: 24px; }
@media (max-width: 600px) { .wb-panel .wb-hints { padding-left: 8px; } }
"""


class VerdictBox:
    """Shows a result; the hints of each check that did not pass open one by one, right below it.

    What was opened stays open over later attempts: a hint cannot be unread.
    """

    def __init__(self) -> None:
        self.box = widgets.VBox()
        self.opened: dict[str, int] = {}
        self.buttons: dict[str, Any] = {}
        self.hints: dict[str, Any] = {}

    def show(self, result: CheckResult | None) -> None:
        """Show a result and offer its hints; without one, say so."""
        self.buttons, self.hints = {}, {}
        if result is None:
            self.box.children = [_html((Line("Not checked yet: press Check.", "muted"),))]
            return
        rows: list[Any] = []
        text: list[Block] = []
        for block in describe(result, 0):
            if isinstance(block, Checks):
                rows += [_html(text), *self._checks(block)]
                text = []
            elif not isinstance(block, Heading) or block.level > 1:  # the panel has a title
                text.append(block)
        self.box.children = [*rows, _html(text)] if text else rows

    def _checks(self, block: Checks) -> Iterator[Any]:
        """Tables of checks without a hint to offer, and each one with hints by itself."""
        following = ""
        for offered, group in groupby(block.checks, _offers_hints):
            checks = tuple(group)
            for part in [(c,) for c in checks] if offered else [checks]:
                # The hints are not in the table: they open below it.
                bare = tuple(replace(check, hints=()) for check in part)
                shown = blocks_html((replace(block, checks=bare),))
                hinted = " wb-hinted" if offered else ""
                yield widgets.HTML(f'<div class="wb wb-part{following}{hinted}">{shown}</div>')
                following = " wb-next"
                if offered:
                    yield self._hint_box(part[0])

    def _hint_box(self, check: CheckOutcome) -> Any:
        button = widgets.Button(layout=widgets.Layout(width="auto", align_self="flex-start"))
        button.on_click(lambda _: self._open(check))
        self.buttons[check.id], self.hints[check.id] = button, widgets.HTML()
        self._refresh(check)
        box = widgets.VBox([self.hints[check.id], button])
        box.add_class("wb-hints")
        return box

    def _open(self, check: CheckOutcome) -> None:
        self.opened[check.id] = min(self.opened.get(check.id, 0) + 1, len(check.hints))
        self._refresh(check)

    def _refresh(self, check: CheckOutcome) -> None:
        total = len(check.hints)
        opened = min(self.opened.get(check.id, 0), total)
        hints = "".join(
            f'<p class="wb-hint"><strong>Hint {number} of {total}</strong> {text_html(hint)}</p>'
            for number, hint in enumerate(check.hints[:opened], 1)
        )
        self.hints[check.id].value = f'<div class="wb" role="status">{hints}</div>'
        button, left = self.buttons[check.id], total - opened
        button.disabled = left == 0
        if left:
            button.description = f"Next hint ({left} left)"
            about = format_count(left, "hint")
            button.tooltip = f"Show hint {opened + 1} for: {one_line(check.title)}; {about} left"
        else:
            button.description = "No more hints"
            button.tooltip = f"All hints are open for: {one_line(check.title)}"


def _offers_hints(check: CheckOutcome) -> bool:
    return not check.verdict.passed and bool(check.hints)


def _html(blocks: list[Block] | tuple[Block, ...]) -> Any:
    return widgets.HTML(f'<div class="wb">{blocks_html(blocks)}</div>')
