"""``exercise.toml``: every mistake is told with file, line and field."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from helpers.course.exercise import load_exercise, read_exercise
from helpers.course.given_secrets import given_secrets
from helpers.course.paths import CourseFolders
from helpers.errors import BadInput

RIGHT = '''title = "Do it"
practice = "Practice"
notebook = "01-practice"
level = "first steps"
minutes = 20
app = "orders"
edit = ["Dockerfile"]
story = """
Once.
id = "not a field"
"""
task = "Do it."

[[check]]
id = "size"
property = "image-size"
params = { max_mb = 200 }
[[check.hints]]
text = "A nudge."
[[check.hints]]
when = ["over-limit"]
text = "More."

[[check]]
id = "shell"
property = "no-shell"
[[check.hints]]
text = "A nudge."
'''


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "exercises" / "01-it" / "exercise.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_a_right_one_is_read(tmp_path: Path) -> None:
    exercise = read_exercise(written(tmp_path, RIGHT))
    assert exercise.id == "01-it"
    assert [c.id for c in exercise.checks] == ["size", "shell"]


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ('title = "Do it"\n', "", 1, "title"),
        ("minutes = 20", "minutes = 2", 5, "minutes"),
        ("minutes = 20", 'minutes = "20"', 5, "minutes"),
        ('level = "first steps"', 'level = "easy"', 4, "level"),
        ('task = "Do it."', 'tasks = "Do it."', 1, "task"),
        ('edit = ["Dockerfile"]', 'edit = ["../Dockerfile"]', 7, "edit"),
        ('property = "image-size"', 'property = "image-sise"', 16, "check[0].property"),
        ("{ max_mb = 200 }", "{ max_mb = -1 }", 17, "check[0].params.max_mb"),
        ("{ max_mb = 200 }", "{ limit = 200 }", 17, "check[0].params"),
        ('when = ["over-limit"]', 'when = ["too-big"]', 21, "check[0].hints[1].when"),
        ('id = "shell"', 'id = "size"', 25, "check[1].id"),
        ('id = "shell"', 'id = "No Shell"', 25, "check[1].id"),
        ('text = "More."', 'text = ""', 22, "check[0].hints[1].text"),
    ],
)
def test_a_mistake_is_told_with_line_and_field(
    tmp_path: Path, old: str, new: str, line: int, field: str
) -> None:
    assert RIGHT.count(old) == 1
    with pytest.raises(BadInput) as error:
        read_exercise(written(tmp_path, RIGHT.replace(old, new)))
    assert f"exercise.toml, line {line}, {field}" in error.value.message
    assert error.value.remedy


def test_broken_toml_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"exercise\.toml.*line 5"):
        read_exercise(written(tmp_path, RIGHT.replace("minutes = 20", "minutes 20")))


def test_an_exercise_is_found_by_an_unambiguous_beginning(tmp_path: Path) -> None:
    written(tmp_path, RIGHT)
    folders = CourseFolders(tmp_path, tmp_path / "work")
    assert load_exercise(folders, "01").id == "01-it"
    for name in ("", "02", "it"):
        with pytest.raises(BadInput) as error:
            load_exercise(folders, name)
        assert "01-it" in error.value.remedy


SEVERAL = (
    RIGHT.replace('app = "orders"\n', "")
    .replace(
        "[[check]]",
        """[[image]]
name = "web"
app = "orders"
folder = "web"

[[image]]
name = "jobs"
app = "worker"
folder = "jobs"

[[check]]""",
        1,
    )
    .replace('property = "no-shell"', 'property = "no-shell"\nimage = "jobs"')
)


def test_checks_are_about_the_first_image_or_the_one_that_they_name(tmp_path: Path) -> None:
    exercise = read_exercise(written(tmp_path, SEVERAL))
    assert [i.folder for i in exercise.built] == ["web", "jobs"]
    assert [exercise.image_of(c).name for c in exercise.checks] == ["web", "jobs"]


def test_an_exercise_of_one_image_builds_its_app_of_the_whole_copy(tmp_path: Path) -> None:
    (image,) = read_exercise(written(tmp_path, RIGHT)).built
    assert (image.app, image.folder) == ("orders", "")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('image = "jobs"', 'image = "job"', "no image 'job'; there are web, jobs"),
        ('folder = "jobs"', 'folder = "../jobs"', "outside"),
        ('folder = "jobs"', 'folder = "web"', "same name or folder"),
        ('name = "jobs"', 'name = "web"', "same name or folder"),
        ('folder = "jobs"', 'folder = ""', "needs a folder"),
        ("minutes = 20", 'minutes = 20\napp = "orders"', "either"),
    ],
)
def test_images_that_cannot_be_are_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert SEVERAL.count(old) == 1
    with pytest.raises(BadInput) as error:
        read_exercise(written(tmp_path, SEVERAL.replace(old, new)))
    assert said in error.value.message


def test_without_app_and_image_nothing_is_built(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="says what is built"):
        read_exercise(written(tmp_path, RIGHT.replace('app = "orders"\n', "")))


def test_secrets_are_ids_and_get_new_values(tmp_path: Path) -> None:
    text = RIGHT.replace("[[check]]", '[build]\nsecrets = ["token"]\n\n[[check]]', 1)
    exercise = read_exercise(written(tmp_path, text))
    (first,) = given_secrets(exercise.build.secrets)
    (second,) = given_secrets(exercise.build.secrets)
    assert first.id == "token"
    assert first.value() != second.value()
    random, checksum = first.value()[:28], first.value()[28:]
    assert f"{zlib.crc32(random):08x}".encode() == checksum
