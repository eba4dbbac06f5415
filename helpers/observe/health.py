"""The image's own HEALTHCHECK, run by Docker: when all is well, when the service hangs, when its
database is gone, and where there is no service at all.

Docker runs the image's command with the image's settings, but every second, so that nobody has to
wait for an interval of half a minute. Source:
https://docs.docker.com/reference/dockerfile/#healthcheck
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

import docker

from helpers.observe.beside import TOOLS
from helpers.observe.containers import (
    CannotStart,
    ContainerSpec,
    HealthTiming,
    RunningContainer,
    running_container,
    tools_volume,
)
from helpers.observe.database import Database, running_database
from helpers.observe.errors import engine_errors
from helpers.observe.events import CHECKED, HEALTH, ContainerEvent, follow_events
from helpers.observe.follow import Follower
from helpers.observe.probing import kill_and_wait, last_lines
from helpers.observe.process_tree import freeze_processes, read_processes, thaw_processes
from helpers.observe.requests import Request
from helpers.observe.stats import read_usage
from helpers.observe.subject import Subject
from helpers.observe.text import printable

_DEFAULT_INTERVAL = 30.0
_DEFAULT_TIMEOUT = 30.0
_DEFAULT_RETRIES = 3
_OUTPUT = 300
_TOOLS_AT = "/.workbook-tools"
_IDLE_CHECKS = 2
#: So many checks that find nothing wrong mean that it is not noticed.
_CONTENT_CHECKS = 2
_LOG_LINES = 10


@dataclass(frozen=True, slots=True)
class HealthRequest(Request["HealthFacts"]):
    """Run the image's HEALTHCHECK in good and bad times.

    Attributes:
        env: environment, as sorted pairs.
        wait_seconds: how long to wait for ``healthy``, and for each change.
        interval: seconds between two checks, instead of the image's own.
        longest_timeout: seconds after which a check has failed, where the image allows more.
        database: name of the environment variable that gets a PostgreSQL's URL, which is killed
            later; empty for none.
    """

    env: tuple[tuple[str, str], ...] = ()
    wait_seconds: float = 15.0
    interval: float = 0.5
    longest_timeout: float = 3.0
    database: str = ""

    observer: ClassVar[str] = "helpers.observe.health:observe_health"


@dataclass(frozen=True, slots=True)
class HealthConfig:
    """A HEALTHCHECK as the image declares it; what it leaves out has Docker's default.

    Attributes:
        test: ``CMD`` or ``CMD-SHELL`` and the words.
        interval: seconds between two checks.
        timeout: seconds after which one has failed.
        start_period: seconds in which a failure does not count.
        start_interval: seconds between two checks in that time; 0 for Docker's default (5 s).
        retries: failures in a row that make the container unhealthy.
        given: which of these the image sets itself.
    """

    test: tuple[str, ...]
    interval: float = _DEFAULT_INTERVAL
    timeout: float = _DEFAULT_TIMEOUT
    start_period: float = 0.0
    start_interval: float = 0.0
    retries: int = _DEFAULT_RETRIES
    given: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One run of the check.

    Attributes:
        exit_code: 0 healthy, 1 unhealthy; -1 where it took too long.
        seconds: how long it took.
        output: the beginning of what it printed.
    """

    exit_code: int
    seconds: float
    output: str = ""


@dataclass(frozen=True, slots=True)
class HealthChange:
    """What Docker made of something that went wrong.

    Attributes:
        noticed_seconds: until ``unhealthy``; None where it stayed healthy.
        waited_seconds: how long that was waited for.
        checks: the last checks, oldest first.
        ended: exit code where the container ended instead; None where it went on.
    """

    noticed_seconds: float | None
    waited_seconds: float
    checks: tuple[CheckRun, ...] = ()
    ended: int | None = None


