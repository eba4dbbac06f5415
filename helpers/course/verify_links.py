"""Links in Markdown that lead nowhere within the course. What is elsewhere is not asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from helpers.course.copies import published
from helpers.course.paths import CourseFolders
from helpers.course.verify_result import Finding

_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"\]\(\s*<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?\s*(?:\"[^\"]*\")?$", re.MULTILINE)
_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
_MARKED = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_ELSEWHERE = re.compile(r"^(?:https?|mailto):")
_NOT_OURS = frozenset({"node_modules", ".venv", "work", ".git"})
#: Folders whose Markdown is the course's own.
_FOLDERS = ("docs", "apps", "helpers", "benchmarks", "exercises", "solutions", "tests")


def links_in(markdown: str) -> Iterator[str]:
    """Targets of the links in a text; what stands in code is none."""
    # A fence first: what is in it may look like code of another kind.
    text = _CODE.sub("", _FENCE.sub("", markdown))
    for pattern in (_LINK, _REFERENCE):
        yield from (match[1] for match in pattern.finditer(text))


def anchors_in(markdown: str) -> frozenset[str]:
    """The anchors that headings get, as a code host makes them."""
    found: set[str] = set()
    for heading in _HEADING.findall(_FENCE.sub("", markdown)):
        plain = _MARKED.sub(r"\1", heading).replace("`", "").replace("*", "").lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        number = 0
        while (anchor := name if not number else f"{name}-{number}") in found:
            number += 1
        found.add(anchor)
    return frozenset(found)


def markdown_files(folders: CourseFolders) -> tuple[Path, ...]:
    """The course's own Markdown files: README, docs, and those beside code."""
    root = folders.root
    below = (p for name in _FOLDERS for p in (root / name).rglob("*.md"))
    return tuple(
        path
        for path in (*sorted(root.glob("*.md")), *sorted(below))
        if not _NOT_OURS.intersection(path.relative_to(root).parts)
    )


def file_link_findings(folders: CourseFolders, path: Path) -> Iterator[Finding]:
    """Dead links of one Markdown file."""
    where = path.relative_to(folders.root).as_posix()
    text = path.read_text(encoding="utf-8")
    for target in links_in(text):
        if _ELSEWHERE.match(target):
            continue
        name, _, anchor = target.partition("#")
        found = path.parent / name if name else path
        if not found.exists():
            yield Finding("dead-link", where, f"There is no {target}.")
        elif anchor and found.suffix == ".md":
            own = text if found == path else found.read_text(encoding="utf-8")
            if anchor not in anchors_in(own):
                yield Finding("dead-link", where, f"{target}: there is no such heading.")


def notebook_names(folders: CourseFolders) -> frozenset[str]:
    """The names under which learners have the notebooks side by side: what links may lead to."""
    paths = published(folders)
    tasks = {f"exercise-{p.parent.name}.ipynb" for p in paths if p.name == "exercise.ipynb"}
    return frozenset(tasks | {p.name for p in paths if p.parent == folders.notebooks})


def notebook_link_findings(
    where: str, markdown: str, names: frozenset[str], anchors: frozenset[str]
) -> Iterator[Finding]:
    """Dead links of one notebook cell.

    Args:
        where: the notebook and the cell.
        markdown: the cell's text.
        names: see :func:`notebook_names`.
        anchors: of the headings of the whole notebook, in lower case.
    """
    for target in links_in(markdown):
        if target.startswith("#"):
            if target[1:].lower() not in anchors:
                yield Finding("dead-link", where, f"{target}: there is no such heading.")
        elif not target.startswith("https://") and target.partition("#")[0] not in names:
            text = f"{target} is no notebook of the course and no https link."
            yield Finding("dead-link", where, text)
