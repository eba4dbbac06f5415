"""C1 to C3: how large, how much to attack, how quickly deployed."""

from __future__ import annotations

from helpers.claims.bench import Bench
from helpers.claims.claim import Figure, Finding, Holding
from helpers.experiments.attacks import attack
from helpers.experiments.deployment import Deployment, deployment_site
from helpers.experiments.surface import surface
from helpers.observe.attack.hardening import hardening_steps
from helpers.units import MB, format_bytes

_NAIVE, _SMALL = "1-naive", "5-distroless"
_CHANGE = {"src/server.ts": "\nconsole.log('another release');\n"}


def size(bench: Bench) -> Finding:
    """C1: the same service in one stage and as a bundle on distroless; a static binary."""
    naive = bench.image("orders", _NAIVE).facts.unpacked_bytes
    small = bench.image("orders", _SMALL).facts
    node = max(f.size for f in small.files if f.path == "/nodejs/bin/node")
    static = bench.image("prices", "7-scratch").facts.unpacked_bytes
    figures = (
        Figure("orders service, one stage on the full image", naive, "bytes"),
        Figure("orders service, bundle on distroless", small.unpacked_bytes, "bytes"),
        Figure("of it the program Node.js", node, "bytes"),
        Figure("a static binary alone", static, "bytes"),
    )
    return Finding(size_verdict(naive, small.unpacked_bytes), _size_sentence(figures), figures)


def size_verdict(naive: int, small: int) -> Holding:
    """About a gigabyte before and a tenth of it after; several times less is a limit."""
    if naive >= 800 * MB and small <= 100 * MB:
        return Holding.HOLDS
    return Holding.LIMIT if naive >= 3 * small else Holding.NOT_AS_SAID


def _size_sentence(figures: tuple[Figure, ...]) -> str:
    naive, small, node, static = (format_bytes(f.value) for f in figures)
    return (
        f"{naive} before, {small} after, of which {node} is Node.js; a static binary is {static}."
    )


def attack_surface(bench: Bench) -> Finding:
    """C2: what is in the image, and which of the intruder's actions work."""
    counts, works = [], []
    for name in (_NAIVE, _SMALL):
        image = bench.image("orders", name)
        counts.append(surface(name, image.facts))
        matrix = attack(bench.engine, image.id, hardening_steps()[0])
        works.append(len(matrix.runs[0].possible))
    before, after = counts
    figures = (
        Figure("programs before", before.programs),
        Figure("programs after", after.programs),
        Figure("setuid files before", before.setuid),
        Figure("setuid files after", after.setuid),
        Figure("actions of 36 that an intruder can do before, as root", works[0]),
        Figure("the same after", works[1]),
    )
    sentence = (
        f"Programs fall from {before.programs} to {after.programs}, setuid files from "
        f"{before.setuid} to {after.setuid}; of 36 actions of an intruder {works[0]} work before "
        f"and {works[1]} after."
    )
    return Finding(surface_verdict(before.programs, after.programs, *works), sentence, figures)


def surface_verdict(programs: int, left: int, actions: int, actions_left: int) -> Holding:
    """Fewer things to use; whatever an intruder still can do is the limit."""
    if left >= programs:
        return Holding.NOT_AS_SAID
    return Holding.HOLDS if actions_left == 0 or actions_left < actions / 10 else Holding.LIMIT


def deployment(bench: Bench) -> Finding:
    """C3: push and pull at 50 MB/s, the first time and after a change of one line."""
    deployed: list[Deployment] = []
    for name in (_NAIVE, _SMALL):
        image = bench.image("orders", name)
        changed = bench.image("orders", name, edit=_CHANGE)
        with deployment_site(bench.engine, rate=50 * MB) as site:
            deployed += [site.deploy(image.id, limited=True), site.deploy(changed.id, limited=True)]
    big, big_change, small, small_change = deployed
    first = big.seconds / small.seconds
    later = big_change.seconds / small_change.seconds
    figures = (
        Figure("first deployment of the large image", big.seconds, "seconds"),
        Figure("first deployment of the small image", small.seconds, "seconds"),
        Figure("first deployment, faster", first, "times"),
        Figure("after a change of one line, large image", big_change.seconds, "seconds"),
        Figure("after a change of one line, small image", small_change.seconds, "seconds"),
        Figure("after a change of one line, faster", later, "times"),
        Figure("bytes moved after that change, large image", big_change.bytes, "bytes"),
        Figure("bytes moved after that change, small image", small_change.bytes, "bytes"),
    )
    sentence = f"The first deployment is {first:.1f} times faster, the next one {later:.1f} times."
    return Finding(
        deployment_verdict(first, later),
        sentence,
        figures,
        simulated="the network's 50 MB/s, by a relay; registry and second engine are real",
    )


def deployment_verdict(first: float, later: float) -> Holding:
    """Ten times, both times; faster at all is a limit."""
    if min(first, later) >= 10:
        return Holding.HOLDS
    return Holding.LIMIT if first > 1 else Holding.NOT_AS_SAID
