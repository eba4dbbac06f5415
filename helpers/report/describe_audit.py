"""An audit as blocks: what to change first, how the families stand, and everything folded."""

from __future__ import annotations

from helpers.audit.rank import Change, most_useful
from helpers.audit.result import AuditResult, Finding
from helpers.judge.verdict import Outcome
from helpers.report.blocks import (
    MARKS,
    Block,
    Cell,
    CellValue,
    Column,
    Findings,
    Fold,
    Heading,
    Judged,
    Line,
    Table,
)
from helpers.report.describe_build import describe_build
from helpers.units import format_bytes, format_count, format_seconds

#: How many other failures stand open.
OTHERS = 12
_NUMBERS = {1: "The most useful change", 2: "The two most useful changes"}
_OUTCOMES = (Outcome.FAIL, Outcome.UNKNOWN, Outcome.PASS)


def describe_audit(result: AuditResult) -> tuple[Block, ...]:
    """Blocks of one audit."""
    blocks: list[Block] = [Heading(f"Audit of {result.subject}", 1), _headline(result)]
    blocks.append(Line(_circumstances(result), "muted"))
    if result.stand_in:
        blocks.append(Line(f"Stand-in base: {result.stand_in}", "muted"))
    changes = most_useful(result.findings)
    if changes:
        heading = _NUMBERS.get(len(changes), "The three most useful changes")
        blocks += [Heading(heading), Findings(tuple(map(_change, changes)), numbered=True)]
    blocks.append(_families(result))
    if others := _others(result, changes):
        blocks.append(others)
    blocks.extend(Line(f"Note: {note}", "muted") for note in result.notes)
    blocks.extend(_family(result, family) for family in _judged_families(result))
    if result.ignored:
        rows = tuple(_judged(found) for found in _by_weight(result.ignored))
        blocks.append(
            Fold(
                format_count(len(rows), "ignored failure") + ", with the reason", (Findings(rows),)
            )
        )
    if result.left_out:
        blocks.append(_left_out(result))
    if result.build is not None and result.build.steps:
        blocks.append(Fold("The build, step by step", describe_build(result.build, title=False)))
    return tuple(blocks)


def _headline(result: AuditResult) -> Line:
    failing = len(result.outcomes(Outcome.FAIL))
    parts = []
    for outcome, one, many in (
        (Outcome.FAIL, "property fails", "properties fail"),
        (Outcome.PASS, "passes", "pass"),
        (Outcome.UNKNOWN, "could not be told", "could not be told"),
    ):
        if count := len(result.outcomes(outcome)):
            parts.append(format_count(count, one, many))
    if not parts:
        return Line(f"{MARKS[Outcome.UNKNOWN]} No property could be judged", "unknown")
    if result.ignored:
        parts.append(f"{len(result.ignored)} ignored")
    parts.append(f"score {result.score} of 100")
    mark = MARKS[Outcome.FAIL if failing else Outcome.PASS]
    return Line(f"{mark} {' · '.join(parts)}", "fail" if failing else "pass")


def _circumstances(result: AuditResult) -> str:
    parts = [result.image_id.removeprefix("sha256:")[:12]]
    if result.image_bytes is not None:
        parts.append(f"image {format_bytes(result.image_bytes)} unpacked")
    parts += [f"took {format_seconds(result.seconds)}", result.engine]
    return " · ".join(part for part in parts if part)


def _change(change: Change) -> Judged:
    found = change.finding
    notes = [found.source]
    if change.also:
        titles = "; ".join(other.title for other in change.also)
        notes.insert(0, f"Likely mends as well: {titles}")
    return Judged(found.title, found.verdict, str(found.weight), found.remedy, tuple(notes))


def _judged(found: Finding) -> Judged:
    notes = [f"Ignored: {found.ignored}"] if found.ignored else []
    if not found.verdict.passed:
        told = [found.id, found.parameters, *found.covers, found.source]
        notes.append(" · ".join(part for part in told if part))
    return Judged(found.title, found.verdict, str(found.weight), found.remedy, tuple(notes))


def _families(result: AuditResult) -> Table:
    rows: list[tuple[Cell | CellValue, ...]] = []
    for family in result.families:
        counts = [_count(result, family, outcome) for outcome in _OUTCOMES]
        tones = ("fail", "unknown", "pass")
        cells = [
            Cell(n, tone) if n else Cell(None, "muted")  # type: ignore[arg-type]
            for n, tone in zip(counts, tones, strict=True)
        ]
        left_out = sum(found.family == family for found in result.left_out)
        rows.append((family, *cells, left_out or None))
    columns: tuple[Column | str, ...] = (
        "family",
        *(Column(f"{MARKS[outcome]} {outcome.value}", "number") for outcome in _OUTCOMES),
        Column("left out", "number"),
    )
    return Table("Families", columns, tuple(rows))


def _others(result: AuditResult, changes: tuple[Change, ...]) -> Table | None:
    """The failures that no change above is about, in one line each."""
    told = {id(found) for change in changes for found in (change.finding, *change.also)}
    rows = tuple(
        (found.weight, found.title, found.verdict.summary)
        for found in _by_weight(result.outcomes(Outcome.FAIL))
        if id(found) not in told
    )
    if not rows:
        return None
    columns = (Column("weight", "number"), "wanted", "seen")
    more = len(rows) - OTHERS
    note = f"And {more} more: see the families." if more > 0 else ""
    return Table("What else fails", columns, rows[:OTHERS], note)


def _judged_families(result: AuditResult) -> tuple[str, ...]:
    judged = {found.family for found in result.findings}
    return tuple(family for family in result.families if family in judged)


def _family(result: AuditResult, family: str) -> Fold:
    counts = (
        f"{count} {outcome.value}"
        for outcome in _OUTCOMES
        if (count := _count(result, family, outcome))
    )
    found = [f for f in result.findings if f.family == family and f.counts]
    found.sort(key=lambda f: (_OUTCOMES.index(f.verdict.outcome), -f.weight))
    return Fold(
        f"{family}: {', '.join(counts) or 'all ignored'}", (Findings(tuple(map(_judged, found))),)
    )


def _count(result: AuditResult, family: str, outcome: Outcome) -> int:
    return sum(found.family == family for found in result.outcomes(outcome))


def _by_weight(findings: tuple[Finding, ...]) -> list[Finding]:
    return sorted(findings, key=lambda found: -found.weight)


def _left_out(result: AuditResult) -> Fold:
    rows = tuple((found.id, found.title, found.why) for found in result.left_out)
    count = len({found.id for found in result.left_out})
    return Fold(
        f"{format_count(count, 'property', 'properties')} left out, and why",
        (Table("", (Column("property", "code"), "wanted", "why"), rows),),
    )
