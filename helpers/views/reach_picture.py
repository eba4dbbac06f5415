"""The picture of what code reaches: actions against the places where it ran."""

from __future__ import annotations

from collections.abc import Sequence

from helpers.experiments.wasm_reach import Reach
from helpers.report.blocks import Table
from helpers.report.text import to_text
from helpers.views import svg
from helpers.views.picture import Picture

_MARGIN, _ACTION, _ROW, _TOP, _SIZE = 20.0, 210.0, 30.0, 92.0, 13.0


def reach_picture(reaches: Sequence[Reach], *, width: int = 920) -> Picture:
    """Actions in rows, places in columns.

    A filled, hatched box is an action that works, an empty one an action that does not; what came
    of it stands inside.

    Args:
        reaches: one entry a place; the first one names the actions.
        width: of the picture in pixels.

    Raises:
        ValueError: if there are none.
    """
    if not reaches:
        raise ValueError("there is nothing to show")
    actions = tuple(reaches[0].worked)
    cell = (width - 2 * _MARGIN - _ACTION) / len(reaches)
    title = "What the same program reaches"
    shapes = [svg.text(_MARGIN, 32, title, size=16, bold=True)]
    for column, one in enumerate(reaches):
        middle = _MARGIN + _ACTION + cell * (column + 0.5)
        possible = sum(one.worked.values())
        head = svg.fit(one.place, cell - 6, _SIZE)
        shapes.append(svg.text(middle, 62, head, size=_SIZE, bold=True, anchor="middle"))
        count = f"{possible} of {len(actions)}"
        shapes.append(svg.text(middle, 79, count, size=11, ink=svg.SOFT, anchor="middle"))
    for row, action in enumerate(actions):
        y = _TOP + _ROW * row
        shapes.append(svg.text(_MARGIN, y + _ROW / 2 + 4, action, size=_SIZE))
        for column, one in enumerate(reaches):
            shapes += _cell(one, action, _MARGIN + _ACTION + cell * column, y, cell)
    bottom = _TOP + _ROW * len(actions)
    legend = "hatched: it works · plain: it does not"
    shapes.append(svg.text(_MARGIN, bottom + 24, legend, size=12, ink=svg.SOFT))
    described = "; ".join(
        f"{one.place}: {', '.join(a for a in actions if one.worked.get(a)) or 'nothing'}"
        for one in reaches
    )
    return Picture(svg.document(width, bottom + 40, title, described, shapes), _text(reaches))


def _cell(one: Reach, action: str, x: float, y: float, width: float) -> list[str]:
    worked = one.worked.get(action, False)
    detail = one.details.get(action, "")
    place = (x + 3, y + 3, width - 6, _ROW - 6)
    fill = svg.FILLS[3] if worked else svg.PAPER
    shapes = [svg.rect(*place, fill, stroke=svg.EDGE, radius=4, tooltip=detail)]
    if worked:
        shapes.append(svg.pattern(*place, 1))
    words = svg.fit(detail, width - 16, 11)
    ink = svg.TEXT if worked else svg.SOFT
    halo = svg.FILLS[3] if worked else None
    middle = x + width / 2
    shapes.append(
        svg.text(middle, y + _ROW / 2 + 4, words, size=11, ink=ink, anchor="middle", halo=halo)
    )
    return shapes


def _text(reaches: Sequence[Reach]) -> str:
    columns = ("action", *(one.place for one in reaches))
    rows = tuple(
        (
            action,
            *(
                f"{'yes' if one.worked.get(action) else 'no'}: {one.details.get(action, '')}"
                for one in reaches
            ),
        )
        for action in reaches[0].worked
    )
    return to_text(Table("What the same program reaches", columns, rows))
