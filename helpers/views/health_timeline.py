"""The picture of what Docker saw: a row a container, its states as a bar, each check as a mark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from helpers.experiments.health_timeline import (
    Change,
    HealthTimeline,
    TimedCheck,
    second,
    timelines_text,
)
from helpers.views import svg
from helpers.views.picture import Picture
from helpers.views.timeline import tick_text, tick_unit

_LABEL, _AXIS, _MARGIN = 226.0, 640.0, 16.0
_WIDTH = _MARGIN * 2 + _LABEL + _AXIS
_TOP, _ROW, _BAR = 74.0, 76.0, 20.0
_SIZE = 12.0
_BEFORE = 3.0  # seconds that are shown before second 0
_FILLS = {
    "starting": (svg.BAND, 0),
    "healthy": (svg.FILLS[2], 0),
    "unhealthy": (svg.FILLS[3], 3),
    "ended": (svg.PAPER, 0),
}


def health_picture(timelines: Sequence[HealthTimeline], title: str, *, since: str = "") -> Picture:
    """One row a container over one time axis.

    A bar is the state that Docker tells: plain grey while it starts, green when it is healthy,
    red with stripes when it is unhealthy; each has its word in it. Below it every check stands as a
    line of its duration, with a tick where it was content and a cross where it failed.

    Args:
        timelines: what was seen; at least one.
        title: above the picture.
        since: the words of a moment that is second 0, a few seconds before which the picture
            begins; empty for each container's own start.
    """
    rows = [one.since(since) for one in timelines] if since else list(timelines)
    begin = min(min((c.at for c in row.changes), default=0.0) for row in rows)
    axis = _Axis(max(begin, -_BEFORE) if since else begin, max(row.until for row in rows))
    bottom = _TOP + _ROW * len(rows)
    twin = timelines_text(rows)
    shapes = [svg.text(_MARGIN, 28, svg.fit(title, _WIDTH - 32, 15), size=15, bold=True)]
    shapes += _axis(axis, bottom)
    for index, row in enumerate(rows):
        shapes += _row(row, axis, _TOP + _ROW * index)
    shapes += _legend(bottom + 18)
    return Picture(svg.document(_WIDTH, bottom + 34, title, twin, shapes), f"{title}\n{twin}")


class _Axis:
    """Seconds to pixels, also before second 0."""

    def __init__(self, begin: float, end: float) -> None:
        self.begin, self.end = begin, max(end, begin + 0.1)
        self.left = _MARGIN + _LABEL

    def x(self, at: float) -> float:
        share = (at - self.begin) / (self.end - self.begin)
        return self.left + _AXIS * min(max(share, 0.0), 1.0)

    def ticks(self) -> Iterator[tuple[float, str]]:
        unit = tick_unit(self.end - self.begin, 10)
        index = -int(-self.begin / unit) if self.begin < 0 else 0
        while unit * index <= self.end + 1e-9:
            words = tick_text(abs(unit * index), unit)
            yield unit * index, f"-{words}" if index < 0 else words
            index += 1


def _axis(axis: _Axis, bottom: float) -> Iterator[str]:
    for at, words in axis.ticks():
        x = svg.num(axis.x(at))
        yield svg.line(f"M{x} {svg.num(_TOP - 8)}V{svg.num(bottom)}", svg.EDGE, thick=1)
        yield svg.text(axis.x(at), _TOP - 14, words, size=11, ink=svg.SOFT, anchor="middle")


def _row(row: HealthTimeline, axis: _Axis, y: float) -> Iterator[str]:
    yield svg.text(_MARGIN, y + 15, svg.fit(row.check.label, _LABEL - 8, _SIZE + 1), size=_SIZE + 1)
    words = f"every {row.check.interval:g} s, timeout {row.check.timeout:g} s"
    if row.check.command:
        yield svg.text(_MARGIN, y + 31, words, size=11, ink=svg.SOFT)
        yield svg.text(_MARGIN, y + 46, row.check.patience, size=11, ink=svg.SOFT)
    ends = [change.at for change in row.changes[1:]] + [row.until]
    for change, end in zip(row.changes, ends, strict=True):
        if end <= axis.begin and end < row.until:
            continue
        yield from _state(change, axis.x(change.at), axis.x(end), y)
    for check in row.checks:
        if check.at + check.seconds <= axis.begin:
            continue
        yield from _check(check, axis, y + _BAR + 14)
    yield from _moments(row, axis, y)


def _state(change: Change, start: float, end: float, y: float) -> Iterator[str]:
    fill, pattern = _FILLS[change.state]
    width = max(end - start, 1.5)
    bad = change.state == "unhealthy"
    edge = svg.FAIL if bad else svg.STROKE
    tip = f"{change.state} from {second(change.at)} on"
    yield svg.rect(
        start, y, width, _BAR, fill, stroke=edge, dashed=change.state == "starting", tooltip=tip
    )
    yield svg.pattern(start, y, width, _BAR, pattern)
    if svg.text_width(change.state, 11) + 8 <= width:
        ink = svg.FAIL if bad else svg.TEXT
        yield svg.text(start + 5, y + 14, change.state, size=11, ink=ink, bold=bad, halo=fill)


def _check(check: TimedCheck, axis: _Axis, y: float) -> Iterator[str]:
    good = check.exit_code == 0
    ink = svg.STROKE if good else svg.FAIL
    n, start = svg.num, axis.x(check.at)
    end = max(axis.x(check.at + check.seconds), start + 2)
    how = "healthy" if good else f"failed ({check.exit_code}) {check.output}"
    yield svg.rect(
        start,
        y - 2.5,
        end - start,
        5,
        svg.BAND if good else svg.FILLS[3],
        stroke=ink,
        tooltip=f"{second(check.at)}: {how}",
    )
    if good:
        yield svg.line(f"M{n(end - 4)} {n(y + 9)}l3 4l6 -8", ink, thick=1.6)
    else:
        yield svg.line(f"M{n(end - 4)} {n(y + 6)}l7 7m0 -7l-7 7", ink, thick=1.6)


def _moments(row: HealthTimeline, axis: _Axis, y: float) -> Iterator[str]:
    for moment in row.moments:
        x = axis.x(moment.at)
        n = svg.num
        yield svg.line(f"M{n(x)} {n(y - 5)}V{n(y + _BAR + 43)}", svg.ACCENT, thick=2.5)
        anchor = "end" if x > axis.left + _AXIS - 80 else "start"
        at = x - 5 if anchor == "end" else x + 5
        yield svg.text(
            at,
            y + _BAR + 43,
            moment.words,
            size=11,
            ink=svg.ACCENT,
            bold=True,
            anchor=anchor,
            halo=svg.PAPER,
        )


def _legend(y: float) -> Iterator[str]:
    words = (
        "Bar: the state that Docker tells. Below it each check, as long as it took: "
        "✓ content, ✗ failed. Blue line: what was done to the service."
    )
    yield svg.text(_MARGIN, y, words, size=11, ink=svg.SOFT)
