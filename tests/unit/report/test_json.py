from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.errors import BadInput
from helpers.observe.image_facts import FileFact
from helpers.report.blocks import Cell, Column, Table
from helpers.report.json import from_json, to_json
from report.samples import (
    broken_result,
    build_record,
    distroless_image,
    failing_result,
    naive_image,
    passing_result,
)

TABLE = Table("T", ("a", Column("b", "bytes")), (("x", 3), (Cell("y", "fail"), None)), "n")


@pytest.mark.parametrize(
    "value",
    [
        failing_result(),
        passing_result(),
        broken_result(),
        naive_image(),
        distroless_image(),
        build_record(),
        build_record(fail=True),
        TABLE,
    ],
)
def test_what_was_written_loads_to_the_same_value(value: object) -> None:
    loaded = from_json(to_json(value))  # type: ignore[arg-type]
    assert loaded == value
    assert type(loaded) is type(value)


def test_the_document_tells_schema_version_and_derived_figures() -> None:
    document = json.loads(to_json(failing_result()))
    assert document["schema"] == "check-result"
    assert document["version"] == 1
    assert document["derived"] == {"passed": False, "points": 20, "points_possible": 100}
    assert document["value"]["checks"][3]["verdict"]["outcome"] == "could not tell"


def test_file_names_that_are_not_utf_8_survive() -> None:
    name = b"/srv/caf\xe9\xff".decode("utf-8", "surrogateescape")
    facts = dataclasses.replace(naive_image(), files=(FileFact(name, "file", 1, 0o4755, 0, 0, 0),))
    text = to_json(facts)
    text.encode("ascii")
    loaded = from_json(text)
    assert loaded == facts
    assert loaded.files[0].path.encode("utf-8", "surrogateescape") == b"/srv/caf\xe9\xff"  # type: ignore[union-attr]


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=40))
def test_any_text_survives(text: str) -> None:
    table = Table(text, ("a",), ((text,),))
    assert from_json(to_json(table)) == table


def test_a_number_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        to_json(dataclasses.replace(failing_result(), seconds=float("nan")))


def _changed(**changes: object) -> str:
    return json.dumps({**json.loads(to_json(failing_result())), **changes})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("no json", "not a JSON document"),
        ("[1]", "is not a report"),
        (_changed(schema="other"), "unknown schema 'other'"),
        (_changed(schema=["x"]), "unknown schema"),
        (_changed(version=2), "schema version 2"),
        (_changed(value=[]), "check-result should be an object"),
        (to_json(failing_result()).replace('"fail"', '"failed"', 1), "verdict.outcome"),
        (to_json(failing_result()).replace('"points": 40', '"points": true'), "checks[0].points"),
        (to_json(failing_result()).replace('"engine"', '"motor"'), "motor"),
        (to_json(failing_result()).replace("48.3", "NaN"), "NaN is not a JSON number"),
        (to_json(naive_image()).replace('"kind": "file"', '"kind": "door"', 1), "files[0].kind"),
        (to_json(TABLE).replace('"n"', "7"), "table.note should be text"),
        (to_json(TABLE).replace('"rows": [', '"rows": [[], '), "0 cells for 2 columns"),
    ],
)
def test_a_wrong_document_is_refused_with_the_field_named(text: str, named: str) -> None:
    with pytest.raises(BadInput) as caught:
        from_json(text)
    assert named in caught.value.message
    assert caught.value.remedy
