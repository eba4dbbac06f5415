"""Ending a build from outside: by a token from another thread, or because its time is up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Literal

Reason = Literal["", "cancelled", "timeout"]


class CancelToken:
    """Ends the builds that it was given to, from any thread, once and for good."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._actions: list[Callable[[], None]] = []
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._cancelled

    def cancel(self) -> None:
        """End the builds now; one that begins later ends at once."""
        with self._lock:
            self._cancelled = True
            actions, self._actions = self._actions, []
        for action in actions:
            action()

    def on_cancel(self, action: Callable[[], None]) -> None:
        """Call an action when the token is cancelled; now, if it is already."""
        with self._lock:
            if not self._cancelled:
                self._actions.append(action)
                return
        action()

    def forget(self, action: Callable[[], None]) -> None:
        """No longer call an action."""
        with self._lock:
            if action in self._actions:
                self._actions.remove(action)


class Interrupt:
    """Breaks one build's connection when its token is cancelled or its time is up.

    A context manager around the build. While the body is sent, :attr:`reason` is looked at between
    two pieces; while an answer is awaited, the connection is shut down under the reader.
    """

    def __init__(self, token: CancelToken | None, seconds: float | None) -> None:
        self.reason: Reason = ""
        self._token = token
        self._shutdown: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._time_is_up) if seconds is not None else None
        if self._timer is not None:
            self._timer.daemon = True

    def __enter__(self) -> Interrupt:
        if self._token is not None:
            self._token.on_cancel(self._cancelled)
        if self._timer is not None:
            self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._shutdown = None
        if self._token is not None:
            self._token.forget(self._cancelled)
        if self._timer is not None:
            self._timer.cancel()

    def arm(self, shutdown: Callable[[], None]) -> None:
        """Say how the connection is broken; it is broken at once if it is too late already."""
        with self._lock:
            self._shutdown = shutdown
        if self.reason:
            self._break()

    def _cancelled(self) -> None:
        self._trip("cancelled")

    def _time_is_up(self) -> None:
        self._trip("timeout")

    def _trip(self, reason: Reason) -> None:
        with self._lock:
            if self.reason:
                return
            self.reason = reason
        self._break()

    def _break(self) -> None:
        with self._lock:
            if self._shutdown is None:
                return
            try:
                self._shutdown()
            except (OSError, RuntimeError, ValueError):
                # The stream ended in the same moment; the reader notices by itself.
                return
