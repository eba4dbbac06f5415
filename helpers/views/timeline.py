"""Steps on a time axis: the scale, its ticks, and one mark a step. Shared by pictures of builds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from helpers.build.record import StepRecord
from helpers.units import format_seconds
from helpers.views import svg

#: Height of one step's row, and of its bar, in pixels.
ROW = 24.0
BAR = 15.0
_SIZE = 11.5
#: What one unit between ticks may be, in seconds, beyond tenths and their like.
_LONG = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """Seconds to pixels.

    Attributes:
        left: where second 0 stands.
        width: pixels for ``seconds``.
        seconds: the longest time that is shown.
    """

    left: float
    width: float
    seconds: float

    def x(self, at: float) -> float:
        """Where a moment stands."""
        return self.left + self.width * min(max(at / self.seconds, 0.0), 1.0)

    def ticks(self, most: int = 8) -> tuple[float, ...]:
        """Round times from 0 on, at most so many steps between them."""
        unit = tick_unit(self.seconds, most)
        return tuple(unit * index for index in range(math.floor(self.seconds / unit + 1e-9) + 1))


def tick_unit(seconds: float, most: int) -> float:
    """The smallest round time that goes into ``seconds`` at most ``most`` times."""
    rough = seconds / most
    if rough > _LONG[-1]:
        return _LONG[-1] * math.ceil(rough / _LONG[-1])
    if rough > 0.5:
        return next(unit for unit in _LONG if unit >= rough)
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * step for step in (1, 2, 5, 10) if power * step >= rough * (1 - 1e-9))


def tick_text(at: float, unit: float) -> str:
    """A tick's label, without needless digits."""
    if at == 0:
        return "0"
    if unit >= 60:
        return f"{at / 60:g} min"
    if unit >= 0.1:
        return f"{round(at, 3):g} s"
    return f"{round(at * 1000, 3):g} ms"


def axis(scale: Scale, top: float, bottom: float, *, most: int = 8) -> tuple[list[str], list[str]]:
    """The grid lines, which belong below everything, and the labels above the top."""
    unit = tick_unit(scale.seconds, most)
    lines, labels = [], []
    for at in scale.ticks(most):
        x = scale.x(at)
        lines.append(svg.line(f"M{svg.num(x)} {svg.num(top)}V{svg.num(bottom)}", svg.EDGE, thick=1))
        words = tick_text(at, unit)
        labels.append(svg.text(x, top - 6, words, size=11, ink=svg.SOFT, anchor="middle"))
    return lines, labels


def bounds(step: StepRecord, scale: Scale) -> tuple[float, float]:
    """Where a step's mark begins and ends, in pixels."""
    start = scale.x(step.started or 0.0)
    if step.cached or step.started is None:
        return start, start
    end = scale.x(step.completed) if step.completed is not None else scale.left + scale.width
    return start, max(end, start + 2.5)


def mark(
    step: StepRecord,
    y: float,
    scale: Scale,
    right: float,
    band: svg.Ink,
    *,
    ran: svg.Ink = svg.FILLS[0],
    tooltip: str = "",
) -> tuple[list[str], list[str]]:
    """One step's mark and its words, which belong on top of all lines.

    Args:
        step: what became of it.
        y: the top of its row.
        scale: where times stand.
        right: how far words may go.
        band: what lies below, for the halo around the words.
        ran: the colour of a step that ran to its end.
        tooltip: shows where the pointer rests.
    """
    start, end = bounds(step, scale)
    top = y + (ROW - BAR) / 2
    failed, stopped = _failed(step), _stopped(step)
    if step.cached:
        shapes = [diamond(start, y + ROW / 2, tooltip=tooltip)]
        end = start + 6
    else:
        fill = svg.FILLS[3] if failed else svg.PAPER if stopped else ran
        edge = (
            svg.FAIL
            if failed
            else svg.ACCENT
            if ran is svg.FILLS[0] and not stopped
            else svg.STROKE
        )
        shapes = [
            svg.rect(
                start,
                top,
                end - start,
                BAR,
                fill,
                stroke=edge,
                thick=2 if failed else 1,
                radius=2 if end - start > 6 else 0,
                dashed=stopped,
                tooltip=tooltip,
            )
        ]
        if failed:
            shapes.append(svg.pattern(start, top, end - start, BAR, 3))
    return shapes, [_words(step, start, end, y, right, band)]


def diamond(x: float, y: float, *, tooltip: str = "") -> str:
    """The mark of a step that came from the cache: a shape of its own, without length."""
    n = svg.num
    points = f"M{n(x - 5.5)} {n(y)}L{n(x)} {n(y - 5.5)}L{n(x + 5.5)} {n(y)}L{n(x)} {n(y + 5.5)}Z"
    return svg.shape(points, svg.PAPER, svg.STROKE, thick=1.3, tooltip=tooltip)


def outcome_words(step: StepRecord) -> str:
    """What became of a step, in a word or with its time."""
    if step.cached:
        return "cached"
    if _failed(step):
        return f"✗ failed after {format_seconds(step.seconds)}"
    if _stopped(step):
        return "stopped"
    return format_seconds(step.seconds)


def _failed(step: StepRecord) -> bool:
    return bool(step.error) and "context canceled" not in (step.error or "")


def _stopped(step: StepRecord) -> bool:
    return not step.cached and not _failed(step) and (bool(step.error) or step.completed is None)


def _words(
    step: StepRecord, start: float, end: float, y: float, right: float, band: svg.Ink
) -> str:
    words = outcome_words(step)
    wide = svg.text_width(words, _SIZE)
    failed = _failed(step)
    ink = svg.FAIL if failed else svg.SOFT if step.cached else svg.TEXT
    base = y + ROW / 2 + 4
    if end - start > wide + 10:  # within its bar
        halo = svg.FILLS[3] if failed else None
        return svg.text(start + 6, base, words, size=_SIZE, ink=ink, bold=failed, halo=halo)
    if end + 6 + wide <= right:
        return svg.text(end + 6, base, words, size=_SIZE, ink=ink, bold=failed, halo=band)
    return svg.text(
        start - 6, base, words, size=_SIZE, ink=ink, bold=failed, anchor="end", halo=band
    )
