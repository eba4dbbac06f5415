"""The learner's own copy of an exercise: made once, never overwritten."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from helpers.course.exercise import Exercise, ImageSpec
from helpers.course.paths import CourseFolders
from helpers.errors import BadInput

#: What an app's folder holds beside the app: lesson material and what its tools leave behind.
_NOT_THE_APP = frozenset(
    {
        *("dockerfiles", "node_modules", "dist", "coverage", ".git", ".venv"),
        *("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"),
    }
)
_LARGEST_FILE = 1_000_000  # bytes; an edited file is text that a person wrote


@dataclass(frozen=True, slots=True)
class Submission:
    """The edited files as they were at one moment: what a check judges.

    Attributes:
        files: content by path relative to the exercise's folder.
        notes: what the reader should know, for example a file that was taken from the course.
    """

    files: dict[str, bytes]
    notes: tuple[str, ...] = ()

    def digests(self) -> dict[str, str]:
        """SHA-256 of each file, in hex."""
        return {path: digest(content) for path, content in self.files.items()}


def digest(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def work_folder(folders: CourseFolders, exercise: Exercise) -> Path:
    """Where the learner's copy is, or will be."""
    return folders.work / exercise.id


def app_folder(folders: CourseFolders, exercise: Exercise, image: ImageSpec) -> Path:
    """The sample service that an image of the exercise is built of.

    Raises:
        BadInput: where it is missing.
    """
    folder = folders.apps / image.app
    if not folder.is_dir():
        raise BadInput(
            f"{exercise.id} builds the app {image.app!r}, and {folder} does not exist.",
            remedy="Restore the folder from version control: git checkout -- apps",
        )
    return folder


def app_files(folder: Path) -> Iterator[Path]:
    """Files of an app, relative to its folder, without what its tools leave behind."""
    for base, names, files in os.walk(folder):
        names[:] = sorted(n for n in names if n not in _NOT_THE_APP)
        for name in sorted(files):
            yield (Path(base) / name).relative_to(folder)


def start(folders: CourseFolders, exercise: Exercise) -> tuple[Path, bool]:
    """Make the learner's copy where there is none.

    Returns:
        The folder, and whether it was made now.
    """
    target = work_folder(folders, exercise)
    if target.exists():
        return target, False
    folders.work.mkdir(parents=True, exist_ok=True)
    # Filled under another name and renamed: an interrupted start leaves no half copy behind.
    staging = Path(tempfile.mkdtemp(prefix=f".{exercise.id}.", dir=folders.work))
    try:
        _fill(staging, folders, exercise)
        staging.chmod(0o755)
        staging.rename(target)
    except OSError:
        if not target.exists():  # else another start was quicker, and its copy is as good
            raise
        return target, False
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return target, True


def reset(folders: CourseFolders, exercise: Exercise) -> tuple[Path, Path | None]:
    """Make the copy again; the old one is kept beside it.

    Returns:
        The new folder, and where the old one was moved (None where there was none).
    """
    target = work_folder(folders, exercise)
    kept = None
    if target.exists():
        stamp = time.strftime("%Y%m%d-%H%M%S")
        kept = _free_name(folders.work / f"{exercise.id}.kept-{stamp}")
        target.rename(kept)
    start(folders, exercise)
    return target, kept


def read_submission(
    folders: CourseFolders, exercise: Exercise, folder: Path | None = None
) -> Submission:
    """Read the edited files, each once; nothing else of the folder is ever read.

    Args:
        folders: the course.
        exercise: whose files.
        folder: a full copy or only the edited files; the learner's own copy by default.

    Raises:
        BadInput: where the folder or its Dockerfile is missing, or a file cannot be used.
    """
    source = folder or work_folder(folders, exercise)
    if not source.is_dir():
        raise BadInput(
            f"There is no folder {source}.",
            remedy=f"Make your copy first: workbook start {exercise.id}"
            if folder is None
            else "Name a folder that holds your files, or none to check your copy.",
        )
    files: dict[str, bytes] = {}
    notes: list[str] = []
    for path in exercise.edit:
        content = _read(source / path, path)
        if content is not None:
            files[path] = content
            continue
        starter = folders.exercises / exercise.id / "starter" / path
        if path == exercise.edit[0] or not starter.is_file():
            raise BadInput(
                f"There is no {path} in {source}.",
                remedy=f"Write one there, or begin again: workbook reset {exercise.id} "
                "(your files are kept).",
            )
        files[path] = starter.read_bytes()
        notes.append(f"There is no {path} in your folder, so the course's own was used.")
    notes += _changed_elsewhere(folders, exercise, source)
    return Submission(files, tuple(notes))


def course_sources(folders: CourseFolders, exercise: Exercise) -> dict[str, Path]:
    """Every file of an untouched copy, by its path in the copy: the apps, the starter over them."""
    starter = folders.exercises / exercise.id / "starter"
    sources = [(image.folder, app_folder(folders, exercise, image)) for image in exercise.built]
    return {
        str(place / path): folder / path
        for place, folder in ((Path(p), f) for p, f in (*sources, ("", starter)))
        for path in app_files(folder)
    }


def course_files(folders: CourseFolders, exercise: Exercise) -> dict[str, bytes]:
    """Content of every file of an untouched copy, by its path in the copy."""
    return {p: source.read_bytes() for p, source in course_sources(folders, exercise).items()}


def _fill(target: Path, folders: CourseFolders, exercise: Exercise) -> None:
    for path, source in course_sources(folders, exercise).items():
        _copy(source, target / path)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(source.stat().st_mode & 0o777 | stat.S_IWUSR)


def _read(path: Path, name: str) -> bytes | None:
    """Content of a regular file; a symbolic link is refused, it could lead anywhere."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInput(
            f"{name} cannot be read: {error.strerror or error}.",
            remedy="It has to be an ordinary file that you may read, no symbolic link.",
        ) from error
    with os.fdopen(fd, "rb") as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise BadInput(f"{name} is not an ordinary file.", remedy="Put a text file there.")
        content = file.read(_LARGEST_FILE + 1)
    if len(content) > _LARGEST_FILE:
        raise BadInput(
            f"{name} is larger than {_LARGEST_FILE // 1000} kB.",
            remedy="Only what you write yourself belongs there.",
        )
    return content


def _changed_elsewhere(folders: CourseFolders, exercise: Exercise, source: Path) -> Iterator[str]:
    """A note where the learner changed files that are not judged."""
    changed = [
        path
        for path, original in sorted(course_sources(folders, exercise).items())
        if path not in exercise.edit
        and (source / path).is_file()
        and not (source / path).is_symlink()
        and not _same(source / path, original)
    ]
    if changed:
        listed = ", ".join(changed[:5]) + (" …" if len(changed) > 5 else "")
        yield (
            f"Changes in {listed} are not judged: this exercise is about "
            f"{' and '.join(exercise.edit)}, everything else comes from the course."
        )


def _same(path: Path, original: Path) -> bool:
    return path.stat().st_size == original.stat().st_size and (
        path.read_bytes() == original.read_bytes()
    )


def _free_name(path: Path) -> Path:
    number, candidate = 1, path
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate
