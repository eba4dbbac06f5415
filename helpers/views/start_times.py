"""The picture of start times: each run a ring, the median a bar across the range."""

from __future__ import annotations

from collections.abc import Sequence

from helpers.experiments.start_time import StartTimes
from helpers.report.blocks import Column, Table
from helpers.report.text import to_text
from helpers.units import format_seconds
from helpers.views import svg
from helpers.views.picture import Picture
from helpers.views.timeline import Scale, axis

_MARGIN, _LABEL, _FIGURES = 20.0, 190.0, 210.0
_ROW, _TOP = 34.0, 78.0
_SIZE = 13.0


def start_picture(times: Sequence[StartTimes], *, width: int = 920) -> Picture:
    """Start times of several images on one axis that begins at zero.

    Args:
        times: one entry an image.
        width: of the picture in pixels.

    Raises:
        ValueError: if there are none.
    """
    if not times:
        raise ValueError("there is no start time to show")
    left = _MARGIN + _LABEL
    longest = max(t.longest for t in times)
    scale = Scale(left, width - left - _FIGURES - _MARGIN, longest * 1.05)
    bottom = _TOP + _ROW * len(times)
    lines, labels = axis(scale, _TOP, bottom)
    title = "From the order to start until the service listens"
    shapes = [svg.text(_MARGIN, 32, title, size=16, bold=True), *lines, *labels]
    for index, one in enumerate(times):
        shapes += _row(one, _TOP + _ROW * index, scale, width)
    legend = "○ one run   ┃ median   shaded: from the shortest to the longest"
    shapes.append(svg.text(_MARGIN, bottom + 24, legend, size=12, ink=svg.SOFT))
    described = "; ".join(f"{t.label}: {_told(t)}" for t in times)
    return Picture(svg.document(width, bottom + 40, title, described, shapes), start_text(times))


def start_text(times: Sequence[StartTimes]) -> str:
    """The figures of :func:`start_picture` as a table."""
    columns: tuple[Column | str, ...] = (
        "image",
        Column("median", "seconds"),
        Column("shortest", "seconds"),
        Column("longest", "seconds"),
        Column("runs", "number"),
    )
    rows = tuple((t.label, t.median, t.shortest, t.longest, len(t.seconds)) for t in times)
    return to_text(Table("From the order to start until the service listens", columns, rows))


def _row(one: StartTimes, y: float, scale: Scale, width: float) -> list[str]:
    middle = y + _ROW / 2
    first, last = scale.x(one.shortest), scale.x(one.longest)
    n = svg.num
    shapes = [
        svg.text(_MARGIN, middle + 4, svg.fit(one.label, _LABEL - 8, _SIZE), size=_SIZE, bold=True),
        svg.rect(
            first - 6, middle - 9, last - first + 12, 18, svg.FILLS[0], stroke=svg.EDGE, radius=9
        ),
    ]
    for run in one.seconds:
        x = scale.x(run)
        ring = f"M{n(x - 4)} {n(middle)}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z"
        shapes.append(svg.shape(ring, svg.PAPER, svg.STROKE, tooltip=format_seconds(run)))
    x = scale.x(one.median)
    shapes.append(svg.line(f"M{n(x)} {n(middle - 12)}V{n(middle + 12)}", svg.ACCENT, thick=3.5))
    shapes.append(svg.text(width - _MARGIN, middle + 4, _told(one), size=_SIZE, anchor="end"))
    return shapes


def _told(one: StartTimes) -> str:
    return (
        f"{format_seconds(one.median)} "
        f"({format_seconds(one.shortest)} to {format_seconds(one.longest)})"
    )
