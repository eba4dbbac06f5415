from __future__ import annotations

import pytest

from helpers.observe.config_secrets import Setting, config_secrets

pytest.importorskip("detect_secrets")
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def test_settings_are_told_by_name_and_length() -> None:
    found = config_secrets(
        ["NODE_ENV=production", "EMPTY=", "TOKEN_FILE=/run/secrets/token"],
        {"team": "shop"},
        ["RUN |1 VERSION=1.2 /bin/sh -c make # buildkit"],
    )
    assert found.settings == (
        Setting("env", "NODE_ENV", 10),
        Setting("env", "TOKEN_FILE", 18, path=True),
        Setting("label", "team", 4),
        Setting("argument", "VERSION", 3),
    )
    assert found.texts == ()


def test_values_that_look_like_secrets() -> None:
    url = "postgres://app:hunter22@db.internal/orders"
    found = config_secrets([f"DATABASE_URL={url}", f"X={TOKEN}"], {}, [])
    assert [s.looks_like for s in found.settings] == ["Basic Auth Credentials", "GitHub Token"]


def test_strings_in_commands_and_in_the_dockerfile() -> None:
    command = f"RUN /bin/sh -c git clone https://{TOKEN}@github.com/x/y # buildkit"
    found = config_secrets([], {}, [command], f"FROM a:1\nRUN use {TOKEN}\n")
    assert {t.place for t in found.texts} == {"command", "dockerfile"}
    assert next(t.line for t in found.texts if t.place == "dockerfile") == 2


def test_no_value_leaves_the_observation() -> None:
    found = config_secrets(
        [f"X={TOKEN}"],
        {"y": TOKEN},
        [f"|1 Z={TOKEN} /bin/sh -c echo {TOKEN}"],
        f"FROM a:1\nENV W={TOKEN}\n",
    )
    assert TOKEN not in repr(found)
    assert found.settings
    assert found.texts
