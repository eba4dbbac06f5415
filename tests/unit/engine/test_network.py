from __future__ import annotations

from helpers.engine.network import (
    free_subnets,
    our_bridges,
    range_has_another_engine,
    undo_script,
)

ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
docker0\t00091DAC\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""

BEFORE = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
-A INPUT -p tcp --dport 22 -j ACCEPT
COMMIT
"""

AFTER = """*nat
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.29.0.0/24 ! -o wb1 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:FRIEND - [0:0]
-A INPUT -p tcp --dport 22 -j ACCEPT
-A INPUT -p tcp --dport 443 -j ACCEPT
-A FORWARD -o wb1 -j DOCKER
COMMIT
"""


def test_a_range_that_a_route_uses_is_not_taken() -> None:
    assert free_subnets(ROUTES).whole == "172.30.0.0/16"
    assert free_subnets("").whole == "172.29.0.0/16"


def test_the_range_of_the_last_time_comes_first_where_it_is_free() -> None:
    assert free_subnets("", "10.87.0.0/16").whole == "10.87.0.0/16"
    assert free_subnets(ROUTES, "172.29.0.0/16").whole == "172.30.0.0/16"


def test_bridge_and_pool_lie_in_the_range_and_apart() -> None:
    subnets = free_subnets("")
    assert subnets.bridge == "172.29.0.1/24"
    assert subnets.pool == "172.29.128.0/17"


def test_only_bridges_that_the_engine_made_are_ours() -> None:
    now = {
        "wb1": ("172.29.0.1",),
        "br-2": ("172.29.130.1",),
        "br-old": ("172.29.131.1",),
        "br-foreign": ("172.18.0.1",),
        "docker0": ("172.29.9.1",),
        "down": (),
    }
    assert our_bridges(now, ("br-old",), free_subnets(""), "wb1") == ("wb1", "br-2")


def test_a_range_that_another_engine_took_over_is_left_alone() -> None:
    now = {"wb1": (), "wb2": ("172.29.0.1",), "br-3": ("172.29.130.1",)}
    assert range_has_another_engine(now, free_subnets(""), "wb1")
    assert our_bridges(now, (), free_subnets(""), "wb1") == ("wb1",)
    assert not range_has_another_engine(now, free_subnets(""), "wb2")


def test_nothing_is_undone_where_nothing_changed() -> None:
    assert undo_script(BEFORE, BEFORE, ours=("wb1",), alone=True) == ""


def test_rules_chains_and_policy_of_the_engine_are_undone() -> None:
    script = undo_script(BEFORE, AFTER, ours=("wb1", "172.29."), alone=True)
    assert ":FORWARD ACCEPT [0:0]" in script
    assert "-D FORWARD -o wb1 -j DOCKER" in script
    assert "-D POSTROUTING -s 172.29.0.0/24 ! -o wb1 -j MASQUERADE" in script
    assert "-X DOCKER" in script
    assert script.index("-D FORWARD") < script.index("-X DOCKER", script.index("*filter"))


def test_what_others_added_meanwhile_stays() -> None:
    script = undo_script(BEFORE, AFTER, ours=("wb1", "172.29."), alone=True)
    assert "443" not in script
    assert "FRIEND" not in script


def test_beside_another_docker_only_our_own_rules_go() -> None:
    script = undo_script(BEFORE, AFTER, ours=("wb1", "172.29."), alone=False)
    assert "-D FORWARD -o wb1" in script
    assert "-X DOCKER" not in script
    assert ":FORWARD" not in script
    assert "PREROUTING" not in script
