"""A job worker that is told to stop in the middle of a job: what becomes of the job."""

from __future__ import annotations

import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass

import docker.errors

from helpers.engine.labels import LESSON
from helpers.experiments.stops import Shop
from helpers.observe.containers import ContainerSpec, RunningContainer, running_container
from helpers.observe.errors import ObservationFailed, engine_errors
from helpers.observe.follow import Follower

_WAIT_SECONDS = 30.0
_SETTLE_SECONDS = 5.0
_TAKEN = "took a job"
_READY = "waiting for jobs"
_PAYLOAD = (
    "jsonb_build_object('orderId', gen_random_uuid(), 'customer', 'ada', 'items',"
    ' \'[{"sku": "tea", "quantity": 2, "priceCents": 350}]\'::jsonb, \'totalCents\', 700)'
)


@dataclass(frozen=True, slots=True)
class WorkerStop:
    """One worker that was told to stop while it had a job in hand.

    Attributes:
        label: what was different in this run.
        put: jobs that were in the queue.
        done: jobs that are done, their invoices written.
        queued: jobs that wait for another worker.
        lost: jobs that are neither.
        half: invoices without a text.
        seconds: from the signal to the end.
        killed: True where SIGKILL was needed.
        exit_code: of the container.
    """

    label: str
    put: int
    done: int
    queued: int
    lost: int
    half: int
    seconds: float
    killed: bool
    exit_code: int


def stop_worker(
    shop: Shop,
    label: str,
    image: str,
    *,
    jobs: int = 3,
    work_seconds: float = 1.0,
    grace_seconds: float = 2.0,
    command: tuple[str, ...] = (),
) -> WorkerStop:
    """Put jobs into the queue, start a worker, and stop it as soon as it has taken the first.

    Args:
        shop: the database.
        label: what this run is called.
        image: of the worker, name or id.
        jobs: how many are put in; what is in the queue from before is taken out.
        work_seconds: how long a job takes.
        grace_seconds: from SIGTERM to SIGKILL.
        command: instead of the image's ENTRYPOINT and CMD; empty for those.

    Raises:
        ObservationFailed: where it takes no job.
        CannotStart, BadInput, NoEngine: as everywhere.
    """
    env = (
        ("DATABASE_URL", shop.database.url),
        ("POLL_SECONDS", "0.1"),
        ("WORK_SECONDS", str(work_seconds)),
        ("SHUTDOWN_TIMEOUT_SECONDS", "60"),
    )
    spec = ContainerSpec(
        image,
        role=LESSON,
        env=env,
        entrypoint=command[:1],
        command=command[1:],
        network=shop.database.network,
        no_health=True,
    )
    with running_container(shop.client, spec) as container:
        log = _log(shop, container)
        _until(log, _READY, label)
        shop.sql("TRUNCATE jobs; TRUNCATE invoices")
        shop.sql(
            f"INSERT INTO jobs (kind, payload) SELECT 'invoice', {_PAYLOAD} "
            f"FROM generate_series(1, {jobs})"
        )
        _until(log, _TAKEN, label)
        began = time.monotonic()
        killed = _stop(shop, container, grace_seconds)
        code = container.exited.result()
        seconds = time.monotonic() - began
    _until_gone(shop)
    done = shop.count("invoices", "body IS NOT NULL")
    queued = shop.count("jobs", "state = 'queued'")
    return WorkerStop(
        label=label,
        put=jobs,
        done=done,
        queued=queued,
        lost=jobs - done - queued,
        half=shop.count("invoices", "body IS NULL"),
        seconds=seconds,
        killed=killed,
        exit_code=code,
    )


def _log(shop: Shop, container: RunningContainer) -> Follower[str]:
    stop: Future[None] = Future()
    with engine_errors("following a worker's log"):
        stream = shop.client.api.logs(container.id, stream=True, follow=True)
    return Follower((piece.decode(errors="replace") for piece in stream), stop, "following a log")


def _until(log: Follower[str], words: str, label: str) -> None:
    if log.until(lambda text: words in text, _WAIT_SECONDS) is None:
        raise ObservationFailed(
            f"{label}: the worker never said {words!r}.",
            remedy="Run the cell again; if it fails again: workbook doctor",
        )


def _stop(shop: Shop, container: RunningContainer, grace_seconds: float) -> bool:
    """SIGTERM to process 1, and SIGKILL after the grace period; True where that was needed."""
    with engine_errors("stopping a container"), suppress(docker.errors.APIError):
        shop.client.api.kill(container.id, "SIGTERM")
    try:
        container.exited.result(timeout=grace_seconds)
    except TimeoutError:
        with engine_errors("stopping a container"), suppress(docker.errors.APIError):
            shop.client.api.kill(container.id, "SIGKILL")
        return True
    return False


def _until_gone(shop: Shop) -> None:
    """PostgreSQL notices by itself that a client has gone; what it held is free then.

    Raises:
        ObservationFailed: where it takes longer than a few seconds.
    """
    deadline = time.monotonic() + _SETTLE_SECONDS
    while shop.count("pg_stat_activity", "application_name = 'worker'"):
        if time.monotonic() > deadline:
            raise ObservationFailed(
                "PostgreSQL still has a session of the worker that has ended.",
                remedy="Run the cell again.",
            )
