"""Pictures of the README: taken out of the stored notebooks, so that they are real ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from helpers.course.paths import CourseFolders
from helpers.errors import BadInput
from helpers.files import write_in_one_piece

_SVG = "image/svg+xml"
#: Name of the file: notebook without folder and ending, and which of its pictures, from 0.
PICTURES: Mapping[str, tuple[str, int]] = {
    "images.svg": ("01-multi-stage-builds", -1),
    "attack-matrix.svg": ("04-read-only", 0),
    "health.svg": ("05-health-checks", 0),
    "stops.svg": ("06-graceful-shutdown", 1),
}


def pictures_folder(folders: CourseFolders) -> Path:
    """Where the README finds them."""
    return folders.root / "docs" / "pictures"


def pictures(folders: CourseFolders) -> dict[str, str]:
    """Each picture by the name of its file, as the stored notebooks have it.

    Raises:
        BadInput: where a notebook has no such picture.
    """
    found: dict[str, str] = {}
    for name, (notebook, number) in PICTURES.items():
        path = folders.notebooks / f"{notebook}.ipynb"
        stored = list(_svgs(nbformat.read(path, as_version=4)))
        try:
            found[name] = stored[number]
        except IndexError as error:
            raise BadInput(
                f"{path} has {len(stored)} pictures, and number {number} is wanted.",
                remedy="Change PICTURES in helpers/publish/pictures.py.",
            ) from error
    return found


def store_pictures(folders: CourseFolders) -> tuple[str, ...]:
    """Write those that changed; their names."""
    folder = pictures_folder(folders)
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, svg in pictures(folders).items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != svg:
            write_in_one_piece(path, svg)
            changed.append(name)
    return tuple(changed)


def _svgs(notebook: NotebookNode) -> Iterator[str]:
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            svg = output.get("data", {}).get(_SVG)
            if svg is not None:
                yield svg if isinstance(svg, str) else "".join(svg)
