"""The queue: a table, and one transaction a job.

A job is taken with ``FOR UPDATE SKIP LOCKED``: its row is locked as long as the transaction is
open, and other workers pass it over. What the job writes belongs to the same transaction. So a
worker that is killed leaves nothing half done: the connection breaks, PostgreSQL rolls back, and
the job is free again.

Source: https://www.postgresql.org/docs/17/sql-select.html#SQL-FOR-UPDATE-SHARE
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

#: After so many failures a job is given up.
MOST_ATTEMPTS = 5

# The same text, under the same lock, stands in the orders service, which puts the jobs in:
# whoever starts first makes the table.
SCHEMA = """
SELECT pg_advisory_xact_lock(hashtext('orders schema'));
CREATE TABLE IF NOT EXISTS jobs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL,
  payload jsonb NOT NULL,
  state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'done', 'failed')),
  attempts integer NOT NULL DEFAULT 0,
  run_after timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  error text
);
CREATE INDEX IF NOT EXISTS jobs_queued ON jobs (run_after, id) WHERE state = 'queued';
"""

_TAKE = """
SELECT id, kind, payload, attempts + 1
FROM jobs
WHERE state = 'queued' AND run_after <= now()
ORDER BY run_after, id
LIMIT 1
FOR UPDATE SKIP LOCKED
"""
_DONE = (
    "UPDATE jobs SET state = 'done', attempts = %s, finished_at = clock_timestamp() WHERE id = %s"
)
# 2, 4, 8, … seconds later.
_AGAIN = """
UPDATE jobs
SET attempts = %(attempt)s,
    error = %(error)s,
    state = CASE WHEN %(attempt)s < %(most)s THEN 'queued' ELSE 'failed' END,
    run_after = clock_timestamp() + make_interval(secs => 2 ^ %(attempt)s)
WHERE id = %(id)s
"""


@dataclass(frozen=True, slots=True)
class Job:
    """One job in hand.

    Attributes:
        id: its number.
        kind: what is to be done.
        payload: with what.
        attempt: 1 for the first.
    """

    id: int
    kind: str
    payload: Mapping[str, Any]
    attempt: int


Connection = psycopg.Connection[Any]
Handler = Callable[[Connection, Job], None]


class UnknownKind(Exception):
    """Nobody here knows how to do such a job."""


def run_next(
    connection: Connection, handlers: Mapping[str, Handler], log: logging.Logger
) -> Job | None:
    """Do the job that has waited longest; None where none waits.

    Args:
        connection: in autocommit mode, with no transaction open.
        handlers: by kind of job; what one raises puts the job back for later.
        log: gets a line a job.

    Raises:
        psycopg.OperationalError: where the database is gone; the job is free again then.
    """
    with connection.transaction():
        row = connection.execute(_TAKE).fetchone()
        if row is None:
            return None
        job = Job(*row)
        about = {"job": job.id, "kind": job.kind, "attempt": job.attempt}
        log.info("took a job", extra=about)
        try:
            with connection.transaction():  # a savepoint: what a failed job wrote is undone
                _handler(handlers, job)(connection, job)
        except Exception as error:
            if connection.closed:
                raise
            log.exception("the job failed", extra=about)
            connection.execute(
                _AGAIN,
                {
                    "id": job.id,
                    "attempt": job.attempt,
                    "most": MOST_ATTEMPTS,
                    "error": type(error).__name__,  # its text may hold what a customer wrote
                },
            )
        else:
            connection.execute(_DONE, (job.attempt, job.id))
    log.info("finished with the job", extra=about)
    return job


def _handler(handlers: Mapping[str, Handler], job: Job) -> Handler:
    found = handlers.get(job.kind)
    if found is None:
        raise UnknownKind(f"there is no handler for {job.kind!r}")
    return found
