"""Two builds side by side: the same lanes, the same time scale, and why steps ran again."""

from __future__ import annotations

from dataclasses import dataclass

from helpers.build.compare import Change, Comparison, StepChange, compare
from helpers.build.graph import step_name
from helpers.build.reasons import Added, CacheNotUsed, NotNeeded, NotReached, Removed
from helpers.build.record import BuildRecord, StepRecord
from helpers.report.blocks import Cell, CellValue, Column, Line, Table, Tone
from helpers.report.clean import one_line
from helpers.report.text import blocks_text
from helpers.units import format_seconds
from helpers.views import svg, timeline
from helpers.views.build_graph import stage_title
from helpers.views.picture import Picture
from helpers.views.timeline import ROW, Scale

_WIDTH = 960.0
_MARGIN = 20.0
_PAD = 12.0
_LABELS = 366.0
_PLOT = 206.0
_PANELS = (380.0, 668.0)
_RIGHT = (652.0, 936.0)
_TOP = 128.0
_HEAD = 26.0
_GAP = 10.0
_LINE = 15.0
_CODE = 11.5
_SMALL = 11.5
#: What a picture says with one word needs no line of its own.
_PLAIN = (Added, NotNeeded, NotReached, Removed)
_INKS = {Change.AGAIN: svg.TEXT, Change.NEW: svg.TEXT, Change.GONE: svg.SOFT}
_TONES: dict[Change, Tone] = {
    Change.CACHED: "muted",
    Change.AGAIN: "strong",
    Change.NEW: "strong",
    Change.GONE: "muted",
    Change.NOT_BUILT: "unknown",
}


@dataclass(frozen=True, slots=True)
class _Row:
    change: StepChange
    why: tuple[str, ...]

    @property
    def height(self) -> float:
        return ROW + (len(self.why) * _LINE + 4 if self.why else 0)


def comparison_picture(before: BuildRecord, after: BuildRecord) -> Picture:
    """Two builds of one Dockerfile side by side, with a text twin.

    Args:
        before: the earlier build.
        after: the later one, of the same Dockerfile or of an edited one.

    Raises:
        DockerfileError: if a record's Dockerfile cannot be read.
    """
    comparison = compare(before, after)
    return Picture(svg=comparison_svg(comparison), text=comparison_text(comparison))


def comparison_svg(comparison: Comparison) -> str:
    """Both builds on one time scale: what was reused, what ran again, and why.

    A bar is as long as the step ran, a diamond is a step from the cache. In the later build, bars
    of steps that ran again have another colour, and a line below says why.
    """
    lanes = [
        (stage, [_Row(c, _why(c)) for c in comparison.in_stage(stage)])
        for stage in comparison.stages
    ]
    heights = [_HEAD + sum(r.height for r in rows) + 6 for _, rows in lanes]
    bottom = _TOP + sum(h + _GAP for h in heights)
    seconds = max(_end(comparison.before), _end(comparison.after), 1e-6)
    scales = [Scale(left, _PLOT, seconds) for left in _PANELS]
    bands: list[str] = []
    grid: list[str] = []
    marks: list[str] = []
    words: list[str] = []
    for scale in scales:
        lines, labels = timeline.axis(scale, _TOP - 6, bottom - _GAP + 4, most=4)
        grid += lines
        words += labels
    y = _TOP
    for (stage, rows), height in zip(lanes, heights, strict=True):
        bands.append(svg.rect(_MARGIN, y, _WIDTH - 2 * _MARGIN, height, svg.BAND, radius=6))
        x = _MARGIN + _PAD
        title = svg.fit(stage_title(stage), _LABELS - x, 13.5)
        words.append(svg.text(x, y + 18, title, size=13.5, bold=True, halo=svg.BAND))
        at = y + _HEAD
        for row in rows:
            words += _label(row.change, at)
            for which, record in enumerate((row.change.before, row.change.after)):
                if record is None:
                    continue
                again = which == 1 and row.change.change is Change.AGAIN
                drawn = _mark(record, at, scales[which], _RIGHT[which], again=again)
                marks += drawn[0]
                words += drawn[1]
            words += _absent(row.change, at)
            words += [
                svg.text(
                    x + 34,
                    at + ROW + 9 + index * _LINE,
                    line,
                    size=_SMALL,
                    ink=svg.SOFT,
                    halo=svg.BAND,
                    tooltip=_sentence(row.change),
                )
                for index, line in enumerate(row.why)
            ]
            at += row.height
        y += height + _GAP
    footer, y = _footer(y + 12)
    shapes = [*_title(comparison), *bands, *grid, *marks, *words, *footer]
    return svg.document(_WIDTH, y, "Two builds side by side", _description(comparison), shapes)


