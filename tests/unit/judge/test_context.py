from __future__ import annotations

from typing import Any

import pytest

from helpers.build.context import mapping_context
from helpers.judge.judge import criterion
from helpers.judge.verdict import Verdict
from helpers.observe.context_facts import ContextRequest, context_facts
from helpers.observe.requests import Observations

from .factories import FAIL, UNKNOWN, verdict

GOOD = ".git\n**/node_modules\n**/.env*\n*.log\n"


def judged(property_id: str, files: dict[str, str], **params: Any) -> Verdict:
    """The verdict on a context of these files, and a Dockerfile."""
    context = mapping_context({"Dockerfile": "FROM scratch\n", **files})
    wanted = criterion(property_id, params)
    (request,) = wanted.property.needs(wanted.params)
    assert isinstance(request, ContextRequest)
    facts = context_facts(context, request.names)
    return verdict(property_id, Observations(answers={request: facts}), **params)


@pytest.mark.parametrize("name", ["dockerignore", "context-clean", "context-size"])
def test_without_the_context_nothing_can_be_told(name: str) -> None:
    assert verdict(name, Observations()).outcome is UNKNOWN


def test_an_ignore_file_that_leaves_out_what_it_should() -> None:
    found = judged("dockerignore", {".dockerignore": GOOD, ".env": "X=1", "a.js": "x"})
    assert found.passed
    assert "4 patterns" in found.summary


def test_no_ignore_file() -> None:
    found = judged("dockerignore", {"a.js": "x"})
    assert found.outcome is FAIL
    assert found.codes() == {"no-dockerignore"}


def test_an_ignore_file_that_forgets_something_there_or_not() -> None:
    found = judged("dockerignore", {".dockerignore": "node_modules\n.git\n", ".env": "X=1"})
    assert [e.code for e in found.evidence] == ["not-left-out"]
    assert "`.env`" in found.evidence[0].text
    assert "1 file" in found.evidence[0].text
    empty = judged("dockerignore", {".dockerignore": "# nothing\n"})
    assert len(empty.evidence) == 3


def test_an_exception_that_takes_it_back_in() -> None:
    rules = GOOD + "!.env\n"
    found = judged("dockerignore", {".dockerignore": rules, ".env": "X=1"})
    assert "`.env`" in found.evidence[0].text


def test_a_folder_below_that_a_rule_for_the_top_forgets() -> None:
    rules = {".dockerignore": "node_modules\n.git\n.env\n", "web/node_modules/x/i.js": "x"}
    found = judged("dockerignore", rules)
    assert "web/node_modules" in found.evidence[0].text


def test_names_of_ones_own() -> None:
    rules = {".dockerignore": "secret*\n"}
    assert judged("dockerignore", rules, leaves_out=["secret*"]).passed
    assert not judged("dockerignore", rules, leaves_out=["secret*", "dist"]).passed


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (".env", "secret-in-context"),
        ("config/.env.production", "secret-in-context"),
        ("keys/server.key", "secret-in-context"),
        (".git/config", "history-in-context"),
        ("web/node_modules/x/index.js", "built-in-context"),
        ("npm-debug.log", "clutter-in-context"),
    ],
)
def test_what_travels_and_should_not(path: str, code: str) -> None:
    found = judged("context-clean", {path: "12345", "a.js": "x"})
    assert found.outcome is FAIL
    assert [(e.code, e.bytes) for e in found.evidence] == [(code, 5)]


def test_what_the_ignore_file_leaves_out_does_not_travel() -> None:
    files = {".dockerignore": GOOD, ".env": "X", ".git/config": "x", "a/node_modules/b": "x"}
    assert judged("context-clean", files).passed


def test_what_may_travel() -> None:
    assert judged("context-clean", {"coverage/index.html": "x"}, allow=["coverage"]).passed
    assert judged("context-clean", {".env.example": "X=1", "environment.js": "x"}).passed


def test_the_size_and_what_takes_most() -> None:
    files = {"assets/a.bin": "x" * 3000, "assets/b.bin": "x" * 2000, "src/a.js": "x" * 10}
    assert judged("context-size", files).passed
    found = judged("context-size", files, max_mb=0.004)
    assert found.outcome is FAIL
    assert (found.evidence[0].path, found.evidence[0].bytes) == ("assets", 5000)
