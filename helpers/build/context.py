"""A build context as a value: which files are sent, how large they are, and the Dockerfile."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from helpers.build.dockerfile import decode_dockerfile
from helpers.build.dockerignore import IgnoreRules, Matched, parse_dockerignore
from helpers.build.errors import ContextError, DockerfileError
from helpers.build.tar_stream import content, is_short, tar_bytes, tar_stream
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

    Made by :func:`folder_context` and :func:`mapping_context`.

    Attributes:
        entries: what is sent, in the order of the archive.
        dockerfile_path: the Dockerfile's path in the archive.
        dockerfile_name: what the reader calls it.
        dockerfile: its text.
        ignore: the rules of ``.dockerignore``.
        total_bytes: size of the archive that is sent.
    """

    entries: tuple[Entry, ...]
    dockerfile_path: str
    dockerfile_name: str
    dockerfile: str
    ignore: IgnoreRules
    total_bytes: int
    tree: Tree = field(repr=False, compare=False)

    @property
    def file_bytes(self) -> int:
        """Sum of the sizes of all files, in bytes."""
        return sum(entry.size for entry in self.entries)

    def largest(self, count: int = 5) -> tuple[Entry, ...]:
        """The largest files, largest first."""
        files = (entry for entry in self.entries if entry.kind == "file")
        return tuple(sorted(files, key=lambda e: (-e.size, e.path))[:count])

    def tar(self) -> Iterator[bytes]:
        """The archive, piece by piece. Each call reads the files anew.

        Raises:
            ContextError: if a file cannot be read, is gone, or is shorter than it was.
        """
        return tar_stream(self.entries)

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
    tree: Tree = OverlayTree(root, MappingTree(overlay)) if overlay else root
    if not isinstance(dockerfile, DockerfileText) and Path(dockerfile).is_absolute():
        path = Path(dockerfile)
        inside = path.parent.resolve() / path.name
        if inside.is_relative_to(root.root.resolve()):
            dockerfile = inside.relative_to(root.root.resolve())
        else:
            return _outside(tree, path, limit_bytes)
    return _context(tree, dockerfile, limit_bytes)


def mapping_context(
    files: Mapping[str, bytes | str],
    *,
    dockerfile: str | DockerfileText = "Dockerfile",
    limit_bytes: int | None = None,
) -> Context:
    """The context of files in memory, all with mode 0644.

    Args:
        files: content by relative path, text as UTF-8.
        dockerfile: its path among the files, or its text.
        limit_bytes: the most that all files together may have; None for no limit.

    Raises:
        ContextError: if a path cannot be used, ``.dockerignore`` cannot be understood, or the limit
            is passed.
        DockerfileError: if there is no such Dockerfile, or it is not UTF-8.
    """
    return _context(MappingTree(files), dockerfile, limit_bytes)


def _outside(tree: Tree, path: Path, limit_bytes: int | None) -> Context:
    """A context whose Dockerfile lies elsewhere, with the ignore file that lies next to it."""
    parent = FolderTree(path.parent)
    text = decode_dockerfile(_read_dockerfile(parent, path.name)[1])
    own_rules = _read(parent, f"{path.name}.dockerignore")
    rules = parse_dockerignore(own_rules[1], f"{path}.dockerignore") if own_rules else None
    return _context(tree, DockerfileText(text, str(path)), limit_bytes, rules)


def _context(
    tree: Tree,
    dockerfile: str | Path | DockerfileText,
    limit_bytes: int | None,
    rules: IgnoreRules | None = None,
) -> Context:
    kept: set[str] = set()
    if isinstance(dockerfile, DockerfileText):
        path, name, text = _free_name(tree), dockerfile.name, dockerfile.text
        source = text.encode("utf-8", "surrogateescape")
        extra = [Entry(path, "file", 0o644, len(source), source=source)]
    else:
        name = posixpath.normpath(Path(dockerfile).as_posix())
        names, raw = _read_dockerfile(tree, name)
        path, text, extra = names[0], decode_dockerfile(raw), []
        kept.update(names)
    if rules is None:
        rules = _rules(tree, path if not extra else None)
    entries = [*extra, *_walk(tree, rules, "", (), kept)]
    if limit_bytes is not None:
        _check_limit(entries, limit_bytes)
    ordered = _ordered(entries, path)
    return Context(ordered, path, name, text, rules, tar_bytes(ordered), tree)


