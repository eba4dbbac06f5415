"""The final file system of an image, looked at by path: links followed, programs found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from helpers.observe.image_facts import FileFact, ImageFacts

_MOST_LINKS = 40  # the kernel's own limit for one path lookup


@dataclass(frozen=True, slots=True)
class Program:
    """A file that can be run, under the name by which it is found.

    Attributes:
        fact: the entry itself, perhaps a symbolic link.
        target: the file that it leads to in the end.
    """

    fact: FileFact
    target: FileFact

    @property
    def name(self) -> str:
        """The last part of the path."""
        return base_name(self.fact.path)


class FileSystem:
    """The files of an image by path.

    Args:
        image: an image at rest.
    """

    def __init__(self, image: ImageFacts) -> None:
        self._by_path = {fact.path: fact for fact in image.files}

    def resolve(self, path: str) -> FileFact | None:
        """What a path leads to, with all links followed; None where it leads nowhere."""
        waiting = [part for part in path.split("/") if part][::-1]
        here = ""
        links = 0
        while waiting:
            part = waiting.pop()
            if part in {".", ".."}:
                here = here.rpartition("/")[0] if part == ".." else here
                continue
            here = f"{here}/{part}"
            fact = self._by_path.get(here)
            if fact is None or fact.kind != "symlink":
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            target = fact.link or ""
            here = "" if target.startswith("/") else here.rpartition("/")[0]
            waiting += [step for step in target.split("/") if step][::-1]
        return self._content(here)

    def _content(self, path: str) -> FileFact | None:
        """The file itself, also where the path is a further name (hard link) of it."""
        fact = self._by_path.get(path)
        if fact is not None and fact.kind == "hardlink":
            return self._by_path.get(fact.link or "", fact)
        return fact

    def programs(self, matches: Callable[[str], bool]) -> Iterator[Program]:
        """Files that can be run and whose path matches.

        Links are followed: a link counts under its own name, a dead one does not count.

        Args:
            matches: given an absolute path.
        """
        for path, fact in self._by_path.items():
            if fact.kind not in {"file", "hardlink", "symlink"} or not matches(path):
                continue
            target = self.resolve(path)
            if target is not None and target.kind == "file" and target.mode & 0o111:
                yield Program(fact, target)


def base_name(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def bytes_by_folder(image: ImageFacts, folder_of: Callable[[str], str | None]) -> dict[str, Pile]:
    """Files piled up by folder, largest pile first.

    Args:
        image: an image at rest.
        folder_of: the pile that a path belongs to; None for none.
    """
    piles: dict[str, Pile] = {}
    for fact in image.files:
        if fact.kind != "file":
            continue
        folder = folder_of(fact.path)
        if folder is not None:
            pile = piles.setdefault(folder, Pile(folder))
            pile.bytes += fact.size
            pile.files += 1
            pile.by_layer[fact.layer] = pile.by_layer.get(fact.layer, 0) + fact.size
    return dict(sorted(piles.items(), key=lambda item: (-item[1].bytes, item[0])))


@dataclass(slots=True)
class Pile:
    """What lies below one folder: bytes, files, and bytes by layer."""

    folder: str
    bytes: int = 0
    files: int = 0
    by_layer: dict[int, int] = field(default_factory=dict)

    @property
    def layer(self) -> int:
        """The layer that most of it comes from."""
        return max(self.by_layer, key=lambda index: (self.by_layer[index], -index))
