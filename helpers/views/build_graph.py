"""A picture of a build: stages as lanes, time as length, arrows where data flows between stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from helpers.build.graph import BuildGraph, graph_of
from helpers.build.record import BuildRecord, StepRecord
from helpers.report.blocks import Cell, CellValue, Column, Table
from helpers.report.clean import one_line
from helpers.report.describe_build import cached_and_executed, step_label, step_result
from helpers.report.text import to_text
from helpers.units import format_bytes, format_count, format_seconds
from helpers.views import svg, timeline
from helpers.views.picture import Picture
from helpers.views.timeline import BAR, ROW, Scale

_WIDTH = 960.0
_MARGIN = 20.0
_PAD = 12.0
_LABELS = 392.0
_PLOT = 410.0
_PLOT_END = 856.0
_TOP = 84.0
_HEAD = 26.0
_GAP = 10.0
_CODE = 11.5
#: BuildKit's own steps that take a smaller share of the build are only named below the picture.
_OWN_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a lane: a step, or the steps that the stage shares with another one.

    Attributes:
        number: position within the stage.
        words: the instruction, or what is shared with whom.
        step: None where the work is another stage's.
        context: whether it takes files of the build context.
    """

    number: str
    words: str
    step: StepRecord | None = None
    context: bool = False


@dataclass(frozen=True, slots=True)
class _Lane:
    title: str
    note: str
    rows: tuple[_Row, ...]

    @property
    def height(self) -> float:
        return _HEAD + len(self.rows) * ROW + 6


def build_picture(record: BuildRecord) -> Picture:
    """The picture of a build with its text twin."""
    return Picture(svg=build_svg(record), text=build_text(record))


def build_svg(record: BuildRecord) -> str:
    """A build on a time axis, one lane a stage, in the order of the Dockerfile.

    A step that ran is a bar as long as it ran; a cached one is a diamond without length; a failed
    one is hatched, framed and says ✗. Arrows show files that go from one stage into another
    (``COPY --from``, ``FROM stage``, mounts). Steps that several stages share are made once and
    stand in the first of them. Where a build failed, what was never reached is not part of it.
    """
    graph = graph_of(record)
    steps = steps_at_home(record, graph)
    end = max((s.completed or s.started or 0.0 for s in steps.values()), default=0.0)
    scale = Scale(_PLOT, _PLOT_END - _PLOT, max(end, 1e-6))
    lanes = _lanes(graph, steps, end)
    bottom = _TOP + sum(lane.height + _GAP for lane in lanes)
    grid, labels = timeline.axis(scale, _TOP - 6, bottom - _GAP + 4)
    bands: list[str] = []
    marks: list[str] = []
    words: list[str] = []
    places: dict[str, float] = {}
    y = _TOP
    for lane in lanes:
        bands.append(svg.rect(_MARGIN, y, _WIDTH - 2 * _MARGIN, lane.height, svg.BAND, radius=6))
        words += _lane_head(lane, y)
        for index, row in enumerate(lane.rows):
            at = y + _HEAD + index * ROW
            words += _row_words(row, at)
            if row.step is not None:
                places[row.step.step.digest] = at
                tip = f"{step_label(row.step)}: {_told(row.step)}"
                drawn = timeline.mark(
                    row.step, at, scale, _WIDTH - _MARGIN - 4, svg.BAND, tooltip=tip
                )
                marks += drawn[0]
                words += drawn[1]
        y += lane.height + _GAP
    edges = _edges(graph, steps, places, scale)
    footer, y = _footer(steps, places, y + 12, edges=bool(edges))
    shapes = [*_title(record), *bands, *grid, *labels, *marks, *edges, *words, *footer]
    return svg.document(_WIDTH, y, "Build graph", _description(record, graph, steps), shapes)


def build_text(record: BuildRecord) -> str:
    """What :func:`build_svg` shows, as a table."""
    graph = graph_of(record)
    steps = steps_at_home(record, graph)
    takes: dict[str, list[str]] = {}
    for giving, taking in graph.flows():
        takes.setdefault(taking, []).append(short_name(steps[giving]))
    rows: list[tuple[Cell | CellValue, ...]] = []
    shown = [s.digest for stage in graph.stages for s in graph.stage(stage)]
    shown += sorted(
        (d for d, s in steps.items() if s.step.stage is None),
        key=lambda d: steps[d].started or 0.0,
    )
    for digest in shown:
        step = steps[digest]
        result, tone = step_result(step)
        ran = not step.cached and step.started is not None
        sources = takes.get(digest, []) + (["context"] * graph.takes_context(digest))
        rows.append(
            (
                short_name(step) if step.step.stage else "BuildKit",
                one_line(step_label(step), 60) if step.step.stage else short_name(step),
                Cell(result, tone),
                step.started if ran else None,
                step.seconds if ran and step.completed is not None else None,
                ", ".join(sources) if step.step.stage else "",
            )
        )
    columns = (
        "step",
        Column("instruction", "code"),
        Column("result", "time"),
        Column("from", "seconds"),
        Column("took", "seconds"),
        "takes files of",
    )
    notes = [_shared_note(graph, stage) for stage in graph.stages if graph.shared(stage)]
    slowest = max(steps.values(), key=lambda s: s.seconds, default=None)
    if slowest is not None and slowest.seconds:
        took = format_seconds(slowest.seconds)
        notes.append(f"Longest step: {short_name(slowest)}, {took}.")
    title = f"Build: {_outcome(record)}"
    return to_text(Table(title, columns, tuple(rows), " ".join(notes)))


