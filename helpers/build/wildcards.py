"""Wildcard patterns against paths, in time that a hostile pattern cannot blow up.

Docker's own expressions run in linear time; Python's backtrack. A pattern with one or two wildcards
is left to Python, one with more is followed step by step with the set of places it may be at.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable

#: ``*``: any characters of one name.
STAR = "[^/]*"
#: ``**`` with something after it: any number of directories, none too.
DIRECTORIES = "(.*/)?"
#: ``**`` at the end.
EVERYTHING = ".*"
_REPEATED = frozenset({STAR, DIRECTORIES, EVERYTHING})
_BACKTRACKING_LIMIT = 2
_NAMED_CLASS = re.compile(r"(?<=\[)(\^?)\[:(\w+):\]")
_NAMED_CLASS_END = re.compile(r"\[:\w+:\]\Z")
_NAMED_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "digit": "0-9",
    "lower": "a-z",
    "space": r"\s",
    "upper": "A-Z",
    "word": r"\w",
    "xdigit": "0-9A-Fa-f",
}


def expression_matcher(pieces: list[str]) -> Callable[[str], bool]:
    """The test for a pattern.

    Args:
        pieces: parts of a regular expression: wildcards as named above, characters, and the
            brackets of character classes.

    Raises:
        ValueError, re.error: if it is no expression, or a class in a long one holds a wildcard.
    """
    compiled = _compile("".join(pieces))
    if sum(piece in _REPEATED for piece in pieces) <= _BACKTRACKING_LIMIT:
        return lambda path: compiled.match(path) is not None
    return _stepwise(_grouped(pieces))


def _compile(expression: str) -> re.Pattern[str]:
    expression = _NAMED_CLASS.sub(lambda m: m[1] + _NAMED_CLASSES.get(m[2], m[0]), expression)
    with warnings.catch_warnings():
        # Python warns of "[[" inside a class; it reads it as Go does.
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(f"(?:{expression})\\Z", re.ASCII)


def _grouped(pieces: list[str]) -> list[str]:
    """The pieces with every character class as one piece."""
    grouped: list[str] = []
    inside = False
    for piece in pieces:
        if not inside:
            grouped.append(piece)
            inside = piece == "["
            continue
        if piece in _REPEATED:
            raise ValueError("a wildcard inside brackets")
        grouped[-1] += piece
        inside = piece != "]" or _NAMED_CLASS_END.search(grouped[-1]) is not None
    return grouped


def _stepwise(pieces: list[str]) -> Callable[[str], bool]:
    """Follow a path character by character with the set of pieces that may come next."""
    steps = _Steps(pieces)
    return steps.match


class _Steps:
    def __init__(self, pieces: list[str]) -> None:
        self._pieces = pieces
        self._single = [None if piece in _REPEATED else _compile(piece) for piece in pieces]

    def match(self, path: str) -> bool:
        places: set[int] = set()
        within: set[int] = set()  # "any directories": the next name begins after a slash only
        self._enter(places, 0)
        for char in path:
            following: set[int] = set()
            for at in places - {len(self._pieces)}:
                self._step(at, char, following, within)
            if char == "\n":
                within.clear()
            if char == "/":
                for at in within:
                    self._enter(following, at + 1)
            places = following
        return len(self._pieces) in places

    def _enter(self, places: set[int], at: int) -> None:
        """Be at a piece, and at all that follow where it may match nothing."""
        while at not in places:
            places.add(at)
            if at == len(self._pieces) or self._pieces[at] not in _REPEATED:
                return
            at += 1

    def _step(self, at: int, char: str, following: set[int], within: set[int]) -> None:
        """Where one more character leads from one piece."""
        one, piece = self._single[at], self._pieces[at]
        if one is not None:
            if one.match(char):
                self._enter(following, at + 1)
        elif piece == DIRECTORIES:
            within.add(at)
        elif char != ("/" if piece == STAR else "\n"):
            self._enter(following, at)
