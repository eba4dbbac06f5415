"""What takes the room in a layer: directories, packages and files, as few as tell the story."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from helpers.observe.image_facts import FileFact, ImageFacts

#: What is smaller than this share of a layer is put together as "other".
SMALLEST_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a layer.

    Attributes:
        name: a path, or a description in parentheses for what is no single path.
        bytes: its size.
        kind: ``path`` for visible files, ``waste`` for what no container can see, ``other`` for the
            rest put together.
    """

    name: str
    bytes: int
    kind: str = "path"


@dataclass(frozen=True, slots=True)
class LayerShare:
    """One layer with what it added.

    Attributes:
        number: from 1, lowest layer first.
        instruction: the Dockerfile instruction that made it.
        bytes: bytes of its files.
        share: of the whole image, 0 to 1.
        parts: what is in it, largest first; they add up to ``bytes``.
    """

    number: int
    instruction: str
    bytes: int
    share: float
    parts: tuple[Part, ...]


@dataclass(slots=True)
class _Node:
    path: str
    bytes: int = 0
    children: dict[str, _Node] = field(default_factory=dict)


def layer_shares(facts: ImageFacts, parts: int = 5) -> tuple[LayerShare, ...]:
    """Every layer with its largest parts.

    Args:
        facts: the image.
        parts: at most so many paths a layer, besides waste and the rest.
    """
    by_layer: list[list[FileFact]] = [[] for _ in facts.layers]
    for file in facts.files:
        if file.kind == "file" and file.size:
            by_layer[file.layer].append(file)
    wasted = [0] * len(facts.layers)
    for item in facts.waste:
        wasted[item.stored_in] += item.bytes
    instructions = {e.layer: e.created_by for e in facts.history if e.layer is not None}
    total = facts.unpacked_bytes or 1
    return tuple(
        LayerShare(
            number=index + 1,
            instruction=instructions.get(index)
            or layer.created_by
            or "(the history does not tell)",
            bytes=layer.file_bytes,
            share=layer.file_bytes / total,
            parts=_layer_parts(layer.file_bytes, by_layer[index], wasted[index], parts),
        )
        for index, layer in enumerate(facts.layers)
    )


def largest_paths(files: Iterable[FileFact], limit: int, smallest: int = 1) -> tuple[Part, ...]:
    """The paths that hold the most bytes: no path within another, largest first.

    The largest directory is opened again and again until there are ``limit`` paths, so that
    ``/usr`` gives way to ``/usr/lib/gcc``, and ``node_modules`` to its packages.

    Args:
        files: plain files with their sizes.
        limit: at most so many paths.
        smallest: parts below this many bytes are left out.
    """
    root = _tree(files)
    chosen = [_descend(root)] if root.bytes else []
    closed: set[str] = set()
    while len(chosen) < limit:
        openable = [n for n in chosen if n.children and n.path not in closed]
        if not openable:
            break
        largest = max(openable, key=lambda n: (n.bytes, n.path))
        children = [c for c in largest.children.values() if c.bytes >= smallest]
        children.sort(key=lambda c: (-c.bytes, c.path))
        told = children[: limit - len(chosen) + 1]
        # Where the room is in many small things, their directory tells more than the largest few.
        if sum(c.bytes for c in told) < largest.bytes / 2:
            closed.add(largest.path)
            continue
        chosen.remove(largest)
        chosen.extend(_descend(child) for child in told)
    chosen.sort(key=lambda n: (-n.bytes, n.path))
    return tuple(Part(n.path or "/", n.bytes) for n in chosen[:limit] if n.bytes >= smallest)


def _layer_parts(total: int, files: list[FileFact], wasted: int, limit: int) -> tuple[Part, ...]:
    smallest = max(1, round(total * SMALLEST_SHARE))
    parts = list(largest_paths(files, limit, smallest))
    wasted = min(wasted, total - sum(p.bytes for p in parts))
    rest = total - sum(p.bytes for p in parts) - wasted
    if wasted > 0:
        parts.append(Part("(waste: overwritten or deleted later)", wasted, "waste"))
    if rest > 0:
        parts.append(Part("(other)", rest, "other"))
    return tuple(parts)


def _tree(files: Iterable[FileFact]) -> _Node:
    root = _Node("")
    for file in files:
        root.bytes += file.size
        node = root
        for name in _steps(file.path):
            child = node.children.get(name)
            if child is None:
                child = node.children[name] = _Node(f"{node.path}/{name}")
            child.bytes += file.size
            node = child
    return root


def _steps(path: str) -> list[str]:
    # An npm package is one thing, whatever is in it; "@scope/name" is one package.
    steps = path.strip("/").split("/")
    if "node_modules" not in steps:
        return steps
    at = steps.index("node_modules") + 1
    package = (
        steps[at : at + 2] if steps[at : at + 1] and steps[at][0:1] == "@" else steps[at : at + 1]
    )
    return steps[:at] + (["/".join(package)] if package else [])


def _descend(node: _Node) -> _Node:
    # A directory that holds nothing but one other entry says less than that entry.
    while len(node.children) == 1:
        (node,) = node.children.values()
    return node
