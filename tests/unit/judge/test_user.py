from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from helpers.judge.verdict import Verdict

from .factories import FAIL, image, seen, verdict

USERS = [("root", 0), ("node", 1000)]
GROUPS = (("root", 0), ("node", 1000))


def user(
    property_id: str,
    name: str = "",
    *,
    accounts: Any = USERS,
    groups: Any = GROUPS,
    empty: tuple[str, ...] = (),
    **params: Any,
) -> Verdict:
    facts = replace(image(user=name, accounts=accounts), groups=groups, empty_passwords=empty)
    return verdict(property_id, seen(facts), **params)


@pytest.mark.parametrize("name", ["10001", "10001:10001", "1:0"])
def test_a_number_passes(name: str) -> None:
    assert user("numeric-user", name).passed


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "no-user"),
        ("node", "named-user"),
        ("1000:node", "named-user"),
        ("0", "low-uid"),
        ("0:1000", "low-uid"),
    ],
)
def test_a_name_or_root_does_not(name: str, code: str) -> None:
    found = user("numeric-user", name)
    assert found.outcome is FAIL
    assert found.codes() == {code}


def test_a_lowest_uid_of_ones_own() -> None:
    assert user("numeric-user", "1000", min_uid=10000).codes() == {"low-uid"}
    assert user("numeric-user", "10000", min_uid=10000).passed


@pytest.mark.parametrize(
    "name", ["", "node", "node:node", "1000", "65532", "65532:65532", "node:7"]
)
def test_users_that_are_found_or_need_no_entry(name: str) -> None:
    assert user("user-resolves", name).passed


def test_root_needs_no_passwd() -> None:
    assert user("user-resolves", "root", accounts=[]).passed


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("app", {"unknown-user"}),
        ("node:app", {"unknown-group"}),
        ("app:app", {"unknown-user", "unknown-group"}),
        ("65532:app", {"unknown-group"}),
    ],
)
def test_users_that_are_not_there(name: str, codes: set[str]) -> None:
    assert user("user-resolves", name).codes() == codes


def test_a_number_that_has_to_have_an_account() -> None:
    assert user("user-resolves", "65532", account=True).codes() == {"no-account"}
    assert user("user-resolves", "1000", account=True).passed


def test_sound_accounts() -> None:
    assert user("accounts-sound").passed
    assert user("accounts-sound", accounts=[], groups=()).summary.startswith("Does not apply")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"empty": ("root",)}, "empty-password"),
        ({"accounts": [*USERS, ("toor", 0)]}, "shared-uid"),
        ({"groups": (*GROUPS, ("staff", 1000))}, "shared-gid"),
    ],
)
def test_accounts_that_are_not(changes: dict[str, Any], code: str) -> None:
    found = user("accounts-sound", **changes)
    assert found.outcome is FAIL
    assert found.codes() == {code}
