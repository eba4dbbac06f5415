"""What Go does a little differently, and the tool with it.

Sources: https://pkg.go.dev/os#Expand, https://pkg.go.dev/io/fs#FileMode.String,
https://pkg.go.dev/path#Base.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from helpers.errors import BadInput

# In this order: ${*} and ${NAME}, an unclosed ${, a single special character, a plain name. A
# dollar that begins none of these stays.
_VARIABLE = re.compile(
    r"\$(?:\{(?P<braced>[^}]*)\}|(?P<unclosed>\{)|(?P<special>[*#$@!?\-0-9])|(?P<plain>[A-Za-z0-9_]+))"
)
_BITS = ((0o4000, "u"), (0o2000, "g"), (0o1000, "t"))
_TYPES = {"dir": "d", "symlink": "L"}


def expand(text: str, values: Mapping[str, str]) -> str:
    """The text with ``$NAME`` and ``${NAME}`` replaced; an unknown name becomes nothing."""

    def value(found: re.Match[str]) -> str:
        if found["unclosed"] is not None:
            return ""
        return values.get(found["braced"] or found["special"] or found["plain"] or "", "")

    return _VARIABLE.sub(value, text)


def mode_text(kind: str, mode: int) -> str:
    """A file's mode as Go writes it: ``-rw-r--r--``, ``dtrwxrwxrwx``, ``urwxr-xr-x``.

    Args:
        kind: ``file``, ``dir`` or ``symlink``.
        mode: permission bits, including setuid, setgid and sticky.
    """
    # Go's order of letters is d … L … u g … t; there is a dash where there is none of them.
    letters = _TYPES.get(kind, "") + "".join(letter for bit, letter in _BITS if mode & bit)
    permissions = "".join(
        letter if mode & (1 << (8 - place)) else "-" for place, letter in enumerate("rwxrwxrwx")
    )
    return (letters or "-") + permissions


def base(path: str) -> str:
    """The last part of a path: ``.`` of nothing, ``/`` of the root."""
    if not path:
        return "."
    return path.rstrip("/").rpartition("/")[2] or "/"


def read_env_file(text: str, name: str) -> dict[str, str]:
    """The variables of an env file: ``KEY=VALUE`` a line, ``export``, comments and quotes.

    Args:
        text: the file.
        name: for messages.

    Raises:
        BadInput: where a line is none of these; file and line are named.
    """
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip().removeprefix("export ").strip()
        if not stripped or stripped.startswith("#"):
            continue
        key, equals, raw = stripped.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", key.strip()):
            raise BadInput(f"{name}:{number}: no KEY=VALUE.", remedy="Mend or remove that line.")
        values[key.strip()] = _env_value(raw.strip(), values)
    return values


def _env_value(raw: str, before: Mapping[str, str]) -> str:
    if len(raw) > 1 and raw[0] == raw[-1] == "'":
        return raw[1:-1]
    if len(raw) > 1 and raw[0] == raw[-1] == '"':
        inner = raw[1:-1].replace(r"\n", "\n").replace(r"\"", '"')
        return expand(inner, before)
    return expand(re.split(r"\s#", raw, maxsplit=1)[0].rstrip(), before)