def comparison_text(comparison: Comparison) -> str:
    """What :func:`comparison_svg` shows, as a table and the reasons in full."""
    rows: list[tuple[Cell | CellValue, ...]] = []
    for change in comparison.steps:
        step = change.step
        rows.append(
            (
                f"{one_line(step.stage or '', 40)} {step.number}/{step.total}",
                one_line(step.instruction or step.name, 44),
                Cell(_cell(change.before)),
                Cell(_cell(change.after), _TONES[change.change]),
                _told(change),
            )
        )
    columns = (
        "step",
        Column("instruction", "code"),
        Column("before", "time"),
        Column("after", "time"),
        "what became of it",
    )
    table = Table(f"Two builds: {_headline(comparison)}", columns, tuple(rows), _sums(comparison))
    lines = [Line(text) for text in _causes(comparison)]
    return blocks_text((table, *lines))


def _told(change: StepChange) -> str:
    """What became of a step and why, in a few words; nothing where it is simply reused."""
    if change.reason is None:
        return ""
    if isinstance(change.reason, _PLAIN):
        return change.reason.brief
    return f"{change.change.value}: {change.reason.brief}"


def _why(change: StepChange) -> tuple[str, ...]:
    if change.reason is None or isinstance(change.reason, _PLAIN):
        return ()
    if isinstance(change.reason, CacheNotUsed) and change.reason.whole_build:
        return ()  # said once, above
    room = int((_WIDTH - 2 * _MARGIN - 2 * _PAD - 34) / (_SMALL * svg.SANS_ADVANCE))
    return _wrapped(f"↳ {_sentence(change)}", room, 2)


