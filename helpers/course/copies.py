"""The learner's copies of the notebooks: a new version of the course never overwrites an edit."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from helpers.course.paths import CourseFolders
from helpers.course.workspace import digest
from helpers.files import write_in_one_piece


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What became of the copies.

    Attributes:
        made: copied for the first time.
        updated: replaced by the course's new version, for nobody had edited them.
        beside: edited here and changed in the course: the new version was put beside them.
    """

    made: tuple[Path, ...] = ()
    updated: tuple[Path, ...] = ()
    beside: tuple[Path, ...] = ()


def copy_notebooks(folders: CourseFolders) -> CopyReport:
    """Bring the notebooks of the course into ``work/``, each under its own name.

    ``work/.workbook/copies.json`` remembers which version of the course each copy was made from.
    """
    memory = folders.records / "copies.json"
    known: dict[str, str] = json.loads(memory.read_text()) if memory.exists() else {}
    made, updated, beside = [], [], []
    for source, target in _pairs(folders):
        name = str(target.relative_to(folders.work))
        version = digest(source.read_bytes())
        if known.get(name) == version and target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copyfile(source, target)
            made.append(target)
        elif digest(target.read_bytes()) in (known.get(name), version):
            shutil.copyfile(source, target)
            updated.append(target)
        else:
            new = target.with_name(f"{target.stem} (new version){target.suffix}")
            shutil.copyfile(source, new)
            beside.append(new)
        known[name] = version
    if made or updated or beside:
        folders.records.mkdir(parents=True, exist_ok=True)
        write_in_one_piece(memory, json.dumps(known, indent=1, sort_keys=True))
    return CopyReport(tuple(made), tuple(updated), tuple(beside))


def published(folders: CourseFolders) -> list[Path]:
    """Every notebook of the course, in reading order."""
    return [
        *sorted(folders.notebooks.glob("*.ipynb")),
        *sorted(folders.exercises.glob("*/exercise.ipynb")),
        *sorted(folders.solutions.glob("*/solution.ipynb")),
    ]


def unedited_copies(folders: CourseFolders) -> list[Path]:
    """Copies that are, byte for byte, what the course publishes."""
    return [
        target
        for source, target in _pairs(folders)
        if target.exists() and target.read_bytes() == source.read_bytes()
    ]


def _pairs(folders: CourseFolders) -> list[tuple[Path, Path]]:
    """Published notebook and where the learner's copy of it goes."""
    target = folders.work / "notebooks"
    lessons = sorted(folders.notebooks.glob("*.ipynb"))
    tasks = sorted(folders.exercises.glob("*/exercise.ipynb"))
    return [(p, target / p.name) for p in lessons] + [
        (p, target / f"exercise-{p.parent.name}.ipynb") for p in tasks
    ]
