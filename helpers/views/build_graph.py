"""A picture of a build: stages as lanes, steps as boxes, arrows where data flows."""

from __future__ import annotations

from dataclasses import dataclass

from helpers.build.record import BuildRecord, StepRecord
from helpers.report.blocks import Cell, CellValue, Column, Table
from helpers.report.clean import one_line
from helpers.report.describe_build import (
    cached_and_executed,
    step_label,
    step_result,
    steps_by_stage,
)
from helpers.report.text import to_text
from helpers.units import format_count, format_seconds
from helpers.views import svg
from helpers.views.picture import Picture

_MARGIN = 20.0
_BOX = 268.0
_GAP = 56.0
_PAD = 12.0
_HEIGHT = 64.0
_PITCH = 84.0
_TOP = 112.0
_CODE = 11.5


@dataclass(frozen=True, slots=True)
class _Placed:
    step: StepRecord
    lane: int
    row: int

    @property
    def x(self) -> float:
        return _MARGIN + _PAD + self.lane * (_BOX + 2 * _PAD + _GAP)

    @property
    def y(self) -> float:
        return _TOP + self.row * _PITCH


def build_picture(record: BuildRecord) -> Picture:
    """The picture of a build with its text twin."""
    return Picture(svg=build_svg(record), text=build_text(record))


def build_svg(record: BuildRecord) -> str:
    """A build as a graph.

    A cached step is hatched, dashed and says "cached"; an executed one is solid with its seconds
    and a bar, the longest step filling its box; a failed one has a thick border and ✗. Where a
    build failed, steps that were never reached are not part of it.
    """
    stages = {k: v for k, v in steps_by_stage(record).items() if k is not None}
    placed = _place(stages)
    rows = max((p.row for p in placed.values()), default=-1) + 1
    lanes = max(len(stages), 1)
    width = max(2 * _MARGIN + lanes * (_BOX + 2 * _PAD) + (lanes - 1) * _GAP, 560.0)
    bottom = _TOP + rows * _PITCH
    longest = max((p.step.seconds for p in placed.values()), default=0.0)
    shapes = _title(record)
    for lane, (name, steps) in enumerate(stages.items()):
        shapes += _lane(lane, name or "", steps, bottom)
    shapes += _edges(placed)
    for box in placed.values():
        shapes += _box(box, longest, _uses_context(record, box.step))
    y = bottom + 22
    for words in _footer(record):
        fitted = svg.fit(words, width - 2 * _MARGIN, 12)
        shapes.append(svg.text(_MARGIN, y, fitted, size=12, ink=svg.SOFT))
        y += 18
    return svg.document(width, y, "Build graph", _description(record), shapes)


def build_text(record: BuildRecord) -> str:
    """What :func:`build_svg` shows, as a table."""
    names = {s.step.digest: _short(s) for s in record.steps}
    steps = [s for steps in steps_by_stage(record).values() for s in steps]
    longest = max((s.seconds for s in steps), default=0.0) or 1.0
    rows: list[tuple[Cell | CellValue, ...]] = []
    for step in steps:
        result, tone = step_result(step)
        ran = step.seconds > 0
        used = (names[d] for d in step.step.inputs if d in names)
        rows.append(
            (
                _short(step),
                step_label(step) if step.step.stage else "",
                Cell(result, tone),
                step.seconds if ran else None,
                ", ".join(used),
            )
        )
    columns = ("step", Column("instruction", "code"), "result", Column("time", "seconds"), "uses")
    title = f"Build: {_outcome(record)}"
    slowest = max(steps, key=lambda s: s.seconds, default=None)
    note = ""
    if slowest is not None and slowest.seconds:
        note = f"Longest step: {_short(slowest)}, {format_seconds(longest)}."
    return to_text(Table(title, columns, tuple(rows), note))


