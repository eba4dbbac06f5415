"""Manifests that were made to take long: every property is done with them in seconds."""

from __future__ import annotations

import time

import pytest

from helpers.judge.registry import all_properties
from helpers.judge.secret_words import has_password, is_secret_name

from .factories import verdict
from .manifests import compose, kubernetes

LONG = 30_000  # eight of them make the largest manifest that is read


@pytest.mark.parametrize(
    "value",
    [
        "a" * LONG,
        "a:" * (LONG // 2),
        "a://:" * (LONG // 5),
        "true" + " " * LONG + "x",
        "9" * LONG,
        "${" * (LONG // 2),
        "${A:-" * (LONG // 5),
        "1s" * (LONG // 2),
        "@" * LONG,
    ],
    ids=lambda v: v[:6],
)
def test_one_long_value(value: str) -> None:
    began = time.monotonic()
    quoted = f'"{value}"'
    service = (
        f"services:\n  a:\n    image: {quoted}\n    environment: [{quoted}]\n    user: {quoted}\n"
        f"    healthcheck: {{test: {quoted}}}\n    stop_grace_period: {quoted}\n"
        f"    ports: [{quoted}]\n    volumes: [{quoted}]\n    restart: {quoted}\n"
    )
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n"
        f"    - {{name: {quoted}, image: {quoted}, env: [{{name: {quoted}, value: {quoted}}}],\n"
        f"       resources: {{limits: {{memory: {value}}}}},\n"
        f"       livenessProbe: {{exec: {{command: [{quoted}]}}}}}}\n"
    )
    seen = {"compose": compose(service), "kubernetes": kubernetes(pod)}
    for name, found in all_properties().items():
        if found.family in seen:
            evidence = verdict(name, seen[found.family]).evidence
            assert all(len(e.text) < 1_500 for e in evidence)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("DB_PASSWORD", True),
        ("PGPASSWORD", True),
        ("githubToken", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("apiKey", True),
        ("TOKEN_FILE", False),
        ("PASSWORD_MIN_LENGTH", False),
        ("KEYBOARD", False),
        ("TOKENIZER", False),
        ("CACHE_KEY", False),
        ("PUBLIC_KEY", False),
        ("", False),
    ],
)
def test_names_of_secrets(name: str, secret: bool) -> None:
    assert is_secret_name(name) is secret


@pytest.mark.parametrize(
    ("value", "there"),
    [
        ("postgres://app:hunter2@db/orders", True),
        ("redis://:hunter2@cache:6379/0", True),
        ("postgres://app:${PASSWORD}@db/orders", False),
        ("postgres://app@db/orders", False),
        ("https://example.com:8080/a@b", False),
        ("see http://a/b and c@d", False),
    ],
)
def test_passwords_in_urls(value: str, there: bool) -> None:
    assert has_password(value) is there
