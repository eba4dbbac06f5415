"""On which line of a TOML file a field stands: ``tomllib`` does not keep that."""

from __future__ import annotations

import re
from collections.abc import Sequence

_TABLE = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\-]+)\s*\]\]?")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-]+)\s*=")


def line_of(text: str, location: Sequence[str | int]) -> int:
    """The line, from 1, of the deepest part of ``location`` that can be found.

    Args:
        text: the TOML file.
        location: keys and list positions from the top, as pydantic reports them.
    """
    lines = _positions(text)
    location = tuple(location)
    for length in range(len(location), 0, -1):
        if location[:length] in lines:
            return lines[location[:length]]
    return 1


def _positions(text: str) -> dict[tuple[str | int, ...], int]:
    found: dict[tuple[str | int, ...], int] = {}
    counts: dict[tuple[str | int, ...], int] = {}
    table: tuple[str | int, ...] = ()
    in_text = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if in_text:
            in_text = "" if in_text in line else in_text
            continue
        if header := _TABLE.match(line):
            table = _table(header[2].split("."), header[1] == "[[", counts)
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, key[1]), number)
        for quotes in ('"""', "'''"):
            if line.count(quotes) % 2:
                in_text = quotes
    return found


def _table(
    names: list[str], is_list: bool, counts: dict[tuple[str | int, ...], int]
) -> tuple[str | int, ...]:
    """Full location of a table, its list positions put in."""
    path: tuple[str | int, ...] = ()
    for depth, name in enumerate(names):
        path = (*path, name)
        last = depth == len(names) - 1
        if last and is_list:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path