def _place(stages: dict[str, tuple[StepRecord, ...]]) -> dict[str, _Placed]:
    # A step stands below everything whose output it uses, also across lanes. BuildKit's graph has
    # no cycles; one round more than there are steps would never change anything.
    lanes = {s.step.digest: i for i, steps in enumerate(stages.values()) for s in steps}
    before: dict[str, list[str]] = {}
    for steps in stages.values():
        for index, step in enumerate(steps):
            above = [d for d in step.step.inputs if d in lanes]
            if index:
                above.append(steps[index - 1].step.digest)
            before[step.step.digest] = above
    rows = dict.fromkeys(lanes, 0)
    for _ in lanes:
        moved = {d: max((rows[b] + 1 for b in above), default=0) for d, above in before.items()}
        if moved == rows:
            break
        rows = moved
    return {
        s.step.digest: _Placed(s, lanes[s.step.digest], rows[s.step.digest])
        for steps in stages.values()
        for s in steps
    }


def _title(record: BuildRecord) -> list[str]:
    failed = record.failed_step() is not None
    cached, executed = cached_and_executed(record)
    told = f"{executed} executed, {cached} cached"
    if record.target:
        told += f" · target {one_line(record.target, 40)}"
    return [
        svg.text(
            _MARGIN,
            32,
            f"Build: {_outcome(record)}",
            size=16,
            bold=True,
            ink=svg.FAIL if failed else svg.TEXT,
        ),
        svg.text(_MARGIN, 52, told, size=13, ink=svg.SOFT),
    ]


def _lane(lane: int, name: str, steps: tuple[StepRecord, ...], bottom: float) -> list[str]:
    x = _MARGIN + lane * (_BOX + 2 * _PAD + _GAP)
    width = _BOX + 2 * _PAD
    took = format_seconds(sum(s.seconds for s in steps))
    told = f"{format_count(len(steps), 'step')}, {took}"
    room = width - 3 * _PAD - svg.text_width(told, 12)
    return [
        svg.rect(x, 68, width, bottom - 68, svg.BAND, radius=6),
        svg.text(x + _PAD, 92, svg.fit(f"stage {name}", room, 14), size=14, bold=True),
        svg.text(x + width - _PAD, 92, told, size=12, ink=svg.SOFT, anchor="end"),
    ]


def _edges(placed: dict[str, _Placed]) -> list[str]:
    shapes = []
    for box in placed.values():
        for digest in box.step.step.inputs:
            source = placed.get(digest)
            if source is not None:
                shapes.append(_edge(source, box, placed))
    return shapes


def _between(source: _Placed, target: _Placed, placed: dict[str, _Placed]) -> bool:
    rows = range(source.row + 1, target.row)
    return any(p.lane == source.lane and p.row in rows for p in placed.values())


def _edge(source: _Placed, target: _Placed, placed: dict[str, _Placed]) -> str:
    n = svg.num
    if source.lane == target.lane and not _between(source, target, placed):
        x = source.x + _BOX / 2
        return svg.line(f"M{n(x)} {n(source.y + _HEIGHT)}V{n(target.y - 1)}", arrow=True)
    y1, y2 = source.y + _HEIGHT / 2, target.y + _HEIGHT / 2
    if source.lane == target.lane:  # past the steps between, along the lane's side
        x = source.x + _BOX
        bend = x + _PAD + 6
        path = f"M{n(x)} {n(y1)}C{n(bend)} {n(y1)} {n(bend)} {n(y2)} {n(x + 1)} {n(y2)}"
        return svg.line(path, arrow=True)
    right = source.lane < target.lane
    x1 = source.x + (_BOX if right else 0)
    x2 = target.x + (-1 if right else _BOX + 1)
    middle = x2 + (-(_GAP / 2 + _PAD) if right else _GAP / 2 + _PAD)
    path = f"M{n(x1)} {n(y1)}C{n(middle)} {n(y1)} {n(middle)} {n(y2)} {n(x2)} {n(y2)}"
    return svg.line(path, svg.ACCENT, thick=2, arrow=True)