@dataclass(frozen=True, slots=True)
class HealthFacts:
    """One image's HEALTHCHECK.

    Attributes:
        config: None where the image declares none, or ``NONE``.
        disabled: True for ``HEALTHCHECK NONE``.
        start_error: the engine's message where a container could not be started.
        healthy_seconds: from the start to ``healthy``; None if never.
        exit_code: where the container ended by itself before.
        checks: the checks until then, oldest first.
        hang: after every process was stopped (SIGSTOP); None where it never was healthy.
        recovered_seconds: from the end of the hang to ``healthy``; None if never.
        lost: after the database was killed; None without one, or where it never was healthy.
        idle: checks in a container in which the service was never started.
        idle_cpu_seconds: processor time of one of those; None where none was seen.
        interval: seconds between two checks in all of this.
        log_tail: the service's last lines.
    """

    config: HealthConfig | None
    disabled: bool = False
    start_error: str = ""
    healthy_seconds: float | None = None
    exit_code: int | None = None
    checks: tuple[CheckRun, ...] = ()
    hang: HealthChange | None = None
    recovered_seconds: float | None = None
    lost: HealthChange | None = None
    idle: tuple[CheckRun, ...] = ()
    idle_cpu_seconds: float | None = None
    interval: float = 0.0
    log_tail: tuple[str, ...] = ()


def observe_health(subject: Subject, request: HealthRequest) -> HealthFacts:
    """Two containers at once: one with the service, one without; a database where asked for.

    Raises:
        ObservationFailed: where the engine lacks the tools or the database.
        BadInput, NoEngine, Stopped: as everywhere.
    """
    with engine_errors("reading the image's configuration"):
        raw = (subject.client.api.inspect_image(subject.image_id).get("Config") or {}).get(
            "Healthcheck"
        ) or {}
    test = tuple(str(word) for word in raw.get("Test") or ())
    if not test or test[0] == "NONE":
        return HealthFacts(None, disabled=test[:1] == ("NONE",))
    config = _config(test, raw)
    timing = HealthTiming(request.interval, min(config.timeout, request.longest_timeout), retries=1)
    facts = HealthFacts(config, interval=request.interval)
    with ThreadPoolExecutor(1, thread_name_prefix="health-idle") as pool:
        idle = pool.submit(_without_service, subject, request, timing)
        facts = _with_service(subject, request, timing, facts)
        checks, cpu = idle.result()
    return replace(facts, idle=checks, idle_cpu_seconds=cpu)


def _config(test: tuple[str, ...], raw: dict[str, Any]) -> HealthConfig:
    def seconds(name: str) -> float:
        return float(raw.get(name) or 0) / 1e9

    names = {
        "interval": "Interval",
        "timeout": "Timeout",
        "start_period": "StartPeriod",
        "start_interval": "StartInterval",
        "retries": "Retries",
    }
    return HealthConfig(
        test=test,
        interval=seconds("Interval") or _DEFAULT_INTERVAL,
        timeout=seconds("Timeout") or _DEFAULT_TIMEOUT,
        start_period=seconds("StartPeriod"),
        start_interval=seconds("StartInterval"),
        retries=int(raw.get("Retries") or _DEFAULT_RETRIES),
        given=frozenset(ours for ours, theirs in names.items() if raw.get(theirs)),
    )


def _with_service(
    subject: Subject, request: HealthRequest, timing: HealthTiming, facts: HealthFacts
) -> HealthFacts:
    with ExitStack() as stack:
        database: Database | None = None
        env = dict(request.env)
        if request.database:
            database = stack.enter_context(running_database(subject.client, subject.stop))
            env[request.database] = database.url
        spec = ContainerSpec(
            subject.image_id,
            env=tuple(sorted(env.items())),
            health=timing,
            network=database.network if database else "",
        )
        try:
            container = stack.enter_context(running_container(subject.client, spec))
        except CannotStart as problem:
            return replace(facts, start_error=str(problem))
        return _watch(subject, request, container, database, facts)


