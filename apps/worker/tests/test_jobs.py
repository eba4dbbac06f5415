"""The queue, on a real PostgreSQL."""

from __future__ import annotations

import io
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest
from worker.invoice import invoice_handler
from worker.jobs import MOST_ATTEMPTS, Connection, Job, run_next
from worker.log import make_log

LOG = make_log("error", io.StringIO())
HANDLERS = {"invoice": invoice_handler(0)}


def order(customer: str = "Ada") -> dict[str, object]:
    item = {"sku": "tea", "quantity": 2, "priceCents": 350}
    return {
        "orderId": str(uuid.uuid4()),
        "customer": customer,
        "items": [item],
        "totalCents": 700,
    }


def put(connection: Connection, payload: dict[str, object], kind: str = "invoice") -> None:
    connection.execute(
        "INSERT INTO jobs (kind, payload) VALUES (%s, %s)", (kind, json.dumps(payload))
    )


def states(connection: Connection) -> list[tuple[str, int]]:
    return connection.execute("SELECT state, attempts FROM jobs ORDER BY id").fetchall()


def bodies(connection: Connection) -> list[str | None]:
    return [row[0] for row in connection.execute("SELECT body FROM invoices ORDER BY number")]


def test_an_empty_queue_gives_nothing(connection: Connection) -> None:
    assert run_next(connection, HANDLERS, LOG) is None


def test_jobs_are_done_once_and_the_oldest_first(connection: Connection) -> None:
    put(connection, order("Ada"))
    put(connection, order("Bea"))
    for _ in range(2):
        assert run_next(connection, HANDLERS, LOG) is not None
    assert run_next(connection, HANDLERS, LOG) is None
    assert states(connection) == [("done", 1), ("done", 1)]
    assert [(body or "").splitlines()[0][-3:] for body in bodies(connection)] == ["Ada", "Bea"]


def test_the_same_order_gets_one_invoice_only(connection: Connection) -> None:
    twice = order()
    put(connection, twice)
    put(connection, twice)
    while run_next(connection, HANDLERS, LOG):
        pass
    assert len(bodies(connection)) == 1


def test_a_job_that_fails_leaves_nothing_and_comes_again_later(connection: Connection) -> None:
    def half(connection: Connection, job: Job) -> None:
        HANDLERS["invoice"](connection, job)
        raise RuntimeError("in the middle")

    put(connection, order())
    assert run_next(connection, {"invoice": half}, LOG) is not None
    assert states(connection) == [("queued", 1)]
    assert bodies(connection) == []
    assert run_next(connection, HANDLERS, LOG) is None, "it waits before it is tried again"


def test_a_job_that_always_fails_is_given_up(connection: Connection) -> None:
    put(connection, order(), kind="nobody knows it")
    for _ in range(MOST_ATTEMPTS):
        connection.execute("UPDATE jobs SET run_after = now()")
        assert run_next(connection, HANDLERS, LOG) is not None
    assert states(connection) == [("failed", MOST_ATTEMPTS)]
    connection.execute("UPDATE jobs SET run_after = now()")
    assert run_next(connection, HANDLERS, LOG) is None


def test_two_workers_never_have_the_same_job(connection: Connection, database_url: str) -> None:
    put(connection, order("Ada"))
    put(connection, order("Bea"))
    both = Barrier(2, timeout=20)  # each waits, with its job in hand, until the other has one

    def one() -> int | None:
        with psycopg.connect(database_url, autocommit=True) as own:
            job = run_next(own, {"invoice": lambda *_: both.wait() and None}, LOG)
            return job.id if job else None

    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(one) for _ in range(2)]
        taken = {future.result(timeout=30) for future in found}
    assert len(taken) == 2
    assert None not in taken


def test_a_job_whose_connection_breaks_is_free_again_and_not_counted(
    connection: Connection, database_url: str
) -> None:
    put(connection, order())
    dying = psycopg.connect(database_url, autocommit=True)

    def break_it(own: Connection, job: Job) -> None:
        HANDLERS["invoice"](own, job)
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (own.info.backend_pid,))
        own.execute("SELECT 1")

    with pytest.raises(psycopg.OperationalError):
        run_next(dying, {"invoice": break_it}, LOG)
    assert bodies(connection) == []
    assert states(connection) == [("queued", 0)]
    assert run_next(connection, HANDLERS, LOG) is not None
