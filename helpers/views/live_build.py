"""A build shown while it runs: in a notebook, in a terminal, or as plain lines.

One thread paints, so that a build is never slowed by its picture: events only change the state and
wake it. It paints at most eight times a second, and once a second while steps run in silence.
"""

from __future__ import annotations

import contextvars
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TextIO

from helpers.build.events import Event
from helpers.report.html import fragment
from helpers.views.build_progress import BuildProgress
from helpers.views.progress_views import (
    headline,
    progress_html,
    progress_renderable,
    progress_text,
    step_line,
)

if TYPE_CHECKING:
    from helpers.views.live_widget import BuildWidget

#: Seconds between two paintings while events come (eight a second).
INTERVAL = 0.125
#: Seconds between two paintings while nothing but time goes on.
TICK = 1.0
#: What stands for the signs where a stream has no such characters.
_PLAIN_SIGNS = str.maketrans({"▸": ">", "↺": "=", "✓": "+", "✗": "x", "…": "."})
#: Last lines of a failed step that plain lines end with.
FAILED_LINES = 20
#: Seconds that a step has to run before plain lines say that it runs.
PLAIN_START = 1.0
#: Seconds between two lines about a step that runs long, where output is plain lines.
PLAIN_TICK = 10.0


class Sink(Protocol):
    """Where a build is painted."""

    def paint(self, progress: BuildProgress, elapsed: float, *, final: bool) -> None:
        """Show the state. Called by one thread at a time, the last time with ``final``."""


class LiveBuild:
    """Shows one build from its events: a context manager whose :meth:`on_event` takes them.

    At the end, also after an error or Ctrl-C, the final state is painted and stays; of a build
    that never began nothing is painted.

    Args:
        sink: where to paint.
        clock: seconds, monotonic.
    """

    def __init__(self, sink: Sink, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._sink = sink
        self._clock = clock
        self._progress = BuildProgress()
        self._lock = threading.Lock()
        self._painting = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._heard = False
        self._began = clock()
        self._thread: threading.Thread | None = None

    def on_event(self, event: Event) -> None:
        """Take one event; returns at once. May be called from any thread."""
        with self._lock:
            self._progress.add(event, self._clock() - self._began)
            self._heard = True
        self._wake.set()

    def __enter__(self) -> Self:
        self._began = self._clock()
        # The context tells a notebook which cell the output belongs to.
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._paint_until_stopped,), name="live-build", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._wake.set()
        try:
            if self._thread is not None:
                self._thread.join()
        finally:
            # Also where a second Ctrl-C breaks the wait: a terminal gets its cursor back.
            if self._heard:
                self._paint(final=True)

    def _paint_until_stopped(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(TICK)
            self._wake.clear()
            if self._stop.is_set():
                return
            self._paint(final=False)
            self._stop.wait(INTERVAL)

    def _paint(self, *, final: bool) -> None:
        with self._painting:
            if self._stop.is_set() and not final:
                return
            with self._lock:
                progress = self._progress.snapshot()
            # Outside the lock: a slow terminal must not hold the build up.
            self._sink.paint(progress, self._clock() - self._began, final=final)


class NotebookSink:
    """Paints into the output of the running cell.

    While the build runs, a widget shows it where there is a front end for widgets. At the end it
    makes way for plain HTML and text, which a stored notebook shows without running.
    """

    def __init__(self) -> None:
        self._handle: Any = None  # IPython's display handle, which has no types
        self._widget: BuildWidget | None = None

    def paint(self, progress: BuildProgress, elapsed: float, *, final: bool) -> None:
        """Change the widget, or at the end replace the cell's output."""
        from IPython.display import DisplayHandle

        from helpers.views.live_widget import BuildWidget

        if self._widget is not None and not final:
            self._widget.show(progress, elapsed)
            return
        bundle: dict[str, Any] = {
            "text/html": fragment(progress_html(progress, elapsed, final=final)),
            "text/plain": progress_text(progress, elapsed),
        }
        if self._handle is None:
            make: Any = DisplayHandle
            self._handle = make()
            if not final:
                self._widget = BuildWidget()
                self._widget.show(progress, elapsed)
                bundle |= self._widget.view()
            self._handle.display(bundle, raw=True)
        else:
            self._handle.update(bundle, raw=True)
        if final and self._widget is not None:
            self._widget.close()
            self._widget = None


class TerminalSink:
    """Repaints a part of a terminal; the final state stays in the scroll-back."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        console = Console(file=stream)
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._console = console

    def paint(self, progress: BuildProgress, elapsed: float, *, final: bool) -> None:
        """Repaint."""
        height = max(4, self._console.size.height - 1)
        shown = progress_renderable(progress, elapsed, final=final, height=height)
        if final:
            self._live.stop()  # gives the cursor back
            self._console.print(shown)
            return
        if not self._live.is_started:
            self._live.start()
        self._live.update(shown, refresh=True)


class PlainSink:
    """Writes one line when a step ends, when one runs long, and now and then while it does."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._told: set[str] = set()
        self._begun: set[str] = set()
        self._warned = 0
        self._spoke = 0.0

    def paint(self, progress: BuildProgress, elapsed: float, *, final: bool) -> None:
        """Write what has changed since the last time."""
        lines = []
        for digest, state in progress.steps.items():
            if state.state != "running" and digest not in self._told:
                self._told.add(digest)
                if state.step.stage is not None or state.state == "failed":
                    lines.append(step_line(state, elapsed, final=final))
        lines += [f"! warning  {text}" for text in progress.warnings[self._warned :]]
        self._warned = len(progress.warnings)
        running = [] if final else progress.running()
        for state in running:
            if state.running_for(elapsed) >= PLAIN_START and state.step.digest not in self._begun:
                self._begun.add(state.step.digest)
                lines.append(step_line(state, elapsed, final=final))
        if not lines and running and elapsed - self._spoke >= PLAIN_TICK:
            lines = [step_line(state, elapsed, final=final) for state in running]
        if final:
            failed = progress.failed()
            if failed is not None:
                lines += [f"    | {text}" for text in failed.log(FAILED_LINES)]
            lines.append(headline(progress, elapsed, final=True))
        if lines:
            self._spoke = elapsed
            self._stream.write(_encodable("\n".join(lines) + "\n", self._stream))
            self._stream.flush()


def _encodable(text: str, stream: TextIO) -> str:
    """The text in characters that the stream can write: a log file may be ASCII."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plain = text.translate(_PLAIN_SIGNS)
        return plain.encode(encoding, "replace").decode(encoding)
    return text


def progress_for(stream: TextIO | None = None, env: Mapping[str, str] | None = None) -> LiveBuild:
    """The live view that fits where this runs: a context manager with ``on_event``.

    Args:
        stream: for terminals and pipes; standard error where it is not given. Where it is given,
            the notebook is not asked.
        env: environment variables; those of the process where it is not given. ``TERM=dumb`` and
            a set ``CI`` mean plain lines.
    """
    env = os.environ if env is None else env
    if stream is None and in_notebook():
        return LiveBuild(NotebookSink())
    stream = sys.stderr if stream is None else stream
    if stream.isatty() and env.get("TERM") != "dumb" and not env.get("CI"):
        return LiveBuild(TerminalSink(stream))
    return LiveBuild(PlainSink(stream))


def in_notebook() -> bool:
    """True where a Jupyter kernel runs this code."""
    if "IPython" not in sys.modules:  # importing it would cost half a second
        return False
    from IPython.core.getipython import get_ipython

    return hasattr(get_ipython(), "kernel")
