"""A database that is cut off for a while, and what the checks of three replicas make of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import docker

from helpers.experiments.health_service import Meet, WatchedService, side_by_side
from helpers.experiments.health_timeline import Check, HealthTimeline
from helpers.observe.containers import ContainerSpec, running_container
from helpers.observe.database import HOST, running_database
from helpers.observe.errors import engine_errors

GONE, BACK = "database away", "database back"
_ENDS_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class LostDatabase:
    """What became of the replicas while their database was away.

    Attributes:
        timelines: one a replica, in the order of their checks.
        replacement_exit_code: of a new container of the same image that was started meanwhile, as
            Swarm would start one in the place of one that is unhealthy; None where it still ran.
        asked: what each replica answered then on a path that needs no database.
    """

    timelines: tuple[HealthTimeline, ...]
    replacement_exit_code: int | None
    asked: tuple[str, ...]


def lose_database(
    client: docker.DockerClient,
    image: str,
    checks: tuple[Check, ...],
    *,
    variable: str = "DATABASE_URL",
    until: tuple[Check, ...],
    on_step: Callable[[str], None] = lambda _: None,
) -> LostDatabase:
    """Give replicas one PostgreSQL, and cut it off their network for a while.

    Args:
        client: a connection to the engine.
        image: name or id.
        checks: one a replica.
        variable: environment variable that gets the database's URL.
        until: the checks that have to notice it: so long the database is away.
        on_step: told what happens next.

    Raises:
        ObservationFailed: where the engine has no PostgreSQL.
        DidNotHappen: where a replica does not become healthy before, or those in ``until`` do not
            notice.
    """
    stop: Future[None] = Future()
    answers: dict[str, str] = {}
    replaced: list[int | None] = []
    on_step("PostgreSQL starts")
    with running_database(client, stop) as database:
        spec = ContainerSpec(image, env=((variable, database.url),), network=database.network)

        def away() -> None:
            on_step("the database is cut off")
            with engine_errors("cutting the database off"):
                client.api.disconnect_container_from_network(
                    database.container.id, database.network
                )

        def back() -> None:
            on_step("the database is back")
            with engine_errors("connecting the database again"):
                client.api.connect_container_to_network(
                    database.container.id, database.network, aliases=[HOST]
                )

        def script(service: WatchedService, meet: Meet) -> None:
            leads = service.check is checks[0]
            service.wait_for("healthy")
            meet()
            service.note(GONE)
            if leads:
                away()
                replaced.append(_replacement(client, spec))
            if service.check in until:
                service.wait_for("unhealthy")
            meet()
            answers[service.check.label] = service.ask("/healthz")
            meet()
            service.note(BACK)
            if leads:
                back()
            meet()
            service.wait_seconds(0.5)
            service.wait_for("healthy")

        timelines = side_by_side(client, image, checks, script, spec)
    asked = tuple(answers[check.label] for check in checks)
    return LostDatabase(timelines, replaced[0], asked)


def _replacement(client: docker.DockerClient, spec: ContainerSpec) -> int | None:
    with running_container(client, spec) as container:
        try:
            return container.exited.result(timeout=_ENDS_SECONDS)
        except TimeoutError:
            return None
