"""Properties about an attack, judged from saved attacks and from small changes of them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from helpers.errors import BadInput
from helpers.judge.judge import criterion
from helpers.judge.registry import all_properties
from helpers.judge.verdict import Verdict
from helpers.observe.attack.actions import ALL_IDS
from helpers.observe.attack.facts import ActionOutcome, AttackFacts, AttackRequest, Result
from helpers.observe.attack.hardening import HARDENED
from helpers.observe.replay import facts_from_json
from helpers.observe.requests import Observations

from .factories import FAIL, PASS, UNKNOWN, verdict

SAVED = Path(__file__).parent / "attacks"
REFUSING = (
    "no-write-to-app",
    "no-exec-from-writable",
    "no-privilege-gain",
    "no-package-install",
    "cannot-reach-neighbour",
    "limits-in-force",
    "host-out-of-reach",
)


@cache
def saved(name: str) -> AttackFacts:
    """A hardened container of the image, attacked once on an engine."""
    seen = facts_from_json((SAVED / f"{name}.json").read_text()).answer(AttackRequest())
    assert seen is not None
    return seen


def seen(facts: AttackFacts) -> Observations:
    return Observations(answers={AttackRequest(facts.hardening): facts})


def attacked(facts: AttackFacts, **changed: Result) -> Observations:
    """The same attack, but for some outcomes (``_`` in a name stands for ``-``)."""
    by_id = {action.replace("_", "-"): result for action, result in changed.items()}
    assert by_id.keys() <= set(ALL_IDS)
    outcomes = tuple(
        replace(o, result=by_id.get(o.action, o.result), detail="changed here")
        for o in facts.outcomes
    )
    return seen(replace(facts, outcomes=outcomes))


def of(property_id: str, observations: Observations, **params: Any) -> Verdict:
    return verdict(property_id, observations, **params)


@pytest.mark.parametrize("property_id", [*REFUSING, "no-network-tools", "attack-surface"])
def test_the_multi_stage_image_hardened_passes(property_id: str) -> None:
    assert of(property_id, seen(saved("orders-multi-stage"))).outcome is PASS


@pytest.mark.parametrize(
    ("property_id", "codes"),
    [
        ("no-privilege-gain", {"setuid-root"}),
        ("no-package-install", {"install-npm-package"}),
        ("no-network-tools", {"network-tool"}),
        ("attack-surface", None),
    ],
)
def test_the_naive_image_fails_even_hardened(property_id: str, codes: set[str] | None) -> None:
    """It runs as root, and has npm and curl."""
    found = of(property_id, seen(saved("orders-naive")))
    assert found.outcome is FAIL
    assert codes is None or found.codes() == codes


@pytest.mark.parametrize(
    ("property_id", "action"),
    [
        ("no-write-to-app", "write_app"),
        ("no-write-to-app", "change_app"),
        ("no-write-to-app", "write_system"),
        ("no-exec-from-writable", "run_dropped"),
        ("no-privilege-gain", "setuid_root"),
        ("no-privilege-gain", "switch_user"),
        ("no-privilege-gain", "user_namespace"),
        ("no-package-install", "install_system_package"),
        ("no-package-install", "install_npm_package"),
        ("cannot-reach-neighbour", "reach_neighbour"),
        ("cannot-reach-neighbour", "reach_host"),
        ("cannot-reach-neighbour", "fetch_program"),
        ("cannot-reach-neighbour", "sniff_network"),
        ("limits-in-force", "fork_bomb"),
        ("limits-in-force", "fill_memory"),
        ("limits-in-force", "fill_disk"),
        ("host-out-of-reach", "load_module"),
        ("host-out-of-reach", "mount"),
        ("host-out-of-reach", "write_proc_sys"),
        ("host-out-of-reach", "write_cgroup"),
        ("host-out-of-reach", "read_kernel_log"),
        ("host-out-of-reach", "open_device"),
        ("host-out-of-reach", "see_host_processes"),
        ("host-out-of-reach", "engine_socket"),
    ],
)
def test_each_action_decides(property_id: str, action: str) -> None:
    good = saved("orders-multi-stage")
    worked: dict[str, Result] = {action: "succeeded"}
    found = of(property_id, attacked(good, **worked))
    assert found.outcome is FAIL
    assert found.codes() == {action.replace("_", "-")}
    assert "changed here" in found.evidence[0].text
    open_: dict[str, Result] = {action: "not tried"}
    assert of(property_id, attacked(good, **open_)).outcome is UNKNOWN


def test_no_limit_is_a_failure_and_never_a_pass() -> None:
    found = of("limits-in-force", attacked(saved("orders-multi-stage"), fork_bomb="no limit"))
    assert found.outcome is FAIL
    assert "had it been tried" in found.evidence[0].text


def test_an_action_that_works_outweighs_one_that_is_open() -> None:
    facts = attacked(saved("orders-multi-stage"), write_app="succeeded", change_app="not tried")
    assert of("no-write-to-app", facts).outcome is FAIL


@pytest.mark.parametrize("property_id", [*REFUSING, "no-network-tools", "attack-surface"])
def test_what_was_not_seen_is_no_pass(property_id: str) -> None:
    nothing = of(property_id, Observations())
    assert nothing.outcome is UNKNOWN
    reason = Observations(failures={AttackRequest(): "The engine refused."})
    assert "The engine refused" in of(property_id, reason).summary
    refused = AttackFacts(HARDENED, started=False, start_error="no such user")
    assert "no such user" in of(property_id, seen(refused)).summary
    empty = of(property_id, seen(AttackFacts(HARDENED, started=True)))
    assert empty.outcome is UNKNOWN


def test_network_tools_count_although_the_network_refused_them() -> None:
    naive = saved("orders-naive")
    outcome = naive.outcome("fetch-with-image-tools")
    assert outcome is not None
    assert outcome.result == "refused"
    found = of("no-network-tools", seen(naive))
    assert found.evidence[0].path == outcome.means
    assert outcome.means in found.summary


def test_network_tools_that_worked_and_that_were_not_tried() -> None:
    worked = attacked(saved("orders-naive"), fetch_with_image_tools="succeeded")
    assert of("no-network-tools", worked).codes() == {"fetch-with-image-tools"}
    good = saved("orders-multi-stage")
    open_ = attacked(good, fetch_with_image_tools="not tried")
    assert of("no-network-tools", open_).outcome is UNKNOWN


def test_the_surface_is_counted() -> None:
    good = saved("orders-multi-stage")
    count = len(good.possible)
    assert of("attack-surface", seen(good), max_possible=count).outcome is PASS
    few = of("attack-surface", seen(good), max_possible=count - 1)
    assert few.outcome is FAIL
    assert len(few.evidence) == count
    assert f"{count} of {len(ALL_IDS)}" in few.summary
    allowed = of("attack-surface", seen(good), max_possible=count - 1, allow=["stop-service"])
    assert allowed.outcome is PASS


def test_the_surface_cannot_be_told_where_too_much_was_not_tried() -> None:
    good = saved("orders-multi-stage")
    count = len(good.possible)
    open_ = attacked(good, mount="not tried", low_port="not tried")
    assert of("attack-surface", open_, max_possible=count).outcome is UNKNOWN
    assert of("attack-surface", open_, max_possible=count + 1).outcome is PASS


def test_parameters_make_the_hardening() -> None:
    params = {
        "hardening": {
            "user": "1000",
            "read_only": False,
            "tmpfs": [{"path": "/data", "size_mb": 4, "noexec": False}],
            "drop_capabilities": False,
            "no_new_privileges": False,
            "pids": None,
            "memory_mb": None,
            "network": "none",
        }
    }
    wanted = criterion("no-write-to-app", params)
    (request,) = wanted.property.needs(wanted.params)
    assert isinstance(request, AttackRequest)
    hardening = request.hardening
    assert (hardening.user, hardening.read_only, hardening.network) == ("1000", False, "none")
    assert hardening.tmpfs[0].options == "exec,nosuid,nodev,size=4m"
    assert (hardening.pids, hardening.memory_mb) == (None, None)


def test_all_of_them_share_one_attack_by_default() -> None:
    mine = [p for p in all_properties().values() if p.family == "attack"]
    requests = {r for p in mine for r in p.needs(p.params())}
    assert requests == {AttackRequest()}
    assert len(mine) == 9
    assert all(p.remedy and 1 <= p.weight <= 5 for p in mine)


@pytest.mark.parametrize(
    ("property_id", "params"),
    [
        ("no-write-to-app", {"hardening": {"network": "host"}}),
        ("no-write-to-app", {"hardening": {"user": "root; rm"}}),
        ("no-write-to-app", {"hardening": {"tmpfs": [{"path": "tmp"}]}}),
        ("no-write-to-app", {"hardening": {"pids": 0}}),
        ("attack-surface", {"allow": ["fly"]}),
        ("attack-surface", {"max_possible": -1}),
    ],
)
def test_parameters_that_make_no_sense(property_id: str, params: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        criterion(property_id, params)


def test_an_outcome_knows_if_it_is_possible() -> None:
    results: tuple[Result, ...] = ("succeeded", "no limit", "refused", "not tried")
    assert [ActionOutcome("mount", r).possible for r in results] == [True, True, False, False]
