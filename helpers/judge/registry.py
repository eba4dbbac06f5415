"""All properties by id."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from helpers.judge import properties
from helpers.judge.property import Property

_ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_LINK = re.compile(r"https://[a-z0-9.-]+\.[a-z]+/\S+")


@cache
def all_properties() -> Mapping[str, Property]:
    """Every property by id: what the modules of ``helpers.judge.properties`` list."""
    names = sorted(module.name for module in iter_modules(properties.__path__))
    modules = [import_module(f"{properties.__name__}.{name}") for name in names]
    return register(found for module in modules for found in module.PROPERTIES)


def find_property(property_id: str) -> Property:
    """The property with the id.

    Raises:
        KeyError: where there is none; the message names those that there are.
    """
    known = all_properties()
    if property_id not in known:
        raise KeyError(f"there is no property {property_id!r}; there are {', '.join(known)}")
    return known[property_id]


def register(wanted: Iterable[Property]) -> Mapping[str, Property]:
    """Properties by id.

    Raises:
        ValueError: where two have one id, or one lacks a meaning, a link to its source, codes, or
            the unit of a parameter.
    """
    registered: dict[str, Property] = {}
    for found in wanted:
        problem = _problem(found)
        if problem:
            raise ValueError(f"the property {found.id!r} {problem}")
        if found.id in registered:
            raise ValueError(f"there are two properties {found.id!r}")
        registered[found.id] = found
    return MappingProxyType(registered)


def _problem(found: Property) -> str:
    if not _ID.fullmatch(found.id):
        return "has an id that is not lower-case words with hyphens"
    for name in ("family", "title", "meaning"):
        if not getattr(found, name).strip():
            return f"has no {name}"
    if not _LINK.fullmatch(found.source):
        return f"has a source that is no link: {found.source!r}"
    if not found.codes:
        return "has no codes for its evidence"
    for code, meaning in found.codes.items():
        if not _ID.fullmatch(code) or not meaning.strip():
            return f"has a code without a meaning: {code!r}"
    for name, info in found.params.model_fields.items():
        if not (info.description or "").strip():
            return f"has a parameter without a description: {name!r}"
    return ""
