"""A tiny course in a folder: one exercise of two checks that needs no app to be judged."""

from __future__ import annotations

import json
from pathlib import Path

from helpers.course.paths import CourseFolders
from helpers.publish.normalize import to_text

ID = "01-words"
TOML = """title = "Say the words"
practice = "Words"
notebook = "01-words-lesson"
level = "first steps"
minutes = 5
app = "tiny"
edit = ["Dockerfile"]
bases = ["busybox:1.37"]
story = "Nobody knows who made it."
task = "Say who made it, and who it runs as."

[[check]]
id = "labels"
property = "oci-labels"
title = "It says what it is"
points = 2
params = { required = ["title"] }
[[check.hints]]
text = "Who made it? A label may tell."
[[check.hints]]
text = "LABEL org.opencontainers.image.title=words"

[[check]]
id = "user"
property = "non-root"
title = "It does not run as root"
[[check.hints]]
text = "Who are you inside?"
[[check.hints]]
text = "USER 1000:1000 as the last line but one."
"""
LABEL = "LABEL org.opencontainers.image.title=words\n"
USER = "USER 1000:1000\n"
BASE = "FROM busybox:1.37\n"
END = 'CMD ["true"]\n'
ANSWERS = {
    "no-label": (BASE + USER + END, 'only = "labels"\n'),
    "root": (BASE + LABEL + END, 'only = "user"\n'),
    "right-other-order": (BASE + USER + LABEL + END, "passes = true\n"),
    "right-other-user": (BASE + LABEL + "USER 65532:65532\n" + END, "passes = true\n"),
}


def notebook(*cells: dict[str, object]) -> str:
    """A notebook in the form in which the course stores its own."""
    numbered = [
        {
            "id": f"cell-{n:02d}",
            "metadata": {},
            **({"execution_count": n, "outputs": []} if cell["cell_type"] == "code" else {}),
            **cell,
        }
        for n, cell in enumerate(cells)
    ]
    about = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return to_text({"cells": numbered, "metadata": about, "nbformat": 4, "nbformat_minor": 5})


def markdown(text: str) -> dict[str, object]:
    return {"cell_type": "markdown", "source": text}


def code(source: str, shown: str) -> dict[str, object]:
    output = {"name": "stdout", "output_type": "stream", "text": shown}
    return {"cell_type": "code", "source": source, "outputs": [output]}


def make_course(root: Path) -> CourseFolders:
    """A course with nothing wrong."""
    right = BASE + LABEL + USER + END
    files = {
        "apps/tiny/README.md": "# Tiny\n",
        "README.md": "# Course\n\n[Tiny](apps/tiny/README.md), [here](#course).\n",
        "notebooks/01-words-lesson.ipynb": notebook(
            markdown("# Words\n\nThen the [exercise](exercise-01-words.ipynb).")
        ),
        f"exercises/{ID}/exercise.toml": TOML,
        f"exercises/{ID}/starter/Dockerfile": BASE + END,
        f"exercises/{ID}/exercise.ipynb": notebook(
            markdown("# Exercise\n\nSee the [lesson](01-words-lesson.ipynb)."),
            code(
                "panel()",
                "Say the words\nNobody knows who made it.\nSay who made it, and who it runs\nas.\n"
                "Dockerfile\n",
            ),
        ),
        f"solutions/{ID}/files/Dockerfile": right,
        f"solutions/{ID}/solution.ipynb": notebook(
            code('print((files / "Dockerfile").read_text())', right),
            code(
                "show(result)",
                "✓ 2 of 2 checks pass · 3 of 3 points\n"
                "It says what it is\nIt does not run as root\n",
            ),
        ),
    }
    for name, (dockerfile, expected) in ANSWERS.items():
        files[f"tests/exercises/{ID}/{name}/Dockerfile"] = dockerfile
        files[f"tests/exercises/{ID}/{name}/expect.toml"] = expected
    for path, text in files.items():
        write(root, path, text)
    return CourseFolders(root, root / "work")


def write(root: Path, path: str, text: str) -> None:
    """Write a file of the course."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def change(root: Path, path: str, old: str, new: str) -> None:
    """Change one place of a file of the course."""
    text = (root / path).read_text(encoding="utf-8")
    assert text.count(old) == 1, (path, old, text.count(old))
    (root / path).write_text(text.replace(old, new), encoding="utf-8")


def cell_sources(root: Path, path: str) -> list[str]:
    """The sources of a notebook's cells."""
    return [c["source"] for c in json.loads((root / path).read_text())["cells"]]
