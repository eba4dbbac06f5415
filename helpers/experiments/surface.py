"""What an intruder finds in an image: a count of the things that make an attack easy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from helpers.judge.filesystem import FileSystem
from helpers.judge.known_programs import is_build_tool, is_compiler, is_shell, package_manager
from helpers.observe.image_facts import FileFact, ImageFacts

_PROGRAM_FOLDERS = ("/bin/", "/sbin/", "/libexec/")


@dataclass(frozen=True, slots=True)
class Surface:
    """What is in one image.

    Attributes:
        label: the image's name in tables.
        programs: files that can be run and lie where programs lie.
        setuid: files that run with their owner's rights.
        shells: shells and multi-call programs.
        package_managers: by name, links counted once.
        compilers: compilers, assemblers, linkers and build tools.
        node_packages: npm packages, by their ``package.json`` below ``node_modules``.
        files: all files.
    """

    label: str
    programs: int
    setuid: int
    shells: int
    package_managers: int
    compilers: int
    node_packages: int
    files: int


def surface(label: str, image: ImageFacts) -> Surface:
    """Count what is in an image, by its own files alone."""
    tree = FileSystem(image)
    managers = {name for p in tree.programs(_is_manager) if (name := package_manager(p.fact.path))}
    return Surface(
        label=label,
        programs=_distinct(tree, _lies_among_programs),
        setuid=sum(1 for f in image.files if f.kind == "file" and f.mode & 0o6000),
        shells=_distinct(tree, is_shell),
        package_managers=len(managers),
        compilers=_distinct(tree, lambda path: is_compiler(path) or is_build_tool(path)),
        node_packages=sum(1 for f in image.files if _is_node_package(f)),
        files=sum(1 for f in image.files if f.kind == "file"),
    )


def surfaces(images: Iterable[tuple[str, ImageFacts]]) -> tuple[Surface, ...]:
    """One count an image, in their order."""
    return tuple(surface(label, image) for label, image in images)


def _distinct(tree: FileSystem, matches: Callable[[str], bool]) -> int:
    """Programs that match, each file counted once however many names it has."""
    return len({p.target.path for p in tree.programs(matches)})


def _lies_among_programs(path: str) -> bool:
    folder = path.rpartition("/")[0] + "/"
    return folder.endswith(_PROGRAM_FOLDERS)


def _is_manager(path: str) -> bool:
    return package_manager(path) is not None


def _is_node_package(fact: FileFact) -> bool:
    parts = fact.path.split("/")
    if fact.kind != "file" or parts[-1] != "package.json" or "node_modules" not in parts:
        return False
    below = parts[len(parts) - parts[::-1].index("node_modules") : -1]
    return len(below) == (2 if below and below[0].startswith("@") else 1)
