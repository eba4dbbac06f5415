"""The result of an audit: the one value that its reports and its exit status are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from helpers.build.record import BuildRecord
from helpers.judge.verdict import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class Finding:
    """One property, judged.

    Attributes:
        id: of the property, for example ``image-size``.
        family: the group that it belongs to.
        title: what is wanted.
        meaning: why it matters, and what was looked at.
        remedy: what to change where it fails; may be empty.
        weight: how much a failure matters, 1 to 5.
        source: link to the primary source.
        covers: what other tools call it.
        parameters: those that are not the defaults, for example ``port = 3000``.
        verdict: how it came out.
        ignored: the reason why a failure does not count; empty where it does.
    """

    id: str
    family: str
    title: str
    meaning: str
    remedy: str
    weight: int
    source: str
    covers: tuple[str, ...]
    parameters: str
    verdict: Verdict
    ignored: str = ""

    @property
    def counts(self) -> bool:
        """False for a failure that is ignored."""
        return not self.ignored


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A property that was not judged, and why not."""

    id: str
    family: str
    title: str
    why: str


@dataclass(frozen=True, slots=True)
class AuditResult:
    """One audit.

    Attributes:
        subject: what was asked for: a folder or an image's name.
        image_id: ``sha256:…``.
        image_bytes: unpacked size, or None where nothing looked at it.
        dockerfile: path of the Dockerfile as a reader finds it; empty where none is known.
        findings: every property that was judged, in the order of the registry.
        left_out: every property that was not.
        notes: what the reader should know, for example entries of the settings that are no longer
            needed.
        engine: the engine in one line.
        stand_in: the sentence on the stand-in label of the image or its base, or None.
        build: the record of the build; None where an image was named.
        started: ISO 8601 time in UTC.
        seconds: how long it took.
    """

    subject: str
    image_id: str
    image_bytes: int | None
    dockerfile: str
    findings: tuple[Finding, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    engine: str
    stand_in: str | None
    build: BuildRecord | None
    started: str
    seconds: float

    def outcomes(self, outcome: Outcome) -> tuple[Finding, ...]:
        """Those that came out so and count."""
        return tuple(f for f in self.findings if f.counts and f.verdict.outcome is outcome)

    @property
    def ignored(self) -> tuple[Finding, ...]:
        """Failures that are ignored, each with its reason."""
        return tuple(f for f in self.findings if f.ignored)

    @property
    def families(self) -> tuple[str, ...]:
        """Families with a property that was judged or left out, in order."""
        judged = (found.family for found in self.findings)
        return tuple(dict.fromkeys((*judged, *(found.family for found in self.left_out))))

    @property
    def score(self) -> int:
        """Weight of the passes in per cent of the weight of passes and failures, rounded down.

        What could not be told has no part in it; where nothing could be told it is 0.
        """
        weights: Counter[Outcome] = Counter()
        for found in self.findings:
            if found.counts:
                weights[found.verdict.outcome] += found.weight
        judged = weights[Outcome.PASS] + weights[Outcome.FAIL]
        return 100 * weights[Outcome.PASS] // judged if judged else 0


def exit_status(result: AuditResult, *, fail_on: int | None, fail_below: int | None) -> int:
    """0 where the image is good enough, else 1.

    Args:
        result: the audit.
        fail_on: the least weight of a failure that counts.
        fail_below: the least score that is good enough. Without either, every failure counts. An
            audit that could not tell anything is never good enough.
    """
    if not result.outcomes(Outcome.PASS) and not result.outcomes(Outcome.FAIL):
        return 1
    least = 1 if fail_on is None and fail_below is None else fail_on
    too_bad = least is not None and _heaviest(result.outcomes(Outcome.FAIL)) >= least
    too_low = fail_below is not None and result.score < fail_below
    return int(too_bad or too_low)


def _heaviest(findings: Iterable[Finding]) -> int:
    return max((found.weight for found in findings), default=0)
