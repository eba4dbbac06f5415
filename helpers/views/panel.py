"""The exercise panel: files, Check with a live build, verdicts, hints, history, solution.

Made of plain ipywidgets. Where there is no widget front end (a code host, a printed page, a
terminal) the same content shows as HTML or text in its last known state.
"""

from __future__ import annotations

import atexit
import contextvars
import threading
import weakref
from collections.abc import Callable, Container
from typing import Any

import ipywidgets as widgets

from helpers.errors import WorkbookError
from helpers.report.blocks import Block, Heading, Line, Log
from helpers.report.describe import describe
from helpers.report.html import blocks_html, fragment, style
from helpers.report.result import CheckResult
from helpers.report.text import blocks_text
from helpers.views.build_progress import BuildProgress
from helpers.views.live_build import LiveBuild
from helpers.views.panel_content import attempt_blocks, file_blocks, head_blocks
from helpers.views.panel_files import FileEditor
from helpers.views.panel_messages import error_html, note_html
from helpers.views.panel_verdicts import VERDICT_STYLE, VerdictBox
from helpers.views.progress_views import progress_html
from helpers.views.session_protocol import CheckCancelled, ExerciseSession, Solution

#: Seconds that a check gets to stop and clean up when the kernel ends.
EXIT_GRACE = 8.0
_PANEL_STYLE = """
.wb-panel {
  border: 1px solid var(--wb-rule); border-radius: 8px; padding: 12px 16px; max-width: 64rem;
}
.wb-panel .wb-code textarea {
  font-family: var(--jp-code-font-family, ui-monospace, monospace);
  font-size: 13px; line-height: 1.45; white-space: pre; overflow: auto; tab-size: 4;
}
.wb-panel .wb-code textarea:disabled { opacity: 1; color: var(--wb-soft); }
.wb-panel .widget-html-content { line-height: 1.5; overflow: visible; }
.wb-panel button:focus-visible { outline: 2px solid var(--wb-bar); outline-offset: 2px; }
"""


