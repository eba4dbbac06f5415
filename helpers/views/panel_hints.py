"""Hints in the panel: one button a check that did not pass, one hint a press."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from helpers.report.blocks import Heading
from helpers.report.clean import one_line
from helpers.report.html import blocks_html, text_html
from helpers.report.result import CheckOutcome, CheckResult
from helpers.units import format_count


class HintBox:
    """Opens the hints of each check that did not pass, one by one.

    What was opened stays open over later attempts: a hint cannot be unread.
    """

    def __init__(self) -> None:
        self.box = widgets.VBox()
        self.opened: dict[str, int] = {}
        self.buttons: dict[str, Any] = {}
        self._texts: dict[str, Any] = {}

    def show(self, result: CheckResult | None) -> None:
        """Offer the hints of a result; none where there is no result or all checks passed."""
        checks = [c for c in (result.checks if result else ()) if not c.verdict.passed and c.hints]
        self.buttons = {c.id: self._button(c) for c in checks}
        self._texts = {c.id: widgets.HTML() for c in checks}
        rows: list[Any] = []
        if checks:
            heading = blocks_html((Heading("Hints"),))
            rows.append(widgets.HTML(f'<div class="wb">{heading}</div>'))
        for check in checks:
            rows += [self._texts[check.id], self.buttons[check.id]]
            self._refresh(check)
        self.box.children = rows

    def _button(self, check: CheckOutcome) -> Any:
        button = widgets.Button(layout=widgets.Layout(width="auto", align_self="flex-start"))
        button.on_click(lambda _: self._open(check))
        return button

    def _open(self, check: CheckOutcome) -> None:
        opened = self.opened.get(check.id, 0)
        self.opened[check.id] = min(opened + 1, len(check.hints))
        self._refresh(check)

    def _refresh(self, check: CheckOutcome) -> None:
        total = len(check.hints)
        opened = min(self.opened.get(check.id, 0), total)
        hints = "".join(
            f'<p class="wb-hint"><strong>Hint {number} of {total}</strong> {text_html(hint)}</p>'
            for number, hint in enumerate(check.hints[:opened], 1)
        )
        title = text_html(one_line(check.title))
        self._texts[check.id].value = (
            f'<div class="wb" role="status"><p class="wb-line"><strong>{title}</strong></p>'
            f"{hints}</div>"
        )
        button, left = self.buttons[check.id], total - opened
        button.disabled = left == 0
        if left:
            button.description = f"Next hint ({left} left)"
            about = format_count(left, "hint")
            button.tooltip = f"Show hint {opened + 1} for: {one_line(check.title)}; {about} left"
        else:
            button.description = "No more hints"
