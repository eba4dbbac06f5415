"""The picture of an attack: actions against hardening steps, and which step stops what."""

from __future__ import annotations

from collections.abc import Iterator

from helpers.observe.attack.actions import BY_ID
from helpers.observe.attack.facts import ActionOutcome, AttackMatrix, Result
from helpers.report.describe_attack import (
    WORDS,
    actions_of,
    describe_matrix,
    outcomes_of,
    stopped_at,
)
from helpers.report.text import blocks_text
from helpers.views import svg
from helpers.views.picture import Picture

_GROUP, _TITLE, _CELL = 118.0, 284.0, 78.0
_ROW, _MARGIN, _SIZE = 21.0, 16.0, 12.0
_HEAD_LINE, _HEAD_LINES = 13.0, 3
_TOP = 44.0


def attack_matrix(matrix: AttackMatrix) -> Picture:
    """Actions against hardening steps.

    A filled square is an action that works, a dashed one with a diamond one that nothing would
    have stopped, a ring one that was refused, a question mark one that was not tried. A thick line
    stands where a step stops an action for good.

    Args:
        matrix: what was seen; every step is a column.

    Returns:
        The picture, with the whole report as its text twin.
    """
    actions = actions_of(matrix)
    left = _MARGIN + _GROUP + _TITLE
    top = _TOP + _HEAD_LINE * (_HEAD_LINES + 1)
    width = left + _CELL * len(matrix.runs) + _MARGIN
    bottom = top + _ROW * len(actions)
    title = f"What an intruder can do in {matrix.image}"
    possible = [len(run.possible) for run in matrix.runs]
    description = (
        f"{len(actions)} actions against {len(matrix.runs)} hardening steps. "
        + "; ".join(
            f"step {i + 1}, {run.hardening.name}: {count} possible"
            for i, (run, count) in enumerate(zip(matrix.runs, possible, strict=True))
        )
    )
    heading = svg.fit(title, width - 2 * _MARGIN, 15)
    shapes = [svg.text(_MARGIN, 28, heading, size=15, bold=True)]
    shapes += _heads(matrix, left)
    for index, action in enumerate(actions):
        shapes += _row(
            matrix, action, top + index * _ROW, left, width, first=_is_first(actions, index)
        )
    shapes += _totals(matrix, left, bottom)
    shapes += _legend(bottom + 2 * _ROW + 12)
    height = bottom + 2 * _ROW + 32
    picture = svg.document(width, height, title, description, shapes)
    return Picture(picture, blocks_text(describe_matrix(matrix)))


def _is_first(actions: tuple[str, ...], index: int) -> bool:
    return index == 0 or BY_ID[actions[index - 1]].group != BY_ID[actions[index]].group


def _heads(matrix: AttackMatrix, left: float) -> Iterator[str]:
    for index, run in enumerate(matrix.runs):
        middle = left + _CELL * (index + 0.5)
        lines = _wrapped(run.hardening.name or "as it is", _CELL - 4)
        yield svg.text(middle, _TOP + 8, str(index + 1), size=11, bold=True, anchor="middle")
        for row, words in enumerate(lines):
            y = _TOP + 8 + _HEAD_LINE * (row + 1)
            yield svg.text(middle, y, words, size=11, ink=svg.SOFT, anchor="middle")


def _wrapped(words: str, width: float) -> list[str]:
    """At most three lines; a word that is too long is cut."""
    lines: list[str] = []
    for word in words.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and svg.text_width(joined, 11) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    if len(lines) > _HEAD_LINES:
        lines = [*lines[: _HEAD_LINES - 1], " ".join(lines[_HEAD_LINES - 1 :])]
    return [svg.fit(line, width, 11) or line[:4] for line in lines]


