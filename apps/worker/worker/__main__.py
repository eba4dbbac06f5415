"""`python -m worker`: take jobs until a signal says stop."""

from __future__ import annotations

import logging
import os
import sys

import psycopg

from worker import invoice, jobs
from worker.alive import touch
from worker.config import Config, WrongConfig, read_config
from worker.invoice import invoice_handler
from worker.log import make_log
from worker.stop import OutOfTime, Stop


def main() -> int:
    """The exit status: 0 after an orderly stop, 1 where something was wrong."""
    try:
        config = read_config(os.environ)
    except WrongConfig as error:
        make_log("info").critical(str(error))
        return 1
    log = make_log(config.log_level)
    with Stop(config.shutdown_timeout_seconds) as stop:
        try:
            # Leaving the block says goodbye to the server (Terminate).
            with connect(config) as connection:
                work(connection, config, stop, log)
        except OutOfTime:
            # The connection is closed, so the server has rolled back and the job is free again.
            log.error("the job in hand was not finished when the time was up")  # noqa: TRY400
            return 1
        except psycopg.Error:
            # Start it again: a restart policy does. A loop in here would hide that it is down.
            log.critical("the database cannot be used", exc_info=True)
            return 1
    log.info("shut down", extra={"signal": stop.signal})
    return 0


def connect(config: Config) -> jobs.Connection:
    """One connection: one job at a time."""
    return psycopg.connect(
        config.database_url, autocommit=True, application_name="worker", connect_timeout=5
    )


def work(connection: jobs.Connection, config: Config, stop: Stop, log: logging.Logger) -> None:
    """Jobs one after another. After a signal the one in hand is finished and no other taken."""
    for schema in (jobs.SCHEMA, invoice.SCHEMA):
        with connection.transaction():
            connection.execute(schema)
    handlers = {"invoice": invoice_handler(config.work_seconds)}
    log.info("waiting for jobs")
    while not stop.requested:
        touch(config.alive_file)
        if jobs.run_next(connection, handlers, log) is None:
            stop.wait(config.poll_seconds)


if __name__ == "__main__":
    sys.exit(main())
