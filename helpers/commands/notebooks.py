"""``workbook notebooks``."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import nbformat

from helpers.commands.output import say
from helpers.course.copies import published
from helpers.course.paths import CourseFolders, course_folders
from helpers.errors import BadInput
from helpers.publish.execute import execute
from helpers.publish.normalize import normalize, to_text
from helpers.publish.pictures import pictures_folder, store_pictures
from helpers.publish.sanitize import sanitizer

__all__ = ["published", "run"]


def run(names: tuple[str, ...], *, refresh: bool) -> int:
    """Run the notebooks again and store what changed, one line each. Exit status 0."""
    folders = course_folders()
    sanitize = sanitizer(folders.root / "tests" / "notebooks" / "sanitize.cfg")
    with tempfile.TemporaryDirectory(prefix="workbook-") as work:
        os.environ["WORKBOOK_WORK"] = str(
            Path(work) / "work"
        )  # the kernels must not see the learner's own copies
        for path in _chosen(folders, names):
            stored = nbformat.read(path, as_version=4)
            text = to_text(normalize(execute(path), stored, sanitize, refresh=refresh))
            changed = text != path.read_text(encoding="utf-8")
            if changed:
                path.write_text(text, encoding="utf-8")
            say(f"{'stored' if changed else 'same'}  {path.relative_to(folders.root)}")
    for picture in store_pictures(folders):
        say(f"stored  {pictures_folder(folders).relative_to(folders.root)}/{picture}")
    return 0


def _chosen(folders: CourseFolders, names: tuple[str, ...]) -> list[Path]:
    every = published(folders)
    if not names:
        return every
    found = [p for p in every if any(n in str(p.relative_to(folders.root)) for n in names)]
    if not found:
        listed = ", ".join(str(p.relative_to(folders.root)) for p in every)
        raise BadInput("No notebook has such a name.", remedy=f"There are: {listed}.")
    return found
