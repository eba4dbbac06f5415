"""The README's pictures are those that the notebooks have stored."""

from __future__ import annotations

from helpers.course.paths import course_folders
from helpers.publish.pictures import pictures, pictures_folder

FOLDERS = course_folders()


def test_each_picture_is_the_notebooks_own() -> None:
    folder = pictures_folder(FOLDERS)
    stored = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.svg")}
    assert stored == pictures(FOLDERS), "run: make notebooks"


def test_the_readme_shows_each() -> None:
    readme = (FOLDERS.root / "README.md").read_text(encoding="utf-8")
    for name in pictures(FOLDERS):
        assert f"docs/pictures/{name}" in readme
