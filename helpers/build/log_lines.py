"""Chunks of output to lines that can be shown."""

from __future__ import annotations

import codecs
import re

#: A line is cut after this many characters.
LINE_LIMIT = 4_000
# CSI (colours, cursor), OSC (titles, links; ended by BEL or ST), and two-character sequences.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b[PX^_][^\x1b]*(?:\x1b\\|$)"
    r"|\x1b[ -/]*[0-~]?|\x9b[0-?]*[ -/]*[@-~]"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


#: What a line ends with that was cut.
CUT = re.compile(r" … \(\d+ more characters\)$")


class LineReader:
    """Joins chunks of one stream into lines.

    A chunk may end within a line or within a character. A carriage return starts the line over,
    as on a terminal, so that a progress bar gives one line. What is kept of an unfinished line is
    bounded.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line = ""
        self._cut = 0
        self._returned = False

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that a chunk completes."""
        return self._take(self._decoder.decode(chunk))

    def close(self) -> list[str]:
        """The unfinished line, if there is one."""
        lines = self._take(self._decoder.decode(b"", final=True))
        return lines + ([self._finish()] if self._line else [])

    def _take(self, text: str) -> list[str]:
        lines: list[str] = []
        for part in re.split(r"([\r\n])", text):
            if part == "\n":
                lines.append(self._finish())
            elif part == "\r":
                self._returned = True
            elif part:
                if self._returned:
                    self._line, self._cut, self._returned = "", 0, False
                room = 2 * LINE_LIMIT - len(self._line)
                self._line += part[:room]
                self._cut += max(0, len(part) - room)
        return lines

    def _finish(self) -> str:
        line, cut = clean(self._line), self._cut
        self._line, self._cut, self._returned = "", 0, False
        cut += max(0, len(line) - LINE_LIMIT)
        return line[:LINE_LIMIT] + (f" … ({cut} more characters)" if cut else "")


def clean(text: str) -> str:
    """Text without terminal control sequences and control characters; tabs become spaces."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text).replace("\t", "    ")).rstrip()