def _wrapped(words: str, room: int, most: int) -> tuple[str, ...]:
    lines: list[str] = []
    while words:
        if len(words) <= room or len(lines) == most - 1:
            lines.append(svg.fit(words, room * _SMALL * svg.SANS_ADVANCE, _SMALL))
            break
        cut = words.rfind(" ", room // 2, room + 1)
        cut = cut if cut > 0 else room
        lines.append(words[:cut].rstrip())
        words = words[cut:].lstrip()
    return tuple(lines)


def _sentence(change: StepChange) -> str:
    return one_line(change.reason.sentence()) if change.reason else ""


def _label(change: StepChange, y: float) -> list[str]:
    step, base, x = change.step, y + ROW / 2 + 4, _MARGIN + _PAD
    soft = change.change in (Change.GONE, Change.NOT_BUILT)
    number = f"{step.number}/{step.total}"
    words = [svg.text(x, base, number, size=11, ink=svg.SOFT)]
    x += max(34.0, svg.text_width(number, 11) + 6)
    told = "" if change.change in (Change.CACHED, Change.NOT_BUILT) else change.change.value
    room = _LABELS - x - (svg.text_width(told, 11) + 10 if told else 0)
    label = one_line(step.instruction or step.name)
    fitted = svg.fit(label, room, _CODE, mono=True)
    words.append(
        svg.text(
            x,
            base,
            fitted,
            size=_CODE,
            mono=True,
            ink=svg.SOFT if soft else svg.TEXT,
            tooltip=label if fitted != label else "",
        )
    )
    if told:
        ink = _INKS[change.change]
        words.append(svg.text(_LABELS, base, told, size=11, ink=ink, bold=not soft, anchor="end"))
    return words


def _mark(
    record: StepRecord, y: float, scale: Scale, right: float, *, again: bool
) -> tuple[list[str], list[str]]:
    ran = svg.FILLS[1] if again else svg.FILLS[0]
    tip = f"{record.step.instruction or record.step.name}: {timeline.outcome_words(record)}"
    return timeline.mark(record, y, scale, right, svg.BAND, ran=ran, tooltip=tip)


def _absent(change: StepChange, y: float) -> list[str]:
    """The word that stands where one of the builds has no such step."""
    base = y + ROW / 2 + 4
    if change.after is None:
        words = "gone" if change.change is Change.GONE else change.change.value
        if change.reason is not None and not isinstance(change.reason, Removed):
            words = change.reason.brief
        return [svg.text(_PANELS[1] + 6, base, words, size=_SMALL, ink=svg.SOFT, halo=svg.BAND)]
    if change.before is None:
        words = "–"
        if isinstance(change.reason, NotNeeded | NotReached):
            words = change.reason.brief
        return [svg.text(_PANELS[0] + 6, base, words, size=_SMALL, ink=svg.SOFT, halo=svg.BAND)]
    return []


def _title(comparison: Comparison) -> list[str]:
    room = _WIDTH - 2 * _MARGIN
    lines = [
        svg.text(_MARGIN, 32, f"Two builds: {_headline(comparison)}", size=16, bold=True),
        svg.text(_MARGIN, 52, svg.fit(_sums(comparison), room, 13), size=13, ink=svg.SOFT),
    ]
    causes = _short_causes(comparison)
    if causes:
        tip = " ".join(_causes(comparison))
        lines.append(
            svg.text(_MARGIN, 71, svg.fit(causes, room, 13), size=13, ink=svg.SOFT, tooltip=tip)
        )
    for which, (name, record) in enumerate(
        (("before", comparison.before), ("after", comparison.after))
    ):
        failed = record.failed_step() is not None
        lines.append(
            svg.text(
                _PANELS[which],
                98,
                f"{name}: {_outcome(record)}",
                size=13,
                bold=True,
                ink=svg.FAIL if failed else svg.TEXT,
            )
        )
    return lines


def _headline(comparison: Comparison) -> str:
    before, after = comparison.before.seconds, comparison.after.seconds
    saved = comparison.seconds_saved
    told = f"{format_seconds(before)} before, {format_seconds(after)} after"
    if abs(saved) < 0.05 * max(before, after):
        return told
    return f"{told}: {format_seconds(abs(saved))} {'less' if saved > 0 else 'more'}"


def _sums(comparison: Comparison) -> str:
    cached = len(comparison.of(Change.CACHED))
    again, new = len(comparison.ran_again()), len(comparison.of(Change.NEW))
    told = [f"{cached} cached", f"{again} ran again"]
    told += [f"{new} new"] if new else []
    for change in (Change.GONE, Change.NOT_BUILT):
        count = len(comparison.of(change))
        told += [f"{count} {change.value}"] if count else []
    words = ", ".join(told)
    if comparison.again_seconds:
        words += f". Steps that ran again took {format_seconds(comparison.again_seconds)}"
    if comparison.reused_seconds:
        took = format_seconds(comparison.reused_seconds)
        words += f". What is reused took {took} before"
    return words + "."


def _causes(comparison: Comparison) -> tuple[str, ...]:
    whole = _whole_build(comparison)
    if whole:
        return (whole,)
    return tuple(
        f"{step_name(c.step)}: {c.reason.sentence()}"
        for c in comparison.first_causes()
        if c.reason is not None
    )


def _short_causes(comparison: Comparison) -> str:
    whole = _whole_build(comparison)
    if whole:
        return whole
    causes = comparison.first_causes()
    if not causes:
        return ""
    first = causes[0]
    more = f", and {len(causes) - 1} more" if len(causes) > 1 else ""
    why = first.reason.brief if first.reason else ""
    lead = "First cause" if comparison.ran_again() else "First difference"
    return f"{lead}: {step_name(first.step)} ({why}){more}"


def _whole_build(comparison: Comparison) -> str:
    for change in comparison.steps:
        if isinstance(change.reason, CacheNotUsed) and change.reason.whole_build:
            return change.reason.sentence()
    return ""


def _outcome(record: BuildRecord) -> str:
    took = format_seconds(record.seconds)
    if record.failed_step() is not None:
        return f"✗ failed after {took}"
    return f"✓ {took}" if record.image_id else f"no image after {took}"


def _cell(record: StepRecord | None) -> str:
    if record is None:
        return "–"
    return timeline.outcome_words(record).replace("failed after ", "")


def _end(record: BuildRecord) -> float:
    return max((s.completed or s.started or 0.0 for s in record.steps), default=0.0)


def _footer(y: float) -> tuple[list[str], float]:
    shapes, x = [], _MARGIN
    for ink, words in (
        (svg.FILLS[0], "ran, as long as the bar"),
        (svg.FILLS[1], "ran again"),
        (None, "cached: nothing ran"),
    ):
        if ink is None:
            shapes.append(timeline.diamond(x + 6, y - 4))
            x += 18
        else:
            edge = svg.ACCENT if ink is svg.FILLS[0] else svg.STROKE
            shapes.append(svg.rect(x, y - 10, 26, 11, ink, stroke=edge, radius=2))
            x += 34
        shapes.append(svg.text(x, y, words, size=12, ink=svg.SOFT))
        x += svg.text_width(words, 12) + 10
    shapes.append(svg.text(x, y, "both on one time scale", size=12, ink=svg.SOFT))
    return shapes, y + 18


def _description(comparison: Comparison) -> str:
    told = "; ".join(
        f"{step_name(c.step)}: {_cell(c.before)} before, {_cell(c.after)} after"
        + (f", {c.reason.brief}" if c.reason else "")
        for c in comparison.steps
    )
    return f"{_headline(comparison)}. {_sums(comparison)} {told}."
