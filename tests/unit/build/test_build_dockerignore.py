"""What .dockerignore leaves out. The table was compared with what the docker CLI really sends."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from helpers.build.context import folder_context, mapping_context
from helpers.build.dockerignore import parse_dockerignore
from helpers.build.errors import ContextError

TABLE: dict[str, Any] = json.loads(Path(__file__).with_name("dockerignore_cases.json").read_text())


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    for name in TABLE["files"]:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    for name in TABLE["directories"]:
        (root / name).mkdir()
    (root / ".dockerignore").write_text("")
    return root


def names(context: Any) -> set[str]:
    return {entry.path + ("/" if entry.kind == "dir" else "") for entry in context.entries}


def test_the_table_is_large() -> None:
    assert len(TABLE["cases"]) >= 60


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: case["name"])
def test_left_out(case: dict[str, Any], tree: Path) -> None:
    everything = names(folder_context(tree, overlay={".dockerignore": ""}))
    sent = names(folder_context(tree, overlay={".dockerignore": case["dockerignore"]}))
    assert everything - sent == set(case["left_out"])


@pytest.mark.parametrize(
    "line", ["[", "a[", "a[]b", "[a-]", "[-a]", "[^]", "a\\", "!", "! ", "!/", "[z-a]x", "\\1"]
)
def test_a_bad_pattern_is_named_with_its_line(line: str) -> None:
    with pytest.raises(ContextError, match=r"Line 2 of \.dockerignore") as error:
        parse_dockerignore(f"ok\n{line}\n".encode())
    assert error.value.remedy


@pytest.mark.parametrize("line", ["a]b", "[a-c]", "[^a]", "[\\]]", "a[b]c", "{a,b}", "a.(b|c)"])
def test_odd_but_good_patterns(line: str) -> None:
    parse_dockerignore(line.encode())


def test_braces_and_bars_are_plain_characters() -> None:
    rules = parse_dockerignore(b"{a,b}\na.(b|c)*")
    assert rules.excludes("{a,b}")
    assert not rules.excludes("a")
    assert rules.excludes("a.(b|c)d")
    assert not rules.excludes("a.b")


def test_many_wildcards_mean_the_same_as_few() -> None:
    """Three and more are matched in another way, which has to agree."""
    rules = parse_dockerignore(b"**/a*b*/[^x]?*.t[[:alpha:]]\n")
    for path, wanted in (
        ("ab/12.ts", True),
        ("x/y/aXbY/12.ts", True),
        ("ab/x2.ts", False),
        ("ab/1.ts", False),
        ("xab/12.ts", False),
        ("ab/c/12.ts", False),
        ("ab/12.t1", False),
        ("x/ab/12.ts/below", True),
    ):
        assert rules.excludes(path) == wanted, path


def test_a_hostile_pattern_takes_no_longer_than_its_length() -> None:
    stars = parse_dockerignore(b"/".join([b"**/a*a*"] * 12) + b"/z")
    begin = time.monotonic()
    assert not stars.excludes("/".join(["a" * 60] * 12))
    assert time.monotonic() - begin < 5


def test_names_that_are_not_utf8_match_byte_by_byte() -> None:
    rules = parse_dockerignore(b"caf\xe9\nx?y")
    assert rules.excludes(b"caf\xe9".decode("utf-8", "surrogateescape"))
    assert rules.excludes(b"x\xffy".decode("utf-8", "surrogateescape"))
    assert not rules.excludes("café")


def test_a_newline_in_a_name_does_not_end_it() -> None:
    assert not parse_dockerignore(b"*.txt").excludes("a.txt\n")


def test_the_deciding_line_is_told() -> None:
    rules = parse_dockerignore(b"# logs\nlogs\n!logs/keep\n*.tmp\n")
    deciding = rules.deciding("logs/other")
    assert deciding is not None
    assert (deciding.line, deciding.text) == (2, "logs")
    assert rules.deciding("logs/keep") is None
    assert rules.deciding("src") is None


def test_a_directory_that_cannot_hold_an_exception_is_not_walked(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / ".dockerignore").write_text("big\n!small/file\n")
    walked: list[str] = []
    context = folder_context(tmp_path)
    original = type(context.tree).children

    class Watching(type(context.tree)):  # type: ignore[misc]
        def children(self, directory: str) -> Any:
            walked.append(directory)
            return original(self, directory)

    (tmp_path / "big").mkdir()
    (tmp_path / "small").mkdir()
    (tmp_path / "small/file").write_text("x")
    from helpers.build import context as module

    module.context_of(Watching(tmp_path), "Dockerfile")
    assert walked == ["", "small"]


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ("", {"Dockerfile", ".dockerignore", "a"}),
        ("Dockerfile\n.dockerignore\n", {"a"}),
        ("*\n", set()),
        ("*\n!Dockerfile\n", {"Dockerfile"}),
        (".*\n", {"Dockerfile", "a"}),
    ],
)
def test_the_dockerfile_and_the_rules_can_be_left_out_too(rules: str, left: set[str]) -> None:
    files = {"Dockerfile": "FROM scratch\n", ".dockerignore": rules, "a": ""}
    context = mapping_context(files)
    assert names(context) == left
    assert context.dockerfile == "FROM scratch\n"
    assert context.ignore.name == ".dockerignore"


def test_the_ignore_file_next_to_the_dockerfile_wins() -> None:
    files = {
        "docker/prod": "FROM scratch\n",
        "docker/prod.dockerignore": "a\n",
        ".dockerignore": "b\n",
        "a": "",
        "b": "",
    }
    context = mapping_context(files, dockerfile="docker/prod")
    assert "a" not in names(context)
    assert "b" in names(context)
    assert "a" in names(mapping_context({**files, "Dockerfile": "FROM scratch\n"}))


def test_an_empty_ignore_file_next_to_the_dockerfile_wins_too() -> None:
    files = {"Dockerfile": "FROM a", "Dockerfile.dockerignore": "", ".dockerignore": "b", "b": ""}
    assert "b" in names(mapping_context(files))


def test_the_ignore_file_next_to_a_dockerfile_elsewhere_counts(tmp_path: Path) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "context/a").write_text("")
    (tmp_path / "context/b").write_text("")
    (tmp_path / "context/.dockerignore").write_text("b\n")
    (tmp_path / "x.Dockerfile").write_text("FROM scratch\n")
    context = folder_context(tmp_path / "context", dockerfile=tmp_path / "x.Dockerfile")
    assert {"a"} == names(context) & {"a", "b"}
    (tmp_path / "x.Dockerfile.dockerignore").write_text("a\n")
    context = folder_context(tmp_path / "context", dockerfile=tmp_path / "x.Dockerfile")
    assert {"b"} == names(context) & {"a", "b"}
