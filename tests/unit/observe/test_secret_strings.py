from __future__ import annotations

import time

import pytest

from helpers.observe.secret_strings import masked, secret_in_setting, secrets_in

# Put together here, so that nobody's scanner takes this file for a leak.
AWS = "AKIA" + "Q3EGRIPFZ5PDNTBW"
GITHUB = "ghp" + "_q1w2e3r4t5y6u7i8o9p0asdfghjklzxcvbnm"
NPM = "npm" + "_q7Zb3fKp0dLm2xVn9sTr4wYc6hGj8eAu1iBo"
STRIPE = "sk" + "_live_q7Zb3fKp0dLm2xVn9sTr4wYc"
KEY = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEowIBAAKCAQEAx8k2dPq9Zl0b\n" * 1


@pytest.mark.parametrize(
    ("path", "text", "what"),
    [
        ("/app/a.js", f'const key = "{AWS}";', "AWS Access Key"),
        ("/app/README", GITHUB, "GitHub Token"),
        ("/app/.npmrc", f"//registry.example/:_authToken={NPM}", "NPM tokens"),
        ("/app/pay.py", f"STRIPE = '{STRIPE}'", "Stripe Access Key"),
        ("/root/.ssh/id_rsa", KEY, "Private Key"),
        ("/app/a.js", 'connect("postgres://app:s3cr3tPw@db/app")', "Basic Auth Credentials"),
        ("/app/.env", "DB_PASSWORD=hunter2hunter", "Secret Keyword"),
        ("/app/config.yaml", "db:\n  password: 'hunter2hunter'", "Secret Keyword"),
    ],
)
def test_secrets_are_found_and_masked(path: str, text: str, what: str) -> None:
    found = list(secrets_in(path, f"first line\n{text}\nlast line\n"))
    assert found[0].what == what
    assert found[0].line >= 2
    for secret in (AWS, GITHUB, NPM, STRIPE, "s3cr3tPw", "hunter2", "MIIEow"):
        assert secret not in repr(found)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/app/a.js", 'const password = "hunter2hunter"; // settings only'),
        ("/app/.env", "DB_PASSWORD=$PASSWORD\nTOKEN=${TOKEN}\nAPI_KEY=<your key>\n"),
        ("/app/.env", "PASSWORD_FILE=/run/secrets/db\nTOKEN_REQUIRED=true\nTOKEN_TTL=3600\n"),
        ("/app/.env", "# DB_PASSWORD=hunter2hunter\nDB_PASSWORD=changeme123\n"),
        ("/app/README", "postgres://user:password@host/db, http://a:b@localhost/"),
        ("/app/x.txt", "sha512-" + "q7Zb" * 21 + "ab=="),
        ("/app/x.txt", "123e4567-e89b-12d3-a456-426614174000"),
        ("/app/empty", ""),
    ],
)
def test_what_only_looks_like_it_is_left_alone(path: str, text: str) -> None:
    assert list(secrets_in(path, text)) == []


def test_an_azure_key_is_told_by_its_name() -> None:
    key = "q7Zb3fKp0dLm2xVn9sTr4w" * 4 + "=="
    (found,) = secrets_in("/app/a.txt", f"AccountName=x;AccountKey={key[-88:]}")
    assert found.what.startswith("Azure Storage")


def test_lines_are_counted_in_long_texts() -> None:
    text = "x = 1\n" * 5000 + f"{AWS}\n"
    (found,) = secrets_in("/app/a.py", text)
    assert found.line == 5001


def test_one_secret_is_told_once_and_a_text_tells_no_more_than_twenty() -> None:
    assert len(list(secrets_in("/a", f"{AWS}\n" * 50))) == 1
    many = "\n".join(f"AKIAQ3EGRIPFZ5PD{n:04d}" for n in range(100))
    assert len(list(secrets_in("/a", many))) == 20


@pytest.mark.parametrize(
    "text",
    [
        "a" * 400_000,
        "password=" * 40_000,
        "://" + "a" * 200_000 + ":",
        "://a:" * 80_000,
        "BEGIN RSA PRIVATE KEY" * 20_000,
        "aws" + " key" * 100_000,
        "artif" * 80_000,
        "'" * 400_000,
    ],
)
def test_a_text_that_is_made_to_take_long_does_not(text: str) -> None:
    started = time.monotonic()
    list(secrets_in("/app/.env", text))
    assert time.monotonic() - started < 10


def test_settings() -> None:
    assert secret_in_setting("DB_PASSWORD", "hunter2hunter") == "Secret Keyword"
    assert secret_in_setting("URL", "postgres://app:s3cr3tPw@db/x") == "Basic Auth Credentials"
    assert secret_in_setting("NODE_VERSION", "26.1.0") is None
    assert secret_in_setting("PASSWORD_FILE", "/run/secrets/db") is None


def test_a_mask_tells_no_more_than_four_characters() -> None:
    assert masked("short") == "… (5 characters)"
    assert masked(AWS) == "AKIA… (20 characters)"
    assert "\x1b" not in masked("\x1b[2J" + "a" * 20)