def _row(
    matrix: AttackMatrix, action: str, y: float, left: float, width: float, *, first: bool
) -> Iterator[str]:
    about = BY_ID[action]
    base = y + _ROW / 2 + 4
    if first:
        n = svg.num
        yield svg.line(f"M{n(_MARGIN)} {n(y)}H{n(width - _MARGIN)}", svg.EDGE, thick=1)
        yield svg.text(_MARGIN, base, about.group, size=11, ink=svg.SOFT, bold=True)
    words = svg.fit(about.title, _TITLE - 8, _SIZE)
    tooltip = f"{about.title}: {about.gain}. Stopped by: {about.stopped_by}"
    yield svg.text(_MARGIN + _GROUP, base, words, size=_SIZE, tooltip=tooltip)
    for index, outcome in enumerate(outcomes_of(matrix, action)):
        yield from _cell(outcome, left + _CELL * index, y)
    stop = stopped_at(matrix, action)
    if stop:  # step 0 means that it never worked
        x = left + _CELL * stop
        yield svg.line(
            f"M{svg.num(x)} {svg.num(y + 1)}V{svg.num(y + _ROW - 1)}", svg.ACCENT, thick=3.5
        )


def _cell(outcome: ActionOutcome | None, x: float, y: float) -> Iterator[str]:
    """One result: square, diamond in a dashed square, ring or question mark."""
    middle_x, middle_y = x + _CELL / 2, y + _ROW / 2
    tooltip = _tooltip(outcome)
    result: Result = outcome.result if outcome is not None else "not tried"
    if result == "refused":
        yield _circle(middle_x, middle_y, 3.2, tooltip)
        return
    if result == "not tried":
        yield svg.text(
            middle_x, middle_y + 5, "?", size=13, bold=True, anchor="middle", tooltip=tooltip
        )
        return
    place = (x + 7, y + 2.5, _CELL - 14, _ROW - 5)
    unlimited = result == "no limit"
    fill = svg.FILLS[1] if unlimited else svg.FILLS[3]
    yield svg.rect(
        *place,
        fill,
        stroke=svg.STROKE if unlimited else svg.FAIL,
        radius=3,
        dashed=unlimited,
        tooltip=tooltip,
    )
    if unlimited:
        yield _diamond(middle_x, middle_y, 5, svg.PAPER, tooltip)
    else:
        yield svg.pattern(*place, 3)


def _diamond(x: float, y: float, r: float, fill: svg.Ink, tooltip: str) -> str:
    n = svg.num
    points = f"M{n(x - r)} {n(y)}L{n(x)} {n(y - r)}L{n(x + r)} {n(y)}L{n(x)} {n(y + r)}Z"
    return svg.shape(points, fill, svg.STROKE, thick=1, tooltip=tooltip)


def _circle(x: float, y: float, r: float, tooltip: str) -> str:
    n = svg.num
    arc = f"A{n(r)} {n(r)} 0 1 1"
    points = f"M{n(x - r)} {n(y)}{arc} {n(x + r)} {n(y)}{arc} {n(x - r)} {n(y)}Z"
    return svg.shape(points, svg.PAPER, svg.SOFT, thick=1.3, tooltip=tooltip)


def _tooltip(outcome: ActionOutcome | None) -> str:
    if outcome is None:
        return WORDS["not tried"]
    parts = (WORDS[outcome.result], outcome.errno, outcome.detail)
    return ": ".join(part for part in parts if part)


def _totals(matrix: AttackMatrix, left: float, y: float) -> Iterator[str]:
    base = y + _ROW / 2 + 8
    yield svg.text(_MARGIN, base, "possible", size=_SIZE, bold=True)
    for index, run in enumerate(matrix.runs):
        count = str(len(run.possible)) if run.started else "?"
        middle = left + _CELL * (index + 0.5)
        yield svg.text(middle, base, count, size=14, bold=True, anchor="middle")


def _legend(y: float) -> Iterator[str]:
    """The signs of the text twin are drawn here as in the picture."""
    x = _MARGIN
    samples: tuple[tuple[Result, str], ...] = (
        ("succeeded", "works"),
        ("no limit", "nothing would stop it"),
        ("refused", "refused"),
        ("not tried", "not tried"),
    )
    for result, words in samples:
        yield from _cell(ActionOutcome("", result), x - 7, y - _ROW / 2 - 4)
        yield svg.text(x + _CELL - 8, y, words, size=11, ink=svg.SOFT)
        x += _CELL + svg.text_width(words, 11) + 10
    yield svg.line(f"M{svg.num(x)} {svg.num(y - 12)}V{svg.num(y + 4)}", svg.ACCENT, thick=3.5)
    yield svg.text(x + 8, y, "stopped from here on", size=11, ink=svg.SOFT)
