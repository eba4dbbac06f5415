"""What is being done for base images, as lines: new phases at once, bytes now and then."""

from __future__ import annotations

import sys
import time

from helpers.engine.pull import Progress
from helpers.units import format_bytes

_LINE_SECONDS = 5.0


class BaseProgress:
    """Writes what is being done to standard error: new phases at once, bytes now and then."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, float]] = {}

    def __call__(self, progress: Progress) -> None:
        """Take one report."""
        phase, shown = self._last.get(progress.base, ("", 0.0))
        now = time.monotonic()
        same = phase == f"{progress.phase} {progress.detail}"
        if same and (not progress.total_bytes or now - shown < _LINE_SECONDS):
            return
        self._last[progress.base] = (f"{progress.phase} {progress.detail}", now)
        amount = ""
        if progress.total_bytes:
            done, total = format_bytes(progress.done_bytes), format_bytes(progress.total_bytes)
            amount = f" ({done} of {total})"
        sys.stderr.write(f"{progress.base}: {progress.detail}{amount}\n")
        sys.stderr.flush()
