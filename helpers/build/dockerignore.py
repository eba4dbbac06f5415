"""``.dockerignore`` as Docker reads it.

Sources: https://docs.docker.com/build/concepts/context/#dockerignore-files, and the behaviour of
github.com/moby/patternmatcher, which the engine and the CLI both use.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass

from helpers.build.errors import ContextError
from helpers.build.wildcards import DIRECTORIES, EVERYTHING, STAR, expression_matcher

# Go's strings.TrimSpace; Python's own strip also takes control characters 0x1c to 0x1f.
_SPACE = (
    "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
# "**" takes a slash after it along.
_TOKEN = re.compile(r"\*\*/?|\\.|.", re.DOTALL)
_PATTERN_CHARACTERS = re.compile(r"[*\[\]?^\\]")

#: For each pattern, whether a directory matched it: what its children need to know.
Matched = tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of the file.

    Attributes:
        text: the line as it stands.
        line: its number, from 1.
        path: the pattern itself, cleaned, without ``!``.
        exception: True for a line with ``!``: what it matches is taken back in.
        matches: tells whether a path relative to the context matches.
    """

    text: str
    line: int
    path: str
    exception: bool
    matches: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """All lines of a ``.dockerignore`` file, in order: the last one that matches decides.

    Attributes:
        patterns: in the order of the file.
        name: which file they come from; empty where there is none.
    """

    patterns: tuple[Pattern, ...] = ()
    name: str = ""

    def match(self, path: str, parent: Matched = ()) -> tuple[bool, Matched]:
        """Whether a path is left out, given what its parent directory matched.

        Args:
            path: relative to the context, with ``/``.
            parent: the second value of the call for the parent directory; empty at the top.
        """
        excluded = False
        matched: list[bool] = []
        for index, pattern in enumerate(self.patterns):
            hit: bool = bool(parent) and parent[index]
            if not hit and pattern.exception == excluded:
                hit = pattern.matches(path)
            matched.append(hit)
            if hit:
                excluded = not pattern.exception
        return excluded, tuple(matched)

    def deciding(self, path: str) -> Pattern | None:
        """The line that leaves a path out, or None where the path is part of the context."""
        parts = path.split("/")
        excluded = False
        matched: Matched = ()
        for depth in range(1, len(parts) + 1):
            excluded, matched = self.match("/".join(parts[:depth]), matched)
        if not excluded:
            return None
        hits = (p for p, hit in zip(self.patterns, matched, strict=True) if hit and not p.exception)
        return list(hits)[-1]

    def excludes(self, path: str) -> bool:
        """Whether a path, or a directory above it, is left out and not taken back in."""
        return self.deciding(path) is not None

    def may_return_below(self, directory: str) -> bool:
        """Whether an exception may take something back in below a directory that is left out."""
        exceptions = [re.sub(r"/\*\*$|/\*$", "", p.path) for p in self.patterns if p.exception]
        if any(_PATTERN_CHARACTERS.search(path) for path in exceptions):
            return True
        return any(f"{path}/".startswith(f"{directory}/") for path in exceptions)


def parse_dockerignore(raw: bytes, name: str = ".dockerignore") -> IgnoreRules:
    """Read the file.

    Args:
        raw: its bytes. Bytes that are not UTF-8 are kept, and match the same bytes in names.
        name: for error messages.

    Raises:
        ContextError: if a pattern cannot be understood; Docker refuses the build for it too.
    """
    patterns: list[Pattern] = []
    text = raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    for number, full_line in enumerate(text.split("\n"), start=1):
        line = full_line.removesuffix("\r")
        if line.startswith("#") or not line.strip(_SPACE):
            continue
        pattern = line.strip(_SPACE)
        path = _first_pass(pattern).strip(_SPACE)
        # The second pass cleans again and only then looks for "!", so "./!a" is an exception too.
        path = _clean(path)
        exception = path.startswith("!")
        path = path.removeprefix("!")
        if not path:
            raise _bad_pattern(name, number, line)
        try:
            _check(path)
            matches = _matcher(path)
        except (ValueError, re.error) as error:
            raise _bad_pattern(name, number, line) from error
        patterns.append(Pattern(pattern, number, path, exception, matches))
    return IgnoreRules(tuple(patterns), name)