def _rules(tree: Tree, dockerfile: str | None) -> IgnoreRules:
    """``NAME.dockerignore`` next to the Dockerfile wins over ``.dockerignore`` at the top."""
    names = (
        [".dockerignore"] if dockerfile is None else [f"{dockerfile}.dockerignore", ".dockerignore"]
    )
    for name in names:
        found = _read(tree, name)
        if found is not None:
            return parse_dockerignore(found[1], name)
    return IgnoreRules()


def _walk(
    tree: Tree, rules: IgnoreRules, directory: str, parent: Matched, kept: set[str]
) -> Iterator[Entry]:
    """What is sent of a directory; one that is left out, if something in it is taken back."""
    if directory.count("/") > _DEPTH_LIMIT:
        raise ContextError(
            f"{printable(directory[:60])}… has more than {_DEPTH_LIMIT} folders in one another.",
            remedy="Leave the outermost of them out with a line in .dockerignore.",
            path=directory,
        )
    for entry in sorted(tree.children(directory), key=lambda e: e.path):
        excluded, matched = rules.match(entry.path, parent)
        if entry.kind != "dir":
            if not excluded or entry.path in kept:
                yield entry
            continue
        if excluded and not rules.may_return_below(entry.path) and not _holds(entry.path, kept):
            continue
        below = list(_walk(tree, rules, entry.path, matched, kept))
        if below or not excluded:
            yield entry
            yield from below


def _holds(directory: str, kept: set[str]) -> bool:
    return any(path.startswith(f"{directory}/") for path in kept)


def _ordered(entries: list[Entry], dockerfile: str) -> tuple[Entry, ...]:
    """The Dockerfile first: the frontend knows an archive by its first, short header."""
    first = [entry for entry in entries if entry.path == dockerfile]
    rest = [entry for entry in entries if entry.path != dockerfile]
    if not all(map(is_short, first)):
        first.insert(0, Entry(".", "dir", 0o755))
    return (*first, *rest)


def _free_name(tree: Tree) -> str:
    """A name for a Dockerfile that is not part of the context."""
    number = 0
    while tree.entry(f".dockerfile.{number}") is not None:
        number += 1
    return f".dockerfile.{number}"


def _read_dockerfile(tree: Tree, name: str) -> tuple[list[str], bytes]:
    found = _read(tree, name)
    if found is None and posixpath.basename(name) == "Dockerfile":
        # BuildKit takes this name too: https://github.com/moby/moby/issues/10858
        found = _read(tree, posixpath.join(posixpath.dirname(name), "dockerfile"))
    if found is None:
        raise DockerfileError(
            f"There is no {printable(name)} in the build context.",
            remedy="Create it, or name the file that is meant with the option for the Dockerfile.",
        )
    return found


def _read(tree: Tree, path: str) -> tuple[list[str], bytes] | None:
    """A small file of the context with the names that lead to it; links are followed inside only.

    Raises:
        ContextError: if it is not a file, leads outside, or is larger than 4 MB.
    """
    names = [path]
    while (linked := _first_link(tree, names[-1])) is not None and len(names) < _LINKS_LIMIT:
        rest = names[-1][len(linked.path) + 1 :]
        target = posixpath.join(posixpath.dirname(linked.path), linked.link, rest)
        names.extend((linked.path, posixpath.normpath(target)))
        if names[-1].startswith(("/", "../")) or names[-1] == "..":
            raise ContextError(
                f"{printable(path)} leads out of the build context through a link.",
                remedy="Put the file itself there.",
                path=path,
            )
    entry = tree.entry(names[-1])
    if entry is None:
        return None
    if entry.kind != "file" or entry.size > _READ_LIMIT:
        raise ContextError(
            f"{printable(path)} is not a file that can be read.",
            remedy="Put a plain file of at most 4 MB there.",
            path=path,
        )
    return names, b"".join(content(entry))


def _first_link(tree: Tree, path: str) -> Entry | None:
    """The first part of a path that is a symlink."""
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        entry = tree.entry("/".join(parts[:depth]))
        if entry is not None and entry.kind == "symlink":
            return entry
    return None


def _check_limit(entries: list[Entry], limit_bytes: int) -> None:
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
