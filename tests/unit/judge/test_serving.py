from __future__ import annotations

from typing import Any

import pytest

from helpers.build.dockerfile import parse_dockerfile
from helpers.judge.verdict import Verdict
from helpers.observe.requests import Observations

from .factories import FAIL, PASS, REQUEST, UNKNOWN, answer, service, silent, verdict

PROBES = [{"path": "/healthz"}, {"path": "/orders"}]


def serves(observations: Observations, probes: list[dict[str, Any]] | None = None) -> Verdict:
    return verdict("serves-http", observations, port=3000, probes=probes or PROBES)


def test_answers_as_wanted_pass() -> None:
    found = serves(service())
    assert found.outcome is PASS
    assert found.summary == "Port 3000 answers after 0.4 s: GET /healthz 200, GET /orders 200."


def test_another_wanted_status_and_text() -> None:
    observations = service(responses=(answer("/healthz", body="up: yes"), answer("/orders", 401)))
    probes = [{"path": "/healthz", "contains": "yes"}, {"path": "/orders", "status": 401}]
    assert serves(observations, probes).passed


@pytest.mark.parametrize(
    ("observations", "code", "words"),
    [
        (
            service(started=False, start_error='exec: "nodee": not found', ready_seconds=None),
            "not-started",
            '"nodee"',
        ),
        (
            service(
                ready_seconds=None,
                exit_code=1,
                responses=(answer("/healthz", None, error="x"),),
                log_tail=("at load", "Error: Cannot find module 'pg'", "Node.js v22"),
            ),
            "exited",
            "Cannot find module 'pg'",
        ),
        (
            service(ready_seconds=None, exit_code=137, oom_killed=True, responses=()),
            "exited",
            "more memory than allowed",
        ),
        (silent(("0.0.0.0", 8080)), "wrong-port", "0.0.0.0:8080"),
        (silent(("127.0.0.1", 8080)), "wrong-port", "127.0.0.1:8080"),
        (silent(("127.0.0.1", 3000)), "loopback-only", "127.0.0.1:3000"),
        (silent(("::1", 3000), ("0.0.0.0", 9229)), "loopback-only", "[::1]:3000"),
        (silent(("::", 3000)), "no-answer", "Server disconnected"),
        (silent(), "no-answer", "no TCP port"),
        (silent(log_tail=("waiting for database",)), "no-answer", "waiting for database"),
        (service(ready_seconds=None, responses=()), "no-answer", "does not answer"),
        (
            service(responses=(answer("/healthz"), answer("/orders", 500, "boom"))),
            "wrong-status",
            "answered 500, 200 wanted; the body begins with `boom`",
        ),
        (
            service(responses=(answer("/healthz"), answer("/orders", None, error="no answer"))),
            "no-answer",
            "/orders",
        ),
        (
            service(responses=(answer("/healthz"), answer("/orders", 200, error="not complete"))),
            "no-answer",
            "not complete",
        ),
        (service(responses=(answer("/healthz"),)), "no-answer", "1 probe"),
        (service(exit_code=0), "exited", "exit code 0"),
    ],
)
def test_each_way_to_fail_has_its_code(observations: Observations, code: str, words: str) -> None:
    found = serves(observations)
    assert found.outcome is FAIL
    assert found.codes() == {code}
    assert words in found.evidence[0].text


def test_a_text_that_is_missing() -> None:
    found = serves(service(), [{"path": "/healthz", "contains": "up"}, {"path": "/orders"}])
    assert found.codes() == {"wrong-body"}


def test_the_evidence_leads_to_the_command() -> None:
    dockerfile = parse_dockerfile('FROM a:1\nCOPY . .\nCMD ["node", "x.js"]\n')
    stopped = service(ready_seconds=None, exit_code=1, responses=())
    observations = Observations(dockerfile=dockerfile, services=stopped.services)
    assert serves(observations).evidence[0].line == 3


def test_an_engine_elsewhere_means_could_not_tell() -> None:
    found = serves(service(started=False, unreachable="the engine is on another machine"))
    assert found.outcome is UNKNOWN
    assert "another machine" in found.summary


def test_without_the_observation_nothing_can_be_told() -> None:
    assert serves(Observations()).outcome is UNKNOWN
    found = serves(Observations(failures={REQUEST: "no space left on device"}))
    assert found.outcome is UNKNOWN
    assert "no space left" in found.summary
    other_port = verdict("serves-http", service(), port=8080, probes=PROBES)
    assert other_port.outcome is UNKNOWN
