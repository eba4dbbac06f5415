"""A Compose application that runs: verdicts from what was seen, without an engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from helpers.judge.judge import criterion
from helpers.judge.properties.application import ApplicationParams
from helpers.judge.verdict import Verdict
from helpers.observe.compose_application import (
    ApplicationFacts,
    ServiceSeen,
    StopSeen,
    WorkSeen,
)
from helpers.observe.process_tree import ProcessFact, ProcessTree
from helpers.observe.requests import Observations
from helpers.observe.service_facts import HttpResponse
from judge.factories import FAIL, PASS, UNKNOWN, verdict

PARAMS: dict[str, Any] = {
    "entry": "orders",
    "port": 3000,
    "order": "/orders",
    "body": "{}",
    "database": "database",
    "worker": "worker",
    "finished": "SELECT 1",
    "running": "SELECT 1",
}
STOPPED = StopSeen(0.5, 15, killed=False, exit_code=0)
HARMLESS = ProcessTree((ProcessFact(1, 0, "node", uid=65532, no_new_privileges=True),))


def service(name: str, **changes: Any) -> ServiceSeen:
    seen = ServiceSeen(name, True, has_health=True, healthy=True, processes=HARMLESS, stop=STOPPED)
    return replace(seen, **changes)


WELL = ApplicationFacts(
    "compose.yaml",
    services=(service("database"), service("orders"), service("worker")),
    ready_seconds=3.0,
    responses=(HttpResponse("POST", "/orders", 201),),
    work=WorkSeen(2.0, 3, in_progress=True, stop=STOPPED, finished=3),
)


def judged(property_id: str, facts: ApplicationFacts | None, **params: Any) -> Verdict:
    request = ApplicationParams.model_validate(PARAMS).request()
    answers = {} if facts is None else {request: facts}
    return verdict(property_id, Observations(answers=answers), **PARAMS, **params)


def but(name: str, **changes: Any) -> ApplicationFacts:
    """All well, but for one service."""
    services = tuple(replace(s, **changes) if s.name == name else s for s in WELL.services)
    return replace(WELL, services=services)


def working(**changes: Any) -> ApplicationFacts:
    assert WELL.work is not None
    return replace(WELL, work=replace(WELL.work, **changes))


EVERY = ("starts", "healthy", "works", "loses-nothing", "stops", "confined")


@pytest.mark.parametrize("name", EVERY)
def test_where_all_is_well_it_passes_and_unseen_it_cannot_tell(name: str) -> None:
    assert judged(f"application-{name}", WELL).outcome is PASS
    assert judged(f"application-{name}", None).outcome is UNKNOWN


KILLED = StopSeen(1.0, 1, killed=True, exit_code=137)
ROOT = ProcessTree((ProcessFact(1, 0, "sh", uid=0, capabilities=1, no_new_privileges=True),))
LOOSE = ProcessTree((ProcessFact(1, 0, "sh", uid=5),))


@pytest.mark.parametrize(
    ("name", "facts", "codes"),
    [
        ("starts", but("worker", started=False, error="no such file"), {"not-started"}),
        ("starts", but("worker", exit_code=1, stop=None), {"ended"}),
        ("starts", but("worker", restarts=2), {"restarted"}),
        ("starts", replace(WELL, ready_seconds=None), {"no-answer"}),
        ("starts", ApplicationFacts("compose.yaml", not_run="a circle"), {"not-run"}),
        ("healthy", but("worker", has_health=False), {"no-health-check"}),
        ("healthy", but("worker", healthy=False), {"not-healthy"}),
        ("works", replace(WELL, ready_seconds=None, work=None), {"order-refused"}),
        ("works", replace(WELL, work=None), {"order-refused"}),
        ("works", working(first_seconds=None), {"not-finished"}),
        ("loses-nothing", working(stop=KILLED), {"killed"}),
        ("loses-nothing", working(left=1), {"left-behind"}),
        ("loses-nothing", working(finished=2), {"lost"}),
        ("loses-nothing", working(repeated=1), {"repeated"}),
        ("stops", but("orders", stop=KILLED), {"killed"}),
        ("stops", but("orders", stop=replace(STOPPED, exit_code=1)), {"exit-code"}),
        ("confined", but("orders", processes=ROOT), {"root-process", "capability"}),
        ("confined", but("orders", processes=LOOSE), {"new-privileges"}),
    ],
)
def test_what_is_wrong_is_named(name: str, facts: ApplicationFacts, codes: set[str]) -> None:
    found = judged(f"application-{name}", facts)
    assert found.outcome is FAIL
    assert found.codes() == codes


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("works", working(first_seconds=None, problem="no password")),
        ("loses-nothing", working(in_progress=False)),
        ("loses-nothing", working(problem="no password")),
        ("loses-nothing", replace(WELL, work=None)),
        ("stops", but("worker", stop=None, exit_code=1)),
        ("confined", but("worker", processes=None)),
        ("healthy", replace(WELL, ready_seconds=None)),
        *((n, ApplicationFacts("compose.yaml", not_run="a circle")) for n in EVERY[1:]),
    ],
)
def test_what_was_not_seen_is_never_a_pass(name: str, facts: ApplicationFacts) -> None:
    assert judged(f"application-{name}", facts).outcome is UNKNOWN


def test_only_the_services_that_are_asked_for_are_looked_at() -> None:
    facts = but("database", stop=KILLED, processes=ROOT, has_health=False)
    for name in ("healthy", "stops", "confined"):
        assert judged(f"application-{name}", facts).outcome is FAIL
        only = judged(f"application-{name}", facts, services=["orders", "worker"])
        assert only.outcome is PASS


def test_a_capability_may_be_allowed() -> None:
    held = ProcessTree((ProcessFact(1, 0, "x", uid=5, capabilities=1, no_new_privileges=True),))
    facts = but("orders", processes=held)
    assert judged("application-confined", facts).outcome is FAIL
    assert judged("application-confined", facts, allowed=["CHOWN"]).outcome is PASS


def test_checks_with_the_same_values_share_one_run() -> None:
    wanted = [criterion(f"application-{name}", PARAMS) for name in EVERY]
    found = {request for c in wanted for request in c.property.needs(c.params)}
    assert len(found) == 1
