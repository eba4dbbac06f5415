"""A service that is busy, and what its health check makes of that.

The processor limit makes a small machine of the container. The check runs in the same container, so
it has to share the limit with the work that it checks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread

import docker
import httpx

from helpers.experiments.health_service import Meet, WatchedService, side_by_side
from helpers.experiments.health_timeline import Check, HealthTimeline
from helpers.observe.containers import ContainerSpec
from helpers.observe.probing import LOOPBACK, on_a_loop

BUSY, QUIET = "busy", "quiet again"
_PATH = "/orders"
_ORDER = '{"customer": "ada", "items": [{"sku": "tea", "quantity": 2, "priceCents": 350}]}'
_ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class BusyService:
    """A service under load, with one check.

    Attributes:
        timeline: what Docker saw.
        answered: orders that were taken meanwhile.
        failed: orders that were not.
        slowest: seconds that the slowest answer took.
    """

    timeline: HealthTimeline
    answered: int
    failed: int
    slowest: float


def under_load(
    client: docker.DockerClient,
    image: str,
    checks: Sequence[Check],
    *,
    seconds: float,
    cpus: float,
    clients: int,
) -> tuple[BusyService, ...]:
    """The same service, each time with another check, gets more orders than it can take at once.

    Args:
        client: a connection to the engine.
        image: name or id.
        checks: one a container.
        seconds: how long the load lasts.
        cpus: processors that each container may use.
        clients: how many send one order after another to each container.

    Raises:
        DidNotHappen: where a container does not become healthy before the load.
    """
    counted: dict[str, _Count] = {}

    def script(service: WatchedService, meet: Meet) -> None:
        service.wait_for("healthy")
        meet()
        count = counted[service.check.label] = _Count()
        done: Future[None] = Future()
        load = Thread(target=_load, args=(service.port, clients, count, done), daemon=True)
        service.note(BUSY)
        load.start()
        try:
            service.wait_seconds(seconds)
        finally:
            done.set_result(None)
            load.join()
        service.note(QUIET)
        service.wait("healthy", 2 * service.check.longest)

    spec = ContainerSpec(image, cpus=cpus)
    timelines = side_by_side(client, image, checks, script, spec)
    return tuple(
        BusyService(one, found.answered, found.failed, found.slowest)
        for one in timelines
        if (found := counted[one.check.label])
    )


class _Count:
    """What the clients of one container have seen so far."""

    def __init__(self) -> None:
        self.answered = 0
        self.failed = 0
        self.slowest = 0.0


def _load(port: int | None, clients: int, count: _Count, done: Future[None]) -> None:
    on_a_loop(lambda: _clients(port, clients, count, done), Future())


async def _clients(port: int | None, clients: int, count: _Count, done: Future[None]) -> None:
    async with httpx.AsyncClient(
        base_url=f"http://{LOOPBACK}:{port}",
        headers={"Content-Type": "application/json"},
        limits=httpx.Limits(max_connections=clients),
        timeout=_ANSWER_SECONDS,
        trust_env=False,
    ) as http:
        await asyncio.gather(*(_client(http, count, done) for _ in range(clients)))


async def _client(http: httpx.AsyncClient, count: _Count, done: Future[None]) -> None:
    while not done.done():
        began = time.monotonic()
        try:
            answer = await http.post(_PATH, content=_ORDER)
            good = answer.status_code == 201
        except httpx.HTTPError:
            good = False
        count.answered += good
        count.failed += not good
        count.slowest = max(count.slowest, time.monotonic() - began)
