"""Pictures of images: what each instruction added, and several images to one scale."""

from __future__ import annotations

from collections.abc import Sequence

from helpers.observe.image_facts import ImageFacts
from helpers.report.blocks import Cell, CellValue, Column, Table
from helpers.report.clean import one_line
from helpers.report.text import to_text
from helpers.units import format_bytes, format_count, format_share
from helpers.views import svg
from helpers.views.contents import LayerShare, layer_shares
from helpers.views.picture import Picture

_MARGIN = 20.0
_BAR = 44.0
_PARTS = 34.0
_ROW = 24.0
_SMALL_ROW = 17.0
#: Layers of at least this share of the image have their largest parts told in words.
_TOLD = 0.05
_SMALLEST = 0.5  # pixels: below it a shape is left out


def layers_picture(facts: ImageFacts, *, label: str = "", width: int = 920) -> Picture:
    """The picture of one image with its text twin."""
    return Picture(
        svg=layers_svg(facts, label=label, width=width), text=layers_text(facts, label=label)
    )


def compare_picture(images: Sequence[tuple[str, ImageFacts]], *, width: int = 920) -> Picture:
    """The picture of several images to one scale with its text twin."""
    return Picture(svg=compare_svg(images, width=width), text=compare_text(images))


def layers_svg(facts: ImageFacts, *, label: str = "", width: int = 920) -> str:
    """One image as an icicle: the layers, and under each what it holds; widths are bytes.

    Below it stands one line a layer with its instruction, size and share.

    Args:
        facts: the image.
        label: its name in the title; the image's own tag where it is empty.
        width: of the picture in pixels.
    """
    shares = layer_shares(facts)
    scale = (width - 2 * _MARGIN) / (facts.unpacked_bytes or 1)
    top = 64.0
    shapes = [*_title(facts, label)]
    x = _MARGIN
    for share in shares:
        shapes += _layer_box(share, x, top, share.bytes * scale, _BAR)
        shapes += _part_boxes(share, x, top + _BAR + 3, scale)
        x += share.bytes * scale
    y = top + _BAR + _PARTS + 34
    for share in shares:
        shapes += _legend_row(share, y, width)
        y += _ROW
        if share.share >= _TOLD:
            shapes.append(_largest(share, y - 6, width))
            y += _SMALL_ROW
    if facts.waste:
        shapes += _waste_row(facts, y, width)
        y += _ROW
    return svg.document(
        width, y + 2, f"Layers of {_name(facts, label)}", _description(facts, shares), shapes
    )


def layers_text(facts: ImageFacts, *, label: str = "") -> str:
    """The figures of :func:`layers_svg` as a table with bars made of text."""
    rows: list[tuple[Cell | CellValue, ...]] = []
    for share in layer_shares(facts):
        rows.append((str(share.number), share.instruction, share.bytes, share.share))
        rows.extend(("", Cell("└ " + part.name, "muted"), part.bytes, "") for part in share.parts)
    title = f"{_name(facts, label)}: {format_bytes(facts.unpacked_bytes)} in "
    title += format_count(len(facts.layers), "layer")
    if facts.stand_in:
        title += ", on a stand-in base image"
    note = ""
    if facts.waste:
        note = f"Waste: {format_bytes(facts.wasted_bytes)} stored that no container can see."
    columns = ("layer", Column("instruction", "code"), Column("size", "bytes"))
    return to_text(Table(title, (*columns, Column("share", "share")), tuple(rows), note))


def compare_svg(images: Sequence[tuple[str, ImageFacts]], *, width: int = 920) -> str:
    """Several images below each other to one scale, the first one as the measure.

    Args:
        images: label and facts of each, usually from the largest to the smallest.
        width: of the picture in pixels.

    Raises:
        ValueError: if there are no images.
    """
    if not images:
        raise ValueError("there is no image to compare")
    first = images[0][1].unpacked_bytes
    largest = max(facts.unpacked_bytes for _, facts in images) or 1
    scale = (width - 2 * _MARGIN) / largest
    shapes = [svg.text(_MARGIN, 34, "Unpacked size, to one scale", size=16, bold=True)]
    y = 56.0
    for name, facts in images:
        size = format_bytes(facts.unpacked_bytes)
        shapes.append(svg.text(_MARGIN, y + 14, svg.fit(name, width / 2, 14), size=14, bold=True))
        told = f"{size}{_change(first, facts.unpacked_bytes)} · {_layers(facts)}"
        if facts.stand_in:
            told += " · stand-in base"
        shapes.append(svg.text(width - _MARGIN, y + 14, told, size=13, anchor="end"))
        x = _MARGIN
        bar = y + 22
        shapes.append(svg.rect(_MARGIN, bar, width - 2 * _MARGIN, _BAR, svg.BAND, radius=2))
        for share in layer_shares(facts):
            shapes += _layer_box(share, x, bar, share.bytes * scale, _BAR)
            x += share.bytes * scale
        y = bar + _BAR + 16
    description = "; ".join(
        f"{name}: {format_bytes(f.unpacked_bytes)}{_change(first, f.unpacked_bytes)}"
        for name, f in images
    )
    return svg.document(width, y + 4, "Image sizes to one scale", description, shapes)


