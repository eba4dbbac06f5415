"""Notebooks as they are stored: their form, their links, and whether what they show still is so.

Nothing is run here. What a stored output has to say follows from the course's files: an exercise's
own words, a solution's files, the number of checks and points, names that code imports.
"""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from helpers.course.exercise import Exercise
from helpers.course.paths import CourseFolders
from helpers.course.verify_links import anchors_in, notebook_link_findings
from helpers.course.verify_result import Finding
from helpers.publish.normalize import IGNORE, to_text

_BLANK = re.compile(r"[\s•*-]+")
_TAG = re.compile(r"<[^>]*>")
_PATH = re.compile(
    r"`((?:apps|docs|exercises|helpers|notebooks|solutions|tests)/[\w./-]+)`|`work/(\d\d-[\w-]+)"
)
_SCORE = re.compile(r"(\d+) of (\d+) checks pass .{0,40}?(\d+) of (\d+) points", re.DOTALL)


def read_notebook(path: Path) -> Any:
    """A notebook as nbformat reads it.

    Raises:
        ValueError: where it is none.
    """
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat raises many kinds: JSON, validation, its own
        raise ValueError(f"It cannot be read as a notebook: {error}") from error


def notebook_findings(
    folders: CourseFolders, path: Path, names: frozenset[str], exercises: Iterable[str]
) -> Iterator[Finding]:
    """What is wrong with any notebook of the course.

    Args:
        folders: the course.
        path: the notebook.
        names: see :func:`helpers.course.verify_links.notebook_names`.
        exercises: ids of all exercises.
    """
    where = path.relative_to(folders.root).as_posix()
    try:
        notebook = read_notebook(path)
    except ValueError as error:
        yield Finding("not-the-one-form", where, str(error))
        return
    if to_text(notebook) != path.read_text(encoding="utf-8"):
        text = f"Store it again: workbook notebooks {path.parent.name}/{path.stem}"
        yield Finding("not-the-one-form", where, text)
    prose = "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    anchors = frozenset(a.lower() for a in (*anchors_in(prose), *_jupyter_anchors(prose)))
    known = frozenset(exercises)
    for number, cell in enumerate(notebook.cells):
        place = f"{where}, cell {number}"
        if cell.cell_type == "markdown":
            yield from notebook_link_findings(place, cell.source, names, anchors)
            yield from _lost_paths(folders, place, cell.source, known)
        elif cell.cell_type == "code":
            if IGNORE in cell.metadata.get("tags", ()) and not cell.outputs:
                text = "A cell whose output varies still shows one: run the notebook and store it."
                yield Finding("not-the-one-form", place, text)
            yield from _lost_imports(folders, place, cell.source)


def exercise_notebook_findings(
    folders: CourseFolders, exercise: Exercise, path: Path
) -> Iterator[Finding]:
    """Where the stored panel of ``exercise.ipynb`` shows another task than there is."""
    where = path.relative_to(folders.root).as_posix()
    shown = _squeezed(" ".join(_texts(_cells(path))))
    for what, text in (
        ("title", exercise.title),
        ("story", exercise.story),
        ("task", exercise.task),
        *(("file", name) for name in exercise.edit),
    ):
        if _squeezed(text) not in shown:
            first = " ".join(text.split())[:60]
            yield Finding(
                "stale-notebook", where, f"It does not show the exercise's {what} ({first} …)."
            )


def solution_notebook_findings(
    folders: CourseFolders, exercise: Exercise, path: Path
) -> Iterator[Finding]:
    """Where ``solution.ipynb`` shows other files, checks or points than there are."""
    where = path.relative_to(folders.root).as_posix()
    cells = _cells(path)
    for number, cell in enumerate(cells):
        for name in exercise.edit:
            file = folders.solutions / exercise.id / "files" / name
            if f'"{name}").read_text(' not in cell.source or not file.is_file():
                continue
            if _squeezed(file.read_text(encoding="utf-8")) not in _squeezed(
                " ".join(_texts([cell]))
            ):
                text = f"It shows {name} as it was, not as it is."
                yield Finding("stale-notebook", f"{where}, cell {number}", text)
    shown = " ".join(_texts(cells))
    score = _SCORE.search(shown)
    checks, points = len(exercise.checks), sum(spec.points for spec in exercise.checks)
    if score is None:
        yield Finding("stale-notebook", where, "It shows no result of the exercise's checks.")
    elif tuple(map(int, score.groups())) != (checks, checks, points, points):
        text = f"It shows {' '.join(score[0].split())}; there are {checks} and {points}."
        yield Finding("stale-notebook", where, text)
    squeezed = _squeezed(shown)
    for spec in exercise.checks:
        title = spec.title or spec.resolve()[0].title
        if score is not None and _squeezed(title) not in squeezed:
            yield Finding("stale-notebook", where, f"It does not show the check “{title}”.")


def _cells(path: Path) -> list[Any]:
    try:
        return [c for c in read_notebook(path).cells if c.cell_type == "code"]
    except ValueError:
        return []  # told by notebook_findings


def _texts(cells: Iterable[Any]) -> Iterator[str]:
    """What the stored outputs say: streams, plain text, and HTML without its tags."""
    for cell in cells:
        for output in cell.outputs:
            yield str(output.get("text", ""))
            data = output.get("data", {})
            yield str(data.get("text/plain", ""))
            yield html.unescape(_TAG.sub("", str(data.get("text/html", ""))))


def _squeezed(text: str) -> str:
    """Without white space and the signs of lists, which differ between a file and its picture."""
    return _BLANK.sub("", text)


def _jupyter_anchors(markdown: str) -> Iterator[str]:
    """Jupyter keeps a heading's letters and puts hyphens for blanks."""
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*$", markdown, re.MULTILINE):
        yield heading.replace(" ", "-")


def _lost_paths(
    folders: CourseFolders, place: str, markdown: str, exercises: frozenset[str]
) -> Iterator[Finding]:
    for path, exercise in _PATH.findall(markdown):
        if path and not (folders.root / path.rstrip("/.")).exists():
            yield Finding("stale-notebook", place, f"It names {path}, which does not exist.")
        if exercise and exercise not in exercises:
            yield Finding("stale-notebook", place, f"There is no exercise {exercise}.")


def _lost_imports(folders: CourseFolders, place: str, source: str) -> Iterator[Finding]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return  # a magic of IPython; running it is nbval's job
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("helpers"):
            continue
        known = _names_in(folders.root, node.module or "")
        if known is None:
            yield Finding("stale-notebook", place, f"There is no module {node.module}.")
            continue
        for alias in node.names:
            if alias.name not in known:
                text = f"{node.module} has no {alias.name}."
                yield Finding("stale-notebook", place, text)


@cache
def _names_in(root: Path, module: str) -> frozenset[str] | None:
    """Names that a module of the course defines or imports; None where there is no such module."""
    base = root.joinpath(*module.split("."))
    path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    if not path.is_file():
        return None
    names = {p.stem for p in base.glob("*.py")} if base.is_dir() else set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    return frozenset(names)