class ExercisePanel:
    """Shows one exercise and runs its checks without blocking the kernel.

    Args:
        session: the learner's exercise.

    Raises:
        WorkbookError: if the exercise or a file of it cannot be read.
    """

    def __init__(self, session: ExerciseSession) -> None:
        self._session = session
        self._info = session.info()
        self._files = session.files()
        self._result = session.last_result()
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None
        self._running = False
        self._solution: Solution | None = None
        self.editors = {f.name: FileEditor(session, f) for f in self._files}
        self.check_button = _button("Check", "Save, build and judge your files", self.check)
        self.check_button.button_style = "primary"
        self.stop_button = _button("Stop", "Stop the check that runs", self.stop, disabled=True)
        self.reset_button = _button("Reset…", "Put the starter's files back", self.ask_reset)
        self.solution_button = _button(
            "Show solution", "Show the solution's files", self.ask_solution
        )
        self.message = widgets.HTML()
        self.live = widgets.HTML()
        self.verdicts = VerdictBox()
        self.history = widgets.HTML()
        self.solution_view = widgets.HTML()
        self.confirm_box = widgets.HBox(layout=_WRAP)
        self.box = self._layout()
        self._show_result()
        self._show_history()
        atexit.register(_stop_at_exit, weakref.ref(self))

    @property
    def running(self) -> bool:
        """True while a check runs."""
        return self._running

    @property
    def result(self) -> CheckResult | None:
        """The last known result."""
        return self._result

    def check(self) -> None:
        """Save what is unsaved, then run the checks in a thread; returns at once."""
        if self.running:
            return
        self._confirm()
        if not self._save_all():
            return
        self._cancel = threading.Event()
        self._set_running(running=True)
        self.message.value = note_html("▸ The check runs.", "strong")
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._run, self._cancel), name="exercise-check", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Ask the running check to stop; the panel says when it has."""
        if self.running:
            self._cancel.set()
            self.stop_button.disabled = True
            self.message.value = note_html("… Stopping the check.", "strong")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no check runs; False where the time (in seconds) was not enough."""
        if self._thread is not None:
            self._thread.join(timeout)
        return not self.running

    def ask_reset(self) -> None:
        """Ask before the starter's files are put back."""
        self._confirm(
            "Reset puts the starter's files back. Your files are kept beside them, in a copy.",
            ("Reset my files", "Keep a copy and put the starter's files back", self.reset),
            ("Keep my files", "Change nothing", self._confirm),
        )

    def reset(self) -> None:
        """Put the starter's files back and show them."""
        self._confirm()
        if self.running:
            return
        try:
            kept = self._session.reset()
        except WorkbookError as error:
            self.message.value = error_html(error)
            return
        for editor in self.editors.values():
            editor.reload()
        self.message.value = note_html(f"✓ The starter's files are back. Your copy is in {kept}.")

    def ask_solution(self) -> None:
        """Show the solution after a pass; before it, ask once more."""
        if self._result is not None and self._result.passed:
            self.show_solution()
            return
        self._confirm(
            "You have not passed yet. A hint tells less than the solution does.",
            ("Show it anyway", "Show the solution's files now", self.show_solution),
            ("Not yet", "Go on without it", self._confirm),
        )

    def show_solution(self) -> None:
        """Show the solution's files."""
        self._confirm()
        try:
            self._solution = self._session.solution()
        except WorkbookError as error:
            self.message.value = error_html(error)
            return
        self.solution_view.value = _wb(_solution_blocks(self._solution))

    def close(self) -> None:
        """Stop a running check, wait for it, and take the widgets away."""
        self.stop()
        self.wait()
        self.box.close()

    def _run(self, cancel: threading.Event) -> None:
        live = LiveBuild(_WidgetSink(self.live))
        try:
            with live:
                self._result = self._session.check(live.on_event, cancel)
            self._show_result()
            self._show_history()
            self.message.value = note_html("")
            if self._result.build is not None:
                self.live.value = ""  # the report tells of the build
        except CheckCancelled:
            self.message.value = note_html("The check was stopped. Nothing was judged.", "unknown")
        except Exception as error:  # noqa: BLE001 - whatever it is, the learner must see it
            self.message.value = error_html(error)
        finally:
            self._set_running(running=False)

    def _save_all(self) -> bool:
        for editor in self.editors.values():
            if editor.in_conflict or (editor.dirty and not editor.save()):
                self.message.value = note_html(
                    f"✗ Not checked: {editor.file.name} could not be saved. "
                    "Its tab says why and what you can choose.",
                    "fail",
                )
                self.tabs.selected_index = list(self.editors).index(editor.file.name)
                return False
            editor.reload_if_clean()
        return True

    def _set_running(self, *, running: bool) -> None:
        self._running = running
        self.check_button.disabled = running
        self.reset_button.disabled = running
        self.stop_button.disabled = not running

    def _show_result(self) -> None:
        self.verdicts.show(self._result)

    def _show_history(self) -> None:
        self.history.value = _wb(attempt_blocks(self._session.attempts()))

    def _confirm(self, question: str = "", *answers: tuple[str, str, Callable[[], object]]) -> None:
        if not question:
            self.confirm_box.children = ()
            return
        buttons = [_button(*answer) for answer in answers]
        self.confirm_box.children = (widgets.HTML(note_html(question, "strong")), *buttons)

    def _layout(self) -> Any:
        self.tabs = widgets.Tab(
            children=[e.box for e in self.editors.values()], titles=list(self.editors)
        )
        head = widgets.HTML(
            f"<style>{style()}{_PANEL_STYLE}{VERDICT_STYLE}</style>" + _wb(head_blocks(self._info))
        )
        buttons = (self.check_button, self.stop_button, self.reset_button, self.solution_button)
        box = widgets.VBox(
            [
                head,
                self.tabs,
                widgets.HBox(buttons, layout=_WRAP),
                self.confirm_box,
                self.message,
                self.live,
                self.verdicts.box,
                self.solution_view,
                self.history,
            ]
        )
        box.add_class("wb-panel")
        return box

    def _stored_blocks(self) -> tuple[Block, ...]:
        blocks = [*head_blocks(self._info), *file_blocks(self._info, self._files)]
        if self._result is None:
            blocks.append(Line("Not checked yet.", "muted"))
        else:
            blocks += [b for b in describe(self._result, self.verdicts.opened) if not _is_title(b)]
        blocks += attempt_blocks(self._session.attempts())
        blocks.append(
            Line(
                f"To work on it: run this cell in JupyterLab, or edit the files in "
                f"{self._info.folder} and run: workbook check {self._info.id}",
                "muted",
            )
        )
        return tuple(blocks)

    def _repr_mimebundle_(
        self,
        include: Container[str] | None = None,  # noqa: ARG002
        exclude: Container[str] | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        blocks = self._stored_blocks()
        view: dict[str, Any] = self.box._repr_mimebundle_()
        return {
            **view,
            "text/html": fragment(blocks_html(blocks)),
            "text/plain": blocks_text(blocks),
        }

    def __repr__(self) -> str:
        return f"<exercise panel {self._info.id}>"


class _WidgetSink:
    """Paints a running build into an HTML widget."""

    def __init__(self, widget: Any) -> None:
        self._widget = widget

    def paint(self, progress: BuildProgress, elapsed: float, *, final: bool) -> None:
        if progress.steps:
            html = progress_html(progress, elapsed, final=final)
            if final:  # the verdicts come first; the build stays at hand
                html = f'<details class="wb-fold"><summary>The build</summary>{html}</details>'
            self._widget.value = f'<div class="wb">{html}</div>'
        else:
            self._widget.value = ""


_WRAP = widgets.Layout(flex_flow="row wrap", align_items="center")


def _button(
    description: str, tooltip: str, action: Callable[[], object], *, disabled: bool = False
) -> Any:
    button = widgets.Button(
        description=description,
        tooltip=tooltip,
        disabled=disabled,
        layout=widgets.Layout(width="auto", align_self="flex-start"),
    )
    button.on_click(lambda _: action())
    return button


def _wb(blocks: tuple[Block, ...]) -> str:
    return f'<div class="wb">{blocks_html(blocks)}</div>'


def _is_title(block: Block) -> bool:
    return isinstance(block, Heading) and block.level == 1


def _solution_blocks(solution: Solution) -> tuple[Block, ...]:
    blocks: list[Block] = [Heading("Solution")]
    blocks += [Log(tuple(text.rstrip("\n").split("\n")), name) for name, text in solution.files]
    if solution.notebook:
        blocks.append(Line(f"Why it is right: {solution.notebook}"))
    return tuple(blocks)


def _stop_at_exit(reference: weakref.ref[ExercisePanel]) -> None:
    panel = reference()
    if panel is not None:
        panel.stop()
        panel.wait(EXIT_GRACE)
