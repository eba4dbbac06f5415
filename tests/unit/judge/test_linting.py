from __future__ import annotations

from typing import Any

import pytest

from helpers.build.dockerfile import parse_dockerfile
from helpers.build.record import BuildRecord
from helpers.judge.verdict import Verdict
from helpers.observe.hadolint import Finding, HadolintFacts, HadolintRequest
from helpers.observe.requests import Observations

from .factories import FAIL, UNKNOWN, verdict

TEXT = "FROM debian:13\nRUN apt-get update \\\n  && apt-get install -y curl\n"


def judged(*findings: Finding, built: bool = False, **params: Any) -> Verdict:
    request = HadolintRequest(bool(params.get("honour_pragmas")))
    observations = Observations(
        dockerfile=parse_dockerfile(TEXT),
        build=BuildRecord((), "sha256:i") if built else None,
        answers={request: HadolintFacts("2.15.1", findings)},
    )
    return verdict("hadolint", observations, **params)


WARNING = Finding("DL3027", "warning", 3, "Do not use apt.")
INFO = Finding("DL3015", "info", 2, "Avoid additional packages")


def test_nothing_found() -> None:
    assert judged().passed
    assert judged(INFO).passed
    assert judged(WARNING, level="error").passed


def test_what_counts_depends_on_the_level() -> None:
    found = judged(INFO, WARNING)
    assert found.outcome is FAIL
    assert [(e.code, e.line) for e in found.evidence] == [("warning", 3)]
    assert found.evidence[0].instruction is not None
    assert found.evidence[0].instruction.startswith("RUN apt-get update")
    both = judged(INFO, WARNING, level="info")
    assert [e.code for e in both.evidence] == ["warning", "info"]


def test_codes_that_do_not_count() -> None:
    assert judged(WARNING, ignore=["DL3027"]).passed
    assert judged(Finding("DL3008", "warning", 2, "Pin versions")).passed
    assert not judged(Finding("DL3008", "warning", 2, "Pin versions"), ignore=[]).passed


def test_a_dockerfile_that_hadolint_cannot_read() -> None:
    broken = Finding("DL1000", "error", 2, "unexpected '<'")
    found = judged(broken, WARNING, built=True)
    assert found.outcome is UNKNOWN
    assert "though BuildKit builds it" in found.summary


@pytest.mark.parametrize("why", ["hadolint is not installed.", "There is no Dockerfile to lint."])
def test_without_an_answer_nothing_can_be_told(why: str) -> None:
    found = verdict("hadolint", Observations(failures={HadolintRequest(): why}))
    assert found.outcome is UNKNOWN
    assert why.rstrip(".") in found.summary