def _watch(
    subject: Subject,
    request: HealthRequest,
    container: RunningContainer,
    database: Database | None,
    facts: HealthFacts,
) -> HealthFacts:
    client = subject.client
    created = str(_inspect(client, container)["Created"])
    events = follow_events(client.api, container.id, created, subject.stop)
    began = time.monotonic()
    seen = _wait_for(events, f"{HEALTH}healthy", request.wait_seconds)
    facts = replace(facts, checks=_checks(client, container))
    if seen is None or seen.action == "die":
        state = _inspect(client, container)["State"]
        ended = None if state.get("Running") else int(state.get("ExitCode", 0))
        return replace(facts, exit_code=ended, log_tail=_log(client, container))
    facts = replace(facts, healthy_seconds=time.monotonic() - began)
    patience = max(request.wait_seconds / 2, 2 * (request.interval + request.longest_timeout))
    facts = replace(facts, hang=_hang(subject, container, events, patience))
    if facts.hang is not None and facts.hang.ended is not None:
        return replace(facts, log_tail=_log(client, container))
    if facts.hang is not None and facts.hang.noticed_seconds is not None:
        facts = replace(facts, recovered_seconds=_recover(subject, container, events, patience))
    if database is not None and (
        facts.recovered_seconds is not None
        or (facts.hang is not None and facts.hang.noticed_seconds is None)
    ):
        _thaw(subject, container)
        if _is_healthy(client, container, events, patience):
            with engine_errors("ending the database"):
                kill_and_wait(client.api, database.container.id)
            facts = replace(facts, lost=_change(client, container, events, patience))
    return replace(facts, log_tail=_log(client, container))


def _hang(
    subject: Subject,
    container: RunningContainer,
    events: Follower[ContainerEvent],
    patience: float,
) -> HealthChange | None:
    """Stop all that runs, as a deadlock would; the checks come from the engine and go on."""
    client = subject.client
    tree = read_processes(client, container.id, subject.stop)
    if not _is_healthy(client, container, events, patience):
        return None
    with engine_errors("stopping a container's processes"):
        client.api.kill(container.id, "SIGSTOP")
    if tree is not None and len(tree.processes) > 1:
        freeze_processes(client, container.id, subject.stop)
    return _change(client, container, events, patience, after="kill")


def _is_healthy(
    client: docker.DockerClient,
    container: RunningContainer,
    events: Follower[ContainerEvent],
    patience: float,
) -> bool:
    """Forget what was told until now: on a busy machine a check may fail at any time.

    Only what comes after something was done may count as its consequence, and Docker tells changes
    only: what is unhealthy already does not become so.
    """
    while events.next(0.0) is not None:
        pass
    health = _inspect(client, container)["State"].get("Health") or {}
    if health.get("Status") == "healthy":
        return True
    seen = _wait_for(events, f"{HEALTH}healthy", patience)
    return seen is not None and seen.action != "die"


def _recover(
    subject: Subject,
    container: RunningContainer,
    events: Follower[ContainerEvent],
    patience: float,
) -> float | None:
    """Let everything go on, and wait for ``healthy``."""
    began = time.monotonic()
    _thaw(subject, container)
    seen = _wait_for(events, f"{HEALTH}healthy", patience)
    return time.monotonic() - began if seen and seen.action != "die" else None


def _thaw(subject: Subject, container: RunningContainer) -> None:
    with engine_errors("letting a container's processes go on"):
        subject.client.api.kill(container.id, "SIGCONT")
    thaw_processes(subject.client, container.id, subject.stop)


