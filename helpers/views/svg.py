"""The few SVG shapes that all pictures are drawn with.

Every shape carries its light colours as attributes, because code hosts drop ``<style>``; the style
only adds the dark ones. The paper is part of the picture, so its text is readable on any page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from helpers.report.clean import one_line, shorten

SANS = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
MONO = "ui-monospace, 'SFMono-Regular', Menlo, 'DejaVu Sans Mono', monospace"
#: Width of a character as a share of the font size: exact for the usual code fonts, and more than
#: the average of the usual text fonts.
MONO_ADVANCE = 0.61
SANS_ADVANCE = 0.56


@dataclass(frozen=True, slots=True)
class Ink:
    """A colour for light and for dark paper."""

    name: str
    light: str
    dark: str


PAPER = Ink("paper", "#ffffff", "#1b1f24")
EDGE = Ink("edge", "#d1d9e0", "#454c55")
TEXT = Ink("text", "#1f2328", "#e9ecef")
SOFT = Ink("soft", "#57606a", "#b3bac2")
STROKE = Ink("stroke", "#3d444d", "#c3c9d0")
BAND = Ink("band", "#f0f2f5", "#2a3038")
FAIL = Ink("fail", "#b3131f", "#ff9a94")
ACCENT = Ink("accent", "#2b63b5", "#7fb2ff")

#: Fills for neighbouring shapes: distinct in lightness too, and dark enough text fits on each.
FILLS: tuple[Ink, ...] = (
    Ink("f0", "#bcd7f5", "#23456b"),
    Ink("f1", "#f7dca8", "#5e4615"),
    Ink("f2", "#c9e8c4", "#24502b"),
    Ink("f3", "#f3c9c4", "#6a302b"),
    Ink("f4", "#ddd0f2", "#4b3a70"),
    Ink("f5", "#c2e6e3", "#1d4f4d"),
)
_INKS = (PAPER, EDGE, TEXT, SOFT, STROKE, BAND, FAIL, ACCENT, *FILLS)
_PATTERNS = ("plain", "rise", "dots", "fall", "bars", "grid")


def document(
    width: float, height: float, title: str, description: str, shapes: Iterable[str]
) -> str:
    """A whole SVG on its own paper, with title and description for screen readers."""
    body = "\n".join(shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {num(width)} '
        f'{num(height)}" width="{num(width)}" height="{num(height)}" '
        'style="max-width:100%;height:auto">\n'
        f"<title>{label(title)}</title>\n<desc>{label(description)}</desc>\n"
        f"<style>{_style()}</style>\n<defs>{_patterns()}</defs>\n"
        f"{rect(0.5, 0.5, width - 1, height - 1, PAPER, stroke=EDGE, radius=8)}\n{body}\n</svg>"
    )


def rect(
    x: float,
    y: float,
    width: float,
    height: float,
    fill: Ink | None,
    *,
    stroke: Ink | None = None,
    thick: float = 1.0,
    radius: float = 0,
    dashed: bool = False,
    tooltip: str = "",
) -> str:
    """A rectangle; ``tooltip`` is what shows where the pointer rests."""
    attributes = [f'x="{num(x)}" y="{num(y)}" width="{num(width)}" height="{num(height)}"']
    attributes.append(_paint(fill, stroke))
    if stroke and thick != 1.0:
        attributes.append(f'stroke-width="{num(thick)}"')
    if radius:
        attributes.append(f'rx="{num(radius)}"')
    if dashed:
        attributes.append('stroke-dasharray="5 3"')
    opened = f"<rect {' '.join(attributes)}"
    return f"{opened}><title>{label(tooltip)}</title></rect>" if tooltip else f"{opened}/>"


def pattern(x: float, y: float, width: float, height: float, index: int) -> str:
    """A pattern to lay over a shape; index 0 is none. Shapes differ by more than colour."""
    name = _PATTERNS[index % len(_PATTERNS)]
    if name == "plain":
        return ""
    return (
        f'<rect x="{num(x)}" y="{num(y)}" width="{num(width)}" height="{num(height)}" '
        f'fill="url(#wbp-{name})"/>'
    )


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: float = 13,
    ink: Ink = TEXT,
    mono: bool = False,
    bold: bool = False,
    anchor: str = "start",
    halo: Ink | None = None,
    tooltip: str = "",
) -> str:
    """A line of text with its base line at ``y``.

    ``halo`` is the colour of what lies below: lines do not run through the letters. ``tooltip`` is
    what shows where the pointer rests.
    """
    attributes = [f'x="{num(x)}" y="{num(y)}" font-size="{num(size)}"']
    attributes.append(f'font-family="{MONO if mono else SANS}"')
    classes = f"wbp-{ink.name}" + (f" wbp-s-{halo.name}" if halo else "")
    attributes.append(f'fill="{ink.light}" class="{classes}"')
    if halo:
        attributes.append(
            f'stroke="{halo.light}" stroke-width="4" stroke-linejoin="round" paint-order="stroke"'
        )
    if bold:
        attributes.append('font-weight="600"')
    if anchor != "start":
        attributes.append(f'text-anchor="{anchor}"')
    title = f"<title>{label(tooltip)}</title>" if tooltip else ""
    return f"<text {' '.join(attributes)}>{label(words)}{title}</text>"


def shape(points: str, fill: Ink, stroke: Ink, *, thick: float = 1.0, tooltip: str = "") -> str:
    """A filled path; ``points`` is the ``d`` of an SVG path."""
    opened = f'<path d="{points}" {_paint(fill, stroke)} stroke-width="{num(thick)}"'
    return f"{opened}><title>{label(tooltip)}</title></path>" if tooltip else f"{opened}/>"


def line(points: str, ink: Ink = STROKE, *, thick: float = 1.2, arrow: bool = False) -> str:
    """A path without a fill; ``points`` is the ``d`` of an SVG path."""
    head = "wbp-arrow-accent" if ink is ACCENT else "wbp-arrow"
    marker = f' marker-end="url(#{head})"' if arrow else ""
    return (
        f'<path d="{points}" fill="none" stroke="{ink.light}" class="wbp-s-{ink.name}" '
        f'stroke-width="{num(thick)}"{marker}/>'
    )


def fit(words: str, width: float, size: float, *, mono: bool = False) -> str:
    """The text cut to a width in pixels; empty where not even a few characters fit."""
    room = int(width / (size * (MONO_ADVANCE if mono else SANS_ADVANCE)))
    words = one_line(words)
    if len(words) <= room:
        return words
    return shorten(words, room) if room >= 5 else ""


def text_width(words: str, size: float, *, mono: bool = False) -> float:
    """Room that a text takes at most, in pixels."""
    return len(words) * size * (MONO_ADVANCE if mono else SANS_ADVANCE)


def label(words: str) -> str:
    """A text as SVG content: cleaned and escaped."""
    return escape(one_line(words))


def num(value: float) -> str:
    """A coordinate with at most two decimals: the same on every machine."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _paint(fill: Ink | None, stroke: Ink | None) -> str:
    classes = []
    paint = f'fill="{fill.light}"' if fill else 'fill="none"'
    if fill:
        classes.append(f"wbp-{fill.name}")
    if stroke:
        paint += f' stroke="{stroke.light}"'
        classes.append(f"wbp-s-{stroke.name}")
    return f'{paint} class="{" ".join(classes)}"' if classes else paint


