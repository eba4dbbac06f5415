from __future__ import annotations

from typing import Any

import pytest

from helpers.judge.verdict import Verdict
from helpers.observe.config_secrets import (
    ConfigSecrets,
    ConfigSecretsRequest,
    Place,
    SecretText,
    Setting,
)
from helpers.observe.requests import Observations

from .factories import FAIL, UNKNOWN, seen, verdict

ENV, ARGS = "no-secrets-in-env", "no-secrets-in-build-args"


def judged(
    property_id: str,
    *settings: Setting,
    texts: tuple[SecretText, ...] = (),
    dockerfile: str | None = None,
    **params: Any,
) -> Verdict:
    answer = {ConfigSecretsRequest(): ConfigSecrets(settings, texts)}
    return verdict(property_id, seen(dockerfile=dockerfile, answers=answer), **params)


def setting(place: Place, name: str, looks_like: str = "", *, path: bool = False) -> Setting:
    return Setting(place, name, 12, looks_like, path)


@pytest.mark.parametrize("name", [ENV, ARGS, "no-secrets-in-history"])
def test_without_the_configuration_nothing_can_be_told(name: str) -> None:
    failures = {ConfigSecretsRequest(): "What finds secrets is not installed."}
    found = verdict(name, Observations(failures=failures))
    assert found.outcome is UNKNOWN
    assert "not installed" in found.summary


def test_settings_that_are_no_secrets() -> None:
    found = judged(
        ENV,
        setting("env", "NODE_ENV"),
        setting("env", "DB_PASSWORD", path=True),
        setting("env", "DB_PASSWORD_FILE"),
        setting("env", "GPG_KEY"),
        setting("env", "TOKENIZER"),
        setting("label", "org.opencontainers.image.title"),
        setting("argument", "NPM_TOKEN"),
    )
    assert found.passed


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (setting("env", "DB_PASSWORD"), "secret-in-env"),
        (setting("env", "STRIPE_API_KEY"), "secret-in-env"),
        (setting("env", "DATABASE_URL", "Basic Auth Credentials"), "secret-in-env"),
        (setting("label", "deploy-token"), "secret-in-label"),
    ],
)
def test_settings_that_are(found: Setting, code: str) -> None:
    judged_env = judged(ENV, found, dockerfile=f"FROM a:1\nENV {found.name}=x\n")
    assert judged_env.outcome is FAIL
    assert judged_env.codes() == {code}
    assert judged_env.evidence[0].line == (2 if found.place == "env" else None)
    assert judged(ENV, found, allow=[found.name]).passed


def test_build_arguments_that_the_history_tells() -> None:
    assert judged(ARGS, setting("argument", "VERSION")).passed
    found = judged(ARGS, setting("argument", "NPM_TOKEN"))
    assert found.codes() == {"secret-in-history"}


def test_build_arguments_that_the_dockerfile_declares() -> None:
    assert judged(ARGS, dockerfile="FROM a:1\nARG VERSION=1\n").passed
    found = judged(ARGS, dockerfile="FROM a:1\nARG VERSION NPM_TOKEN=secret\n")
    assert [(e.code, e.line) for e in found.evidence] == [("secret-argument", 2)]
    assert "secret`" not in found.evidence[0].text  # names only
    unused = "FROM a:1 AS other\nARG NPM_TOKEN\nFROM a:1\nCMD x\n"
    assert judged(ARGS, dockerfile=unused).passed


def test_strings_in_commands() -> None:
    assert judged("no-secrets-in-history").passed
    command = SecretText("command", "GitHub Token", "ghp_… (40 characters)", "RUN git")
    line = SecretText("dockerfile", "AWS Access Key", "AKIA… (20 characters)", line=4)
    found = judged("no-secrets-in-history", texts=(command, line))
    assert found.codes() == {"secret-in-command", "secret-in-dockerfile"}
    assert [e.line for e in found.evidence] == [None, 4]
