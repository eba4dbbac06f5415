"""A service under load that is told to stop, as ``docker stop`` tells it.

The image's own stop signal is sent to process 1; after the grace period comes SIGKILL. Source:
https://docs.docker.com/reference/cli/docker/container/stop/
"""

from __future__ import annotations

import asyncio
import signal as signals
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import ClassVar

import docker
import docker.errors

from helpers.observe.containers import CannotStart, ContainerSpec, RunningContainer
from helpers.observe.database import Sessions, running_database
from helpers.observe.errors import engine_errors
from helpers.observe.http_probe import when_done
from helpers.observe.load import LoadFacts, LoadPlan, run_load
from helpers.observe.probing import kill_and_wait, last_lines, on_a_loop
from helpers.observe.process_tree import ProcessTree, read_processes
from helpers.observe.requests import Request
from helpers.observe.service_start import ServiceStart, Started, inspect, started_service
from helpers.observe.subject import Subject

_SIGKILL = "SIGKILL"
_LOG_LINES = 6  # what it says when it is told; the rest is the load


@dataclass(frozen=True, slots=True)
class ShutdownRequest(Request["ShutdownFacts"]):
    """Load the service, tell it to stop, see what becomes of it.

    Attributes:
        service: what is started and asked.
        method: HTTP method of the requests in flight.
        held_path: their path; empty for the service's own.
        body: their JSON body, whose second half comes after the signal; empty for none.
        grace_seconds: from the stop signal to SIGKILL.
        init: whether the engine's own init is process 1 (``docker run --init``).
        database: name of the environment variable that gets a PostgreSQL's URL; empty for none.
        held_at_least: so long after the signal the requests in flight end, in seconds.
        settle_seconds: how long the load runs before the signal.
        keep_requests: whether every request of the load is kept, for a picture.
    """

    service: ServiceStart
    method: str = "GET"
    held_path: str = ""
    body: str = ""
    grace_seconds: float = 10.0
    init: bool = False
    database: str = ""
    held_at_least: float = 1.0
    settle_seconds: float = 0.3
    keep_requests: bool = False

    observer: ClassVar[str] = "helpers.observe.shutdown:observe_shutdown"


@dataclass(frozen=True, slots=True)
class ShutdownFacts:
    """One container from its first answer to its end.

    Attributes:
        served: True where it answered, so that it could be told to stop.
        ready_seconds: from the engine's start call to the first answer.
        start_error: the engine's message where it could not start it.
        ended_early: exit code where it ended before it was told.
        signal: the stop signal that was sent.
        stop_seconds: from the signal to the end of process 1, SIGKILL included.
        killed: True where SIGKILL was needed.
        exit_code: of process 1.
        processes: what ran before the signal; None where nobody could look.
        load: what the clients saw.
        sessions: what became of the database's sessions; None without a database.
        log_tail: its last lines.
    """

    served: bool
    ready_seconds: float | None = None
    start_error: str = ""
    ended_early: int | None = None
    signal: str = "SIGTERM"
    stop_seconds: float = 0.0
    killed: bool = False
    exit_code: int = 0
    processes: ProcessTree | None = None
    load: LoadFacts = field(default_factory=LoadFacts)
    sessions: Sessions | None = None
    log_tail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Ending:
    seconds: float
    killed: bool
    load: LoadFacts


def observe_shutdown(subject: Subject, request: ShutdownRequest) -> ShutdownFacts:
    """One container under load, told to stop; a database beside it where one is asked for.

    Raises:
        ObservationFailed: where no port is known, none can be reached from here, or the database
            does not run.
        BadInput, NoEngine, Stopped: as everywhere.
    """
    with ExitStack() as stack:
        service, network, database = request.service, "", None
        if request.database:
            database = stack.enter_context(running_database(subject.client, subject.stop))
            env = dict(service.env) | {request.database: database.url}
            service = replace(service, env=tuple(sorted(env.items())))
            network = database.network
        # The check would be one more client, at moments of its own.
        spec = ContainerSpec("", init=request.init, network=network, no_health=True)
        try:
            started = stack.enter_context(started_service(subject, service, spec))
        except CannotStart as problem:
            return ShutdownFacts(served=False, start_error=str(problem))
        facts = stop_under_load(subject, request, started)
        if database is not None and facts.served:
            facts = replace(facts, sessions=database.sessions())
        return facts