def _change(
    client: docker.DockerClient,
    container: RunningContainer,
    events: Follower[ContainerEvent],
    patience: float,
    after: str = "",
) -> HealthChange:
    """Wait for ``unhealthy``, or for enough checks that were content all the same.

    Args:
        client: a connection to the engine.
        container: the container.
        events: what the engine tells of it.
        patience: longest wait, in seconds.
        after: the event before which nothing counts: a busy engine tells late what was long ago.
    """
    began = time.monotonic()
    content = -1  # the first one may have begun before
    told = not after
    for event in events.within(began + patience):
        if not told and event.action != "die":
            told = event.action == after
            continue
        if event.action == f"{HEALTH}unhealthy":
            seconds = time.monotonic() - began
            return HealthChange(seconds, patience, _checks(client, container))
        if event.action == "die":
            ended = int(event.detail or 0)
            seconds = time.monotonic() - began
            return HealthChange(None, seconds, _checks(client, container), ended)
        content += event.action == CHECKED and event.detail == "0"
        if content == _CONTENT_CHECKS:
            break
    return HealthChange(None, time.monotonic() - began, _checks(client, container))


def _wait_for(
    events: Follower[ContainerEvent], action: str, seconds: float
) -> ContainerEvent | None:
    return events.until(lambda event: event.action in {action, "die"}, seconds)


def _without_service(
    subject: Subject, request: HealthRequest, timing: HealthTiming
) -> tuple[tuple[CheckRun, ...], float | None]:
    """Run the check where nothing but a sleeping tool of ours runs: nobody can be healthy there."""
    client = subject.client
    with tools_volume(client, TOOLS, "/bin") as volume:
        spec = ContainerSpec(
            subject.image_id,
            env=request.env,
            health=timing,
            volumes=((volume, _TOOLS_AT),),
            entrypoint=(f"{_TOOLS_AT}/busybox",),
            command=("sleep", "3600"),
        )
        try:
            with running_container(client, spec) as container:
                return _idle_checks(subject, container, request)
        except CannotStart:
            return (), None  # the user or working directory is wrong: the other run tells it


def _idle_checks(
    subject: Subject, container: RunningContainer, request: HealthRequest
) -> tuple[tuple[CheckRun, ...], float | None]:
    client = subject.client
    created = str(_inspect(client, container)["Created"])
    events = follow_events(client.api, container.id, created, subject.stop)
    before = read_usage(client.api, container.id).cpu_seconds
    done = 0
    for event in events.within(time.monotonic() + request.wait_seconds):
        done += event.action == CHECKED
        if event.action == "die" or done == _IDLE_CHECKS:
            break
    checks = _checks(client, container)
    used = read_usage(client.api, container.id).cpu_seconds - before
    return checks, used / len(checks) if checks else None


def _checks(client: docker.DockerClient, container: RunningContainer) -> tuple[CheckRun, ...]:
    """The engine keeps the last five checks, and 4 kB of what each printed."""
    health = _inspect(client, container)["State"].get("Health") or {}
    return tuple(_runs(health.get("Log") or ()))


def _runs(log: Any) -> Iterator[CheckRun]:
    for entry in log:
        began, ended = (moment(str(entry.get(name, ""))) for name in ("Start", "End"))
        lines = last_lines(str(entry.get("Output", "")).encode(), 5)
        yield CheckRun(
            exit_code=int(entry.get("ExitCode", 0)),
            seconds=max(0.0, ended - began),
            output=printable(" / ".join(lines), _OUTPUT),
        )


def moment(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time with up to nanoseconds."""
    head, _, tail = text.partition(".")
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
    zone = tail[len(digits) :] or head[19:]
    try:
        whole = datetime.fromisoformat(head[:19] + zone.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0
    return whole + float(f"0.{digits or 0}")


def _inspect(client: docker.DockerClient, container: RunningContainer) -> Any:
    with engine_errors("looking at a container's health"):
        return client.api.inspect_container(container.id)


def _log(client: docker.DockerClient, container: RunningContainer) -> tuple[str, ...]:
    with engine_errors("reading a container's log"):
        # The log of a container that has ended has an end, however fast it printed.
        kill_and_wait(client.api, container.id)
        return last_lines(client.api.logs(container.id, stdout=True, stderr=True, tail=_LOG_LINES))
