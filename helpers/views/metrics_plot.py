"""Metrics over time: one panel a quantity, all on one time axis, with what was done meanwhile."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from helpers.report.blocks import Table
from helpers.report.text import to_text
from helpers.views import svg
from helpers.views.picture import Picture
from helpers.views.timeline import Scale, axis

_WIDTH, _LEFT, _RIGHT = 920.0, 66.0, 168.0
_TOP, _PANEL, _GAP = 74.0, 104.0, 40.0
_DOT = 2.6


@dataclass(frozen=True, slots=True)
class Line:
    """One quantity over time.

    Attributes:
        label: short; stands at the line's end.
        points: seconds and values.
    """

    label: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines of one unit.

    Attributes:
        title: with the unit, for example ``requests per second``.
        lines: two at most, so that they can be told apart without colours.
    """

    title: str
    lines: tuple[Line, ...]


def metrics_picture(
    panels: Sequence[Panel], marks: Sequence[tuple[float, str]], *, title: str = "Metrics"
) -> Picture:
    """Draw panels below each other.

    Args:
        panels: what was measured.
        marks: when something new began, in seconds, and what; the first begins at 0.
        title: of the picture.
    """
    last = max((at for p in panels for line in p.lines for at, _ in line.points), default=1.0)
    scale = Scale(_LEFT, _WIDTH - _LEFT - _RIGHT, max(last, 0.1))
    height = _TOP + len(panels) * (_PANEL + _GAP)
    bottom = height - _GAP + 8
    grid, ticks = axis(scale, _TOP - 6, bottom)
    shapes = [svg.text(24, 28, title, size=16, bold=True), *grid, *ticks]
    for number, panel in enumerate(panels):
        shapes += _panel(panel, _TOP + number * (_PANEL + _GAP) + 16, scale)
    shapes += _marks(marks, scale, bottom)
    words = _text(panels, marks, last)
    return Picture(svg.document(_WIDTH, height, title, _description(words), shapes), words)


def _panel(panel: Panel, top: float, scale: Scale) -> list[str]:
    values = [value for line in panel.lines for _, value in line.points]
    most = _round_up(max(values, default=1.0))
    base = top + _PANEL - 16

    def y(value: float) -> float:
        return base - (base - top) * min(value / most, 1.0)

    right = scale.left + scale.width
    shapes = [svg.text(_LEFT + 6, top - 5, panel.title, size=12, bold=True, halo=svg.PAPER)]
    for value in (0.0, most / 2, most):
        at = y(value)
        path = f"M{svg.num(scale.left)} {svg.num(at)}H{svg.num(right)}"
        shapes.append(svg.line(path, svg.EDGE, thick=0.8))
        shapes.append(
            svg.text(_LEFT - 8, at + 4, f"{value:g}", size=11, ink=svg.SOFT, anchor="end")
        )
    ends: list[tuple[float, str, svg.Ink]] = []
    for number, line in enumerate(panel.lines):
        if not line.points:
            continue
        ink = (svg.ACCENT, svg.FAIL)[number % 2]
        places = [(scale.x(at), y(value)) for at, value in line.points]
        path = "M" + "L".join(f"{svg.num(a)} {svg.num(b)}" for a, b in places)
        shapes.append(svg.line(path, ink, thick=2))
        if number % 2:  # told from the other by its dots, not by its colour alone
            shapes += [_dot(a, b, ink) for a, b in places]
        ends.append((places[-1][1] + 4, line.label, ink))
    above = math.inf
    for end, label, ink in sorted(ends, key=lambda e: -e[0]):  # the lowest first
        at = min(end, above - 14)
        shapes.append(svg.text(right + 8, at, label, size=12, ink=ink, bold=True))
        above = at
    return shapes


def _dot(x: float, y: float, ink: svg.Ink) -> str:
    n = svg.num
    points = f"M{n(x - _DOT)} {n(y)}a{_DOT} {_DOT} 0 1 0 {2 * _DOT} 0a{_DOT} {_DOT} 0 1 0 "
    return svg.shape(f"{points}{-2 * _DOT} 0Z", svg.PAPER, ink, thick=1.5)


def _marks(marks: Sequence[tuple[float, str]], scale: Scale, bottom: float) -> list[str]:
    shapes = []
    for number, (at, words) in enumerate(marks):
        x = scale.x(at)
        path = f"M{svg.num(x)} {svg.num(_TOP - 4)}V{svg.num(bottom)}"
        shapes.append(svg.line(path, svg.STROKE, thick=1.4))
        after = marks[number + 1][0] if number + 1 < len(marks) else scale.seconds
        room = scale.x(after) - x
        if number + 1 == len(marks):
            room += _RIGHT - 20
        shapes.append(svg.text(x, _TOP - 26, svg.fit(words, room - 8, 12), size=12))
    return shapes


def _round_up(value: float) -> float:
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return float(next(power * step for step in (1, 2, 4, 5, 10) if power * step >= value * 0.999))


def _text(panels: Sequence[Panel], marks: Sequence[tuple[float, str]], last: float) -> str:
    """Means between the marks: the same story as the lines tell."""
    starts = list(marks) or [(0.0, "all")]
    ends = [at for at, _ in starts[1:]] + [last + 1e-6]
    columns = ["median of", *(words for _, words in starts)]
    rows = []
    for panel in panels:
        for line in panel.lines:
            cells = []
            for (begin, _), end in zip(starts, ends, strict=True):
                inside = [v for at, v in line.points if begin <= at < end]
                cells.append(f"{statistics.median(inside):.3g}" if inside else None)
            name = f"{panel.title}: {line.label}" if len(panel.lines) > 1 else panel.title
            rows.append((name, *cells))
    return to_text(Table("", tuple(columns), tuple(rows)))


def _description(words: str) -> str:
    return " ".join(words.split())
