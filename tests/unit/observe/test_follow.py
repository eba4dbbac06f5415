from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest
import requests.exceptions

from helpers.errors import NoEngine
from helpers.observe.errors import Stopped
from helpers.observe.follow import Follower


def follow(source: Iterator[int], stop: Future[None] | None = None) -> Follower[int]:
    return Follower(source, stop or Future(), "following a test")


def hanging(*first: int) -> Iterator[int]:
    yield from first
    threading.Event().wait(20)


def test_items_come_in_order_and_then_nothing() -> None:
    follower = follow(iter([1, 2]))
    assert [follower.next(5) for _ in range(4)] == [1, 2, None, None]


def test_a_wait_ends_in_time() -> None:
    follower = follow(hanging(1))
    assert follower.next(5) == 1
    began = time.monotonic()
    assert follower.next(0.1) is None
    assert follower.until(lambda item: item == 9, 0.1) is None
    assert time.monotonic() - began < 2


def test_the_first_that_fits() -> None:
    assert follow(hanging(1, 2, 3)).until(lambda item: item > 1, 5) == 2


def test_who_no_longer_wants_to_know_is_woken() -> None:
    stop: Future[None] = Future()
    follower = follow(hanging(), stop)
    threading.Timer(0.1, stop.set_result, [None]).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        follower.next(20)
    assert time.monotonic() - began < 5


def test_a_broken_stream_is_an_engine_that_is_gone() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise requests.exceptions.ConnectionError("reset")

    follower = follow(broken())
    assert follower.next(5) == 1
    with pytest.raises(NoEngine, match="while following a test"):
        follower.next(5)
