"""``workbook properties``."""

from __future__ import annotations

import json

import pytest

from helpers.commands.properties import run
from helpers.errors import BadInput
from helpers.judge.registry import all_properties


def show(capsys: pytest.CaptureFixture[str], *args: str | None, **options: object) -> str:
    assert run(*args, **{"covers": "", "as_json": False, **options}) == 0  # type: ignore[arg-type]
    return capsys.readouterr().out


def test_every_property_is_listed_once_below_its_family(capsys: pytest.CaptureFixture[str]) -> None:
    text = show(capsys, None)
    for found in all_properties().values():
        assert text.count(f"\n  {found.id}: {found.title}\n") == 1
        assert text.count(f"\n{found.family.upper()}\n") == 1


def test_one_is_told_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    text = show(capsys, "non-root")
    found = all_properties()["non-root"]
    assert text.startswith(f"non-root: {found.title}\n")
    assert f"weight {found.weight} of 5" in text
    for code in found.codes:
        assert f"· {code}: " in text
    assert f"Source: {found.source}" in text
    document = json.loads(show(capsys, "non-root", as_json=True))
    assert document["covers"] == list(found.covers)


def test_json_is_one_document_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    documents = json.loads(show(capsys, None, as_json=True))
    assert [d["id"] for d in documents] == list(all_properties())


def test_what_answers_the_checkpoints_of_a_tool(capsys: pytest.CaptureFixture[str]) -> None:
    answers = json.loads(show(capsys, None, covers="dockle", as_json=True))
    assert "non-root" in answers["dockle CIS-DI-0001"]
    assert all(code.startswith("dockle ") for code in answers)
    text = show(capsys, None, covers="Docker-Bench")
    codes = [line.split()[1] for line in text.splitlines()]
    assert codes.index("4.2") < codes.index("4.10") if {"4.2", "4.10"} <= set(codes) else codes


def test_unknown_names_are_told_with_what_there_is() -> None:
    with pytest.raises(BadInput) as error:
        run("root", covers="", as_json=False)
    assert "non-root" in error.value.remedy
    with pytest.raises(BadInput) as error:
        run(None, covers="dockel", as_json=False)
    assert "dockle" in error.value.remedy
