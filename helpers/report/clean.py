"""Text from images, builds and submissions made fit to show: it may hold anything.

Control characters could move a terminal's cursor, fake lines or turn the reading direction; lone
surrogates (file names that are not UTF-8) cannot be written at all.
"""

from __future__ import annotations

import re

from helpers.observe.text import without_escapes, written_out

# C0 and C1 controls but tab and newline, zero-width and bidirectional controls, line separators,
# byte order mark, interlinear and tag characters.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    r"""The text without control characters; newlines and tabs stay.

    Bytes that were kept as surrogate escapes are written as ``\xNN``. A carriage return shows
    what a terminal would show at the end: the text after the last one on its line.
    """
    text = without_escapes(text.replace("\r\n", "\n"))
    if "\r" in text:
        text = "\n".join(_after_returns(line) for line in text.split("\n"))
    return _SURROGATES.sub(lambda found: written_out(found[0]), _CONTROLS.sub("", text))


def one_line(text: str, limit: int = 0) -> str:
    """The cleaned text on one line, every run of white space one blank.

    Args:
        text: anything.
        limit: most characters to keep, head and tail with ``…`` between; 0 for no limit.
    """
    return shorten(" ".join(clean(text).split()), limit)


def shorten(text: str, limit: int) -> str:
    """Head and tail of a text that is longer than ``limit`` characters; 0 for no limit."""
    if limit <= 0 or len(text) <= limit:
        return text
    if limit < 8:
        return text[: limit - 1] + "…"
    tail = limit // 3
    return text[: limit - tail - 1] + "…" + text[len(text) - tail :]


def _after_returns(line: str) -> str:
    return next((part for part in reversed(line.split("\r")) if part.strip()), "")
