"""A container as it usually runs: what it logs, writes, uses and starts; then crashed and started
again.
"""

from __future__ import annotations

import re
import secrets
import time
from concurrent.futures import wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar
from urllib.parse import urlsplit

import docker

from helpers.observe.containers import CannotStart, ContainerSpec, start_again
from helpers.observe.errors import Stopped, engine_errors
from helpers.observe.log_lines import LogFacts, read_log
from helpers.observe.probing import kill_and_wait, last_lines, service_port
from helpers.observe.process_tree import ProcessTree, read_processes
from helpers.observe.requests import Probe, Request
from helpers.observe.service_facts import HttpResponse
from helpers.observe.service_start import ServiceStart, Started, ask, inspect, started_service
from helpers.observe.stats import Usage, read_usage
from helpers.observe.subject import Subject
from helpers.observe.text import printable

_ROOMY_MB = 2_000
_SECRET_NAME = re.compile(
    r"secret|password|passwd|token|api_?key|credential|private", re.IGNORECASE
)
_LOG_FILE = re.compile(r"(?:^|/)[^/]*\.(?:log|err)(?:\.\d+)?$|^/var/log/|/logs?/[^/]+$")
_KINDS = {0: "changed", 1: "added", 2: "deleted"}
_MOST_CHANGES = 2_000
_MOST_LOG_BYTES = 2_000_000
_LOG_SETTLES = 0.3
_LOG_LINES = 10
#: Given to every service beside its own environment; their values must not come out again.
_CANARIES = ("API_TOKEN", "SESSION_SECRET", "DB_PASSWORD")


@dataclass(frozen=True, slots=True)
class RunningRequest(Request["RunningFacts"]):
    """Run the service as it usually runs.

    Attributes:
        service: what is started and asked.
        init: whether the engine's own init is process 1 (``docker run --init``).
    """

    service: ServiceStart
    init: bool = False

    observer: ClassVar[str] = "helpers.observe.running:observe_running"


@dataclass(frozen=True, slots=True)
class FileChange:
    """A path of the container's own layer that differs from the image.

    Attributes:
        path: absolute.
        kind: ``added``, ``changed`` or ``deleted``.
        folder: True where other changes lie below it.
    """

    path: str
    kind: str
    folder: bool = False


@dataclass(frozen=True, slots=True)
class Restart:
    """The same container, killed and started again.

    Attributes:
        serves: True where it answered again.
        ready_seconds: from the second start to the answer.
        exit_code: where it ended by itself.
        start_error: the engine's message where it could not be started again.
        log_tail: its last lines.
    """

    serves: bool
    ready_seconds: float | None = None
    exit_code: int | None = None
    start_error: str = ""
    log_tail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunningFacts:
    """One container from start to its second start.

    Attributes:
        serves: True where it answered.
        ready_seconds: from the engine's start call to the first answer; None if never.
        start_error: the engine's message where it could not start it.
        exit_code: where it ended by itself.
        responses: answers to all that was asked.
        processes: what ran; None where nobody could look.
        usage: memory, processes and processor time as it served.
        log: what it logged until then.
        changes: what it wrote to its own layer; volumes are none of it.
        log_files: those of them that look like logs.
        restart: None where it did not serve.
        log_tail: its last lines before that.
        waited_seconds: how long an answer was waited for at most.
    """

    serves: bool
    ready_seconds: float | None = None
    start_error: str = ""
    exit_code: int | None = None
    responses: tuple[HttpResponse, ...] = ()
    processes: ProcessTree | None = None
    usage: Usage | None = None
    log: LogFacts = field(default_factory=LogFacts)
    changes: tuple[FileChange, ...] = ()
    log_files: tuple[str, ...] = ()
    restart: Restart | None = None
    log_tail: tuple[str, ...] = ()
    waited_seconds: float = 0.0


def observe_running(subject: Subject, request: RunningRequest) -> RunningFacts:
    """One container: asked, looked at, killed, started again.

    Raises:
        ObservationFailed: where no port is known, or none can be reached from here.
        BadInput, NoEngine, Stopped: as everywhere.
    """
    canaries = {name: secrets.token_hex(12) for name in (*_CANARIES, "header", "cookie", "body")}
    given = dict(request.service.env)
    env = tuple((name, canaries[name]) for name in _CANARIES if name not in given)
    headers = (
        ("Authorization", f"Bearer {canaries['header']}"),
        ("Cookie", f"session={canaries['cookie']}"),
    )
    path = request.service.path
    probes = (
        Probe(path),
        Probe(path, "POST", f'{{"password": "{canaries["body"]}"}}'),
        Probe("/this-path-does-not-exist"),
    )
    waited = request.service.wait_seconds
    spec = ContainerSpec("", env=env, memory_mb=_ROOMY_MB, init=request.init, no_health=True)
    try:
        with started_service(
            subject, request.service, spec, probes=probes, headers=headers
        ) as started:
            return _seen(subject, request, started, _wanted(canaries, given, env))
    except CannotStart as problem:
        return RunningFacts(serves=False, start_error=str(problem), waited_seconds=waited)