def steps_at_home(record: BuildRecord, graph: BuildGraph) -> Mapping[str, StepRecord]:
    """The steps by digest, each named after the first stage that has it."""
    return {s.step.digest: replace(s, step=graph.steps[s.step.digest]) for s in record.steps}


def stage_title(stage: str) -> str:
    """The heading of a lane; BuildKit calls a stage without a name ``stage-N`` already."""
    return stage if stage.startswith("stage-") else f"stage {stage}"


def short_name(step: StepRecord) -> str:
    """Stage and position; BuildKit's own name for its own steps."""
    if step.step.stage is None:
        return one_line(step.step.name.removeprefix("[internal] "), 60)
    return f"{one_line(step.step.stage, 40)} {step.step.number}/{step.step.total}"


def _lanes(graph: BuildGraph, steps: Mapping[str, StepRecord], end: float) -> list[_Lane]:
    lanes = []
    for stage in graph.stages:
        own = [steps[s.digest] for s in graph.stage(stage)]
        shared = graph.shared(stage)
        rows = [_shared_row(graph, stage)] if shared else []
        rows += [
            _Row(
                f"{s.step.number}/{s.step.total}",
                step_label(s),
                s,
                graph.takes_context(s.step.digest),
            )
            for s in own
        ]
        took = format_seconds(sum(s.seconds for s in own))
        if all(s.cached for s in own):
            took = "all cached"
        count = format_count(len(own) + len(shared), "step")
        lanes.append(_Lane(stage_title(stage), f"{count}, {took}", tuple(rows)))
    own = _own_steps(steps, end)
    if own:
        took = format_seconds(sum(s.seconds for s in own))
        rows = [_Row("", short_name(s), s) for s in own]
        lanes.append(_Lane("BuildKit's own steps", took, tuple(rows)))
    return lanes


def _own_steps(steps: Mapping[str, StepRecord], end: float) -> list[StepRecord]:
    own = [
        s
        for s in steps.values()
        if s.step.stage is None and (s.error or s.seconds > _OWN_SHARE * end)
    ]
    return sorted(own, key=lambda s: s.started or 0.0)


def _shared_row(graph: BuildGraph, stage: str) -> _Row:
    shared = graph.shared(stage)
    first, last = shared[0][0].number, shared[-1][0].number
    numbers = f"{first}" if first == last else f"{first}–{last}"
    return _Row(f"{numbers}/{shared[0][0].total}", f"made once, in stage {shared[0][1].stage}")


def _shared_note(graph: BuildGraph, stage: str) -> str:
    row = _shared_row(graph, stage)
    return f"{one_line(stage, 40)} {row.number}: {row.words}."


def _title(record: BuildRecord) -> list[str]:
    failed = record.failed_step() is not None
    cached, executed = cached_and_executed(record)
    told = f"{executed} executed, {cached} cached"
    if record.context_bytes:
        told += f" · context {format_bytes(record.context_bytes)}"
    if record.target:
        told += f" · target {one_line(record.target, 40)}"
    ink = svg.FAIL if failed else svg.TEXT
    return [
        svg.text(_MARGIN, 32, f"Build: {_outcome(record)}", size=16, bold=True, ink=ink),
        svg.text(_MARGIN, 52, told, size=13, ink=svg.SOFT),
    ]


def _lane_head(lane: _Lane, y: float) -> list[str]:
    x = _MARGIN + _PAD
    room = _LABELS - x - svg.text_width(lane.note, 11.5) - 16
    title = svg.fit(lane.title, room, 13.5)
    return [
        svg.text(x, y + 18, title, size=13.5, bold=True, tooltip=one_line(lane.title)),
        svg.text(_LABELS, y + 18, lane.note, size=11.5, ink=svg.SOFT, anchor="end"),
    ]