def compare_text(images: Sequence[tuple[str, ImageFacts]]) -> str:
    """The figures of :func:`compare_svg` as a table with bars made of text.

    Raises:
        ValueError: if there are no images.
    """
    if not images:
        raise ValueError("there is no image to compare")
    first = images[0][1].unpacked_bytes
    rows: list[tuple[Cell | CellValue, ...]] = [
        (
            name + (" (stand-in base)" if facts.stand_in else ""),
            facts.unpacked_bytes,
            _change(first, facts.unpacked_bytes).strip(" ()") or "–",
            len(facts.layers),
            facts.unpacked_bytes / (first or 1),
        )
        for name, facts in images
    ]
    columns = (
        "image",
        Column("unpacked", "bytes"),
        "change",
        Column("layers", "number"),
        Column("of the first", "share"),
    )
    return to_text(Table("Unpacked size, to one scale", columns, tuple(rows)))


def _title(facts: ImageFacts, label: str) -> list[str]:
    name = svg.fit(_name(facts, label), 560, 16)
    told = f"{format_bytes(facts.unpacked_bytes)} unpacked in {_layers(facts)}"
    if facts.stand_in:
        told += " · on a stand-in base image"
    return [
        svg.text(_MARGIN, 30, name, size=16, bold=True),
        svg.text(_MARGIN, 50, told, size=13, ink=svg.SOFT),
    ]


def _layer_box(share: LayerShare, x: float, y: float, width: float, height: float) -> list[str]:
    if width < _SMALLEST:
        return []
    tip = f"Layer {share.number}: {share.instruction}, {format_bytes(share.bytes)}"
    fill = svg.FILLS[(share.number - 1) % len(svg.FILLS)]
    shapes = [svg.rect(x, y, width, height, fill, tooltip=tip)]
    shapes.append(svg.pattern(x, y, width, height, share.number - 1))
    shapes.append(svg.rect(x, y, width, height, None, stroke=svg.STROKE, thick=0.8))
    number, size = str(share.number), format_bytes(share.bytes)
    if svg.text_width(size, 12) + 10 <= width:
        shapes += _plate(x + width / 2, y, width, height, number, size, fill)
    elif svg.text_width(number, 13) + 4 <= width:
        shapes += _plate(x + width / 2, y, width, height, number, "", fill)
    return [shape for shape in shapes if shape]


def _plate(
    middle: float, y: float, width: float, height: float, number: str, size: str, fill: svg.Ink
) -> list[str]:
    # Text stands on its own plate: no pattern runs through it.
    room = max(svg.text_width(size, 12), svg.text_width(number, 14)) + 6
    room = min(room, width - 1.6)
    tall = 34.0 if size else 19.0
    top = y + (height - tall) / 2
    shapes = [svg.rect(middle - room / 2, top, room, tall, fill)]
    shapes.append(svg.text(middle, top + 14, number, size=14, bold=True, anchor="middle"))
    if size:
        shapes.append(svg.text(middle, top + 29, size, size=12, anchor="middle"))
    return shapes


