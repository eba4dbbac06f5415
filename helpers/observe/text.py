"""Foreign text (paths, logs, answers) made safe to show: nothing that moves a cursor or hides.

The one place that knows terminal sequences and how an unprintable character is written out.
Reports build on it (:mod:`helpers.report.clean`).
"""

from __future__ import annotations

import re

# Sequences as a whole: CSI (colours, cursor moves), strings such as OSC (window titles, links;
# ended by BEL or ST), and short ones. A string that is never ended hides no more than its own line.
# Source: ECMA-48, https://ecma-international.org/publications-and-standards/standards/ecma-48/
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?"
)


def printable(text: str, limit: int | None = None) -> str:
    r"""The text with every character that is not printable written out.

    Args:
        text: anything, also with surrogate escapes (bytes that were no UTF-8).
        limit: longest result in characters; what is cut off is marked with ``…``.

    Returns:
        One line: white space becomes a space, a control character ``\x07``, an undecodable byte
        ``\xff``.
    """
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else written_out(c) for c in text)


def without_escapes(text: str) -> str:
    """The text without terminal escape sequences."""
    return _ESCAPES.sub("", text) if "\x1b" in text else text


def written_out(char: str) -> str:
    r"""A character that is not printable, for example as ``\x07``; white space as a space."""
    if char.isspace():
        return " "
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte kept by the "surrogateescape" error handler
        return f"\\x{code - 0xDC00:02x}"
    return char.encode("unicode_escape", "backslashreplace").decode("ascii")