def _style() -> str:
    dark = "".join(
        f".wbp-{ink.name}{{fill:{ink.dark}}}.wbp-s-{ink.name}{{stroke:{ink.dark}}}" for ink in _INKS
    )
    return (
        f"@media (prefers-color-scheme:dark){{{dark}}}"
        "@media print{svg{print-color-adjust:exact}}"
    )


def _patterns() -> str:
    ink = f'stroke="{STROKE.light}" class="wbp-s-{STROKE.name}" stroke-opacity="0.38"'
    dot = f'fill="{STROKE.light}" class="wbp-{STROKE.name}" fill-opacity="0.42"'
    marks = {
        "rise": (8, f'<path d="M-2 2L2 -2M0 8L8 0M6 10L10 6" {ink}/>'),
        "fall": (8, f'<path d="M-2 6L2 10M0 0L8 8M6 -2L10 2" {ink}/>'),
        "dots": (7, f'<circle cx="3.5" cy="3.5" r="1.1" {dot}/>'),
        "bars": (6, f'<path d="M3 0V6" {ink}/>'),
        "grid": (8, f'<path d="M4 0V8M0 4H8" {ink}/>'),
        "cross": (7, f'<path d="M0 0L7 7M7 0L0 7" {ink}/>'),
    }
    patterns = "".join(
        f'<pattern id="wbp-{name}" width="{size}" height="{size}" patternUnits="userSpaceOnUse">'
        f"{mark}</pattern>"
        for name, (size, mark) in marks.items()
    )
    arrows = (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" '
        f'markerHeight="9" markerUnits="userSpaceOnUse" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{ink.light}" class="wbp-{ink.name}"/></marker>'
        for name, ink in (("wbp-arrow", STROKE), ("wbp-arrow-accent", ACCENT))
    )
    return patterns + "".join(arrows)


def waste_pattern(x: float, y: float, width: float, height: float) -> str:
    """The crossed pattern that stands for bytes that no container can see."""
    return (
        f'<rect x="{num(x)}" y="{num(y)}" width="{num(width)}" height="{num(height)}" '
        'fill="url(#wbp-cross)"/>'
    )
