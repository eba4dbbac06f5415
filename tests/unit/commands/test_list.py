"""``workbook list`` where an exercise of the course is broken."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from helpers.commands.exercises import show_list
from helpers.course.paths import course_folders

GOOD = "01-multi-stage"
BROKEN = "02-broken"


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    source = course_folders().exercises
    shutil.copytree(source / GOOD, tmp_path / "exercises" / GOOD)
    monkeypatch.setenv("WORKBOOK_COURSE", str(tmp_path))
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    return tmp_path


def break_another(course: Path) -> tuple[Path, int]:
    """A second exercise with a mistake; its file and the line of the mistake."""
    shutil.copytree(course / "exercises" / GOOD, course / "exercises" / BROKEN)
    path = course / "exercises" / BROKEN / "exercise.toml"
    text = path.read_text()
    assert text.count("max_mb = 200") == 1
    path.write_text(text.replace("max_mb = 200", "max_mb = -200"))
    return path, text[: text.index("max_mb = 200")].count("\n") + 1


def test_without_a_broken_one_the_status_is_0(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show_list(as_json=False) == 0
    said = capsys.readouterr()
    assert "not started  01-multi-stage" in said.out
    assert said.err == ""


def test_a_broken_one_is_named_and_the_others_are_listed(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, line = break_another(course)
    assert show_list(as_json=False) == 1
    said = capsys.readouterr()
    assert "not started  01-multi-stage" in said.out
    assert "✗ broken  02-broken" in said.out
    assert f"workbook: {path}, line {line}, check[3].params.max_mb: " in said.err
    assert said.err.count("\n→ ") == 1


def test_as_json_it_is_one_document_in_which_the_broken_one_tells_why(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, line = break_another(course)
    assert show_list(as_json=True) == 1
    said = capsys.readouterr()
    good, broken = json.loads(said.out)
    assert (good["id"], good["title"]) == (GOOD, "Ship the orders service, and nothing else")
    assert broken["id"] == BROKEN
    assert f"{path}, line {line}, " in broken["problem"]
    assert broken["remedy"]
    assert "workbook: " in said.err


def test_a_file_that_is_no_toml_is_named_too(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, _ = break_another(course)
    path.write_text("title = \n")
    assert show_list(as_json=False) == 1
    assert f"workbook: {path}: " in capsys.readouterr().err
