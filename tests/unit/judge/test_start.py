from __future__ import annotations

import pytest

from helpers.observe.requests import Observations

from .factories import FAIL, PASS, UNKNOWN, image, seen, verdict


def form(entrypoint: tuple[str, ...], cmd: tuple[str, ...], dockerfile: str | None = None):  # type: ignore[no-untyped-def]
    return verdict("exec-form", seen(image(entrypoint=entrypoint, cmd=cmd), dockerfile))


@pytest.mark.parametrize(
    ("entrypoint", "cmd"),
    [
        ((), ("node", "server.js")),
        (("/nodejs/bin/node",), ("server.js",)),
        (("docker-entrypoint.sh",), ("node", "server.js")),
        (("tini", "--"), ("node", "server.js")),
        (("/app/server",), ()),
        (("sh", "/app/start.sh"), ()),
    ],
)
def test_a_service_that_is_started_itself_passes(
    entrypoint: tuple[str, ...], cmd: tuple[str, ...]
) -> None:
    assert form(entrypoint, cmd).outcome is PASS


@pytest.mark.parametrize(
    ("entrypoint", "cmd", "codes"),
    [
        ((), ("/bin/sh", "-c", "node server.js"), {"shell-form"}),
        ((), ("/bin/bash", "-o", "pipefail", "-c", "node x"), {"shell-form"}),
        ((), ("/bin/sh", "-c", "npm start"), {"shell-form", "npm-start"}),
        ((), ("/bin/sh", "-c", "exec npm start"), {"shell-form", "npm-start"}),
        ((), ("npm", "start"), {"npm-start"}),
        (("docker-entrypoint.sh",), ("npm", "run", "start"), {"npm-start"}),
        (("tini", "--", "npm", "start"), (), {"npm-start"}),
        (("/bin/sh", "-c", "node x"), (), {"shell-form"}),
        ((), (), {"no-command"}),
    ],
)
def test_something_around_the_service_fails(
    entrypoint: tuple[str, ...], cmd: tuple[str, ...], codes: set[str]
) -> None:
    found = form(entrypoint, cmd)
    assert found.outcome is FAIL
    assert found.codes() == codes


def test_the_line_is_that_of_the_last_instruction() -> None:
    dockerfile = 'FROM a:1\nCMD ["x"]\nCMD npm start\n'
    found = form((), ("/bin/sh", "-c", "npm start"), dockerfile)
    assert {e.line for e in found.evidence} == {3}


def user(name: str, **more: object):  # type: ignore[no-untyped-def]
    accounts = more.pop("accounts", [("root", 0), ("node", 1000), ("toor", 0)])
    return verdict("non-root", seen(image(user=name, accounts=accounts), **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["node", "1000", "1000:1000", "node:node", "65532"])
def test_another_user_passes(name: str) -> None:
    assert user(name).outcome is PASS


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "no-user"),
        ("root", "root-user"),
        ("0", "root-user"),
        ("0:0", "root-user"),
        ("root:node", "root-user"),
        ("toor", "root-user"),
        ("nobody-knows", "unknown-user"),
    ],
)
def test_root_under_any_name_fails(name: str, code: str) -> None:
    found = user(name)
    assert found.outcome is FAIL
    assert found.codes() == {code}


def test_root_in_an_image_without_accounts_is_root() -> None:
    assert user("root", accounts=[]).codes() == {"root-user"}


def test_a_number_that_is_a_name_means_what_the_engine_takes_it_for() -> None:
    assert user("1000", accounts=[("1000", 0)]).codes() == {"root-user"}


def test_the_line_of_user_is_named() -> None:
    found = user("root", dockerfile="FROM a:1\nUSER node\nUSER root\n")
    assert found.evidence[0].line == 3


@pytest.mark.parametrize("name", ["exec-form", "non-root"])
def test_without_the_image_nothing_can_be_told(name: str) -> None:
    assert verdict(name, Observations()).outcome is UNKNOWN
