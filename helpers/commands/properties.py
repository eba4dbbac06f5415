"""``workbook properties``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from helpers.commands.output import show_json
from helpers.errors import BadInput
from helpers.judge.property import Property
from helpers.judge.registry import all_properties

_WIDTH = 96


def run(property_id: str | None, *, covers: str, as_json: bool) -> int:
    """List every property, show one in full, or say what answers another tool's checkpoints."""
    known = all_properties()
    if property_id is not None:
        found = _find(known, property_id)
        if as_json:
            show_json(_document(found))
        else:
            print("\n".join(_in_full(found)))
        return 0
    if covers:
        return _show_covers(known.values(), covers, as_json=as_json)
    if as_json:
        show_json([_document(found) for found in known.values()])
        return 0
    families: dict[str, list[Property]] = {}
    for found in known.values():
        families.setdefault(found.family, []).append(found)
    for family, members in families.items():
        print(f"\n{family.upper()}")
        for found in members:
            print("\n" + "\n".join(_listed(found)))
    return 0


def _find(known: Mapping[str, Property], property_id: str) -> Property:
    if property_id in known:
        return known[property_id]
    near = [name for name in known if property_id in name or name in property_id]
    families = dict.fromkeys(found.family for found in known.values())
    like = f"Perhaps {', '.join(near)}?" if near else f"The families are {', '.join(families)}."
    raise BadInput(
        f"There is no property {property_id!r}.",
        remedy=f"{like} `workbook properties` lists all {len(known)}.",
    )


def _listed(found: Property) -> Iterator[str]:
    yield f"  {found.id}: {found.title}"
    yield from _wrapped(found.meaning, "    ")
    yield from _parameters(found, "    ")
    if found.covers:
        yield from _wrapped(f"covers: {', '.join(found.covers)}", "    ")
    yield f"    source: {found.source}"


def _in_full(found: Property) -> Iterator[str]:
    yield f"{found.id}: {found.title}"
    yield f"family {found.family}, weight {found.weight} of 5"
    yield ""
    yield from _wrapped(found.meaning, "")
    if found.remedy:
        yield ""
        yield from _wrapped(f"Change: {found.remedy}", "")
    yield ""
    yield "Parameters" if found.params.model_fields else "No parameters"
    yield from _parameters(found, "  ")
    yield ""
    yield "Findings"
    for code, meaning in found.codes.items():
        yield from _wrapped(f"· {code}: {meaning}", "  ")
    if found.covers:
        yield ""
        yield "Answers of other tools' checks"
        yield from (f"  · {code}" for code in found.covers)
    yield ""
    yield f"Source: {found.source}"


def _parameters(found: Property, indent: str) -> Iterator[str]:
    for name, field in found.params.model_fields.items():
        default = field.get_default(call_default_factory=True)
        needed = "required" if field.is_required() else f"default {_plain(default)!r}"
        text = f"· {name}: {(field.description or '').rstrip('.')} ({needed})"
        yield from _wrapped(text, indent)


def _wrapped(text: str, indent: str) -> Iterator[str]:
    hanging = indent + ("  " if text.startswith("· ") else "")
    yield from textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _show_covers(known: Iterable[Property], tool: str, *, as_json: bool) -> int:
    """Which of a tool's checkpoints are answered by which properties.

    Raises:
        BadInput: where no property names that tool.
    """
    properties = tuple(known)
    by_code: dict[str, list[Property]] = {}
    for found in properties:
        for code in found.covers:
            if _tool(code).lower() == tool.lower():
                by_code.setdefault(code, []).append(found)
    if not by_code:
        tools = sorted({_tool(code) for found in properties for code in found.covers})
        raise BadInput(
            f"No property answers a checkpoint of {tool!r}.",
            remedy=f"The tools are: {', '.join(tools) or 'none'}.",
        )
    rows = sorted(by_code.items(), key=lambda item: _natural(item[0]))
    if as_json:
        show_json({code: [found.id for found in answers] for code, answers in rows})
        return 0
    width = max(map(len, by_code))
    for code, answers in rows:
        print(f"{code:<{width}}  {', '.join(found.id for found in answers)}")
    return 0


def _tool(code: str) -> str:
    return code.partition(" ")[0]


def _natural(code: str) -> list[tuple[int, int | str]]:
    """Order with 4.2 before 4.10."""
    words = "".join(c if c.isdigit() else f"\0{c}\0" for c in code).split("\0")
    return [(0, int(word)) if word.isdigit() else (1, word) for word in words if word]


def _document(found: Property) -> dict[str, Any]:
    return {
        "id": found.id,
        "family": found.family,
        "title": found.title,
        "meaning": found.meaning,
        "remedy": found.remedy,
        "weight": found.weight,
        "covers": list(found.covers),
        "source": found.source,
        "parameters": found.params.model_json_schema(),
        "findings": dict(found.codes),
    }


def _plain(value: Any) -> Any:
    """A default as a person would write it."""
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value.model_dump(exclude_defaults=True) if hasattr(value, "model_dump") else value