def _part_boxes(share: LayerShare, x: float, y: float, scale: float) -> list[str]:
    shapes: list[str] = []
    for part in share.parts:
        width = part.bytes * scale
        if width >= _SMALLEST:
            tip = f"{part.name}, {format_bytes(part.bytes)}, in layer {share.number}"
            fill = svg.FILLS[(share.number - 1) % len(svg.FILLS)]
            waste = part.kind == "waste"
            shapes.append(svg.rect(x, y, width, _PARTS, svg.PAPER if waste else fill, tooltip=tip))
            if waste:
                shapes.append(svg.waste_pattern(x, y, width, _PARTS))
            shapes.append(svg.rect(x, y, width, _PARTS, None, stroke=svg.STROKE, thick=0.6))
            words = "" if waste else _fitting_name(part.name, width - 6)
            if words:
                shapes.append(svg.text(x + width / 2, y + 14, words, size=11, anchor="middle"))
                size = format_bytes(part.bytes)
                if svg.text_width(size, 10.5) + 6 <= width:
                    shapes.append(svg.text(x + width / 2, y + 27, size, size=10.5, anchor="middle"))
        x += width
    return shapes


def _fitting_name(path: str, width: float) -> str:
    # The end of a path tells most: as much of it as fits.
    names = path.strip("()").split("/")
    tails = ["/".join(names), *("…/" + "/".join(names[i:]) for i in range(2, len(names)))]
    tails.append(names[-1])
    return next((t for t in tails if svg.text_width(t, 11) <= width), "")


def _legend_row(share: LayerShare, y: float, width: float) -> list[str]:
    fill = svg.FILLS[(share.number - 1) % len(svg.FILLS)]
    shapes = [svg.rect(_MARGIN, y - 13, 26, 17, fill)]
    shapes.append(svg.pattern(_MARGIN, y - 13, 26, 17, share.number - 1))
    shapes.append(svg.rect(_MARGIN, y - 13, 26, 17, None, stroke=svg.STROKE, thick=0.8))
    shapes.append(svg.rect(_MARGIN + 5, y - 12, 16, 15, fill))
    shapes.append(svg.text(_MARGIN + 13, y, str(share.number), size=12, bold=True, anchor="middle"))
    room = width - 2 * _MARGIN - 36 - 180
    words = svg.fit(share.instruction, room, 12.5, mono=True)
    shapes.append(svg.text(_MARGIN + 36, y, words, size=12.5, mono=True))
    right = width - _MARGIN
    shapes.append(svg.text(right - 70, y, format_bytes(share.bytes), size=13, anchor="end"))
    shapes.append(
        svg.text(right, y, format_share(share.share), size=13, ink=svg.SOFT, anchor="end")
    )
    return [shape for shape in shapes if shape]


def _largest(share: LayerShare, y: float, width: float) -> str:
    words = " · ".join(
        f"{part.name.strip('()')} {format_bytes(part.bytes)}" for part in share.parts[:3]
    )
    x = _MARGIN + 36
    return svg.text(x, y, svg.fit(words, width - x - _MARGIN, 11.5), size=11.5, ink=svg.SOFT)


def _waste_row(facts: ImageFacts, y: float, width: float) -> list[str]:
    wasted = facts.wasted_bytes
    right = width - _MARGIN
    return [
        svg.rect(_MARGIN, y - 13, 26, 17, svg.PAPER),
        svg.waste_pattern(_MARGIN, y - 13, 26, 17),
        svg.rect(_MARGIN, y - 13, 26, 17, None, stroke=svg.STROKE, thick=0.8),
        svg.text(_MARGIN + 36, y, "waste: stored, but overwritten or deleted later", size=13),
        svg.text(right - 70, y, format_bytes(wasted), size=13, anchor="end"),
        svg.text(
            right,
            y,
            format_share(wasted / (facts.unpacked_bytes or 1)),
            size=13,
            ink=svg.SOFT,
            anchor="end",
        ),
    ]


def _name(facts: ImageFacts, label: str) -> str:
    return one_line(label or (facts.tags[0] if facts.tags else facts.id[:19]))


def _layers(facts: ImageFacts) -> str:
    return format_count(len(facts.layers), "layer")


def _change(first: int, size: int) -> str:
    if not first or size == first:
        return ""
    sign, change = ("−", 1 - size / first) if size < first else ("+", size / first - 1)
    return f" ({sign}{format_share(change)})"


def _description(facts: ImageFacts, shares: tuple[LayerShare, ...]) -> str:
    layers = "; ".join(
        f"layer {s.number}, {s.instruction}: {format_bytes(s.bytes)}, {format_share(s.share)}"
        for s in shares
    )
    return f"{format_bytes(facts.unpacked_bytes)} unpacked. {layers}."
