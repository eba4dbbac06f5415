"""The short forms of a Compose file as plain values: variables, words, durations, bytes, files.

Sources: https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md and
https://github.com/compose-spec/compose-spec/blob/main/11-extension.md
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

_VARIABLE = re.compile(
    r"\$(?:(?P<escaped>\$)|\{(?P<name>[A-Za-z_]\w*)(?:(?P<how>:?[-?+])(?P<word>[^{}]{0,400}))?\}"
    r"|(?P<bare>[A-Za-z_]\w*))"
)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*([bkmg])?b?", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_ASSIGNMENT = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$")


class MissingVariable(Exception):
    """A variable that the file demands (``${NAME:?why}``) is not set; the text says which."""


def interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    """A document with its variables put in, as Compose does; one that is not set is empty.

    Raises:
        MissingVariable: where ``${NAME:?why}`` is not set.
    """
    if isinstance(value, dict):
        return {key: interpolated(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolated(item, variables) for item in value]
    if not isinstance(value, str) or "$" not in value:
        return value

    def put_in(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        name, how, word = match["name"] or match["bare"], match["how"] or "", match["word"] or ""
        known = variables.get(name)
        is_set = known is not None and not (how.startswith(":") and known == "")
        if how.endswith("?") and not is_set:
            raise MissingVariable(f"the variable {name} is not set ({word or 'it is required'})")
        if how.endswith("+"):
            return word if is_set else ""
        if is_set:
            return known or ""
        return word if how.endswith("-") else ""

    return _VARIABLE.sub(put_in, value)


def variables_of(text: str) -> dict[str, str]:
    """The lines ``NAME=value`` of an ``.env`` file; quotes around a value are taken away."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = _ASSIGNMENT.match(line)
        if match and not line.lstrip().startswith("#"):
            value = match[2]
            if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1]
            else:
                value = value.partition(" #")[0].rstrip()
            found[match[1]] = value
    return found


def words_of(value: Any) -> tuple[str, ...]:
    """A command: a list as it is, a text split as a shell would.

    Raises:
        ValueError: where a quote in a text is not closed.
    """
    if value is None:
        return ()
    return tuple(shlex.split(value)) if isinstance(value, str) else texts(value)


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts; a single one is a list of one."""
    if value is None:
        return ()
    return tuple(map(text_of, value)) if isinstance(value, list) else (text_of(value),)


def text_of(value: Any) -> str:
    """A scalar as Compose hands it on."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def pairs(value: Any) -> Iterator[tuple[str, str | None]]:
    """Variables, as a mapping or as ``NAME=value``; None where the value is passed through."""
    if isinstance(value, dict):
        yield from ((str(k), None if v is None else text_of(v)) for k, v in value.items())
    for item in value if isinstance(value, list) else ():
        name, equals, text = str(item).partition("=")
        yield name, text if equals else None


def seconds_of(value: Any) -> float | None:
    """Seconds of a duration such as ``1m30s``; None where it is none."""
    text = text_of(value)
    parts = _PART.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def bytes_of(value: Any) -> int | None:
    """Bytes of a size such as ``256m`` (units of 1024); None where it is none."""
    match = _BYTES.fullmatch(text_of(value).strip())
    return int(float(match[1]) * _UNITS[(match[2] or "").lower()]) if match else None
