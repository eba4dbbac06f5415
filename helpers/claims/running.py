"""C6 and C7: a hang that Docker notices, and an order that survives a stop."""

from __future__ import annotations

from helpers.claims.bench import Bench
from helpers.claims.claim import Figure, Finding, Holding
from helpers.experiments.health_service import watched
from helpers.experiments.health_timeline import Check
from helpers.experiments.stops import Stop, shop

_ASK = (
    "fetch('http://127.0.0.1:3000/healthz')"
    ".then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"
)
_CHECK = Check("asks /healthz", ("/nodejs/bin/node", "-e", _ASK), interval=1, timeout=1, retries=3)
_DEAF = "\nprocess.removeAllListeners('SIGTERM');\nprocess.on('SIGTERM', () => process.exit(0));\n"


def health(bench: Bench) -> Finding:
    """C6: a service hangs; what Docker makes of it, with restart policy ``always``."""
    image = bench.image("orders", "5-distroless")
    with watched(bench.engine.client, image.id, _CHECK) as service:
        service.wait_for("healthy")
        service.restart_always()
        service.hang()
        service.wait_for("unhealthy")
        service.wait_checks(2)
        says = service.docker_says()
        timeline = service.timeline()
    noticed = timeline.noticed()
    figures = (
        Figure("from the hang to unhealthy", noticed or 0.0, "seconds"),
        Figure("times that Docker started it again", timeline.restarts),
    )
    sentence = (
        f"Docker called the hung service unhealthy after {noticed or 0:.1f} s (a check every "
        f"second, three failures) and started it again {timeline.restarts} times: {says}."
    )
    found = health_verdict(noticed=noticed is not None, restarted=timeline.restarts > 0)
    return Finding(found, sentence, figures)


def health_verdict(*, noticed: bool, restarted: bool) -> Holding:
    """Docker has to know of it; that it does nothing about it is the limit."""
    if not noticed:
        return Holding.NOT_AS_SAID
    return Holding.HOLDS if restarted else Holding.LIMIT


def shutdown(bench: Bench) -> Finding:
    """C7: orders half sent when the signal comes, on a real PostgreSQL."""
    drains = bench.image("orders", "3-multi-stage")
    at_once = bench.image("orders", "3-multi-stage", edit={"src/server.ts": _DEAF})
    with shop(bench.engine.client) as orders:
        good = orders.stop("drains", drains.id)
        bad = orders.stop("exits at once", at_once.id)
        short = orders.stop("drains, no time", drains.id, grace_seconds=0.5)
    figures = (
        *_figures("finishes what is open", good),
        *_figures("exits at once", bad),
        *_figures("finishes, and gets half a second", short),
    )
    sentence = (
        f"With draining {good.answered} of {good.in_flight} open orders were answered in "
        f"{good.seconds:.1f} s; without, {bad.answered}; killed after half a second, "
        f"{short.answered}."
    )
    left = good.sessions.broken + good.sessions.left
    found = shutdown_verdict(dropped=good.dropped, left=left, dropped_without=bad.dropped)
    return Finding(found, sentence, figures)


def _figures(how: str, stop: Stop) -> tuple[Figure, ...]:
    return (
        Figure(f"orders dropped, {how}", stop.dropped),
        Figure(f"database sessions that broke, {how}", stop.sessions.broken),
        Figure(f"until it had ended, {how}", stop.seconds, "seconds"),
    )


def shutdown_verdict(*, dropped: int, left: int, dropped_without: int) -> Holding:
    """Nothing lost with it and something without; that the signal has to arrive is the limit."""
    if dropped or left or not dropped_without:
        return Holding.NOT_AS_SAID
    return Holding.LIMIT
