"""The picture of stops: requests per second before and after the signal, one row a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from helpers.experiments.stops import Stop
from helpers.report.blocks import Column, Table
from helpers.report.text import to_text
from helpers.units import format_seconds
from helpers.views import svg
from helpers.views.picture import Picture

_MARGIN, _LABEL, _FIGURES = 20.0, 190.0, 238.0
_ROW, _TOP, _BARS, _BAND = 74.0, 86.0, 40.0, 7.0
_SIZE = 13.0
_BIN = 0.1
_BEFORE = 1.0


class _Axis:
    """Seconds around the signal as pixels."""

    def __init__(self, left: float, width: float, last: float) -> None:
        self.left, self.width, self.last = left, width, last

    def x(self, seconds: float) -> float:
        share = (seconds + _BEFORE) / (self.last + _BEFORE)
        return self.left + self.width * min(1.0, max(0.0, share))


def stop_picture(stops: Sequence[Stop], *, width: int = 920) -> Picture:
    """Stops under load on one time axis, with the signal at zero.

    Args:
        stops: one row each.
        width: of the picture in pixels.

    Raises:
        ValueError: if there are none.
    """
    if not stops:
        raise ValueError("there is no stop to show")
    left = _MARGIN + _LABEL
    last = max(s.seconds for s in stops) + 0.3
    axis = _Axis(left, width - left - _FIGURES - _MARGIN, last)
    bottom = _TOP + _ROW * len(stops)
    title = "Requests around the stop signal"
    shapes = [svg.text(_MARGIN, 30, title, size=16, bold=True), *_grid(axis, bottom)]
    most = max((count for s in stops for count in _bins(s, answered=True).values()), default=1)
    for index, one in enumerate(stops):
        shapes += _row(one, _TOP + _ROW * index, axis, most, width)
    legend = (
        f"bars: answered in 0.1 s, at most {most} · hatched below: asked and got no answer · "
        "┃ the end of the container"
    )
    shapes.append(svg.text(_MARGIN, bottom + 24, legend, size=12, ink=svg.SOFT))
    words = stop_text(stops)
    described = "; ".join(f"{s.label}: {_told(s)[0]}, {_told(s)[1]}" for s in stops)
    return Picture(svg.document(width, bottom + 40, title, described, shapes), words)


def stop_text(stops: Sequence[Stop]) -> str:
    """The figures of :func:`stop_picture` as a table."""
    columns = (
        "run",
        Column("per second before", "number"),
        "in flight, answered",
        Column("served until", "seconds"),
        Column("ended after", "seconds"),
        "status",
    )
    rows = tuple(
        (
            s.label,
            round(s.per_second),
            f"{s.answered} of {s.in_flight}",
            s.last_served,
            s.seconds,
            _status(s),
        )
        for s in stops
    )
    return to_text(Table("Requests around the stop signal", columns, rows))


def _grid(axis: _Axis, bottom: float) -> list[str]:
    shapes = []
    seconds = -_BEFORE
    while seconds <= axis.last:
        x = axis.x(seconds)
        path = f"M{svg.num(x)} {svg.num(_TOP - 4)}V{svg.num(bottom)}"
        signal = seconds == 0
        shapes.append(
            svg.line(path, svg.FAIL if signal else svg.EDGE, thick=1.6 if signal else 0.8)
        )
        words = "signal" if signal else f"{seconds:+g} s"
        ink = svg.FAIL if signal else svg.SOFT
        shapes.append(svg.text(x, _TOP - 12, words, size=12, ink=ink, anchor="middle", bold=signal))
        seconds += 1.0
    return shapes


def _bins(one: Stop, *, answered: bool) -> Counter[int]:
    ends = [r.sent + r.seconds for r in one.requests if r.answered is answered]
    return Counter(int(end // _BIN) for end in ends if end >= -_BEFORE)


def _row(one: Stop, y: float, axis: _Axis, most: int, width: float) -> list[str]:
    base = y + 12 + _BARS
    n = svg.num
    shapes = [
        svg.text(_MARGIN, base - 14, svg.fit(one.label, _LABEL - 8, _SIZE), size=_SIZE, bold=True),
        svg.line(f"M{n(axis.left)} {n(base)}H{n(axis.left + axis.width)}", svg.EDGE),
    ]
    for number, count in sorted(_bins(one, answered=True).items()):
        x, after = axis.x(number * _BIN), axis.x((number + 1) * _BIN)
        tall = _BARS * count / most
        tooltip = f"{count} answered within {_BIN:g} s"
        fill = svg.FILLS[0] if number < 0 else svg.FILLS[1]
        shapes.append(svg.rect(x, base - tall, after - x - 0.6, tall, fill, tooltip=tooltip))
    for number, count in sorted(_bins(one, answered=False).items()):
        x, after = axis.x(number * _BIN), axis.x((number + 1) * _BIN)
        if after <= x or number * _BIN > axis.last:
            continue
        tooltip = f"{count} without an answer"
        shapes.append(svg.rect(x, base + 2, after - x, _BAND, svg.FILLS[3], tooltip=tooltip))
        shapes.append(svg.pattern(x, base + 2, after - x, _BAND, 1))
    end = axis.x(one.seconds)
    shapes.append(svg.line(f"M{n(end)} {n(base - _BARS)}V{n(base + _BAND + 3)}", thick=3.2))
    first, second = _told(one)
    ink = svg.FAIL if one.dropped or one.killed else svg.TEXT
    right = width - _MARGIN
    shapes.append(svg.text(right, base - 20, first, size=_SIZE, anchor="end", ink=ink, bold=True))
    shapes.append(svg.text(right, base - 2, second, size=12, anchor="end", ink=svg.SOFT))
    return shapes


def _told(one: Stop) -> tuple[str, str]:
    orders = f"{one.answered} of {one.in_flight} orders answered"
    return orders, f"ended after {format_seconds(one.seconds)}, {_status(one)}"


def _status(one: Stop) -> str:
    return f"killed, status {one.exit_code}" if one.killed else f"status {one.exit_code}"
