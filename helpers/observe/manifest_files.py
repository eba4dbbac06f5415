"""The manifests of a submission: found in and read from its build context, never run."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from helpers.build.content import content
from helpers.build.context import Context
from helpers.build.errors import BuildError
from helpers.build.tree import Entry, Tree
from helpers.errors import BadInput
from helpers.observe.subject import Subject
from helpers.observe.text import printable

#: Largest manifest, in bytes: many times what people write.
MAX_BYTES = 256_000
#: Most files, and most folders, that are looked through for manifests.
MAX_FILES = 200
_MAX_FOLDERS = 400
_SKIPPED = frozenset({"node_modules", ".git", ".venv", "venv", "vendor", "dist", "target"})


def context_of(subject: Subject, what: str) -> Context:
    """The files of the subject: the whole folder where the image is built of a part of it.

    Raises:
        BadInput: where only an image is known, and no files.
    """
    files = subject.files or subject.context
    if files is None:
        raise BadInput(
            f"Only an image is looked at, and {what} is not part of an image.",
            remedy="Name the folder that holds it.",
        )
    return files


def read_manifest(tree: Tree, path: str) -> bytes:
    """The content of one manifest. Links are not followed.

    Raises:
        BadInput: if there is no such file, it is none, or it is larger than 256 kB.
    """
    name = posixpath.normpath(path.lstrip("/"))
    entry = tree.entry(name) if name != ".." and not name.startswith("../") else None
    if entry is None:
        raise BadInput(
            f"There is no file {printable(path, 200)}.",
            remedy="Write it there, or name the file that is meant.",
        )
    return file_bytes(entry)


def file_bytes(entry: Entry) -> bytes:
    """The content of one manifest.

    Raises:
        BadInput: if it is no plain file, larger than 256 kB, or cannot be read.
    """
    if entry.kind != "file" or entry.size > MAX_BYTES:
        raise BadInput(
            f"{printable(entry.path, 200)} is no plain file of at most {MAX_BYTES // 1000} kB.",
            remedy="Put a plain, small file there: no link, no folder.",
        )
    try:
        return b"".join(content(entry))
    except BuildError as error:
        raise BadInput(error.message, remedy=error.remedy) from error


def first_there(tree: Tree, names: Iterable[str]) -> str | None:
    """The first of these files that exists."""
    return next((name for name in names if tree.entry(name) is not None), None)


def files_below(tree: Tree, endings: tuple[str, ...]) -> Iterator[Entry]:
    """Plain files with one of these endings, by path; folders of dependencies are left out."""
    folders, seen, found = [""], 0, 0
    while folders and seen < _MAX_FOLDERS:
        seen += 1
        children = sorted(tree.children(folders.pop(0)), key=lambda e: e.path)
        for entry in children:
            base = posixpath.basename(entry.path)
            if entry.kind == "dir" and base not in _SKIPPED and not base.startswith("."):
                folders.append(entry.path)
            elif entry.kind == "file" and base.endswith(endings) and found < MAX_FILES:
                found += 1
                yield entry
