"""C4 and C5: what root is, and what a read-only file system keeps an intruder from."""

from __future__ import annotations

from helpers.claims.bench import Bench
from helpers.claims.claim import Figure, Finding, Holding
from helpers.experiments.attacks import attack
from helpers.experiments.escape import SERVICE, socket_mount, try_to_escape
from helpers.experiments.identity import identity
from helpers.experiments.nested_engine import nested_engine
from helpers.observe.attack.hardening import hardening_steps

_ON_THE_HOST = (
    "load-module",
    "mount",
    "write-proc-sys",
    "write-cgroup",
    "read-kernel-log",
    "open-device",
    "see-host-processes",
    "engine-socket",
)
_WRITES_AND_TOOLS = (
    "write-app",
    "change-app",
    "write-system",
    "write-tmp",
    "write-shm",
    "run-dropped",
    "run-from-memory",
    "run-shell",
    "run-interpreter",
    "install-system-package",
    "install-npm-package",
)


def root_on_the_host(bench: Bench) -> Finding:
    """C4: the uid on the host, what root may do there, and the mounted socket."""
    naive = bench.image("orders", "1-naive")
    who = identity(bench.engine, naive.id)
    matrix = attack(bench.engine, naive.id, hardening_steps()[0], actions=_ON_THE_HOST)
    reached = len(matrix.runs[0].possible)
    service = bench.image("orders", "5-distroless")
    with nested_engine(bench.engine) as victim:
        victim.load(service.id, SERVICE)
        closed = try_to_escape(victim, "--user", "0")
        opened = try_to_escape(victim, "--user", "0", *socket_mount())
    figures = (
        Figure("uid of process 1 inside", who.uid_inside),
        Figure("its uid on the host", who.uid_outside),
        Figure("capabilities that it has", len(who.capabilities)),
        Figure(f"ways to the host that work by default, of {len(_ON_THE_HOST)}", reached),
        Figure("escapes without the engine's socket", float(closed.escaped)),
        Figure("escapes with the engine's socket mounted", float(opened.escaped)),
    )
    sentence = (
        f"Process 1 is uid {who.uid_inside} inside and {who.uid_outside} on the host. Of "
        f"{len(_ON_THE_HOST)} ways to the host {reached} work by default; with the engine's socket "
        f"mounted an intruder {'gets' if opened.escaped else 'does not get'} out."
    )
    found = root_verdict(who.uid_inside, who.uid_outside, reached, opened.escaped)
    return Finding(found, sentence, figures)


def root_verdict(inside: int, outside: int, reached: int, escapes: bool) -> Holding:
    """Root by default, and on the host only by a door that somebody opened."""
    if inside != 0:
        return Holding.NOT_AS_SAID
    if outside == 0 and reached:
        return Holding.HOLDS
    return Holding.LIMIT if outside == 0 and escapes else Holding.NOT_AS_SAID


def read_only(bench: Bench) -> Finding:
    """C5: writing, running and installing, by root, and by nobody on a read-only root."""
    image = bench.image("orders", "1-naive")
    steps = hardening_steps()
    hardened = [step for step in steps if step.read_only]
    matrix = attack(
        bench.engine, image.id, steps[0], hardened[0], hardened[1], actions=_WRITES_AND_TOOLS
    )
    root, soft, hard = (len(run.possible) for run in matrix.runs)
    total = len(_WRITES_AND_TOOLS)
    figures = (
        Figure(f"actions that work as root, of {total}", root),
        Figure("with a user, read-only, and a tmpfs", soft),
        Figure("the same, the tmpfs with noexec", hard),
    )
    sentence = (
        f"Of {total} actions that write, run or install, {root} work as root, {soft} for a user "
        f"without rights on a read-only root with a tmpfs, {hard} where that has noexec."
    )
    return Finding(read_only_verdict(root, soft, hard), sentence, figures)


def read_only_verdict(root: int, soft: int, hard: int) -> Holding:
    """Fewer with each step; what is left is the limit."""
    if not root > soft >= hard:
        return Holding.NOT_AS_SAID
    return Holding.LIMIT if hard else Holding.HOLDS
