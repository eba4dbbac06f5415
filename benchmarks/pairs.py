"""Paired timing: two things measured in turn, so that a busy machine slows both alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

PAIRS = 7
WARM_UP = 1


@dataclass(frozen=True, slots=True)
class Summary:
    """Median, smallest and largest of some figures, all in one unit."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Pairs:
    """Seconds of each run; ``ours[i]`` and ``peer[i]`` ran one right after the other."""

    ours: tuple[float, ...]
    peer: tuple[float, ...]

    @property
    def ratio(self) -> Summary:
        """Ours divided by the peer's, pair by pair."""
        return summary([a / b for a, b in zip(self.ours, self.peer, strict=True)])


def summary(figures: Sequence[float]) -> Summary:
    """Median, smallest and largest; ``ValueError`` where there is no figure."""
    if not figures:
        raise ValueError("no figures to sum up")
    return Summary(statistics.median(figures), min(figures), max(figures))


def paired(
    ours: Callable[[], object],
    peer: Callable[[], object],
    *,
    pairs: int = PAIRS,
    warm_up: int = WARM_UP,
    clock: Callable[[], float] = time.perf_counter,
) -> Pairs:
    """Run ours, peer, ours, peer …; the first ``warm_up`` pairs do not count."""
    return paired_seconds(
        lambda: timed(ours, clock), lambda: timed(peer, clock), pairs=pairs, warm_up=warm_up
    )


def paired_seconds(
    ours: Callable[[], float],
    peer: Callable[[], float],
    *,
    pairs: int = PAIRS,
    warm_up: int = WARM_UP,
) -> Pairs:
    """As :func:`paired`, of runs that time themselves.

    For those that have something to do before or after that does not count, and for those of which
    only the beginning counts.
    """
    both = [(ours(), peer()) for _ in range(warm_up + pairs)]
    counted = both[warm_up:]
    return Pairs(tuple(a for a, _ in counted), tuple(b for _, b in counted))


def repeated(
    call: Callable[[], object],
    *,
    runs: int = PAIRS,
    warm_up: int = WARM_UP,
    clock: Callable[[], float] = time.perf_counter,
) -> Summary:
    """Seconds of one thing, several times; the first ``warm_up`` runs do not count."""
    return summary([timed(call, clock) for _ in range(warm_up + runs)][warm_up:])


def timed(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of one run."""
    begin = clock()
    call()
    return clock() - begin
