"""The widget that shows a build while it runs: clocks that move, logs that open on demand.

Its state is small and bounded, whatever the build prints, and holds words only: the page gets no
HTML from a build.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import anywidget
import traitlets

from helpers.report.clean import one_line
from helpers.report.html import style
from helpers.units import format_bytes
from helpers.views.build_progress import LOG, BuildProgress, StepState
from helpers.views.progress_views import (
    grouped,
    headline,
    headline_tone,
    state_tone,
    state_word,
    step_time,
)

#: Last lines of a running step that the page has at hand.
LIVE_LINES = 40
#: Steps that are listed at most.
_MOST = 400
_VIEW = "application/vnd.jupyter.widget-view+json"


def _read(name: str) -> str:
    return files("helpers.views").joinpath(name).read_text(encoding="utf-8")


class BuildWidget(anywidget.AnyWidget):
    """Shows what :func:`live_state` says."""

    _esm = _read("live_widget.mjs")
    _css = style() + "\n" + _read("live_widget.css")
    state = traitlets.Dict().tag(sync=True)

    def show(self, progress: BuildProgress, elapsed: float) -> None:
        """Send where the build stands.

        Args:
            progress: where it stands.
            elapsed: seconds since the view began.
        """
        self.state = live_state(progress, elapsed)

    def view(self) -> dict[str, Any]:
        """The part of a display bundle that makes a front end show the widget."""
        return {_VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.model_id}}


def live_state(progress: BuildProgress, elapsed: float) -> dict[str, Any]:
    """A running build as JSON: what runs, with its last lines, and what is over, by stage."""
    line = headline(progress, elapsed, final=False)
    failed = progress.failed()
    listed = 0
    stages = []
    for title, steps in grouped(progress, final=False):
        shown = [_step(s, elapsed) for s in steps[: max(0, _MOST - listed)]]
        listed += len(shown)
        stages.append({"id": title, "title": title, "steps": shown})
    return {
        "headline": line,
        "counts": line.partition(": ")[2],
        "tone": headline_tone(progress, final=False),
        "elapsed": elapsed,
        "running": [_running(s, elapsed) for s in progress.running()[:_MOST]],
        "failed": _failed(failed) if failed is not None else None,
        "stages": stages,
        "warnings": [
            {"id": f"{index}", "text": text} for index, text in enumerate(progress.warnings)
        ],
    }


def _running(state: StepState, elapsed: float) -> dict[str, Any]:
    done, total = state.moved()
    moved = ""
    if state.transfers:
        moved = format_bytes(done) + (f" of {format_bytes(total)}" if total else "")
    return {
        "id": state.step.digest,
        "label": state.label,
        "seconds": state.running_for(elapsed),
        "moved": moved,
        "share": done / total if total else None,
        "lines": list(state.log(LIVE_LINES)),
    }


def _step(state: StepState, elapsed: float) -> dict[str, Any]:
    return {
        "id": state.step.digest,
        "label": state.place_label,
        "word": state_word(state, final=False),
        "tone": state_tone(state, final=False),
        "time": step_time(state, elapsed, final=False),
    }


def _failed(state: StepState) -> dict[str, Any]:
    return {
        "label": state.label,
        "error": one_line(state.error, 600),
        "lines": list(state.log(LOG)),
    }
