"""Globs for paths: ``*`` within a name, ``**`` across folders, ``?`` and ``[…]``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator

_PART = re.compile(r"\*\*/?|\*|\?|\[!?\]?[^\]]*\]|[^*?\[]+|\[")
_NOTHING = re.compile(r"(?!)")


def compile_globs(patterns: Iterable[str]) -> re.Pattern[str]:
    """One expression for :meth:`re.Pattern.search` on absolute paths.

    A pattern that begins with a slash is matched from the root, any other one from any folder on.
    It means the file or folder of that name with all that is in it.

    Raises:
        ValueError: where a set in brackets makes no sense.
    """
    expressions = [_translate(pattern) for pattern in patterns]
    if not expressions:
        return _NOTHING
    try:
        return re.compile(f"(?:{'|'.join(expressions)})(?=/|$)")
    except re.error as error:
        raise ValueError(f"a glob cannot be read: {error}") from error


def _check(pattern: str) -> str:
    if not pattern.strip("/"):
        raise ValueError("a glob must name something")
    compile_globs((pattern,))
    return pattern


#: A glob as a parameter.
Glob = Annotated[str, AfterValidator(_check)]


def _translate(pattern: str) -> str:
    start = "^" if pattern.startswith("/") else "(?:^|/)"
    return start + "".join(_part(part) for part in _PART.findall(pattern.rstrip("/")))


def _part(part: str) -> str:
    if part.startswith("**"):
        return "(?:.*/)?" if part.endswith("/") else ".*"
    if part == "*":
        return "[^/]*"
    if part == "?":
        return "[^/]"
    if part.startswith("[") and len(part) > 2:
        inner = part[1:-1].replace("\\", "\\\\")
        return f"[^/{inner[1:]}]" if inner.startswith("!") else f"[{inner}]"
    return re.escape(part)