def _box(box: _Placed, longest: float, from_context: bool) -> list[str]:
    step, x, y = box.step, box.x, box.y
    result, _ = step_result(step)
    failed, done = bool(step.error), step.cached or step.completed is not None
    fill = svg.PAPER if step.cached or not done else svg.FILLS[0]
    tip = f"{step_label(step)}: {result}"
    shapes = [svg.rect(x, y, _BOX, _HEIGHT, fill, radius=4, tooltip=tip)]
    if step.cached:
        shapes.append(svg.pattern(x, y, _BOX, _HEIGHT, 1))
    shapes.append(
        svg.rect(
            x,
            y,
            _BOX,
            _HEIGHT,
            None,
            stroke=svg.FAIL if failed else svg.STROKE,
            thick=3 if failed else 1,
            radius=4,
            dashed=not failed and (step.cached or not done),
        )
    )
    lines = _wrapped(step_label(step))
    plate = svg.SANS_ADVANCE
    if step.cached:  # text on a plate of its own: no hatching runs through it
        longest_line = max(len(words) for words in lines) * _CODE * svg.MONO_ADVANCE
        shapes.append(
            svg.rect(x + 5, y + 25, min(longest_line + 8, _BOX - 10), 14 * len(lines) + 4, fill)
        )
        words = f"{_number(step)}cached"
        shapes.append(svg.rect(x + 5, y + 5, len(words) * 12 * (plate + 0.08) + 8, 18, fill))
    ink = svg.FAIL if failed else svg.TEXT
    head = f"{_number(step)}{_told(step)}"
    shapes.append(svg.text(x + 9, y + 18, head, size=12, bold=not step.cached, ink=ink))
    if from_context:
        words = "from the context"
        wide = svg.text_width(words, 11)
        if step.cached:
            shapes.append(svg.rect(x + _BOX - 13 - wide, y + 5, wide + 8, 17, fill))
        shapes.append(svg.text(x + _BOX - 9, y + 18, words, size=11, ink=svg.SOFT, anchor="end"))
    for index, words in enumerate(lines):
        shapes.append(svg.text(x + 9, y + 36 + 14 * index, words, size=_CODE, mono=True))
    if step.seconds and longest:
        wide = max(1.0, (_BOX - 6) * step.seconds / longest)
        shapes.append(svg.rect(x + 3, y + _HEIGHT - 8, wide, 5, svg.FAIL if failed else svg.ACCENT))
    return [shape for shape in shapes if shape]


def _wrapped(words: str) -> list[str]:
    # Two lines of code font; the second one is cut.
    room = int((_BOX - 18) / (_CODE * svg.MONO_ADVANCE))
    words = one_line(words)
    if len(words) <= room:
        return [words]
    cut = words.rfind(" ", room // 2, room + 1)
    cut = cut if cut > 0 else room
    return [words[:cut].rstrip(), svg.fit(words[cut:], _BOX - 18, _CODE, mono=True)]


def _told(step: StepRecord) -> str:
    if step.error:
        return f"✗ failed after {format_seconds(step.seconds)}"
    if step.cached:
        return "cached"
    if step.completed is None:
        return "not finished"
    return format_seconds(step.seconds)


def _number(step: StepRecord) -> str:
    return f"{step.step.number}/{step.step.total} · " if step.step.number else ""


def _short(step: StepRecord) -> str:
    if step.step.stage is None:
        return step.step.name.removeprefix("[internal] ")
    return f"{step.step.stage} {step.step.number}/{step.step.total}"


def _uses_context(record: BuildRecord, step: StepRecord) -> bool:
    contexts = {
        s.step.digest
        for s in record.steps
        if s.step.stage is None and "load build context" in s.step.name
    }
    return not contexts.isdisjoint(step.step.inputs)


def _outcome(record: BuildRecord) -> str:
    took = format_seconds(record.seconds)
    if record.failed_step() is not None:
        return f"✗ failed after {took}"
    return f"✓ done in {took}" if record.image_id else f"no image after {took}"


def _footer(record: BuildRecord) -> list[str]:
    own = steps_by_stage(record).get(None, ())
    lines = []
    if told := [f"{_short(s)} {format_seconds(s.seconds)}" for s in own if s.seconds]:
        lines.append("BuildKit's own steps: " + " · ".join(told))
    lines.append("hatched: cached, nothing ran · bar: time, the longest step fills its box")
    return lines


def _description(record: BuildRecord) -> str:
    steps = "; ".join(
        f"{_short(s)} {step_label(s)}: {_told(s)}" for s in record.steps if s.step.stage is not None
    )
    return f"{_outcome(record)}. {steps}."