def stop_under_load(subject: Subject, request: ShutdownRequest, started: Started) -> ShutdownFacts:
    """Load a service that runs, tell it to stop, and see what becomes of it.

    Args:
        subject: what is run, and where.
        request: how it is loaded, and how long it may take; its database is not looked at.
        started: the service's container.

    Raises:
        ObservationFailed, NoEngine, Stopped: as everywhere.
    """
    client, container = subject.client, started.container
    if not started.serves or started.port is None:
        state = inspect(client, container)["State"]
        return ShutdownFacts(
            served=False,
            ended_early=None if state.get("Running") else int(state.get("ExitCode", 0)),
            log_tail=_log(client, container),
        )
    about = inspect(client, container)
    signal = _name(str(about["Config"].get("StopSignal") or ""))
    tree = read_processes(client, container.id, subject.stop)
    plan = LoadPlan(
        port=started.port,
        path=request.service.path,
        method=request.method,
        held_path=request.held_path or request.service.path,
        body=request.body,
        hold_seconds=request.held_at_least,
        settle_seconds=request.settle_seconds,
        keep_requests=request.keep_requests,
    )
    ending = _load_and_tell(client, container, plan, signal, request.grace_seconds, subject.stop)
    state = inspect(client, container)["State"]
    return ShutdownFacts(
        served=True,
        ready_seconds=started.run.ready_seconds,
        signal=signal,
        stop_seconds=ending.seconds,
        killed=ending.killed,
        exit_code=int(state.get("ExitCode", 0)),
        processes=tree,
        load=ending.load,
        log_tail=_log(client, container),
    )


def _name(signal: str) -> str:
    """The name of a stop signal; STOPSIGNAL takes a number, too, and a name without SIG."""
    if not signal:
        return "SIGTERM"
    if signal.isdecimal():
        known = {s.value: s.name for s in signals.Signals}
        return known.get(int(signal), signal)
    return signal if signal.startswith("SIG") else f"SIG{signal}"


def _load_and_tell(
    client: docker.DockerClient,
    container: RunningContainer,
    plan: LoadPlan,
    signal: str,
    grace_seconds: float,
    stop: Future[None],
) -> _Ending:
    told_at: list[float] = []
    ended_at: list[float] = []
    killed: list[bool] = []
    container.exited.add_done_callback(lambda _: ended_at.append(time.monotonic()))

    async def work() -> LoadFacts:
        loop = asyncio.get_running_loop()
        ended = when_done(container.exited)
        with ThreadPoolExecutor(1, thread_name_prefix="signal") as pool:

            async def kill_late() -> None:
                try:
                    await asyncio.wait_for(ended.wait(), grace_seconds)
                except TimeoutError:
                    sent = await loop.run_in_executor(pool, _signal, client, container, _SIGKILL)
                    killed.append(sent)

            late: list[asyncio.Task[None]] = []

            async def tell() -> None:
                told_at.append(time.monotonic())
                await loop.run_in_executor(pool, _signal, client, container, signal)
                late.append(asyncio.ensure_future(kill_late()))

            try:
                return await run_load(plan, tell, ended)
            finally:
                for task in late:
                    if not ended.is_set():
                        task.cancel()
                    await asyncio.gather(task, return_exceptions=True)

    load = on_a_loop(work, stop)
    container.exited.result()
    began = told_at[0] if told_at else ended_at[0]
    return _Ending(max(0.0, ended_at[0] - began), any(killed), load)


def _signal(client: docker.DockerClient, container: RunningContainer, signal: str) -> bool:
    """Send a signal to process 1; False where it has ended already."""
    with engine_errors("sending a signal"):
        try:
            client.api.kill(container.id, signal)
        except docker.errors.APIError as error:
            if error.status_code != 409:
                raise
            return False
    return True


def _log(client: docker.DockerClient, container: RunningContainer) -> tuple[str, ...]:
    with engine_errors("reading a container's log"):
        # The log of a container that has ended has an end, however fast it printed.
        kill_and_wait(client.api, container.id)
        return last_lines(client.api.logs(container.id, stdout=True, stderr=True, tail=_LOG_LINES))
