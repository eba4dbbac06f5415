"""A service of a Compose file that was run: judged on what was seen, without an engine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from helpers.errors import BadInput
from helpers.judge.verdict import Verdict
from helpers.observe.compose_run import ComposeRunFacts, ComposeRunRequest
from helpers.observe.process_tree import ProcessFact, ProcessTree
from helpers.observe.replay import facts_from_json, facts_to_json
from helpers.observe.requests import Observations, Probe
from helpers.observe.service_facts import HttpResponse, ServiceFacts

from .factories import FAIL, PASS, UNKNOWN, verdict

REQUEST = ComposeRunRequest(8080, (Probe("/"),))
SERVED = ServiceFacts(
    started=True,
    ready_seconds=0.3,
    responses=(HttpResponse("GET", "/", 200, "hello"),),
    waited_seconds=10,
)
NODE = ProcessFact(1, 0, "node", "node server.cjs", uid=10001, no_new_privileges=True)
FACTS = ComposeRunFacts(
    "compose.yaml",
    "orders",
    published=(8080,),
    target=3000,
    served=SERVED,
    processes=ProcessTree((NODE,)),
)


def judged(property_id: str, facts: ComposeRunFacts, **params: object) -> Verdict:
    return verdict(property_id, Observations(answers={REQUEST: facts}), port=8080, **params)


def process(**changes: object) -> ComposeRunFacts:
    return replace(FACTS, processes=ProcessTree((replace(NODE, **changes),)))  # type: ignore[arg-type]


def test_a_service_that_answers_on_its_published_port_passes() -> None:
    found = judged("compose-serves", FACTS)
    assert found.outcome is PASS
    assert "`orders`" in found.summary


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (replace(FACTS, target=None, published=(3000, 0), served=None), "not-published"),
        (
            replace(FACTS, served=ServiceFacts(started=False, start_error="no such user")),
            "not-started",
        ),
        (
            replace(FACTS, served=ServiceFacts(True, exit_code=1, log_tail=("EACCES",))),
            "exited",
        ),
        (
            replace(
                FACTS, served=replace(SERVED, responses=(HttpResponse("GET", "/", 500, "no"),))
            ),
            "wrong-status",
        ),
    ],
)
def test_one_that_does_not_fails_with_what_was_seen(facts: ComposeRunFacts, code: str) -> None:
    found = judged("compose-serves", facts)
    assert found.outcome is FAIL
    assert found.codes() == {code}


def test_what_was_left_out_is_said_where_it_serves() -> None:
    found = judged("compose-serves", replace(FACTS, left_out=("`orders`: privileged",)))
    assert found.outcome is PASS
    assert "without `orders`: privileged" in found.summary


def test_a_confined_process_passes() -> None:
    found = judged("compose-confined", FACTS)
    assert found.outcome is PASS
    assert "uid 10001" in found.summary


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (process(uid=0), "root-process"),
        (process(capabilities=1 << 13), "capability"),
        (process(no_new_privileges=False), "new-privileges"),
        (replace(FACTS, left_out=("`orders`: network_mode: host",)), "host-rights"),
    ],
)
def test_what_the_kernel_lets_it_do_beyond_that_fails(facts: ComposeRunFacts, code: str) -> None:
    found = judged("compose-confined", facts)
    assert found.outcome is FAIL
    assert found.codes() == {code}


def test_a_capability_that_is_allowed_is_no_finding() -> None:
    facts = process(capabilities=1 << 10)
    assert judged("compose-confined", facts, allowed=("NET_BIND_SERVICE",)).outcome is PASS


@pytest.mark.parametrize("property_id", ["compose-serves", "compose-confined"])
def test_without_the_observation_nothing_can_be_told(property_id: str) -> None:
    seen = Observations(failures={REQUEST: "there is no Compose file"})
    found = verdict(property_id, seen, port=8080)
    assert found.outcome is UNKNOWN
    assert "no Compose file" in found.summary


def test_confinement_of_a_service_that_did_not_serve_cannot_be_told() -> None:
    assert judged("compose-confined", replace(FACTS, processes=None)).outcome is UNKNOWN


def test_what_was_seen_can_be_saved() -> None:
    seen = Observations(answers={REQUEST: FACTS})
    assert facts_from_json(facts_to_json(seen)) == seen
    with pytest.raises(BadInput):
        facts_from_json(facts_to_json(seen).replace('"orders"', "7"))
