"""The picture of times that differ by powers of ten: one row each, on an axis that does, too."""

from __future__ import annotations

import math
from collections.abc import Sequence

from helpers.experiments.start_time import StartTimes
from helpers.report.blocks import Column, Table
from helpers.report.text import to_text
from helpers.units import format_seconds
from helpers.views import svg
from helpers.views.picture import Picture

_MARGIN, _LABEL, _FIGURES = 20.0, 230.0, 230.0
_ROW, _TOP = 34.0, 84.0
_SIZE = 13.0


def log_times(title: str, times: Sequence[StartTimes], *, width: int = 920) -> Picture:
    """Times on an axis in powers of ten.

    A bar reaches from the shortest to the longest run, a thick line stands at the median.

    Args:
        title: what was timed.
        times: one entry a row; no time may be 0.
        width: of the picture in pixels.

    Raises:
        ValueError: if there are none, or a time is 0.
    """
    if not times or min(t.shortest for t in times) <= 0:
        raise ValueError("there is no time to show, or one that is 0")
    first = math.floor(math.log10(min(t.shortest for t in times)))
    last = math.ceil(math.log10(max(t.longest for t in times)))
    left = _MARGIN + _LABEL
    room = width - left - _FIGURES - _MARGIN
    per_power = room / max(last - first, 1)

    def x(seconds: float) -> float:
        return left + (math.log10(seconds) - first) * per_power

    bottom = _TOP + _ROW * len(times)
    shapes = [svg.text(_MARGIN, 32, title, size=16, bold=True)]
    for power in range(first, last + 1):
        at = x(10.0**power)
        shapes.append(svg.line(f"M{svg.num(at)} {_TOP - 6}V{svg.num(bottom)}", svg.EDGE, thick=1))
        words = format_seconds(10.0**power)
        shapes.append(svg.text(at, _TOP - 12, words, size=11, ink=svg.SOFT, anchor="middle"))
    for index, one in enumerate(times):
        middle = _TOP + _ROW * (index + 0.5)
        start, end = x(one.shortest), x(one.longest)
        words = svg.fit(one.label, _LABEL - 8, _SIZE)
        shapes += [
            svg.text(_MARGIN, middle + 4, words, size=_SIZE, bold=True),
            svg.rect(
                start - 3, middle - 8, end - start + 6, 16, svg.FILLS[0], stroke=svg.EDGE, radius=8
            ),
            svg.line(
                f"M{svg.num(x(one.median))} {svg.num(middle - 12)}V{svg.num(middle + 12)}",
                svg.ACCENT,
                thick=3.5,
            ),
            svg.text(width - _MARGIN, middle + 4, _told(one), size=_SIZE, anchor="end"),
        ]
    legend = "┃ median · shaded: from the shortest to the longest · from line to line: ten times"
    shapes.append(svg.text(_MARGIN, bottom + 24, legend, size=12, ink=svg.SOFT))
    described = "; ".join(f"{t.label}: {_told(t)}" for t in times)
    return Picture(svg.document(width, bottom + 40, title, described, shapes), _text(title, times))


def _text(title: str, times: Sequence[StartTimes]) -> str:
    columns = ("what", "median", "shortest", "longest", Column("runs", "number"))
    rows = tuple(
        (
            t.label,
            format_seconds(t.median),
            format_seconds(t.shortest),
            format_seconds(t.longest),
            len(t.seconds),
        )
        for t in times
    )
    return to_text(Table(title, columns, rows))


def _told(one: StartTimes) -> str:
    return (
        f"{format_seconds(one.median)} "
        f"({format_seconds(one.shortest)} to {format_seconds(one.longest)})"
    )
