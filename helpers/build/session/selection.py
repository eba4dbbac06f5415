"""Which files of a directory a build asks for: the paths that its COPY and ADD lines name.

BuildKit sends them along ("followpaths"); what is named is wanted with everything below it, and
where a link is named, what it leads to as well. Sending more than is wanted does no harm.
Source: https://github.com/tonistiigi/fsutil (followlinks.go).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import translate

from helpers.build.tree import Entry

_WILDCARD = re.compile(r"[*?\[\\]")
_LINKS_LIMIT = 255
#: Links and wildcards may lead to more paths than there are files; past so many, all is wanted.
_MORE_PATHS = 10_000


@dataclass(frozen=True, slots=True)
class Directory:
    """Files that the engine may ask for.

    Attributes:
        entries: in the order of :meth:`Entry.walk_key`, directories before what is in them.
    """

    entries: tuple[Entry, ...]
    _by_path: dict[str, Entry] = field(init=False, repr=False, compare=False)
    _children: dict[str, list[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        children: dict[str, list[str]] = {}
        for entry in self.entries:
            children.setdefault(posixpath.dirname(entry.path), []).append(entry.path)
        object.__setattr__(self, "_by_path", {entry.path: entry for entry in self.entries})
        object.__setattr__(self, "_children", children)

    def select(self, paths: Iterable[str]) -> tuple[Entry, ...]:
        """The entries that paths name, with what is above and below them; all where none are given.

        Args:
            paths: relative to the directory, perhaps with wildcards.
        """
        wanted: set[str] = set()
        seen: set[str] = set()
        asked = list(paths)
        for path in asked:
            self._follow(posixpath.normpath(path.lstrip("/") or "."), wanted, seen, 0)
        if not asked or "." in wanted:
            return self.entries
        above = {directory for path in wanted for directory in _above(path)}
        return tuple(
            entry
            for entry in self.entries
            if (entry.kind == "dir" and entry.path in above)
            or entry.path in wanted
            or not wanted.isdisjoint(_above(entry.path))
        )

    def _follow(self, path: str, wanted: set[str], seen: set[str], links: int) -> None:
        """Note a path, and what the links on the way lead to."""
        if path in seen or "." in wanted:
            return
        seen.add(path)
        too_far = links > _LINKS_LIMIT or len(seen) > 2 * len(self.entries) + _MORE_PATHS
        if path in {".", ".."} or path.startswith("../") or too_far:
            wanted.add(".")
            return
        parts = path.split("/")
        for depth, part in enumerate(parts):
            here, rest = "/".join(parts[: depth + 1]), "/".join(parts[depth + 1 :])
            if _WILDCARD.search(part):
                for match in self._matching("/".join(parts[:depth]), part):
                    below = posixpath.join(match, rest) if rest else match
                    self._follow(below, wanted, seen, links + 1)
                if here not in self._by_path:  # else it is a name that holds such characters
                    return
            entry = self._by_path.get(here)
            if entry is not None and entry.kind == "symlink":
                wanted.add(here)
                target = posixpath.join("/", posixpath.dirname(here), entry.link, rest)
                leads_to = posixpath.normpath(target).lstrip("/") or "."
                self._follow(leads_to, wanted, seen, links + 1)
                return
        if path in self._by_path:
            wanted.add(path)

    def _matching(self, parent: str, pattern: str) -> list[str]:
        """What is directly in a directory and fits a pattern; all of it where that is not plain."""
        plain = not re.search(r"[\[\\]", pattern)
        fits = re.compile(translate(pattern) if plain else ".*", re.DOTALL)
        children = self._children.get(parent, ())
        return [path for path in children if fits.match(posixpath.basename(path))]


def _above(path: str) -> Iterator[str]:
    """The directories that a path lies in, the nearest first."""
    while path := posixpath.dirname(path):
        yield path
