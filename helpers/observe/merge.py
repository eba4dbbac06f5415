"""Layers put on top of each other: the final file system, and what nobody can see any more.

Source: https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from helpers.observe.image_facts import FileFact, WastedFile
from helpers.observe.layer_tar import LayerContents


@dataclass(frozen=True, slots=True)
class Merged:
    """Layers put on top of each other.

    Attributes:
        files: the final file system, sorted by path.
        waste: what layers store and nobody can see, largest first.
        changes: by layer, how many entries say something new.
    """

    files: tuple[FileFact, ...]
    waste: tuple[WastedFile, ...]
    changes: tuple[int, ...]


def merge(layers: Sequence[LayerContents]) -> tuple[tuple[FileFact, ...], tuple[WastedFile, ...]]:
    """The file system that a container would start with, and the bytes that it does not show.

    Args:
        layers: from the lowest to the topmost.

    Returns:
        The files sorted by path, and the waste, largest first.
    """
    merged = put_together(layers)
    return merged.files, merged.waste


def put_together(layers: Sequence[LayerContents]) -> Merged:
    """What :func:`merge` gives, and how much of each layer is new."""
    stack = _Stack(layers)
    changes = tuple(stack.put_on(index) for index in range(len(layers)))
    return Merged(stack.files(), stack.waste(), changes)


class _Stack:
    """The state while layers are put on; paths are absolute, ``""`` is the root."""

    def __init__(self, layers: Sequence[LayerContents]) -> None:
        self._layers = layers
        self._top: dict[str, int] = {}  # path -> index of the layer that it comes from
        # Directory -> paths in it. A dict keeps the order, so that results do not vary.
        self._children: dict[str, dict[str, None]] = {}
        self._waste: dict[tuple[str, int], WastedFile] = {}

    def put_on(self, index: int) -> int:
        """Put a layer on; how many of its entries say something new."""
        layer = self._layers[index]
        as_before = 0
        # Whiteouts apply to lower layers only, wherever they stand in the archive.
        for folder in layer.opaque:
            for child in list(self._children.get(folder, ())):
                self._remove(child, index)
        for path in layer.whiteouts:
            self._remove(path, index)
        top = self._top
        for path, entry in layer.entries.items():
            below = top.get(path)
            if below is None:
                self._link(path)
            elif entry.kind != "dir":
                if self._layers[below].entries[path].kind == "dir":
                    self._remove(path, index)
                    self._link(path)
                else:
                    self._gone(path, below, index, deleted=False)
            else:
                lower = self._layers[below].entries[path]
                if lower.kind != "dir":
                    self._gone(path, below, index, deleted=False)
                elif lower == entry:
                    as_before += 1
            top[path] = index
        return len(layer.entries) + len(layer.whiteouts) + len(layer.opaque) - as_before

    def files(self) -> tuple[FileFact, ...]:
        facts: list[FileFact] = []
        orphans: list[int] = []
        for path in sorted(self._top):
            index = self._top[path]
            entry = self._layers[index].entries[path]
            if entry.kind == "hardlink" and self._top.get(entry.link or "") != index:
                orphans.append(len(facts))
            facts.append(FileFact(path, *entry[:5], index, *entry[5:]))
        self._adopt(orphans, facts)
        return tuple(facts)

    def waste(self) -> tuple[WastedFile, ...]:
        return tuple(sorted(self._waste.values(), key=lambda w: (-w.bytes, w.path, w.stored_in)))

    def _adopt(self, orphans: list[int], facts: list[FileFact]) -> None:
        """A hard link whose first name is gone still shows the content: it becomes the file."""
        owners: dict[tuple[str, int], str] = {}
        for at in orphans:
            fact = facts[at]
            name = (fact.link or "", fact.layer)
            first = self._layers[fact.layer].entries.get(name[0])
            if first is None or first.kind != "file":
                continue  # it never had content in this layer
            if name in owners:
                facts[at] = replace(fact, link=owners[name])
            else:
                owners[name] = fact.path
                facts[at] = replace(fact, kind="file", size=first.size, link=None)
                self._waste.pop(name, None)

    def _link(self, path: str) -> None:
        """Enter the path, and folders above it that no layer mentions, in their folders."""
        while path:
            folder = path.rpartition("/")[0]
            inside = self._children.get(folder)
            if inside is not None:
                inside[path] = None
                return
            self._children[folder] = {path: None}
            path = folder

    def _remove(self, path: str, by: int) -> None:
        """Take away a path of a lower layer and everything below it."""
        self._children.get(path.rpartition("/")[0], {}).pop(path, None)
        for gone in self._walk(path):
            stored_in = self._top.pop(gone, None)
            if stored_in is not None:
                self._gone(gone, stored_in, by, deleted=True)

    def _walk(self, path: str) -> Iterator[str]:
        waiting = [path]
        while waiting:
            here = waiting.pop()
            waiting.extend(self._children.pop(here, ()))
            yield here

    def _gone(self, path: str, stored_in: int, by: int, *, deleted: bool) -> None:
        size = self._layers[stored_in].entries[path].size
        if size:
            self._waste[path, stored_in] = WastedFile(path, size, stored_in, by, deleted)
