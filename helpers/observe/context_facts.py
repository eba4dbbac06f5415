"""What travels with a build: the files of its context, and what ``.dockerignore`` leaves out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import translate
from typing import ClassVar

from helpers.build.context import Context
from helpers.build.dockerignore import IgnoreRules
from helpers.build.tree import Entry
from helpers.observe.errors import ObservationFailed
from helpers.observe.requests import Request
from helpers.observe.subject import Subject


@dataclass(frozen=True, slots=True)
class ContextPile:
    """A file that travels, or a folder with all that is in it.

    Attributes:
        path: relative to the context.
        files: how many files it is.
        bytes: their sizes together.
    """

    path: str
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Named:
    """What has a name that was asked for.

    Attributes:
        name: as it was asked for.
        first: the first ones that travel, in the order of their paths.
        count: how many travel.
        files: how many files that is.
        bytes: their sizes together.
        left_out_by: the line of the ignore file that would leave out a file or folder of this name
            at the top of the context, there or not; empty where none does.
    """

    name: str
    first: tuple[ContextPile, ...]
    count: int
    files: int
    bytes: int
    left_out_by: str


@dataclass(frozen=True, slots=True)
class ContextFacts:
    """The context of a build.

    Attributes:
        files: how many files travel.
        bytes: their sizes together.
        ignore_file: the name of the ignore file; empty where there is none.
        ignore_lines: how many patterns it has.
        largest: what takes most room at the top of the context, largest first.
        named: what was asked for by name, in that order.
    """

    files: int
    bytes: int
    ignore_file: str
    ignore_lines: int
    largest: tuple[ContextPile, ...]
    named: tuple[Named, ...] = ()

    def by_name(self, name: str) -> Named | None:
        """What has the name, or None where it was not asked for."""
        return next((found for found in self.named if found.name == name), None)


@dataclass(frozen=True, slots=True)
class ContextRequest(Request[ContextFacts]):
    """The files of the build context.

    Attributes:
        names: names of files or folders that are looked for at any depth; ``*`` stands for any
            characters.
    """

    names: tuple[str, ...] = ()

    observer: ClassVar[str] = "helpers.observe.context_facts:observe_context"


_FIRST = 5


def observe_context(subject: Subject, request: ContextRequest) -> ContextFacts:
    """The subject's context.

    Raises:
        ObservationFailed: where it is not known what the image was built from.
    """
    if subject.context is None:
        raise ObservationFailed(
            "It is not known from which files the image was built.",
            remedy="Name the folder with the Dockerfile instead of the image.",
        )
    return context_facts(subject.context, request.names)


def context_facts(context: Context, names: Iterable[str] = ()) -> ContextFacts:
    """The facts about a context; see :class:`ContextRequest` for the names."""
    files = [entry for entry in context.entries if entry.kind != "dir"]
    tops: dict[str, list[int]] = {}
    for entry in files:
        _add(tops, entry.path.partition("/")[0], entry.size)
    return ContextFacts(
        files=len(files),
        bytes=context.file_bytes,
        ignore_file=context.ignore.name,
        ignore_lines=len(context.ignore.patterns),
        largest=_piles(sorted(tops.items(), key=lambda item: (-item[1][1], item[0]))[:_FIRST]),
        named=tuple(_named(name, files, context.ignore) for name in dict.fromkeys(names)),
    )


def _named(name: str, files: Iterable[Entry], ignore: IgnoreRules) -> Named:
    expression = re.compile(translate(name))
    found: dict[str, list[int]] = {}
    for entry in files:
        parts = entry.path.split("/")
        at = next((i for i, part in enumerate(parts) if expression.match(part)), None)
        if at is not None:
            _add(found, "/".join(parts[: at + 1]), entry.size)
    # A glob stands for many names; a plain one of them shows what the ignore file does with it.
    example = name.replace("*", "x")
    pattern = ignore.deciding(example) or ignore.deciding(f"{example}/x")
    return Named(
        name=name,
        first=_piles(sorted(found.items())[:_FIRST]),
        count=len(found),
        files=sum(pile[0] for pile in found.values()),
        bytes=sum(pile[1] for pile in found.values()),
        left_out_by=f"{ignore.name}:{pattern.line}: {pattern.text}" if pattern else "",
    )


def _add(piles: dict[str, list[int]], path: str, size: int) -> None:
    pile = piles.setdefault(path, [0, 0])
    pile[0] += 1
    pile[1] += size


def _piles(found: Iterable[tuple[str, list[int]]]) -> tuple[ContextPile, ...]:
    return tuple(ContextPile(path, files, size) for path, (files, size) in found)
