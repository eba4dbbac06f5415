"""A service whose HEALTHCHECK Docker runs while somebody makes it hang, and what Docker sees.

All moments are by the engine's clock: of its events, and of its own record of the checks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from threading import Barrier, BrokenBarrierError, Condition, Thread
from typing import Any, TypeVar

import docker
import httpx

from helpers.engine.labels import LESSON
from helpers.errors import WorkbookError
from helpers.experiments.health_timeline import (
    GOES_ON,
    HANGS,
    Change,
    Check,
    HealthTimeline,
    Moment,
    State,
    TimedCheck,
)
from helpers.observe.containers import (
    ContainerSpec,
    HealthTiming,
    RunningContainer,
    running_container,
)
from helpers.observe.errors import Stopped, engine_errors
from helpers.observe.events import CHECKED, HEALTH, ContainerEvent, follow_events
from helpers.observe.health import moment
from helpers.observe.probing import LOOPBACK, last_lines, probe_container, published_port
from helpers.observe.requests import Probe
from helpers.observe.run_service import why_unreachable
from helpers.observe.text import printable

T = TypeVar("T")

PORT = 3000
_OUTPUT = 200
_STOP, _CONTINUE = "SIGSTOP", "SIGCONT"
_MOMENTS = {"19": HANGS, "18": GOES_ON}  # the numbers of these signals on Linux
_LONG = 86_400.0
_STATES: dict[str, State] = {
    f"{HEALTH}healthy": "healthy",
    f"{HEALTH}unhealthy": "unhealthy",
    "die": "ended",
}


class DidNotHappen(WorkbookError):
    """What an experiment waits for did not come."""


class WatchedService:
    """One container that is watched; made by :func:`watched`.

    Args:
        client: a connection to the engine.
        container: the container.
        check: what Docker runs in it; None for what the container's configuration says.
        stop: done where nobody wants to know any more.
    """

    def __init__(
        self,
        client: docker.DockerClient,
        container: RunningContainer,
        check: Check | None,
        stop: Future[None],
    ) -> None:
        self.container = container
        self._client = client
        self._stop = stop
        about = self._inspect()
        self.check = check or _own_check(about)
        self.port = published_port(about, PORT)
        self._began = moment(str(about["State"]["StartedAt"]))
        self._zero = self._start_here()
        self._events = follow_events(client.api, container.id, str(about["Created"]), stop)
        self._checks: dict[float, TimedCheck] = {}
        self._changes = [Change(0.0, "starting")]
        self._moments: list[Moment] = []
        self._seen = 0
        self._problem: Exception | None = None
        self._news = Condition()
        Thread(target=self._follow, name="watch-health", daemon=True).start()

    @property
    def state(self) -> State:
        """The last one that was told."""
        return self._changes[-1].state

    def ask(self, path: str = "/healthz", seconds: float = 1.0) -> str:
        """One request from outside: the status, or that no answer came within so many seconds."""
        try:
            # The environment's proxies are for the outside world, not for a container next door.
            answer = httpx.get(
                f"http://{LOOPBACK}:{self.port}{path}", timeout=seconds, trust_env=False
            )
        except httpx.TimeoutException:
            return f"no answer within {seconds:g} s"
        except httpx.HTTPError as problem:
            return printable(str(problem) or type(problem).__name__, _OUTPUT)
        return str(answer.status_code)

    def wait_answer(self, path: str = "/healthz", seconds: float = 20.0) -> None:
        """Wait until the service answers for the first time.

        Raises:
            DidNotHappen: where it does not in time.
        """
        if self.port is not None:
            run = probe_container(
                self.port,
                (Probe(path),),
                began=time.monotonic(),
                wait_seconds=seconds,
                exited=self.container.exited,
                stop=self._stop,
            )
            if run.ready_seconds is not None:
                return
        raise DidNotHappen(
            f"The service did not answer within {seconds:g} s.",
            remedy="Run the cell again on a machine that is less busy.",
        )

    def docker_says(self) -> str:
        """What ``docker ps`` would show: the state, and the health where there is a check."""
        state = self._inspect()["State"]
        health = (state.get("Health") or {}).get("Status", "none")
        known = "" if health in {"none", ""} else f" ({health})"
        return f"{state['Status']}{known}"

    def hang(self) -> None:
        """Stop process 1 (SIGSTOP) without ending it, as a deadlock would."""
        self._signal(_STOP)

    def go_on(self) -> None:
        """Let it go on (SIGCONT)."""
        self._signal(_CONTINUE)

    def restart_always(self) -> None:
        """Give it the restart policy ``always``, as ``docker update --restart always`` does."""
        with engine_errors("changing a container"):
            self._client.api.update_container(
                self.container.id, restart_policy={"Name": "always", "MaximumRetryCount": 0}
            )

    def wait(self, state: State, seconds: float = 30.0) -> float | None:
        """Wait until it has a state.

        Returns:
            The second at which it got there; None where it did not in time.
        """
        reached = self._wait(lambda: self.state == state, seconds)
        return self._changes[-1].at if reached else None

    def wait_for(self, state: State, seconds: float = 60.0) -> float:
        """As :meth:`wait`.

        Raises:
            DidNotHappen: where it did not get there in time.
        """
        at = self.wait(state, seconds)
        if at is None:
            last = list(self._checks.values())[-1:]
            said = f" The last check said: {last[0].output or last[0].exit_code}." if last else ""
            raise DidNotHappen(
                f"“{self.check.label}” was not {state} within {seconds:g} s.{said}",
                remedy="Run the cell again on a machine that is less busy.",
            )
        return at

    def wait_checks(self, count: int, seconds: float = 30.0) -> None:
        """Wait until so many more checks have ended, at most so long."""
        wanted = self._seen + count
        self._wait(lambda: self._seen >= wanted, seconds)

    def wait_seconds(self, seconds: float) -> None:
        """Watch for so long."""
        self._wait(lambda: False, seconds)

    def note(self, words: str) -> None:
        """Something else happens now, for example to its database."""
        with self._news:
            self._moments.append(Moment(time.monotonic() - self._zero, words))

    def timeline(self) -> HealthTimeline:
        """All that was seen until now."""
        about = self._inspect()
        with self._news:
            self._take_checks(about)
            ends = [check.at + check.seconds for check in self._checks.values()]
            return HealthTimeline(
                check=self.check,
                checks=tuple(self._checks[at] for at in sorted(self._checks)),
                changes=tuple(self._changes),
                moments=tuple(self._moments),
                until=max(time.monotonic() - self._zero, *ends, 0.0),
                restarts=int(about.get("RestartCount") or 0),
            )

    def _wait(self, reached: Callable[[], bool], seconds: float) -> bool:
        with self._news:
            self._news.wait_for(lambda: self._problem is not None or reached(), seconds)
            if self._problem is not None:
                raise self._problem
            return reached()

    def _follow(self) -> None:
        """Take what the engine tells, as it comes; ends with the container."""
        try:
            while (event := self._events.next(_LONG)) is not None:
                # The engine keeps the last five checks only: they are read while they are there.
                about = self._inspect() if event.action == CHECKED else None
                with self._news:
                    self._take(event)
                    self._take_checks(about)
                    self._news.notify_all()
        except (Stopped, WorkbookError) as problem:
            with self._news:
                self._problem = problem
                self._news.notify_all()

    def _take(self, event: ContainerEvent) -> None:
        at = event.at - self._began
        if event.action == "kill" and event.detail in _MOMENTS:
            self._moments.append(Moment(at, _MOMENTS[event.detail]))
        elif event.action == CHECKED:
            self._seen += 1
        elif event.action in _STATES:
            self._changes.append(Change(at, _STATES[event.action]))

    def _take_checks(self, about: Any) -> None:
        health = about["State"].get("Health") if about else None
        for entry in (health or {}).get("Log") or ():
            began, ended = moment(str(entry["Start"])), moment(str(entry["End"]))
            lines = last_lines(str(entry.get("Output", "")).encode(), 3)
            at = began - self._began
            self._checks[at] = TimedCheck(
                at, ended - began, int(entry["ExitCode"]), printable(" / ".join(lines), _OUTPUT)
            )

    def _start_here(self) -> float:
        """When it started, on ``time.monotonic()``: the engine may have another clock."""
        before = time.monotonic()
        with engine_errors("asking the engine for its time"):
            now = moment(str(self._client.api.info()["SystemTime"]))
        return (before + time.monotonic()) / 2 - (now - self._began)

    def _signal(self, name: str) -> None:
        with engine_errors("sending a signal"):
            self._client.api.kill(self.container.id, name)

    def _inspect(self) -> Any:
        with engine_errors("looking at a container's health"):
            return self._client.api.inspect_container(self.container.id)


@contextmanager
def watched(
    client: docker.DockerClient,
    image: str,
    check: Check | None = None,
    spec: ContainerSpec | None = None,
    *,
    stop: Future[None] | None = None,
) -> Iterator[WatchedService]:
    """Start a service and follow what Docker makes of it; it is removed at the end.

    Args:
        client: a connection to the engine.
        image: name or id; it listens on port 3000.
        check: instead of the image's own HEALTHCHECK; None for that.
        spec: how else it is run.
        stop: done where nobody wants to know any more.

    Raises:
        DidNotHappen: where the engine is on another machine, so that nobody here can ask.
        CannotStart, BadInput, ObservationFailed, NoEngine: as everywhere.
    """
    unreachable = why_unreachable(client)
    if unreachable:
        raise DidNotHappen(
            f"The service cannot be asked: {unreachable}.",
            remedy="Run this notebook on the engine's own machine.",
        )
    spec = replace(spec or ContainerSpec(image), image=image, ports=(PORT,), role=LESSON)
    if check is not None:
        timing = HealthTiming(check.interval, check.timeout, check.retries, check.start_period)
        spec = replace(spec, health=timing, health_test=("CMD", *check.command))
    with running_container(client, spec) as container:
        yield WatchedService(client, container, check, stop or Future())


def _own_check(about: Any) -> Check:
    config = about["Config"].get("Healthcheck") or {}
    test = tuple(str(word) for word in config.get("Test") or ())
    if not test or test[0] == "NONE":
        return Check("no check", (), 0.0, 0.0, 0)
    return Check(
        "the image's own",
        test[1:],
        interval=(config.get("Interval") or 30e9) / 1e9,
        timeout=(config.get("Timeout") or 30e9) / 1e9,
        retries=config.get("Retries") or 3,
        start_period=(config.get("StartPeriod") or 0) / 1e9,
    )


Meet = Callable[[], None]


def side_by_side(
    client: docker.DockerClient,
    image: str,
    checks: Sequence[Check],
    script: Callable[[WatchedService, Meet], None],
    spec: ContainerSpec | None = None,
) -> tuple[HealthTimeline, ...]:
    """Run one service several times at once, each with another check, and do the same to all.

    Args:
        client: a connection to the engine.
        image: name or id.
        checks: one a container.
        script: what is done to each, in a thread of its own; its second argument waits until all
            others have come to the same place.
        spec: how else each is run.

    Returns:
        What Docker saw, in the order of the checks.

    Raises:
        DidNotHappen: where a script says so.
        NoEngine, ObservationFailed, BadInput: as everywhere.
        KeyboardInterrupt: after every container was removed.
    """
    stop: Future[None] = Future()
    barrier = Barrier(len(checks))

    def run(check: Check) -> HealthTimeline:
        try:
            with watched(client, image, check, spec, stop=stop) as service:
                script(service, lambda: _meet(barrier))
                return service.timeline()
        except BaseException:
            barrier.abort()  # nobody waits for one that will not come
            raise

    with ThreadPoolExecutor(len(checks), thread_name_prefix="health") as pool:
        futures = [pool.submit(run, check) for check in checks]
        try:
            return _results(futures)
        finally:
            if not stop.done():
                stop.set_result(None)
            barrier.abort()


def _results(futures: Sequence[Future[T]]) -> tuple[T, ...]:
    """All results; of several failures, the one that is not only the echo of another."""
    problems = [p for p in (f.exception() for f in futures) if p is not None]
    for problem in sorted(problems, key=lambda p: isinstance(p, Stopped)):
        raise problem
    return tuple(future.result() for future in futures)


def _meet(barrier: Barrier) -> None:
    try:
        barrier.wait()
    except BrokenBarrierError as error:
        raise Stopped from error


def hang_together(
    *, until: Check | None = None, patience: float = 60.0
) -> Callable[[WatchedService, Meet], None]:
    """A script: all become healthy, all hang at the same time, and what Docker makes of it.

    Args:
        until: the check that has to notice it: that one is waited for, and no other; None for all.
        patience: longest wait, in seconds.

    Returns:
        A script for :func:`side_by_side`.
    """

    def script(service: WatchedService, meet: Meet) -> None:
        service.wait_for("healthy")
        meet()
        service.wait_for("healthy")  # on a busy machine a check may have failed meanwhile
        service.hang()
        if until is None or service.check is until:
            service.wait_for("unhealthy", patience)
        meet()

    return script
