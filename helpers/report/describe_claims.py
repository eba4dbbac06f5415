"""The ledger of claims as blocks."""

from __future__ import annotations

from collections.abc import Iterator

from helpers.claims.claim import Entry, Figure, Holding, Ledger
from helpers.report.blocks import Block, Cell, Column, Heading, Line, Table, Tone
from helpers.units import format_bytes, format_count, format_seconds

_TONES: dict[Holding, Tone] = {
    Holding.HOLDS: "pass",
    Holding.LIMIT: "strong",
    Holding.NOT_AS_SAID: "fail",
    Holding.UNKNOWN: "unknown",
}
_SIGNS = {Holding.HOLDS: "✓", Holding.LIMIT: "◐", Holding.NOT_AS_SAID: "✗", Holding.UNKNOWN: "?"}


def describe_ledger(ledger: Ledger) -> tuple[Block, ...]:
    """An overview, then each claim with its figures, its limit and its sources."""
    head = f"{ledger.measured} of {format_count(len(ledger.entries), 'claim')} measured here"
    return (
        Heading("The article's claims", 1),
        Line(head, "muted"),
        Table(
            "",
            ("claim", "what the article says", "measured here"),
            tuple((e.claim, e.says, _verdict(e)) for e in ledger.entries),
        ),
        *(block for entry in ledger.entries for block in _in_full(entry)),
    )


def _verdict(entry: Entry) -> Cell:
    if entry.finding is None:
        return Cell("? could not be measured" if entry.problem else "– not measured yet", "unknown")
    verdict = entry.finding.verdict
    return Cell(f"{_SIGNS[verdict]} {verdict}", _TONES[verdict])


def _in_full(entry: Entry) -> Iterator[Block]:
    yield Heading(f"{entry.claim}: {entry.says}", 2)
    found = entry.finding
    if found is None:
        yield Line(
            entry.problem or f"Not measured yet: workbook claims --run {entry.claim}", "unknown"
        )
    else:
        sign, tone = _SIGNS[found.verdict], _TONES[found.verdict]
        yield Line(f"{sign} {found.verdict}: {found.sentence}", tone)
        rows = tuple((f.name, figure_text(f), _spread(f)) for f in found.figures)
        yield Table("", (Column("figure"), Column("measured"), Column("spread")), rows)
        if found.simulated:
            yield Line(f"Simulated: {found.simulated}", "muted")
    yield Line(f"Limit: {entry.limit}")
    yield Line(f"Worked through in {entry.notebook}. Sources: {' · '.join(entry.sources)}", "muted")
    if entry.date:
        yield Line(_circumstances(entry), "muted")


def _circumstances(entry: Entry) -> str:
    where = f"Measured {entry.date} on {entry.engine}, took {format_seconds(entry.seconds)}."
    if entry.stand_ins:
        return f"{where} Stand-in base images: {', '.join(entry.stand_ins)}."
    return f"{where} Official base images."


def figure_text(figure: Figure) -> str:
    """A figure with its unit."""
    return _text(figure.value, figure.unit)


def _spread(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return "one run" if figure.unit == "seconds" else ""
    low, high = (_text(value, figure.unit) for value in (figure.low, figure.high))
    return f"{low} to {high} in {format_count(figure.runs, 'run')}"


def _text(value: float, unit: str) -> str:
    match unit:
        case "bytes":
            return format_bytes(int(value))
        case "seconds":
            return format_seconds(value)
        case "times":
            return f"{value:.1f} times"
        case _:
            return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
