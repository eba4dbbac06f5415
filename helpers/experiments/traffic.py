"""Orders at a steady rate, some of them wrong, as customers would send them."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from helpers.experiments.served import Served

_WRONG = "{}"


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent.

    Attributes:
        orders: all of them.
        wrong: how many of them the service must refuse.
        late: how many were sent after their time, because the one before was not answered yet.
    """

    orders: int
    wrong: int
    late: int


def send(
    service: Served, order: str, *, per_second: float, seconds: float, wrong: float = 0.0
) -> Sent:
    """Send orders one after another, each at its time; what is late is sent at once.

    Args:
        service: who takes them.
        order: a right one, as JSON.
        per_second: how many.
        seconds: how long.
        wrong: the share of wrong ones, 0 to 1, spread evenly.
    """
    pause = threading.Event()
    began = time.monotonic()
    count = round(per_second * seconds)
    sent = refused = late = 0
    for number in range(count):
        wait = began + number / per_second - time.monotonic()
        if wait > 0:
            pause.wait(wait)
        else:
            late += 1
        if time.monotonic() > began + seconds:
            break
        is_wrong = int((number + 1) * wrong) > int(number * wrong)
        service.ask("/orders", "POST", _WRONG if is_wrong else order)
        sent += 1
        refused += is_wrong
    rest = began + seconds - time.monotonic()
    if rest > 0:
        pause.wait(rest)
    return Sent(sent, refused, late)
