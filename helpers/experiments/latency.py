"""How long requests take under a limit of processor time, and how often it had to wait for it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from helpers.experiments.served import Served


@dataclass(frozen=True, slots=True)
class Latency:
    """Requests one after another under one limit.

    Attributes:
        cpus: the limit in processors; None for none.
        seconds: of each request, sorted; those of all rounds.
        medians: the median of each round.
        periods: of 100 ms, in which it had anything to do.
        throttled: in how many of those it had to wait for the next one.
        cpu_seconds: processor time that it used for all of it.
        wall_seconds: how long all of it took.
    """

    cpus: float | None
    seconds: tuple[float, ...]
    medians: tuple[float, ...]
    periods: int
    throttled: int
    cpu_seconds: float
    wall_seconds: float

    @property
    def median(self) -> float:
        """Half of the requests were quicker."""
        return statistics.median(self.seconds)

    @property
    def slowest_tenth(self) -> float:
        """One request of ten took at least so long."""
        return self.seconds[int(len(self.seconds) * 0.9)]

    @property
    def used(self) -> float:
        """Processors in use, on the average: what a dashboard shows."""
        return self.cpu_seconds / self.wall_seconds


def latency_under(
    service: Served,
    limits: Iterable[float | None],
    request: Callable[[Served], object],
    *,
    requests: int = 60,
    rounds: int = 3,
) -> tuple[Latency, ...]:
    """Measure each limit several times, in turn, on the same running container.

    Args:
        service: what is asked.
        limits: in processors; None for no limit.
        request: sends one request.
        requests: in one round.
        rounds: how often each limit is measured.
    """
    limits = tuple(limits)
    collected: dict[float | None, list[tuple[list[float], int, int, float, float]]] = {
        limit: [] for limit in limits
    }
    for _ in range(rounds):
        for limit in limits:
            service.limit_cpus(limit)
            collected[limit].append(_round(service, request, requests))
    service.limit_cpus(None)
    return tuple(_summary(limit, collected[limit]) for limit in limits)


def _round(
    service: Served, request: Callable[[Served], object], requests: int
) -> tuple[list[float], int, int, float, float]:
    periods, throttled = service.throttled()
    used, began = service.usage().cpu_seconds, time.monotonic()
    taken = []
    for _ in range(requests):
        sent = time.monotonic()
        request(service)
        taken.append(time.monotonic() - sent)
    wall = time.monotonic() - began
    after_periods, after_throttled = service.throttled()
    return (
        taken,
        after_periods - periods,
        after_throttled - throttled,
        service.usage().cpu_seconds - used,
        wall,
    )


def _summary(
    limit: float | None, rounds: list[tuple[list[float], int, int, float, float]]
) -> Latency:
    return Latency(
        cpus=limit,
        seconds=tuple(sorted(s for taken, *_ in rounds for s in taken)),
        medians=tuple(statistics.median(taken) for taken, *_ in rounds),
        periods=sum(r[1] for r in rounds),
        throttled=sum(r[2] for r in rounds),
        cpu_seconds=sum(r[3] for r in rounds),
        wall_seconds=sum(r[4] for r in rounds),
    )
