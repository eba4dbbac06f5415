"""A manifest (Compose file, Kubernetes object, ``spin.toml``) as a value, each place with its line.

A document is kept flat, as the list of its places, so that it is saved and replayed like all other
facts. :mod:`helpers.judge.manifest` makes a tree of it again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

#: What a scalar can be.
Scalar = str | int | float | bool | None
#: Where in a document: keys of mappings, indexes of sequences.
Place = tuple[str | int, ...]

ProblemKind = Literal["not-readable", "duplicate-key", "schema", "unknown-kind"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One place of a document.

    Attributes:
        place: the keys and indexes that lead to it; empty for the document itself.
        kind: what stands there.
        value: of a scalar; None for all else.
        line: line in the file, from 1. What an alias or a merge key brings in keeps the line where
            it is written.
    """

    place: Place
    kind: Literal["mapping", "sequence", "scalar"]
    value: Scalar
    line: int


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file, each place after the one that it is in."""

    entries: tuple[Entry, ...]
    file: str = ""

    @property
    def line(self) -> int:
        """The line that it begins on."""
        return self.entries[0].line if self.entries else 1


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file is not what it should be.

    Attributes:
        kind: ``not-readable`` (no YAML or TOML), ``duplicate-key``, ``schema``, ``unknown-kind``.
        text: what is wrong there, in words.
        line: line in the file, from 1.
        where: the place, for example ``services.api.ports[0]``; empty for the whole.
        file: the file, relative to the context.
    """

    kind: ProblemKind
    text: str
    line: int
    where: str = ""
    file: str = ""


def plain(document: Document) -> Any:
    """The document as nested dicts, lists and scalars."""
    root: Any = None
    built: dict[Place, Any] = {}
    for entry in document.entries:
        value: Any = entry.value
        if entry.kind == "mapping":
            value = {}
        elif entry.kind == "sequence":
            value = []
        built[entry.place] = value
        if not entry.place:
            root = value
            continue
        parent = built[entry.place[:-1]]
        if isinstance(parent, list):
            parent.append(value)
        else:
            parent[entry.place[-1]] = value
    return root


def nearest_line(document: Document, place: Iterable[str | int]) -> int:
    """The line of a place, or of the innermost one around it that is there."""
    lines = {entry.place: entry.line for entry in document.entries}
    wanted = tuple(place)
    for length in range(len(wanted), -1, -1):
        if wanted[:length] in lines:
            return lines[wanted[:length]]
    return 1


def shown_place(place: Iterable[str | int]) -> str:
    """A place in words, for example ``services.api.ports[0]``."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