def _wanted(
    canaries: dict[str, str], given: dict[str, str], env: tuple[tuple[str, str], ...]
) -> dict[str, str]:
    """Values that must not be logged, by where they come from."""
    found = {f"the environment variable {name}": value for name, value in env}
    for name, value in given.items():
        if _SECRET_NAME.search(name):
            found[f"the environment variable {name}"] = value
        password = _password(value)
        if password:
            found[f"the password in the environment variable {name}"] = password
    return found | {
        "the request header Authorization": canaries["header"],
        "the request header Cookie": canaries["cookie"],
        "the field `password` of a request's body": canaries["body"],
    }


def _password(value: str) -> str:
    try:
        return urlsplit(value).password or ""
    except ValueError:
        return ""


def _seen(
    subject: Subject, request: RunningRequest, started: Started, wanted: dict[str, str]
) -> RunningFacts:
    client, container = subject.client, started.container
    facts = RunningFacts(
        serves=started.serves,
        ready_seconds=started.run.ready_seconds,
        responses=started.run.responses,
        waited_seconds=request.service.wait_seconds,
    )
    if started.serves:
        # Takes a moment: what was asked is logged by then.
        tree = read_processes(client, container.id, subject.stop, orphans=True)
        facts = replace(facts, processes=tree, usage=read_usage(client.api, container.id))
    else:
        wait({subject.stop}, timeout=_LOG_SETTLES)
        if subject.stop.done():
            raise Stopped
    state = inspect(client, container)["State"]
    running = bool(state.get("Running"))
    _end(client, container.id)
    stdout, stderr = _log(client, container.id, stdout=True), _log(client, container.id)
    changes = _changes(client, container.id)
    facts = replace(
        facts,
        serves=started.serves and running,
        exit_code=None if running else int(state.get("ExitCode", 0)),
        log=read_log(stdout, stderr, wanted),
        log_tail=last_lines(stdout + stderr, _LOG_LINES),
        changes=changes,
        log_files=tuple(
            c.path for c in changes if not c.folder and c.kind != "deleted" and _is_log(c.path)
        ),
    )
    if not facts.serves:
        return facts
    return replace(facts, restart=_restart(subject, request, started))


def _is_log(path: str) -> bool:
    return _LOG_FILE.search(path) is not None


def _restart(subject: Subject, request: RunningRequest, started: Started) -> Restart:
    client = subject.client
    began = time.monotonic()
    try:
        again = start_again(client, started.container)
    except CannotStart as problem:
        return Restart(serves=False, start_error=str(problem))
    about = inspect(client, again)
    port = service_port(client, subject.image_id, request.service.port)
    second = ask(again, about, request.service, port, began, subject.stop)
    state = inspect(client, again)["State"]
    running = bool(state.get("Running"))
    log = b""
    if not second.serves:
        _end(client, again.id)
        log = _log(client, again.id, stdout=True) + _log(client, again.id)
    return Restart(
        serves=second.serves and running,
        ready_seconds=second.run.ready_seconds,
        exit_code=None if running else int(state.get("ExitCode", 0)),
        log_tail=last_lines(log, _LOG_LINES),
    )


def _end(client: docker.DockerClient, container: str) -> None:
    """The log of a container that has ended has an end, however fast it printed."""
    with engine_errors("ending a container"):
        kill_and_wait(client.api, container)


def _log(client: docker.DockerClient, container: str, *, stdout: bool = False) -> bytes:
    """One of the two streams; the engine keeps 2 MB at most, see ``containers``."""
    with engine_errors("reading a container's log"):
        log = client.api.logs(container, stdout=stdout, stderr=not stdout, tail=20_000)
    return bytes(log)[-_MOST_LOG_BYTES:]


def _changes(client: docker.DockerClient, container: str) -> tuple[FileChange, ...]:
    with engine_errors("reading what a container has written"):
        raw: Any = client.api.diff(container) or ()
    entries = sorted((str(e.get("Path", "")), int(e.get("Kind", 0))) for e in raw)
    paths = {path for path, _ in entries}
    parents = {path.rpartition("/")[0] for path in paths}
    found = []
    for path, kind in entries[:_MOST_CHANGES]:
        with suppress(KeyError):
            found.append(FileChange(printable(path, 300), _KINDS[kind], path in parents))
    return tuple(found)
