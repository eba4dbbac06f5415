"""A build context as a value: which files are sent, how large they are, and the Dockerfile."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from helpers.build.content import content
from helpers.build.dockerfile import decode_dockerfile
from helpers.build.dockerignore import IgnoreRules, Matched, parse_dockerignore
from helpers.build.errors import ContextError, DockerfileError
from helpers.build.tree import Entry, FolderTree, MappingTree, OverlayTree, Tree, printable

#: A sensible limit where somebody else's folder is built: 512 MB of files.
CHECK_LIMIT_BYTES = 512_000_000
_READ_LIMIT = 4_000_000
_LINKS_LIMIT = 40
_DEPTH_LIMIT = 200


@dataclass(frozen=True, slots=True)
class DockerfileText:
    """A Dockerfile that is not part of the context. ``name`` is used for messages only."""

    text: str
    name: str = "Dockerfile"


@dataclass(frozen=True, slots=True)
class Context:
    """Everything that a build is made from.

    Made by :func:`folder_context`, :func:`mapping_context` and
    :func:`helpers.build.tar_context.tar_context`.

    Attributes:
        entries: what a build may ask for, as a walk through the directories meets it. The engine is
            sent what the Dockerfile names and what it does not have yet.
        dockerfile_name: what the reader calls the Dockerfile.
        dockerfile: its text. It is sent apart from the entries, and need not be one of them.
        ignore: the rules of ``.dockerignore``.
        identity: tells this context from others, so that the engine keeps what it was sent of each.
    """

    entries: tuple[Entry, ...]
    dockerfile_name: str
    dockerfile: str
    ignore: IgnoreRules
    identity: str = ""
    tree: Tree = field(kw_only=True, repr=False, compare=False)

    @property
    def file_bytes(self) -> int:
        """Sum of the sizes of all files, in bytes."""
        return sum(entry.size for entry in self.entries)

    def largest(self, count: int = 5) -> tuple[Entry, ...]:
        """The largest files, largest first."""
        files = (entry for entry in self.entries if entry.kind == "file")
        return tuple(sorted(files, key=lambda e: (-e.size, e.path))[:count])

    def left_out_by(self, path: str) -> str | None:
        """The ``.dockerignore`` line that leaves out a file that does exist; else None."""
        path = posixpath.normpath(path.lstrip("/"))
        if self.tree.entry(path) is None:
            return None
        pattern = self.ignore.deciding(path)
        return None if pattern is None else f"{self.ignore.name}:{pattern.line}: {pattern.text}"


def folder_context(
    folder: str | Path,
    *,
    dockerfile: str | Path | DockerfileText = "Dockerfile",
    overlay: Mapping[str, bytes | str] | None = None,
    limit_bytes: int | None = None,
) -> Context:
    """The context of a folder, optionally with other files laid over it.

    Args:
        folder: its root. Symlinks in it are sent as links, never followed.
        dockerfile: a path relative to the folder; an absolute path, also outside; or the text.
        overlay: files that replace or join those of the folder, by relative path.
        limit_bytes: the most that all files together may have; None for no limit.

    Raises:
        ContextError: if the folder is not there, a file cannot be looked at, ``.dockerignore``
            cannot be understood, or the limit is passed.
        DockerfileError: if there is no such Dockerfile, or it is not UTF-8.
    """
    root = FolderTree(folder)
    top = root.root.resolve()
    tree: Tree = OverlayTree(root, MappingTree(overlay)) if overlay else root
    rules = None
    if not isinstance(dockerfile, DockerfileText) and Path(dockerfile).is_absolute():
        path = Path(dockerfile)
        inside = path.parent.resolve() / path.name
        if inside.is_relative_to(top):
            dockerfile = inside.relative_to(top)
        else:
            dockerfile, rules = _outside(path)
    return context_of(
        tree, dockerfile, limit_bytes=limit_bytes, rules=rules, identity=os.fspath(top)
    )


def mapping_context(
    files: Mapping[str, bytes | str],
    *,
    dockerfile: str | DockerfileText = "Dockerfile",
    modes: Mapping[str, int] | None = None,
    limit_bytes: int | None = None,
) -> Context:
    """The context of files in memory.

    Args:
        files: content by relative path, text as UTF-8.
        modes: permission bits by path, for example 0o755 for a script; 0644 for all others.
        dockerfile: its path among the files, or its text.
        limit_bytes: the most that all files together may have; None for no limit.

    Raises:
        ContextError: if a path cannot be used, ``.dockerignore`` cannot be understood, or the limit
            is passed.
        DockerfileError: if there is no such Dockerfile, or it is not UTF-8.
    """
    return context_of(MappingTree(files, modes), dockerfile, limit_bytes=limit_bytes)


def _outside(path: Path) -> tuple[DockerfileText, IgnoreRules | None]:
    """A Dockerfile that lies elsewhere, and the rules of the ignore file that lies next to it."""
    parent = FolderTree(path.parent)
    text = decode_dockerfile(_read_dockerfile(parent, path.name)[1])
    own_rules = _read(parent, f"{path.name}.dockerignore")
    rules = None if own_rules is None else parse_dockerignore(own_rules, f"{path}.dockerignore")
    return DockerfileText(text, str(path)), rules


def context_of(
    tree: Tree,
    dockerfile: str | Path | DockerfileText,
    *,
    limit_bytes: int | None = None,
    rules: IgnoreRules | None = None,
    identity: str = "",
) -> Context:
    """The context of a tree; what the public functions have in common.

    Raises:
        ContextError, DockerfileError: as :func:`folder_context`.
    """
    if isinstance(dockerfile, DockerfileText):
        path, name, text = None, dockerfile.name, dockerfile.text
    else:
        name = posixpath.normpath(Path(dockerfile).as_posix())
        path, raw = _read_dockerfile(tree, name)
        text = decode_dockerfile(raw)
    if rules is None:
        rules = _rules(tree, path)
    entries = tuple(_walk(tree, rules, "", ()))
    if limit_bytes is not None:
        _check_limit(entries, limit_bytes)
    return Context(entries, name, text, rules, identity, tree=tree)


def _rules(tree: Tree, dockerfile: str | None) -> IgnoreRules:
    """``NAME.dockerignore`` next to the Dockerfile wins over ``.dockerignore`` at the top."""
    names = (
        [".dockerignore"] if dockerfile is None else [f"{dockerfile}.dockerignore", ".dockerignore"]
    )
    for name in names:
        found = _read(tree, name)
        if found is not None:
            return parse_dockerignore(found, name)
    return IgnoreRules()


def _walk(tree: Tree, rules: IgnoreRules, directory: str, parent: Matched) -> Iterator[Entry]:
    """What is left of a directory; one that is left out stays if something in it is taken back."""
    if directory.count("/") > _DEPTH_LIMIT:
        raise ContextError(
            f"{printable(directory[:60])}… has more than {_DEPTH_LIMIT} folders in one another.",
            remedy="Leave the outermost of them out with a line in .dockerignore.",
            path=directory,
        )
    for entry in sorted(tree.children(directory), key=Entry.walk_key):
        excluded, matched = rules.match(entry.path, parent)
        if entry.kind != "dir":
            if not excluded:
                yield entry
            continue
        if excluded and not rules.may_return_below(entry.path):
            continue
        below = list(_walk(tree, rules, entry.path, matched))
        if below or not excluded:
            yield entry
            yield from below


def _read_dockerfile(tree: Tree, name: str) -> tuple[str, bytes]:
    """The Dockerfile with the name that it goes by."""
    names = [name]
    if posixpath.basename(name) == "Dockerfile":
        # BuildKit takes this name too: https://github.com/moby/moby/issues/10858
        names.append(posixpath.join(posixpath.dirname(name), "dockerfile"))
    for candidate in names:
        found = _read(tree, candidate)
        if found is not None:
            return candidate, found
    raise DockerfileError(
        f"There is no {printable(name)} in the build context.",
        remedy="Create it, or name the file that is meant with the option for the Dockerfile.",
    )


def _read(tree: Tree, path: str) -> bytes | None:
    """A small file of the context; links are followed inside only.

    Raises:
        ContextError: if it is not a file, leads outside, or is larger than 4 MB.
    """
    place, links = path, 0
    while (linked := first_link(tree, place)) is not None and links < _LINKS_LIMIT:
        rest = place[len(linked.path) + 1 :]
        target = posixpath.join(posixpath.dirname(linked.path), linked.link, rest)
        place, links = posixpath.normpath(target), links + 1
        if place.startswith(("/", "../")) or place == "..":
            raise ContextError(
                f"{printable(path)} leads out of the build context through a link.",
                remedy="Put the file itself there.",
                path=path,
            )
    entry = tree.entry(place)
    if entry is None:
        return None
    if entry.kind != "file" or entry.size > _READ_LIMIT:
        raise ContextError(
            f"{printable(path)} is not a file that can be read.",
            remedy="Put a plain file of at most 4 MB there.",
            path=path,
        )
    return b"".join(content(entry))


def first_link(tree: Tree, path: str) -> Entry | None:
    """The first part of a path that is a symlink."""
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        entry = tree.entry("/".join(parts[:depth]))
        if entry is not None and entry.kind == "symlink":
            return entry
    return None


def _check_limit(entries: tuple[Entry, ...], limit_bytes: int) -> None:
    total = sum(entry.size for entry in entries)
    if total <= limit_bytes:
        return
    largest = sorted((e for e in entries if e.kind == "file"), key=lambda e: -e.size)[:5]
    sizes = ", ".join(f"{printable(e.path)} ({e.size / 1e6:.1f} MB)" for e in largest)
    raise ContextError(
        f"The build context has {total / 1e6:.0f} MB of files, the limit is "
        f"{limit_bytes / 1e6:.0f} MB. The largest: {sizes}.",
        remedy="Leave out what the build does not need, with these lines in .dockerignore: "
        + ", ".join(printable(e.path) for e in largest if e.size > limit_bytes / 20),
        path=largest[0].path,
    )
