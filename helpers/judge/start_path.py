"""The files that a container starts from: the program of ENTRYPOINT and CMD, and its script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from helpers.judge.filesystem import FileSystem
from helpers.observe.image_facts import FileFact, ImageFacts

#: What the engine itself uses where the image sets no PATH.
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SCRIPT = re.compile(r"^[^-].*\.(?:[cm]?js|py|pyz|jar|sh|rb|pl|php|wasm)$")


@dataclass(frozen=True, slots=True)
class StartFile:
    """A file that the start command names.

    Attributes:
        name: the word of the command.
        fact: the entry of the file system that it is found at, perhaps a link; None where none is.
        target: the file that this leads to; None where it leads nowhere.
        first: True for the program itself, False for a script among its arguments.
    """

    name: str
    fact: FileFact | None
    target: FileFact | None
    first: bool


def start_path(image: ImageFacts) -> tuple[StartFile, ...]:
    """The program that a container starts, and the scripts that it names; empty for no command."""
    words = [*image.config.entrypoint, *image.config.cmd]
    if not words:
        return ()
    files = FileSystem(image)
    facts = {fact.path: fact for fact in image.files}
    return tuple(_start_files(words, image, files, facts))


def _start_files(
    words: list[str], image: ImageFacts, files: FileSystem, facts: dict[str, FileFact]
) -> Iterator[StartFile]:
    program, *arguments = words
    places = [_absolute(program, image.config.workdir)]
    if "/" not in program:
        places = [f"{folder.rstrip('/')}/{program}" for folder in _folders(image) if folder]
    yield _find(program, places, files, facts, first=True)
    for word in arguments:
        if _SCRIPT.match(word) and "\n" not in word and " " not in word:
            place = _absolute(word, image.config.workdir)
            yield _find(word, [place], files, facts, first=False)


def _find(
    name: str, places: list[str], files: FileSystem, facts: dict[str, FileFact], *, first: bool
) -> StartFile:
    fact: FileFact | None = None
    for place in places:
        target = files.resolve(place)
        if target is not None:
            return StartFile(name, facts.get(place), target, first)
        fact = fact or facts.get(place)
    return StartFile(name, fact, None, first)


def _folders(image: ImageFacts) -> list[str]:
    paths = [e.partition("=")[2] for e in image.config.env if e.startswith("PATH=")]
    return (paths[-1] if paths else DEFAULT_PATH).split(":")


def _absolute(path: str, workdir: str) -> str:
    return path if path.startswith("/") else f"{workdir.rstrip('/')}/{path.removeprefix('./')}"
