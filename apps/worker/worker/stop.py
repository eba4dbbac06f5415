"""SIGTERM and SIGINT: finish the job in hand, take no other."""

from __future__ import annotations

import select
import signal
import socket
from types import FrameType, TracebackType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class OutOfTime(BaseException):
    """The job in hand took too long after the signal.

    No Exception, like KeyboardInterrupt: what retries a failed job must not catch it.
    """


class Stop:
    """Whether the worker was told to stop.

    Python runs a signal's handler between two instructions of the main thread, wherever that is.
    So the handler only sets a flag and a timer. It does not raise: a job would be cut in two. Nor
    does it take a lock, as `threading.Event.set` would: the main thread may hold it.

    Args:
        timeout_seconds: after that long, :class:`OutOfTime` is raised in the main thread.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout = timeout_seconds
        self.signal = ""

    @property
    def requested(self) -> bool:
        """True from the signal on."""
        return bool(self.signal)

    def wait(self, seconds: float) -> None:
        """Until the signal, at most so long. A signal that has just come is not missed."""
        if not self.requested:
            select.select([self._read], [], [], seconds)

    def __enter__(self) -> Stop:
        # A signal also writes a byte here, which ends a `select` that begins after its handler.
        self._read, self._write = socket.socketpair()
        self._write.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, self._told) for number in _SIGNALS}
        self._alarm = signal.signal(signal.SIGALRM, self._too_late)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in {**self._before, signal.SIGALRM: self._alarm}.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._read.close()
        self._write.close()

    def _told(self, number: int, _frame: FrameType | None) -> None:
        if not self.requested:  # a second one starts no second timer
            self.signal = signal.Signals(number).name
            signal.setitimer(signal.ITIMER_REAL, self._timeout)

    def _too_late(self, _number: int, _frame: FrameType | None) -> None:
        raise OutOfTime
