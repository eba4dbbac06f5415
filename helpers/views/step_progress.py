"""One line that says how far a measurement has come, in a notebook or in a terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

from helpers.units import format_seconds


class StepProgress:
    """Shows what is being done: a context manager that is called with each new thing.

    In a notebook the line stays and is rewritten; elsewhere standard error gets one line a thing.

    Args:
        total: how many things there will be.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._began = time.monotonic()
        self._handle: Any = None

    def __call__(self, what: str) -> None:
        """Say what is being done now."""
        self._done += 1
        self._say(f"{self._done} of {max(self._total, self._done)} · {what}")

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        took = format_seconds(time.monotonic() - self._began)
        ending = "done" if kind is None else "ended early"
        self._say(f"{ending} · {self._done} of {max(self._total, self._done)} in {took}")

    def _say(self, words: str) -> None:
        if not _in_notebook():
            sys.stderr.write(f"{words}\n")
            sys.stderr.flush()
            return
        content = {"text/plain": words}
        if self._handle is None:
            from IPython.display import DisplayHandle

            handle: Any = DisplayHandle  # it has no types
            self._handle = handle()
            self._handle.display(content, raw=True)
        else:
            self._handle.update(content, raw=True)


def _in_notebook() -> bool:
    """True in a kernel; a terminal's IPython is none."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return shell is not None and hasattr(shell, "kernel")
