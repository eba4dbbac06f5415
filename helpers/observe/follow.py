"""A stream of the engine (events, a log), waited for with a time limit."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import Any, Generic, TypeVar

from helpers.observe.errors import Stopped, engine_errors

T = TypeVar("T")

_END = object()
_WAKE = object()


class Follower(Generic[T]):
    """Items of a stream, in order.

    A thread reads the stream, so that a reader can give up waiting. It ends with the stream: follow
    only what ends with a container that is removed.

    Args:
        source: gives the items; its iteration may block.
        stop: done where nobody wants to know any more.
        doing: what is being done, for an error's message.
    """

    def __init__(self, source: Iterable[T], stop: Future[None], doing: str) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._stop = stop
        self._doing = doing
        self._ended = False
        stop.add_done_callback(lambda _: self._queue.put(_WAKE))
        Thread(target=self._pump, args=(source,), name="follow", daemon=True).start()

    def next(self, seconds: float) -> T | None:
        """The next item; None where none came in time, or none will come any more.

        Raises:
            Stopped: where ``stop`` said so.
            NoEngine: if the engine stopped answering.
        """
        deadline = time.monotonic() + seconds
        while not self._ended:
            if self._stop.done():
                raise Stopped
            try:
                item = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return None
            if item is _END:
                self._ended = True
            elif isinstance(item, _Broken):
                self._ended = True
                with engine_errors(self._doing):
                    raise item.error
            elif item is not _WAKE:
                found: T = item
                return found
        return None

    def until(self, fits: Callable[[T], bool], seconds: float) -> T | None:
        """The first item that fits; None where none came in time. Raises what :meth:`next` does."""
        deadline = time.monotonic() + seconds
        for item in self.within(deadline):
            if fits(item):
                return item
        return None

    def within(self, deadline: float) -> Iterator[T]:
        """The items that come before ``time.monotonic()`` reaches the deadline."""
        while (item := self.next(max(0.0, deadline - time.monotonic()))) is not None:
            yield item

    def _pump(self, source: Iterable[T]) -> None:
        try:
            for item in source:
                self._queue.put(item)
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            self._queue.put(_Broken(error))
        finally:
            with suppress(AttributeError):  # a plain iterable has nothing to close
                source.close()  # type: ignore[attr-defined]
            self._queue.put(_END)


class _Broken:
    def __init__(self, error: Exception) -> None:
        self.error = error
