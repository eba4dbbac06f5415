"""The verdict on the secrets that a build was given."""

from __future__ import annotations

import pytest

from helpers.judge.verdict import Verdict
from helpers.observe.requests import Observations
from helpers.observe.stored_values import GivenSecretsRequest, StoredValue, StoredValues

from .factories import FAIL, UNKNOWN, verdict

NAME = "given-secret-not-stored"


def judged(seen: StoredValues) -> Verdict:
    return verdict(NAME, Observations(answers={GivenSecretsRequest(): seen}))


def test_without_a_search_nothing_can_be_told() -> None:
    failures = {GivenSecretsRequest(): "It is not known which secrets the build was given."}
    found = verdict(NAME, Observations(failures=failures))
    assert found.outcome is UNKNOWN
    assert "not known" in found.summary


def test_nothing_is_found() -> None:
    assert judged(StoredValues(("token",), layers=3, files=9, bytes=100)).passed


def test_a_build_without_secrets() -> None:
    assert judged(StoredValues(())).summary.startswith("Does not apply")


@pytest.mark.parametrize(
    ("place", "code"),
    [
        (StoredValue("token", "file", "as it is", 2, "/app/kept"), "in-layer"),
        (StoredValue("token", "file", "in Base64", 2, "/a", visible=False), "in-hidden-layer"),
        (StoredValue("token", "name", "as it is", 2, "/app/***"), "in-layer"),
        (StoredValue("token", "history", "as it is", instruction="RUN x"), "in-history"),
        (StoredValue("token", "config", "as it is"), "in-config"),
    ],
)
def test_every_place(place: StoredValue, code: str) -> None:
    found = judged(StoredValues(("token",), (place,), layers=3))
    assert found.outcome is FAIL
    assert [e.code for e in found.evidence] == [code]
    assert found.evidence[0].path == (place.path or None)


def test_a_step_that_prints_it() -> None:
    found = judged(StoredValues(("token",), printed=("RUN cat /run/secrets/token",)))
    assert found.codes() == {"printed"}
