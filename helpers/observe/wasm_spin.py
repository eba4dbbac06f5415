"""A Spin application's manifest, ``spin.toml``, as written: places with lines.

Source: https://spinframework.dev/v3/manifest-reference
"""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from helpers.build.tree import Tree
from helpers.errors import BadInput
from helpers.observe.manifest_facts import Document, Entry, Place, Problem
from helpers.observe.manifest_files import context_of, files_below, first_there, read_manifest
from helpers.observe.requests import Request
from helpers.observe.subject import Subject
from helpers.observe.text import printable

NAME = "spin.toml"
_KEY = re.compile(r"\s*(?P<key>[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')\s*=")
_AT_LINE = re.compile(r"\(at line (\d+)")


@dataclass(frozen=True, slots=True)
class SpinFacts:
    """What a Spin manifest says.

    Attributes:
        file: its path in the context.
        document: its places; None where it is no TOML.
        problems: why it cannot be read.
        sources: for each component whose source is a file: its name, that file relative to the
            context, and its size in bytes, None where the context does not have it.
    """

    file: str
    document: Document | None
    problems: tuple[Problem, ...] = ()
    sources: tuple[tuple[str, str, int | None], ...] = ()


@dataclass(frozen=True, slots=True)
class SpinRequest(Request[SpinFacts]):
    """Read the Spin manifest of the subject's context.

    Attributes:
        path: relative to the context; empty for ``spin.toml`` at its top, else the first below.
    """

    path: str = ""

    observer: ClassVar[str] = "helpers.observe.wasm_spin:observe_spin"


def observe_spin(subject: Subject, request: SpinRequest) -> SpinFacts:
    """The subject's Spin manifest.

    Raises:
        BadInput: if there is none, or it cannot be read.
    """
    tree = context_of(subject, "a Spin manifest").tree
    path = request.path or find_spin(tree)
    if path is None:
        raise BadInput(
            f"There is no Spin manifest ({NAME}).",
            remedy="Write one at the top of the folder, or name the one that is meant.",
        )
    return read_spin(read_manifest(tree, path), path, tree)


def find_spin(tree: Tree) -> str | None:
    """The Spin manifest of a folder, or None."""
    return first_there(tree, (NAME,)) or next(
        (e.path for e in files_below(tree, (f"/{NAME}", NAME)) if e.path.endswith(f"/{NAME}")), None
    )


def read_spin(data: bytes, file: str = NAME, tree: Tree | None = None) -> SpinFacts:
    """A Spin manifest from its content; ``tree`` tells which sources are there."""
    try:
        text = data.decode("utf-8")
        value = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return SpinFacts(file, None, (Problem("not-readable", "it is not UTF-8", line, file=file),))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = _AT_LINE.search(str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        words = printable(f"it is no TOML: {error}", 200)
        return SpinFacts(file, None, (Problem("not-readable", words, line, file=file),))
    lines = _lines(text)
    document = Document(tuple(_entries(value, (), 1, lines)), file)
    return SpinFacts(file, document, (), tuple(_sources(value, file, tree)))


def _entries(value: Any, place: Place, line: int, lines: dict[Place, int]) -> Iterator[Entry]:
    line = lines.get(place, line)
    if isinstance(value, dict):
        yield Entry(place, "mapping", None, line)
        for key, item in value.items():
            yield from _entries(item, (*place, key), line, lines)
    elif isinstance(value, list):
        yield Entry(place, "sequence", None, line)
        for index, item in enumerate(value):
            yield from _entries(item, (*place, index), line, lines)
    elif isinstance(value, (str, int, float, bool)):
        yield Entry(place, "scalar", value, line)
    else:
        yield Entry(place, "scalar", str(value), line)  # a date or a time


def _lines(text: str) -> dict[Place, int]:
    """The line of each table and key. tomllib keeps none, so headers and keys are looked for."""
    found: dict[Place, int] = {}
    tables: dict[Place, int] = {}  # how many of an array of tables have passed
    section: Place = ()
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("["):
            header = _header(line)
            if header is None:
                continue  # an array inside a value
            names, is_array = header
            if is_array:
                index = tables.get(names, 0)
                tables[names] = index + 1
                found.setdefault(names, number)
                section = (*names, index)
            else:
                section = names
            for length in range(1, len(section) + 1):
                found.setdefault(section[:length], number)
        elif match := _KEY.match(line):
            found.setdefault((*section, match["key"].strip("\"'")), number)
    return found


def _header(line: str) -> tuple[Place, bool] | None:
    """The names of a table's header, and whether it is one of an array."""
    try:
        value: Any = tomllib.loads(line)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
    names: list[str] = []
    while isinstance(value, dict) and value:
        ((name, value),) = value.items()
        names.append(name)
    return tuple(names), isinstance(value, list)


def _sources(
    value: dict[str, Any], file: str, tree: Tree | None
) -> Iterator[tuple[str, str, int | None]]:
    components = value.get("component")
    if not isinstance(components, dict):
        return
    for name, component in components.items():
        source = component.get("source") if isinstance(component, dict) else None
        if not isinstance(source, str):
            continue
        path = posixpath.normpath(posixpath.join(posixpath.dirname(file), source))
        outside = path.startswith(("/", "../")) or path == ".."
        entry = None if tree is None or outside else tree.entry(path)
        yield name, path, entry.size if entry is not None and entry.kind == "file" else None
