"""The learner's copies: made once, never overwritten, read once and with care."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from helpers.course.copies import copy_notebooks, unedited_copies
from helpers.course.exercise import Exercise, load_exercise
from helpers.course.npm_lock import dev_packages
from helpers.course.paths import CourseFolders, course_folders
from helpers.course.progress import Attempt, attempts, record
from helpers.course.workspace import read_submission, reset, start
from helpers.errors import BadInput

ID = "01-multi-stage"


@pytest.fixture
def folders(tmp_path: Path) -> CourseFolders:
    return CourseFolders(course_folders().root, tmp_path / "work")


@pytest.fixture
def exercise(folders: CourseFolders) -> Exercise:
    return load_exercise(folders, ID)


def test_a_copy_is_complete_and_made_once(folders: CourseFolders, exercise: Exercise) -> None:
    folder, made = start(folders, exercise)
    assert made
    assert (folder / "package-lock.json").exists()
    assert "node:26-trixie" in (folder / "Dockerfile").read_text()
    assert not (folder / "dockerfiles").exists(), "lesson material is no part of the copy"
    (folder / "Dockerfile").write_text("FROM scratch\n")
    assert start(folders, exercise) == (folder, False)
    assert (folder / "Dockerfile").read_text() == "FROM scratch\n"


def test_a_reset_keeps_the_old_copy(folders: CourseFolders, exercise: Exercise) -> None:
    folder, _ = start(folders, exercise)
    for text in ("first", "second"):
        (folder / "Dockerfile").write_text(text)
        _, kept = reset(folders, exercise)
        assert kept is not None
        assert (kept / "Dockerfile").read_text() == text
        assert (folder / "Dockerfile").read_text() != text
    assert not list(folders.work.glob(".*")), "nothing half made is left"


def test_only_edited_files_are_read_and_other_changes_are_told(
    folders: CourseFolders, exercise: Exercise
) -> None:
    folder, _ = start(folders, exercise)
    (folder / "package.json").write_text("{}")
    submission = read_submission(folders, exercise)
    assert set(submission.files) == {"Dockerfile", ".dockerignore"}
    assert "package.json" in submission.notes[0]


def test_a_folder_with_only_the_dockerfile_is_enough(
    folders: CourseFolders, exercise: Exercise, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    submission = read_submission(folders, exercise, tmp_path)
    assert submission.files["Dockerfile"] == b"FROM scratch\n"
    assert ".dockerignore" in submission.notes[0]


def test_what_is_no_plain_file_is_refused(
    folders: CourseFolders, exercise: Exercise, tmp_path: Path
) -> None:
    target = tmp_path / "Dockerfile"
    with pytest.raises(BadInput, match="There is no Dockerfile"):
        read_submission(folders, exercise, tmp_path)
    target.symlink_to("/etc/passwd")
    with pytest.raises(BadInput, match="cannot be read"):
        read_submission(folders, exercise, tmp_path)
    target.unlink()
    os.mkfifo(target)
    with pytest.raises(BadInput, match="not an ordinary file"):
        read_submission(folders, exercise, tmp_path)
    target.unlink()
    target.write_bytes(b"#" * 1_000_001)
    with pytest.raises(BadInput, match="larger than"):
        read_submission(folders, exercise, tmp_path)


def test_a_folder_that_does_not_exist_says_how_to_make_one(
    folders: CourseFolders, exercise: Exercise
) -> None:
    with pytest.raises(BadInput) as error:
        read_submission(folders, exercise)
    assert "workbook start" in error.value.remedy


def test_an_update_never_overwrites_an_edited_notebook(tmp_path: Path) -> None:
    course = CourseFolders(tmp_path, tmp_path / "work")
    course.notebooks.mkdir()
    course.exercises.mkdir()
    for name in ("a.ipynb", "b.ipynb"):
        (course.notebooks / name).write_text("one")
    copies = course.work / "notebooks"
    assert len(copy_notebooks(course).made) == 2
    assert copy_notebooks(course).made == ()
    (copies / "b.ipynb").write_text("mine")
    assert unedited_copies(course) == [copies / "a.ipynb"]
    for name in ("a.ipynb", "b.ipynb"):
        (course.notebooks / name).write_text("two")
    report = copy_notebooks(course)
    assert report.updated == (copies / "a.ipynb",)
    assert (copies / "a.ipynb").read_text() == "two"
    assert (copies / "b.ipynb").read_text() == "mine"
    assert [p.read_text() for p in report.beside] == ["two"]
    assert copy_notebooks(course).beside == (), "it is told once"


def test_a_damaged_line_costs_only_itself(tmp_path: Path) -> None:
    course = CourseFolders(tmp_path, tmp_path / "work")
    one = Attempt(ID, "2026-01-01T00:00:00+00:00", 1.0, 3, 17, False, ("size",), 10)
    record(course, one)
    with (course.records / "progress.jsonl").open("a") as log:
        log.write('{"exercise": "01-mul\n[]\n')
    record(course, one)
    assert attempts(course) == (one, one)
    assert attempts(course, "other") == ()


def test_what_production_needs_elsewhere_is_no_development_package(tmp_path: Path) -> None:
    lock = tmp_path / "package-lock.json"
    packages = {
        "": {},
        "node_modules/pg": {},
        "node_modules/typescript": {"dev": True},
        "node_modules/semver": {},
        "node_modules/typescript/node_modules/semver": {"dev": True},
        "node_modules/@types/node": {"dev": True},
    }
    lock.write_text(json.dumps({"packages": packages}))
    assert dev_packages(lock) == {"typescript", "@types/node"}
    assert dev_packages(tmp_path / "none.json") == frozenset()
    lock.write_text("[]")
    with pytest.raises(BadInput, match="no npm lock file"):
        dev_packages(lock)
