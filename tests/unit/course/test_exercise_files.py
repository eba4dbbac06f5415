"""``exercise.toml``: every mistake is told with file, line and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.course.exercise import load_exercise, read_exercise
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