def _row_words(row: _Row, y: float) -> list[str]:
    base = y + ROW / 2 + 4
    x = _MARGIN + _PAD
    words = []
    if row.number:
        words.append(svg.text(x, base, row.number, size=11, ink=svg.SOFT))
        x += max(34.0, svg.text_width(row.number, 11) + 6)
    room = _LABELS - x
    if row.context:
        words.append(svg.text(_LABELS, base, "context", size=11, ink=svg.SOFT, anchor="end"))
        room -= svg.text_width("context", 11) + 8
    mono = row.step is not None and row.step.step.stage is not None
    size = _CODE if mono else 12
    fitted = svg.fit(row.words, room, size, mono=mono)
    ink = svg.TEXT if row.step is not None else svg.SOFT
    tip = one_line(row.words) if fitted != one_line(row.words) else ""
    words.append(svg.text(x, base, fitted, size=size, mono=mono, ink=ink, tooltip=tip))
    return words


def _edges(
    graph: BuildGraph,
    steps: Mapping[str, StepRecord],
    places: Mapping[str, float],
    scale: Scale,
) -> list[str]:
    n = svg.num
    shapes = []
    for giving, taking in graph.flows():
        if giving not in places or taking not in places:
            continue
        source, target = places[giving], places[taking]
        _, x1 = timeline.bounds(steps[giving], scale)
        x2, _ = timeline.bounds(steps[taking], scale)
        down = target > source
        half = 5.5 if steps[giving].cached else BAR / 2
        y1 = source + ROW / 2 + (half if down else -half)
        x1 -= 0 if steps[giving].cached else 1.5
        x2 -= 7.5 if steps[taking].cached else 1.5
        y2 = target + ROW / 2
        reach = max(26.0, min(70.0, (x2 - x1) / 2))
        bend = f"C{n(x1)} {n(y1 + (y2 - y1) * 0.6)} {n(x2 - reach)} {n(y2)} {n(x2)} {n(y2)}"
        shapes.append(svg.line(f"M{n(x1)} {n(y1)}{bend}", svg.ACCENT, thick=1.8, arrow=True))
    return shapes


def _told(step: StepRecord) -> str:
    if step.completed is None and not step.error:
        return "not finished"
    return timeline.outcome_words(step)


def _outcome(record: BuildRecord) -> str:
    took = format_seconds(record.seconds)
    if record.failed_step() is not None:
        return f"✗ failed after {took}"
    return f"✓ done in {took}" if record.image_id else f"no image after {took}"


def _footer(
    steps: Mapping[str, StepRecord],
    places: Mapping[str, float],
    y: float,
    *,
    edges: bool,
) -> tuple[list[str], float]:
    shapes, x = [], _MARGIN
    shapes.append(svg.rect(x, y - 10, 26, 11, svg.FILLS[0], stroke=svg.ACCENT, radius=2))
    x += 34
    for words, symbol in (
        ("ran, as long as the bar", "diamond"),
        ("cached: nothing ran", "arrow" if edges else ""),
        ("files go into another stage", ""),
    ):
        shapes.append(svg.text(x, y, words, size=12, ink=svg.SOFT))
        x += svg.text_width(words, 12) + 12
        if symbol == "diamond":
            shapes.append(timeline.diamond(x, y - 4))
            x += 12
        elif symbol == "arrow":
            start = f"M{svg.num(x - 4)} {svg.num(y - 9)}"
            curve = f"C{svg.num(x - 4)} {svg.num(y - 2)} {svg.num(x + 6)} {svg.num(y - 4)} "
            end = f"{svg.num(x + 20)} {svg.num(y - 4)}"
            shapes.append(svg.line(start + curve + end, svg.ACCENT, thick=1.8, arrow=True))
            x += 28
        else:
            break
    y += 20
    quick = [
        f"{one_line(short_name(s), 44)} {format_seconds(s.seconds)}"
        for d, s in steps.items()
        if s.step.stage is None and d not in places and s.seconds
    ]
    if quick:
        fitted = svg.fit(
            "BuildKit's own quick steps: " + " · ".join(quick), _WIDTH - 2 * _MARGIN, 12
        )
        shapes.append(svg.text(_MARGIN, y, fitted, size=12, ink=svg.SOFT))
        y += 18
    return shapes, y


def _description(record: BuildRecord, graph: BuildGraph, steps: Mapping[str, StepRecord]) -> str:
    told = (
        f"{short_name(steps[s.digest])} {step_label(steps[s.digest])}: {_told(steps[s.digest])}"
        for stage in graph.stages
        for s in graph.stage(stage)
    )
    return f"{_outcome(record)}. {'; '.join(told)}."
