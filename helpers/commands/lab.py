"""``workbook lab``: engine, bases and copies, then JupyterLab on the first notebook."""

from __future__ import annotations

import os
import sys
from urllib.parse import quote

from helpers.commands.bases import ensure_bases
from helpers.commands.output import say
from helpers.course.copies import copy_notebooks, unedited_copies
from helpers.course.exercise import load_exercises
from helpers.course.paths import CourseFolders, course_folders
from helpers.engine.connect import connect
from helpers.engine.private import why_not_here
from helpers.errors import BadInput, NoEngine


def run(port: int, *, browser: bool) -> int:
    """Become JupyterLab. Without an engine the course still opens, and says what is missing."""
    folders = course_folders()
    report = copy_notebooks(folders)
    for path in report.beside:
        say(f"You edited this notebook and the course has a new one; both are there: {path.name}")
    names = _bases(folders)
    try:
        with connect(say=say) as engine:
            say(f"{engine.describe()} is ready.")
            ensure_bases(engine, tuple(sorted(names)))
    except NoEngine as error:
        say(f"{error.message}\n→ {error.remedy}\nThe notebooks open all the same.")
    trust(folders)
    first = f"{quote(folders.work.name)}/notebooks/00-start-here.ipynb"
    # The folder around work/: the checkout itself, unless WORKBOOK_WORK names another place.
    os.chdir(folders.work.parent)
    arguments = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.port={port}",
        f"--LabApp.default_url=/lab/tree/{first}",
        "--LabApp.extension_manager=readonly",
        "--LabApp.news_url=",
    ]
    if not browser or not (os.environ.get("DISPLAY") or sys.platform in {"darwin", "win32"}):
        arguments.append("--no-browser")
    if not why_not_here():  # root on Linux, where Jupyter wants to be asked twice
        arguments.append("--allow-root")
    os.execv(sys.executable, arguments)  # noqa: S606  # no shell, and signals reach Jupyter


def _bases(folders: CourseFolders) -> set[str]:
    """Base images of all exercises; a broken exercise is told and keeps nobody from the others."""
    names: set[str] = set()
    for found in load_exercises(folders).values():
        if isinstance(found, BadInput):
            say(f"{found.message}\n→ {found.remedy}\nThe other exercises can be done all the same.")
        else:
            names.update(found.bases)
    return names


def trust(folders: CourseFolders) -> None:
    """Let JupyterLab show the stored pictures of copies that nobody has edited yet.

    Pictures of a notebook that is not trusted are left out. Source:
    https://jupyter-notebook.readthedocs.io/en/stable/security.html
    """
    import nbformat
    from nbformat.sign import NotebookNotary

    notary = NotebookNotary()
    for path in unedited_copies(folders):
        notebook = nbformat.read(path, as_version=4)
        if not notary.check_signature(notebook):
            notary.sign(notebook)
