from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.observe.compose import read_compose, with_defaults
from helpers.observe.kubernetes import read_kubernetes
from helpers.observe.manifest_facts import plain
from helpers.observe.manifest_yaml import MAX_PLACES, read_yaml


def values(text: str, *, yaml_1_1: bool = False) -> object:
    documents, problems = read_yaml(text.encode(), "a.yaml", yaml_1_1=yaml_1_1)
    assert not problems
    (document,) = documents
    return plain(document)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("22:22", "22:22"),
        ("no", "no"),
        ("true", True),
        ("'true'", "true"),
        ("!!str 1", "1"),
        ("0o17", 15),
        ("0644", 420),
        ("0899", 899),
        ("0x1f", 31),
        ("-7", -7),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("1.2.3", "1.2.3"),
        ("2024-01-01", "2024-01-01"),
        ("~", None),
        ("'\\n'", "\\n"),
        ("|\n    a\n    b\n", "a\nb\n"),
        ("{x: [1, {y: 2}]}", {"x": [1, {"y": 2}]}),
    ],
)
def test_scalars_are_what_compose_takes_them_for(text: str, value: object) -> None:
    assert values(f"a: {text}") == {"a": value}


def test_kubernetes_takes_yes_and_no_for_booleans() -> None:
    assert values("[yes, no, on, off, 'yes']", yaml_1_1=True) == [True, False, True, False, "yes"]


def test_aliases_and_merge_keys_are_followed() -> None:
    text = "x: &x {a: 1, b: 2}\ny: &y {b: 3}\nz: {<<: [*y, *x], c: *x}\nw: {b: 9, <<: *x}\n"
    found = values(text)
    assert found == {
        "x": {"a": 1, "b": 2},
        "y": {"b": 3},
        "z": {"c": {"a": 1, "b": 2}, "b": 3, "a": 1},
        "w": {"b": 9, "a": 1},
    }


def test_several_documents_and_empty_ones() -> None:
    documents, _ = read_yaml(b"---\n---\na: 1\n---\n# nothing\n---\nb: 2\n...\n", "a.yaml")
    assert [plain(d) for d in documents] == [{"a": 1}, {"b": 2}]
    assert [d.line for d in documents] == [3, 7]


def test_the_line_of_a_mapping_is_that_of_its_key() -> None:
    (document,), _ = read_yaml(b"a:\n\n  b:\n    - 1\n    - c: 2\n", "a.yaml")
    lines = {entry.place: entry.line for entry in document.entries}
    assert lines[("a",)] == 1
    assert lines[("a", "b")] == 3
    assert lines[("a", "b", 1)] == 5
    assert lines[("a", "b", 1, "c")] == 5


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"a: 1\n\tb: 2\n", 2, "no YAML"),
        (b"a: [1, 2\nb: 3\n", 2, "no YAML"),
        (b"a: *nothing\n", 1, "no anchor"),
        (b"ok: 1\nbad: \xff\n", 2, "UTF-8"),
        (b"a: &x [*x]\n", 1, "nested"),
        (b"a: &a {<<: *a}\n", 1, "circle"),
        (b"a: {<<: 1}\n", 1, "no mapping"),
        (b"{[1]: 2}\n", 1, "no plain word"),
        (b"[" * 10_000, 1, "nested"),
        (b"a: \x00\n", 1, "no YAML"),
    ],
)
def test_what_is_no_yaml_is_a_problem_with_its_line(data: bytes, line: int, words: str) -> None:
    documents, (problem,) = read_yaml(data, "a.yaml")
    assert documents == ()
    assert problem.kind == "not-readable"
    assert problem.line == line
    assert words in problem.text


@pytest.mark.parametrize(
    "text",
    [
        # a billion laughs, by aliases and by merge keys
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n"
            for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "a: &a {x: 1}\n"
        + "".join(
            f"{b}: &{b} {{<<: [{','.join([f'*{a}'] * 9)}]}}\n"
            for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "a:\n" + "- x\n" * (MAX_PLACES + 1),
    ],
)
def test_a_bomb_ends_soon(text: str) -> None:
    began = time.monotonic()
    documents, (problem,) = read_yaml(text.encode(), "a.yaml")
    assert documents == ()
    assert "places" in problem.text
    assert time.monotonic() - began < 5


def test_a_key_that_stands_twice_is_told_and_the_last_one_counts() -> None:
    (document,), (problem,) = read_yaml(b"a:\n  b: 1\n  c: 2\n  b: 3\n", "a.yaml")
    assert plain(document) == {"a": {"b": 3, "c": 2}}
    assert (problem.kind, problem.line, problem.where) == ("duplicate-key", 4, "a.b")


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="a:-*&<[]{}|>'\"#\n\t ,!?1.~%@\\x", max_size=60))
def test_no_text_makes_it_crash(text: str) -> None:
    read_yaml(text.encode(), "a.yaml")
    read_compose(text.encode())
    read_kubernetes({"a.yaml": text.encode()})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A:-x}", "x"),
        ("${A-x}:${B:-y}", "x:y"),
        ("$$A", "$A"),
        ("$A", "$A"),
        ("${A}", "${A}"),
        ("${A:?no}", "${A:?no}"),
        ("plain", "plain"),
    ],
)
def test_variables_have_their_defaults(text: str, value: str) -> None:
    assert with_defaults(text) == value


def test_a_variable_where_a_number_is_wanted_is_no_mistake() -> None:
    facts = read_compose(b"services:\n  a:\n    image: x\n    deploy: {replicas: '${N}'}\n")
    assert facts.problems == ()
