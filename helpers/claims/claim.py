"""A claim, what was measured of it, and the ledger of all of them, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Holding(StrEnum):
    """How a claim came out."""

    HOLDS = "holds"
    LIMIT = "holds with a limit"
    NOT_AS_SAID = "does not hold as said"
    UNKNOWN = "could not tell"


@dataclass(frozen=True, slots=True)
class Claim:
    """What the article says.

    Attributes:
        id: ``C1`` to ``C11``.
        says: the claim, in a sentence.
        notebook: the practice that measures it, without folder and ending.
        limit: what is more precise, whatever comes out here.
        sources: links to primary sources.
        measured_by: ``module:function``, imported when it is needed; it takes a
            :class:`helpers.claims.bench.Bench` and gives a :class:`Finding`.
        bases: base images that have to be there.
    """

    id: str
    says: str
    notebook: str
    limit: str
    sources: tuple[str, ...]
    measured_by: str
    bases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that was measured.

    Attributes:
        name: what it is.
        value: the number; the median where there are several runs.
        unit: ``bytes``, ``seconds``, ``times`` or empty for a plain count.
        low: the smallest of several runs; None for one.
        high: the largest of several runs; None for one.
        runs: how often it was measured.
    """

    name: str
    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None
    runs: int = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """What a measurement found.

    Attributes:
        verdict: computed from the figures.
        sentence: what the figures mean, with the numbers in it.
        figures: what was measured.
        simulated: what was not real about it; empty where all was.
    """

    verdict: Holding
    sentence: str
    figures: tuple[Figure, ...]
    simulated: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger.

    Attributes:
        claim: its id.
        says: the claim.
        notebook: where it is worked through.
        limit: what is more precise.
        sources: links.
        finding: None where it was not measured here yet.
        problem: why it could not be measured; empty where it was, or was not tried.
        date: when, in ISO 8601 with the time zone; empty where it was not.
        engine: on what.
        stand_ins: base images that were no official ones.
        seconds: how long the measurement took.
    """

    claim: str
    says: str
    notebook: str
    limit: str
    sources: tuple[str, ...]
    finding: Finding | None = None
    problem: str = ""
    date: str = ""
    engine: str = ""
    stand_ins: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Ledger:
    """All claims, in their order."""

    entries: tuple[Entry, ...]

    @property
    def measured(self) -> int:
        """How many have a verdict."""
        return sum(
            e.finding is not None and e.finding.verdict is not Holding.UNKNOWN for e in self.entries
        )
