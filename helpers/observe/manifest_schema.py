"""Documents against a JSON schema, with the line and the words of each mistake.

jsonschema-rs and not jsonschema: that one takes more than a second to import where its optional
formats are installed, as JupyterLab does, and a whole check takes less.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from helpers.observe.manifest_facts import (
    Document,
    Place,
    Problem,
    nearest_line,
    plain,
    shown_place,
)
from helpers.observe.text import printable

#: Most mistakes that are told of one document.
MOST = 12


@cache
def schema_file(name: str) -> Any:
    """A schema that comes with the workbook."""
    return json.loads((files("helpers.observe") / "schemas" / name).read_text("utf-8"))


def schema_problems(document: Document, validator: Any, value: Any = None) -> tuple[Problem, ...]:
    """What a schema says against a document.

    Args:
        document: what is validated, with its lines.
        validator: of jsonschema-rs.
        value: its nested values where they are not as they are written (variables put in).
    """
    found: dict[tuple[int, str], Problem] = {}
    whole = plain(document) if value is None else value
    for error in validator.iter_errors(whole):
        closest = _closest(error)
        place: Place = tuple(closest.instance_path)
        if isinstance(closest.instance, str) and "$" in closest.instance:
            continue  # a variable: what it will be is not known here
        unexpected = getattr(closest.kind, "unexpected", ())
        if unexpected:
            place = (*place, str(unexpected[0]))
        line = nearest_line(document, place)
        text = _words(closest)
        where = printable(shown_place(place), 160)
        found.setdefault((line, text), Problem("schema", text, line, where, document.file))
        if len(found) >= MOST:
            break
    return tuple(sorted(found.values(), key=lambda p: p.line))


def _closest(error: Any) -> Any:
    """Of "fits none of these", the mistake in the alternative that the writer meant."""
    while True:
        alternatives = [a for a in getattr(error.kind, "context", ()) if a]
        if error.kind.name not in {"oneOf", "anyOf"} or not alternatives:
            return error
        depth = len(error.instance_path)
        meant = [a for a in alternatives if not _is_other_type(a, depth)]
        if not meant:
            return error
        # The alternative that goes wrong deepest inside, and then in the fewest places.
        best = max(meant, key=lambda a: (max(len(e.instance_path) for e in a), -len(a)))
        error = max(best, key=lambda e: len(e.instance_path))


def _is_other_type(errors: Iterable[Any], depth: int) -> bool:
    return any(e.kind.name == "type" and len(e.instance_path) == depth for e in errors)


def _words(error: Any) -> str:
    kind = error.kind
    match kind.name:
        case "additionalProperties":
            names = ", ".join(f"`{printable(str(n), 40)}`" for n in kind.unexpected[:4])
            return f"there is no such key as {names}"
        case "required":
            return f"`{kind.property}` is missing"
        case "type":
            return f"{_shown(error.instance)} is not of type {_either(kind.types)}"
        case "enum":
            allowed = ", ".join(str(o) for o in kind.options if o is not None)
            return f"{_shown(error.instance)} is none of {printable(allowed, 140)}"
        case "oneOf" | "anyOf":
            wanted = sorted({t for a in kind.context for t in _types(a)})
            if wanted:
                return f"{_shown(error.instance)} is not of type {_either(wanted)}"
    return printable(str(error.message), 160)


def _types(errors: Iterable[Any]) -> Iterator[str]:
    for error in errors:
        if error.kind.name == "type":
            yield from error.kind.types


def _either(types: Iterable[str]) -> str:
    return " or ".join(t for t in types if t != "null")


def _shown(value: Any) -> str:
    return f"`{printable(json.dumps(value, default=str), 60)}`"
