"""A manifest as a tree that properties walk, with the line of every place, also of missing ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from helpers.judge.verdict import Evidence
from helpers.observe.manifest_facts import Document, Entry, Place, Problem, Scalar, shown_place
from helpers.observe.text import printable

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(slots=True, eq=False)
class Node:
    """One place of a manifest, there or not.

    Attributes:
        place: the keys and indexes that lead to it.
        line: its line; of a place that is missing, the line of what it is missing in.
        file: the file, relative to the context.
        kind: ``mapping``, ``sequence``, ``scalar`` or ``missing``.
        value: of a scalar.
        children: what is in it, by key or index.
    """

    place: Place
    line: int
    file: str
    kind: str = "missing"
    value: Scalar = None
    children: dict[str | int, Node] = field(default_factory=dict)

    def at(self, *steps: str | int) -> Node:
        """The place that the steps lead to; missing where one of them is."""
        node = self
        for step in steps:
            below = node.children.get(step)
            node = below or Node((*node.place, step), node.line, node.file)
        return node

    @property
    def there(self) -> bool:
        """True where something is written that is not null."""
        return self.kind in {"mapping", "sequence"} or self.value is not None

    @property
    def text(self) -> str:
        """A scalar as text; empty for all else."""
        if self.kind != "scalar" or self.value is None:
            return ""
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)

    @property
    def is_true(self) -> bool:
        """True for ``true`` itself, also written as a text."""
        return self.text == "true"

    @property
    def is_false(self) -> bool:
        """True for ``false`` itself, also written as a text."""
        return self.text == "false"

    @property
    def number(self) -> float | None:
        """A number, also written as a text; else None."""
        if self.kind != "scalar" or isinstance(self.value, bool) or self.value is None:
            return None
        try:
            return float(self.value)
        except ValueError:
            return None

    def items(self) -> Iterator[tuple[str, Node]]:
        """Keys and values of a mapping, as they are written."""
        if self.kind == "mapping":
            yield from ((str(key), node) for key, node in self.children.items())

    def each(self) -> Iterator[Node]:
        """The items of a sequence."""
        if self.kind == "sequence":
            yield from self.children.values()

    def words(self) -> tuple[str, ...]:
        """The texts of a sequence, or the one of a scalar."""
        if self.kind == "scalar":
            return (self.text,) if self.there else ()
        return tuple(item.text for item in self.each())

    @property
    def shown(self) -> str:
        """The place in words, for example ``services.api.ports[0]``."""
        return printable(shown_place(self.place), 120)

    @property
    def where(self) -> str:
        """File and line, for example ``compose.yaml:12``."""
        return f"{printable(self.file, 80)}:{self.line}"


def tree(document: Document) -> Node:
    """The document as a tree."""
    root = Node((), 1, document.file)
    made: dict[Place, Node] = {}
    for entry in document.entries:
        node = _node(entry, document.file)
        made[entry.place] = node
        if entry.place:
            made[entry.place[:-1]].children[entry.place[-1]] = node
        else:
            root = node
    return root


def _node(entry: Entry, file: str) -> Node:
    return Node(entry.place, entry.line, file, entry.kind, entry.value)


def found_at(code: str, node: Node, text: str) -> Evidence:
    """Evidence about a place of a manifest: the sentence begins with file and line."""
    sentence = printable(f"{node.where}: {text}", 500)
    return Evidence(code, sentence, path=printable(node.file, 200), line=node.line)


def problem_evidence(code: str, problem: Problem) -> Evidence:
    """Evidence about what keeps a manifest from being read as it is meant."""
    file = printable(problem.file, 80)
    where = f"`{problem.where}`: " if problem.where else ""
    text = f"{file}:{problem.line}: {where}{problem.text}."
    return Evidence(code, text, path=file, line=problem.line)


def seconds_of(text: str) -> float | None:
    """Seconds of a duration as Compose writes it (``1m30s``); None where it is none.

    Source: https://github.com/compose-spec/compose-spec/blob/main/11-extension.md#specifying-durations
    """
    if not _DURATION.fullmatch(text):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