def _bad_pattern(name: str, number: int, line: str) -> ContextError:
    return ContextError(
        f"Line {number} of {name} is not a pattern: {line.strip()!r}.",
        remedy="Correct it: every [ needs its ], nothing may end with \\, and ! needs a path.",
        path=name,
    )


def _first_pass(pattern: str) -> str:
    """What reading the file makes of a line: cleaned, one leading slash gone, ``!`` kept."""
    mark = "!" if pattern.startswith("!") else ""
    path = pattern.removeprefix("!").strip(_SPACE)
    if path:
        path = _clean(path)
        path = path[1:] if len(path) > 1 and path.startswith("/") else path
    return mark + path


def _clean(path: str) -> str:
    """Go's filepath.Clean: POSIX lets exactly two leading slashes stand, Go does not."""
    return re.sub(r"^//+", "/", posixpath.normpath(path))


def _check(pattern: str) -> None:
    """Refuse what Go's filepath.Match calls a bad pattern.

    Raises:
        ValueError: for an open bracket, an empty range or a trailing backslash.
    """
    at = 0

    def one() -> None:
        nonlocal at
        if at < len(pattern) and pattern[at] in "-]":
            raise ValueError("a range has no start")
        at += 2 if pattern[at : at + 1] == "\\" else 1
        if at >= len(pattern):
            raise ValueError("a bracket is open")

    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "\\":
            at += 1
            if at > len(pattern):
                raise ValueError("it ends with a backslash")
        elif char == "[":
            at += pattern[at : at + 1] == "^"
            ranges = 0
            while not (ranges and pattern[at : at + 1] == "]"):
                one()
                if pattern[at] == "-":
                    at += 1
                    one()
                ranges += 1
            at += 1


def _matcher(pattern: str) -> Callable[[str], bool]:
    """The test that patternmatcher makes of a pattern: exact, prefix, suffix or expression."""
    kind, pieces = _pieces(pattern)
    match kind:
        case "exact":
            return lambda path: path == pattern
        case "prefix":
            return lambda path: path.startswith(pattern[:-2])
        case "suffix":
            suffix = pattern[2:]
            return lambda path: path.endswith(suffix) or (suffix[:1] == "/" and path == suffix[1:])
        case _:
            return expression_matcher(pieces)


def _pieces(pattern: str) -> tuple[str, list[str]]:
    """The kind of test, and the parts of the regular expression for the kind ``regex``."""
    pieces: list[str] = []
    kind = "exact"
    for index, token in enumerate(_TOKEN.finditer(pattern)):
        text = token[0]
        if text.startswith("**"):
            if token.end() < len(pattern):
                pieces.append(DIRECTORIES)
                kind = "regex"
            elif kind == "exact":
                kind = "prefix"  # a trailing ** takes everything below
            else:
                pieces.append(EVERYTHING)
                kind = "regex"
            kind = "suffix" if index == 0 else kind
        elif text in ".+()|{}$":
            pieces.append("\\" + text)
        else:
            pieces.append({"*": STAR, "?": "[^/]"}.get(text) or _escaped(text))
            kind = "regex" if text[0] in "*?[]\\" else kind
    return kind, pieces


def _escaped(text: str) -> str:
    r"""What a character, or a backslash and a character, is in Python's regular expressions.

    Raises:
        ValueError: if Go's do not know the pair.
    """
    char = text[-1]
    if text[0] != "\\":
        return text
    if not (char.isascii() and char.isalnum()):
        return re.escape(char)
    if char == "z":
        return r"\Z"
    if char in "abdfnrstvwABDSW":
        return text
    raise ValueError(f"{text} has no meaning")
