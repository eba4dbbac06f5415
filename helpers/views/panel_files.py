"""One file of the task in the panel: its text, Save, and what happens when it changed on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from helpers.errors import WorkbookError
from helpers.report.html import text_html
from helpers.views.panel_messages import error_html
from helpers.views.session_protocol import ChangedOnDisk, ExerciseSession, FileText, TaskFile


class FileEditor:
    """A monospaced text area for one file.

    It never overwrites a file that changed on disk meanwhile: it shows both texts and asks.

    Args:
        session: reads and saves.
        file: which file.
    """

    def __init__(self, session: ExerciseSession, file: TaskFile) -> None:
        self.file = file
        self._session = session
        self._on_disk = session.read(file.name)
        self._conflict: FileText | None = None
        self.area = widgets.Textarea(
            value=self._on_disk.text,
            rows=_rows(self._on_disk.text),
            disabled=not file.editable,
            layout=widgets.Layout(width="auto"),
            tooltip=f"Text of {file.name}",
        )
        self.area.add_class("wb-code")
        self.save_button = _button("Save", f"Save {file.name}", self.save)
        self.reload_button = _button(
            "Read again", f"Show {file.name} as it is on disk", self.reload
        )
        self.status = widgets.HTML()
        self.keep_button = _button(
            "Save mine over it", f"Overwrite {file.name} with the text above", self.keep_mine
        )
        self.take_button = _button(
            "Take the file's text", "Drop the text above and use what is on disk", self.take_theirs
        )
        self.their_area = widgets.Textarea(
            disabled=True, layout=widgets.Layout(width="auto"), tooltip="The text on disk"
        )
        self.their_area.add_class("wb-code")
        self.conflict_box = widgets.VBox(
            [
                self.their_area,
                widgets.HBox([self.keep_button, self.take_button], layout=_WRAP),
            ],
            layout=widgets.Layout(display="none"),
        )
        self.area.observe(self._show_state, names="value")
        rows: list[Any] = [self.area]
        if file.editable:
            buttons = [self.save_button, self.reload_button, self.status]
            rows += [widgets.HBox(buttons, layout=_WRAP), self.conflict_box]
        else:
            rows.append(self.status)
        self.box = widgets.VBox(rows)
        self._show_state()

    @property
    def dirty(self) -> bool:
        """True where the text differs from what was last read or saved."""
        return self.file.editable and str(self.area.value) != self._on_disk.text

    @property
    def in_conflict(self) -> bool:
        """True while the learner has to choose between two texts."""
        return self._conflict is not None

    def save(self) -> bool:
        """Write the text; False where it could not be, which is then shown."""
        return self._write(self._on_disk.digest)

    def keep_mine(self) -> bool:
        """Write the text over what was found on disk, unless that changed once more."""
        return self._write(self._conflict.digest if self._conflict else self._on_disk.digest)

    def take_theirs(self) -> bool:
        """Drop the text and show what is on disk."""
        return self.reload()

    def reload(self) -> bool:
        """Read the file again; False where it could not be read, which is then shown."""
        try:
            self._on_disk = self._session.read(self.file.name)
        except WorkbookError as error:
            self.status.value = error_html(error)
            return False
        self._set_conflict(None)
        self.area.value = self._on_disk.text
        self._show_state()
        return True

    def reload_if_clean(self) -> None:
        """Show what an editor wrote meanwhile, unless there is unsaved text here."""
        if not self.dirty and not self.in_conflict:
            self.reload()

    def _write(self, expected: str) -> bool:
        text = str(self.area.value)
        try:
            outcome = self._session.save(self.file.name, text, expected)
        except WorkbookError as error:
            self.status.value = error_html(error)
            return False
        if isinstance(outcome, ChangedOnDisk):
            self._set_conflict(outcome.current)
            return False
        self._on_disk = FileText(text, outcome.digest)
        self._set_conflict(None)
        self._show_state()
        return True

    def _set_conflict(self, current: FileText | None) -> None:
        self._conflict = current
        self.conflict_box.layout.display = "none" if current is None else ""
        if current is None:
            return
        self.their_area.value = current.text
        self.their_area.rows = _rows(current.text)
        gone = "was deleted" if not current.digest else "was changed"
        self.status.value = _status(
            f"✗ Not saved: {self.file.name} {gone} on disk since it was shown here. "
            "Above is your text, below the one on disk.",
            "fail",
        )

    def _show_state(self, _change: object = None) -> None:
        if self.in_conflict:
            return
        if not self.file.editable:
            self.status.value = _status(f"{self.file.path}: given, not yours to edit", "muted")
        elif self.dirty:
            self.status.value = _status("● not saved yet", "unknown")
        else:
            self.status.value = _status(f"✓ as on disk: {self.file.path}", "muted")


_WRAP = widgets.Layout(flex_flow="row wrap", align_items="center")


def _button(description: str, tooltip: str, action: Callable[[], object]) -> Any:
    button = widgets.Button(
        description=description,
        tooltip=tooltip,
        layout=widgets.Layout(width="auto", align_self="flex-start"),
    )
    button.on_click(lambda _: action())
    return button


def _rows(text: str) -> int:
    return min(max(text.count("\n") + 2, 6), 22)


def _status(text: str, tone: str) -> str:
    return f'<div class="wb" role="status"><p class="wb-line wb-{tone}">{text_html(text)}</p></div>'
