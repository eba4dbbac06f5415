"""The result of a check run: the one value that every report, panel and gradebook is made of."""

from __future__ import annotations

from dataclasses import dataclass

from helpers.build.record import BuildRecord
from helpers.judge.verdict import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """One check of an exercise.

    Attributes:
        id: the check's name within the exercise.
        title: what is wanted.
        points: what it is worth.
        verdict: how it came out.
        hints: the hints that apply to what was seen, from a nudge to nearly the solution.
    """

    id: str
    title: str
    points: int
    verdict: Verdict
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One run of all checks of one exercise.

    Attributes:
        exercise: id, for example ``01-multi-stage``.
        title: the exercise's title.
        checks: in the order of ``exercise.toml``.
        build: the record of the build, also where it failed.
        problem: why nothing could be judged (the build failed), as text for a person; else empty.
        remedy: what to do about ``problem``.
        image_bytes: unpacked size of the image that was built, or None.
        engine: the engine in one line, for example ``Docker 26.1.5, private engine``.
        stand_ins: names of base images in use that are stand-ins.
        notes: what the reader should know, for example files that were ignored.
        files: digest (sha256 hex) of each edited file that was judged, by its path.
        started: ISO 8601 time in UTC.
        seconds: how long the run took.
    """

    exercise: str
    title: str
    checks: tuple[CheckOutcome, ...]
    build: BuildRecord | None
    problem: str
    remedy: str
    image_bytes: int | None
    engine: str
    stand_ins: tuple[str, ...]
    notes: tuple[str, ...]
    files: dict[str, str]
    started: str
    seconds: float

    @property
    def passed(self) -> bool:
        """True where every check passed."""
        return bool(self.checks) and all(c.verdict.outcome is Outcome.PASS for c in self.checks)

    @property
    def points(self) -> int:
        """Points earned."""
        return sum(c.points for c in self.checks if c.verdict.passed)

    @property
    def points_possible(self) -> int:
        """Points of all checks."""
        return sum(c.points for c in self.checks)
