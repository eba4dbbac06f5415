"""What Docker made of one container's HEALTHCHECK over time: plain values, and the same as text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from helpers.units import format_count, format_seconds

State = Literal["starting", "healthy", "unhealthy", "ended"]

#: Moments that a person makes.
HANGS, GOES_ON = "hangs", "goes on"


@dataclass(frozen=True, slots=True)
class Check:
    """A HEALTHCHECK and its timing, as ``docker run --health-…`` or a Dockerfile would set it.

    Attributes:
        label: what a table calls it.
        command: program and arguments, in exec form.
        interval: seconds from the end of one check to the start of the next.
        timeout: seconds after which a check has failed.
        retries: failures in a row that make the container unhealthy.
        start_period: seconds in which a failure does not count.
    """

    label: str
    command: tuple[str, ...]
    interval: float = 1.0
    timeout: float = 1.0
    retries: int = 3
    start_period: float = 0.0

    @property
    def longest(self) -> float:
        """Seconds until Docker calls a service unhealthy that never answers, at most."""
        return self.retries * (self.interval + self.timeout)

    @property
    def timing(self) -> str:
        """The numbers in words."""
        return f"every {self.interval:g} s, timeout {self.timeout:g} s, {self.patience}"

    @property
    def patience(self) -> str:
        """Retries and start period in words."""
        start = f", start period {self.start_period:g} s" if self.start_period else ""
        return format_count(self.retries, "retry", "retries") + start

    @property
    def instruction(self) -> str:
        """The instruction of a Dockerfile."""
        start = f" --start-period={self.start_period:g}s" if self.start_period else ""
        return (
            f"HEALTHCHECK --interval={self.interval:g}s --timeout={self.timeout:g}s{start} "
            f"--retries={self.retries} \\\n  CMD {json.dumps(list(self.command))}\n"
        )


@dataclass(frozen=True, slots=True)
class TimedCheck:
    """One run of a check.

    Attributes:
        at: when it began, in seconds.
        seconds: how long it took.
        exit_code: 0 healthy, 1 unhealthy, -1 where it took too long or could not run.
        output: what it printed, or why Docker gave it up.
    """

    at: float
    seconds: float
    exit_code: int
    output: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """From this second on the container has this state."""

    at: float
    state: State


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that was done to the service, and when."""

    at: float
    words: str


@dataclass(frozen=True, slots=True)
class HealthTimeline:
    """One container, in seconds since its start, or since a moment (:meth:`since`).

    Attributes:
        check: what Docker ran.
        checks: each run, oldest first.
        changes: its states, oldest first; the first is ``starting``.
        moments: what was done to it.
        until: the end of what was seen.
        restarts: how often Docker had started it again by then.
    """

    check: Check
    checks: tuple[TimedCheck, ...] = ()
    changes: tuple[Change, ...] = (Change(0.0, "starting"),)
    moments: tuple[Moment, ...] = ()
    until: float = 0.0
    restarts: int = 0

    @property
    def state(self) -> State:
        """The last one."""
        return self.changes[-1].state

    def first(self, state: State, after: float = float("-inf")) -> float | None:
        """The second at which it got into a state, not before ``after``; None if never."""
        return next((c.at for c in self.changes if c.state == state and c.at >= after), None)

    def moment(self, words: str) -> float | None:
        """When something was done; None if it was not."""
        return next((m.at for m in self.moments if m.words == words), None)

    def noticed(self, words: str = HANGS) -> float | None:
        """Seconds from a moment until it was unhealthy; None if it was not."""
        began = self.moment(words)
        if began is None:
            return None
        at = self.first("unhealthy", began)
        return None if at is None else at - began

    def failures_before(self, state: State) -> int:
        """How many checks in a row had failed when it got into a state for the first time."""
        at = self.first(state)
        failures = 0
        for check in self.checks if at is not None else ():
            if check.at < (at or 0.0):
                failures = failures + 1 if check.exit_code != 0 else 0
        return failures

    def since(self, words: str) -> HealthTimeline:
        """The same, with second 0 at a moment; unchanged where there is none."""
        zero = self.moment(words) or 0.0
        return replace(
            self,
            checks=tuple(replace(c, at=c.at - zero) for c in self.checks),
            changes=tuple(replace(c, at=c.at - zero) for c in self.changes),
            moments=tuple(replace(m, at=m.at - zero) for m in self.moments),
            until=self.until - zero,
        )


def timelines_text(timelines: Iterable[HealthTimeline]) -> str:
    """All that the picture shows, as lines."""
    return "\n".join(line for one in timelines for line in _lines(one))


def _lines(one: HealthTimeline) -> list[str]:
    happened = sorted(
        [(c.at, c.state) for c in one.changes] + [(m.at, f"[{m.words}]") for m in one.moments]
    )
    way = " → ".join(f"{words} at {second(at)}" for at, words in happened)
    good = sum(c.exit_code == 0 for c in one.checks)
    marks = "".join("✓" if c.exit_code == 0 else "✗" for c in one.checks)
    noticed = one.noticed()
    told = "" if one.moment(HANGS) is None else "; the hang is not noticed"
    if noticed is not None:
        told = f"; the hang is noticed after {format_seconds(noticed)}"
    return [
        f"{one.check.label} ({one.check.timing})",
        f"  {way}; seen until {second(one.until)}",
        f"  checks: {marks or 'none'} ({good} of {len(one.checks)} healthy){told}",
    ]


def second(at: float) -> str:
    """A moment, also one before second 0."""
    return f"{at:.1f} s" if abs(at) >= 0.05 else "0 s"
