"""What the private engine changes in the host's network, and how it is undone.

dockerd adds bridges, iptables chains and rules, sets the policy of FORWARD to DROP and switches IP
forwarding on, and leaves all of it behind when it stops. Source:
https://docs.docker.com/engine/network/packet-filtering-firewalls/
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

_CANDIDATES = ("172.29.0.0/16", "172.30.0.0/16", "10.213.0.0/16", "10.87.0.0/16", "172.25.0.0/16")
#: How the names of private engines' default bridges begin.
BRIDGE_PREFIX = "wb"
_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
_FAMILIES = ("iptables", "ip6tables")


@dataclass(frozen=True, slots=True)
class Subnets:
    """Address ranges of one private engine, in CIDR notation.

    Attributes:
        bridge: address and width of the default bridge, for example ``172.29.0.1/24``.
        pool: from where networks that are created later get theirs.
        whole: the range that both lie in.
    """

    bridge: str
    pool: str
    whole: str


def free_subnets(routes: str, prefer: str = "") -> Subnets:
    """The first range that no route of the host uses.

    Args:
        routes: text of ``/proc/net/route``.
        prefer: the range that the engine had before; it comes first.
    """
    taken = _routed(routes)
    for candidate in dict.fromkeys((prefer, *_CANDIDATES) if prefer else _CANDIDATES):
        whole = ipaddress.IPv4Network(candidate)
        if not any(whole.overlaps(t) for t in taken):
            _, upper = whole.subnets(prefixlen_diff=1)
            return Subnets(f"{whole.network_address + 1}/24", str(upper), str(whole))
    return free_subnets("")  # every range is taken: the engine will say which address collides


def _routed(routes: str) -> list[ipaddress.IPv4Network]:
    networks = []
    for line in routes.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8:
            continue
        address = int.from_bytes(bytes.fromhex(fields[1]), "little")
        mask = int.from_bytes(bytes.fromhex(fields[7]), "little")
        if mask:
            networks.append(ipaddress.IPv4Network((address, mask.bit_count())))
    return networks


@dataclass(frozen=True, slots=True)
class NetworkState:
    """The host's packet filter and forwarding, as they were at one moment.

    Attributes:
        rules: output of ``iptables-save`` and ``ip6tables-save``, by program; empty for an engine
            that leaves the packet filter alone.
        forwarding: content of ``/proc/sys/net/ipv4/ip_forward``; empty for such an engine.
        bridges: names of the bridges that there are.
    """

    rules: dict[str, str]
    forwarding: str
    bridges: tuple[str, ...] = ()


def snapshot(rootfs: Path, *, packet_filter: bool = True) -> NetworkState:
    """Read the state with the tools of the engine's tree: the host may lack them.

    Args:
        rootfs: the engine's tree.
        packet_filter: False for an engine that leaves packet filter and forwarding alone.
    """
    bridges = tuple(_bridges(rootfs))
    if not packet_filter:
        return NetworkState({}, "", bridges)
    rules = {family: _in_tree(rootfs, f"{family}-save").stdout for family in _FAMILIES}
    return NetworkState(rules, _FORWARD.read_text().strip(), bridges)


def restore(
    rootfs: Path, before: NetworkState, subnets: Subnets, bridge: str, *, alone: bool
) -> None:
    """Take back what the engine changed since ``before``, and nothing else.

    Args:
        rootfs: the engine's tree, for its tools.
        before: the state before the engine started; with no rules, only bridges are taken back.
        subnets: the engine's address ranges; its bridges are known by their addresses.
        bridge: name of its default bridge.
        alone: False where another Docker Engine runs on this host: then shared chains, policy and
            forwarding stay as they are.
    """
    there = _bridges(rootfs)
    bridges = our_bridges(there, before.bridges, subnets, bridge)
    taken_over = range_has_another_engine(there, subnets, bridge)
    range_words = () if taken_over else (subnets.whole.rsplit(".", 2)[0] + ".",)
    now = snapshot(rootfs, packet_filter=bool(before.rules))
    for family, rules in now.rules.items():
        script = undo_script(
            before.rules.get(family, ""),
            rules,
            ours=(*bridges, *range_words),
            alone=alone,
        )
        if script:
            _in_tree(rootfs, f"{family}-restore", "--noflush", stdin=script)
    for bridge in bridges:
        _in_tree(rootfs, "ip", "link", "delete", bridge)
    if alone and before.forwarding == "0" and now.forwarding != "0":
        _FORWARD.write_text("0\n")


def undo_script(before: str, after: str, *, ours: tuple[str, ...], alone: bool) -> str:
    """Input for ``iptables-restore --noflush`` that leads from ``after`` back to ``before``.

    Args:
        before: output of ``iptables-save`` from before the engine started.
        after: the same from now.
        ours: words that mark a rule as the engine's (bridge names, address prefixes).
        alone: whether Docker's chains and the policies are the engine's alone.

    Returns:
        The script, or an empty text where there is nothing to undo.
    """
    old, new = _tables(before), _tables(after)
    out: list[str] = []
    for table, (chains, rules) in new.items():
        old_chains, old_rules = old.get(table, ({}, []))
        lines: list[str] = []
        if alone:
            lines += [
                f":{chain} {old_chains[chain]} [0:0]"
                for chain, policy in chains.items()
                if old_chains.get(chain, policy) != policy
            ]
        added = Counter(rules) - Counter(old_rules)
        for rule in rules:
            if added[rule] <= 0:
                continue
            added[rule] -= 1
            if any(word in rule for word in ours) or (alone and "DOCKER" in rule):
                lines.append("-D" + rule.removeprefix("-A"))
        if alone:
            gone = [c for c in chains if c not in old_chains and c.startswith("DOCKER")]
            lines += [f"-F {c}" for c in gone] + [f"-X {c}" for c in gone]
        if lines:
            out += [f"*{table}", *lines, "COMMIT"]
    return "\n".join(out) + "\n" if out else ""


def _tables(text: str) -> dict[str, tuple[dict[str, str], list[str]]]:
    """``iptables-save`` output as table → (chain → policy, rules)."""
    tables: dict[str, tuple[dict[str, str], list[str]]] = {}
    current: tuple[dict[str, str], list[str]] = ({}, [])
    for line in text.splitlines():
        if line.startswith("*"):
            current = tables.setdefault(line[1:], ({}, []))
        elif line.startswith(":"):
            name, policy = line[1:].split(" ")[:2]
            current[0][name] = policy
        elif line.startswith("-A"):
            current[1].append(line)
    return tables


def our_bridges(
    now: dict[str, tuple[str, ...]], before: tuple[str, ...], subnets: Subnets, own: str
) -> tuple[str, ...]:
    """The bridges that the engine made: new ones, in its range, and none of another engine's.

    Args:
        now: IPv4 addresses of every bridge, by name.
        before: names of the bridges from before the engine started.
        subnets: the engine's address ranges.
        own: name of its default bridge.
    """
    if range_has_another_engine(now, subnets, own):
        return tuple(name for name in now if name == own and name not in before)
    return tuple(
        name
        for name, addresses in now.items()
        if name not in before
        and name != "docker0"  # the default bridge of an engine that uses no name of its own
        and _lies_in(addresses, subnets)
    )


def range_has_another_engine(now: dict[str, tuple[str, ...]], subnets: Subnets, own: str) -> bool:
    """True where another private engine uses the range by now.

    An engine that crashed is cleared up when somebody comes along, and its range was free until
    then.
    """
    return any(
        name.startswith(BRIDGE_PREFIX) and name != own and _lies_in(addresses, subnets)
        for name, addresses in now.items()
    )


def _lies_in(addresses: tuple[str, ...], subnets: Subnets) -> bool:
    whole = ipaddress.IPv4Network(subnets.whole)
    return any(ipaddress.IPv4Address(address) in whole for address in addresses)


def _bridges(rootfs: Path) -> dict[str, tuple[str, ...]]:
    """IPv4 addresses of every bridge of the host, by name."""
    shown = _in_tree(rootfs, "ip", "-json", "-4", "address", "show", "type", "bridge").stdout
    return {
        link["ifname"]: tuple(a["local"] for a in link.get("addr_info", ()))
        for link in json.loads(shown or "[]")
        if "ifname" in link
    }


def _in_tree(rootfs: Path, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program of the engine's tree in the host's network, with the host's /proc."""
    return subprocess.run(
        [
            "unshare",
            "--mount",
            "sh",
            "-c",
            'mount --make-rprivate / && mount --rbind /proc "$0/proc" && exec chroot "$0" "$@"',
            str(rootfs),
            *command,
        ],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
