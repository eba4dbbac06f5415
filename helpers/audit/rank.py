"""Which changes are worth most: the weight of what they mend, and how surely its place is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from helpers.audit.result import Finding
from helpers.judge.verdict import Evidence, Outcome, Verdict

#: How many changes a report leads with.
MOST_USEFUL = 3
#: What a failure that a change likely mends as well adds, as a part of its weight.
ALSO = 0.25


@dataclass(frozen=True, slots=True)
class Change:
    """Something to change.

    Attributes:
        finding: the failure that it mends.
        certainty: how surely it is known what to change: see :func:`certainty`.
        also: other failures that the same change likely mends: those with the same remedy or the
            same reason, those that answer the same checkpoint of another tool, and those whose
            evidence is on the same one line of the Dockerfile.
    """

    finding: Finding
    certainty: float
    also: tuple[Finding, ...] = ()

    @property
    def value(self) -> float:
        """What the order goes by: weight times certainty, with a part of what it likely mends."""
        weight = self.finding.weight + ALSO * sum(found.weight for found in self.also)
        return weight * self.certainty


def certainty(verdict: Verdict) -> float:
    """How surely it is known what to change, from 0 to 1.

    1 where some evidence names a line of the Dockerfile, 0.95 where it names an instruction, a file
    or a layer, 0.9 where it only tells what was seen, and 0 for anything but a failure.
    """
    if verdict.outcome is not Outcome.FAIL:
        return 0.0
    return max((_certainty(e) for e in verdict.evidence), default=0.9)


def _certainty(evidence: Evidence) -> float:
    if evidence.line is not None:
        return 1.0
    placed = (evidence.instruction, evidence.path, evidence.layer)
    return 0.95 if any(place is not None for place in placed) else 0.9


def most_useful(findings: Iterable[Finding], most: int = MOST_USEFUL) -> tuple[Change, ...]:
    """The changes that are worth most, best first.

    Among equals, the one that frees more bytes comes first, then the order of the findings. A
    failure that an earlier change likely mends is not told again.

    Args:
        findings: in any order; only failures that count are looked at.
        most: how many changes.
    """
    failing = [f for f in findings if f.counts and f.verdict.outcome is Outcome.FAIL]
    changes = [
        Change(f, certainty(f.verdict), _also(f, failing))
        for f in failing
        if not any(_comes_before(other, f) for other in failing)
    ]
    changes.sort(key=lambda c: (-c.value, -_bytes(c.finding)))
    chosen: list[Change] = []
    mended: set[int] = set()
    for change in changes:
        if len(chosen) == most:
            break
        if id(change.finding) in mended:
            continue
        chosen.append(change)
        mended.update(id(f) for f in (change.finding, *change.also))
    return tuple(chosen)


def _also(finding: Finding, failing: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(f for f in failing if f is not finding and _same_change(finding, f))


def _same_change(one: Finding, other: Finding) -> bool:
    lines = _lines(one)
    return (
        (bool(one.remedy) and one.remedy == other.remedy)
        or one.verdict.summary == other.verdict.summary
        or not set(one.covers).isdisjoint(other.covers)
        or (len(lines) == 1 and lines == _lines(other))
    )


def _comes_before(other: Finding, finding: Finding) -> bool:
    """Whether another failure tells better what to change.

    Several fail for one reason where something is not there at all. The one that other tools know,
    too, is the one that asks whether it is there.
    """
    same_reason = other.verdict.summary == finding.verdict.summary
    return same_reason and bool(other.covers) and not finding.covers


def _lines(finding: Finding) -> frozenset[int | None]:
    """The Dockerfile lines of all evidence; empty where some evidence has none."""
    lines = frozenset(e.line for e in finding.verdict.evidence)
    return frozenset() if None in lines else lines


def _bytes(finding: Finding) -> int:
    return sum(e.bytes or 0 for e in finding.verdict.evidence)
