"""A verdict: what was judged, how it came out, and the evidence for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a property came out. ``UNKNOWN`` (could not tell) is never a pass."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    UNKNOWN = "could not tell"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One concrete thing that was seen.

    Attributes:
        code: what kind of finding it is: one of the codes that the property declares. Hints go by
            this code.
        text: one sentence for a person, naming path, bytes, layer or request.
        path: the file it is about.
        layer: index of the layer it is about.
        instruction: the Dockerfile instruction it is about.
        line: line in the Dockerfile, from 1.
        bytes: the size it is about.
    """

    code: str
    text: str
    path: str | None = None
    layer: int | None = None
    instruction: str | None = None
    line: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one property came out for one image.

    Attributes:
        outcome: pass, fail, or could not tell.
        summary: one sentence with what was measured and what was wanted.
        evidence: what was seen; a fail has at least one entry.
    """

    outcome: Outcome
    summary: str
    evidence: tuple[Evidence, ...] = ()

    @property
    def passed(self) -> bool:
        """True for a pass only."""
        return self.outcome is Outcome.PASS

    def codes(self) -> frozenset[str]:
        """The codes of all evidence."""
        return frozenset(e.code for e in self.evidence)
