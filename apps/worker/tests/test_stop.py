"""The whole worker, told to stop: as a process, with real signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from worker.jobs import Connection

from tests.test_jobs import bodies, order, put, states

ROOT = Path(__file__).parents[1]


class Worker:
    """A worker process and its log."""

    def __init__(self, database_url: str, **env: str) -> None:
        settings = {"DATABASE_URL": database_url, "POLL_SECONDS": "0.1", **env}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "worker"],
            cwd=ROOT,
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def until(self, message: str) -> dict[str, object]:
        """The first line that says so."""
        assert self.process.stdout is not None
        for text in self.process.stdout:
            line: dict[str, object] = json.loads(text)
            if line["msg"] == message:
                return line
        raise AssertionError(f"it never said {message!r}")

    def end(self) -> int:
        return self.process.wait(timeout=20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_worker_stops_at_once(
    database_url: str, connection: Connection, number: signal.Signals
) -> None:
    with Worker(database_url, POLL_SECONDS="60") as worker:
        worker.until("waiting for jobs")
        worker.process.send_signal(number)
        assert worker.until("shut down")["signal"] == number.name
        assert worker.end() == 0


def test_the_job_in_hand_is_finished_and_no_other_taken(
    database_url: str, connection: Connection
) -> None:
    put(connection, order("Ada"))
    put(connection, order("Bea"))
    with Worker(database_url, WORK_SECONDS="1") as worker:
        worker.until("took a job")
        for _ in range(2):  # the second one changes nothing
            worker.process.send_signal(signal.SIGTERM)
        worker.until("finished with the job")
        assert worker.end() == 0
    assert states(connection) == [("done", 1), ("queued", 0)]
    assert len(bodies(connection)) == 1


def test_a_job_that_takes_too_long_is_put_back(database_url: str, connection: Connection) -> None:
    put(connection, order())
    with Worker(database_url, WORK_SECONDS="60", SHUTDOWN_TIMEOUT_SECONDS="0.3") as worker:
        worker.until("took a job")
        worker.process.send_signal(signal.SIGTERM)
        worker.until("the job in hand was not finished when the time was up")
        assert worker.end() == 1
    assert states(connection) == [("queued", 0)]
    assert bodies(connection) == []


def test_a_worker_that_is_killed_leaves_nothing_half_done(
    database_url: str, connection: Connection
) -> None:
    put(connection, order())
    with Worker(database_url, WORK_SECONDS="60") as worker:
        worker.until("took a job")
        worker.process.kill()
        worker.end()
    with Worker(database_url) as second:
        second.until("finished with the job")
    assert len(bodies(connection)) == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "DATABASE_URL must look like postgres://user:password@host:5432/database"),
        # Nothing listens on port 1.
        ("postgres://orders:hunter2@127.0.0.1:1/orders", "the database cannot be used"),
    ],
)
def test_without_its_database_it_says_so_and_ends_with_1(url: str, said: str) -> None:
    with Worker(url) as worker:
        line = worker.until(said)
        assert line["level"] == "critical"
        assert "hunter2" not in str(line)
        assert worker.end() == 1
