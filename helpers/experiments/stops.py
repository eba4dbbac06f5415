"""A service under load that is told to stop, started in different ways, on a real PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import docker

from helpers.engine.labels import LESSON
from helpers.observe.containers import ContainerSpec
from helpers.observe.database import Database, Sessions, running_database
from helpers.observe.errors import ObservationFailed, engine_errors
from helpers.observe.load import NewRequest
from helpers.observe.service_start import ServiceStart, started_service
from helpers.observe.shutdown import ShutdownRequest, stop_under_load
from helpers.observe.subject import Subject

#: The order that is in flight when the signal comes.
ORDER = '{"customer":"ada","items":[{"sku":"tea","quantity":2,"priceCents":350}]}'
_SETTLE_SECONDS = 1.0
_HOLD_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop under load.

    Attributes:
        label: what was different in this run.
        signal: what was sent to process 1.
        first: command line of process 1.
        processes: how many there were.
        seconds: from the signal to the end of process 1.
        grace_seconds: after which SIGKILL came.
        killed: True where it came.
        exit_code: of the container.
        in_flight: orders whose second half came after the signal.
        answered: how many of those got their 201.
        stored: orders of this run that are in the database.
        sessions: what became of the database's sessions.
        requests: the other requests, on new connections all the time.
    """

    label: str
    signal: str
    first: str
    processes: int
    seconds: float
    grace_seconds: float
    killed: bool
    exit_code: int
    in_flight: int
    answered: int
    stored: int
    sessions: Sessions
    requests: tuple[NewRequest, ...] = field(repr=False)

    @property
    def drained(self) -> bool:
        """True where it ended by itself after everything in flight was answered."""
        return not self.killed and not self.dropped

    @property
    def dropped(self) -> int:
        """Orders in flight that got no answer."""
        return self.in_flight - self.answered

    @property
    def last_served(self) -> float | None:
        """Seconds after the signal at which the last new request that was answered was sent."""
        return max((r.sent for r in self.requests if r.answered and r.sent > 0), default=None)

    @property
    def per_second(self) -> float:
        """Requests answered per second, before the signal."""
        done = sum(
            r.answered and -_SETTLE_SECONDS <= r.sent + r.seconds <= 0 for r in self.requests
        )
        return done / _SETTLE_SECONDS


@dataclass(frozen=True)
class Shop:
    """A PostgreSQL, and services beside it."""

    client: docker.DockerClient = field(repr=False)
    database: Database

    def stop(
        self,
        label: str,
        image: str,
        *,
        command: tuple[str, ...] = (),
        init: bool = False,
        stop_signal: str = "",
        grace_seconds: float = 4.0,
        hold_seconds: float = _HOLD_SECONDS,
        env: tuple[tuple[str, str], ...] = (),
    ) -> Stop:
        """Start the service, put it under load, tell it to stop.

        Args:
            label: what this run is called.
            image: name or id.
            command: instead of the image's ENTRYPOINT and CMD; empty for those.
            init: whether the engine's init is process 1 (``docker run --init``).
            stop_signal: instead of the image's own.
            grace_seconds: from the signal to SIGKILL; Docker's default is 10.
            hold_seconds: from the signal to the second half of the orders in flight.
            env: of the container, beside the database's URL.

        Raises:
            ObservationFailed: where it does not serve, so that it cannot be stopped.
            CannotStart, BadInput, NoEngine: as everywhere.
        """
        before = self.count("orders")
        service = ServiceStart(
            3000, "/orders", (("DATABASE_URL", self.database.url), *env), wait_seconds=30.0
        )
        request = ShutdownRequest(
            service,
            method="POST",
            held_path="/orders",
            body=ORDER,
            grace_seconds=grace_seconds,
            held_at_least=hold_seconds,
            settle_seconds=_SETTLE_SECONDS,
            keep_requests=True,
        )
        spec = ContainerSpec(
            image,
            role=LESSON,
            entrypoint=command[:1],
            command=command[1:],
            init=init,
            stop_signal=stop_signal,
            network=self.database.network,
            no_health=True,
        )
        subject = Subject(self.client, image)
        with started_service(subject, service, spec) as started:
            facts = stop_under_load(subject, request, started)
        if not facts.served:
            raise ObservationFailed(
                f"{label}: the service does not answer: {' / '.join(facts.log_tail[-2:])}",
                remedy="Run the cell again; if it fails again: workbook doctor",
            )
        first = facts.processes.first if facts.processes else None
        return Stop(
            label=label,
            signal=facts.signal,
            first=first.command if first else "",
            processes=len(facts.processes.processes) if facts.processes else 0,
            seconds=facts.stop_seconds,
            grace_seconds=grace_seconds,
            killed=facts.killed,
            exit_code=facts.exit_code,
            in_flight=len(facts.load.held),
            answered=sum(h.outcome == "answered" for h in facts.load.held),
            stored=self.count("orders") - before,
            sessions=self.database.sessions(),
            requests=facts.load.requests,
        )

    def count(self, table: str, where: str = "true") -> int:
        """Rows of a table; 0 where there is no such table yet."""
        if self.sql(f"SELECT to_regclass('{table}') IS NOT NULL") != "t":
            return 0
        return int(self.sql(f"SELECT count(*) FROM {table} WHERE {where}"))

    def sql(self, statement: str) -> str:
        """What a statement gives, as psql prints it; run inside the database's own container.

        Raises:
            ObservationFailed: where PostgreSQL refuses it.
        """
        api = self.client.api
        url = re.sub(r"@[^/]+/", "@127.0.0.1/", self.database.url)
        with engine_errors("asking PostgreSQL"):
            call = api.exec_create(
                self.database.container.id,
                ["psql", url, "-qtA", "-v", "ON_ERROR_STOP=1", "-c", statement],
            )
            printed: Any = api.exec_start(call["Id"])
            code = api.exec_inspect(call["Id"])["ExitCode"]
        text = bytes(printed).decode(errors="replace").strip()
        if code:
            raise ObservationFailed(
                f"PostgreSQL refused {statement[:60]!r}: {text}", remedy="Run the cell again."
            )
        return text


@contextmanager
def shop(client: docker.DockerClient) -> Iterator[Shop]:
    """Start a PostgreSQL for a lesson; it is removed at the end.

    Raises:
        ObservationFailed: where it does not start.
        NoEngine: as everywhere.
    """
    stop: Future[None] = Future()
    with running_database(client, stop) as database:
        yield Shop(client, database)
