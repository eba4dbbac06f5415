"""A whole Compose application, run as its file says: started in order, asked for work, stopped in
the middle of it, and looked at from outside all the time.

Each run has networks, volumes and files of its own and publishes one port, on this machine's
loopback. The queue is counted by a PostgreSQL client of the workbook's, never by a program of the
application. Health checks run at the workbook's own rate, so that nobody waits for an interval.

Source: https://docs.docker.com/compose/how-tos/startup-order/
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from helpers.errors import BadInput
from helpers.observe.compose import find_compose, read_compose
from helpers.observe.compose_container import (
    ComposeService,
    NotComposed,
    compose_services,
    start_order,
)
from helpers.observe.compose_files import files_volume, text_at
from helpers.observe.compose_queue import QueueClient, login_of
from helpers.observe.compose_values import MissingVariable, interpolated, variables_of
from helpers.observe.containers import (
    CannotStart,
    HealthTiming,
    RunningContainer,
    new_volume,
    private_network,
    running_container,
    start_container,
)
from helpers.observe.errors import ObservationFailed, Stopped, engine_errors
from helpers.observe.events import HEALTH, follow_events
from helpers.observe.manifest_facts import plain
from helpers.observe.manifest_files import context_of, read_manifest
from helpers.observe.probing import last_lines, probe_container, published_port
from helpers.observe.process_tree import ProcessTree, read_processes
from helpers.observe.requests import Probe, Request
from helpers.observe.run_service import why_unreachable
from helpers.observe.service_facts import HttpResponse
from helpers.observe.subject import Subject
from helpers.observe.text import printable

# Often until it is healthy, then seldom: a check is a process, and counts against its service's
# limits. So patiently that a slow start is never taken for a fault.
_HEALTH = HealthTiming(interval=0.5, timeout=5.0, retries=1_000, start_period=120.0, later=5.0)
_FAILING = 5  # the engine keeps no more
_FAILS_FOR = 8.0  # seconds
_PAUSE = 0.1
_ONE_PROBE = 2.0
_LOG_LINES = 8
_MOST_GRACE = 60.0


@dataclass(frozen=True, slots=True)
class ApplicationRequest(Request["ApplicationFacts"]):
    """Run the subject's Compose application, and stop its worker in the middle of a job.

    Attributes:
        entry: name of the service that answers HTTP.
        port: its TCP port inside the container.
        ready: path of a GET request that it answers as soon as it serves.
        order: the request that makes a job.
        database: name of the PostgreSQL service that holds the queue.
        worker: name of the service that does the jobs.
        finished: SQL that counts the finished jobs.
        running: SQL that counts the jobs that are being done.
        repeated: SQL that counts the jobs that were begun more than once; empty for none.
        orders: how many jobs there are when the worker is stopped.
        wait_seconds: how long a start or a first answer may take.
        job_seconds: how long one job may take.
        variables: names of Compose's variables; each run gives them values of its own.
        worker_env: environment that the worker gets on top of its own, as sorted pairs.
        path: the Compose file; empty for the first of the usual names.
    """

    entry: str
    port: int
    ready: str
    order: Probe
    database: str
    worker: str
    finished: str
    running: str
    repeated: str = ""
    orders: int = 3
    wait_seconds: float = 20.0
    job_seconds: float = 10.0
    variables: tuple[str, ...] = ()
    worker_env: tuple[tuple[str, str], ...] = ()
    path: str = ""

    observer: ClassVar[str] = "helpers.observe.compose_application:observe_application"


@dataclass(frozen=True, slots=True)
class StopSeen:
    """A container that was told to stop.

    Attributes:
        seconds: from the signal to its end.
        grace_seconds: what its service gives it.
        killed: True where SIGKILL was needed.
        exit_code: of process 1.
    """

    seconds: float
    grace_seconds: float
    killed: bool
    exit_code: int


@dataclass(frozen=True, slots=True)
class ServiceSeen:
    """One service of the application.

    Attributes:
        name: its name.
        started: True where its container was started.
        error: why not, or why others could not wait for it.
        has_health: True where the engine checks it.
        healthy: True where it was healthy when it was looked at.
        exit_code: where it had ended by itself; else None.
        restarts: how often the engine had started it again.
        processes: what ran; None where nobody could look.
        stop: how it stopped at the end; None where it did not run.
        log_tail: its last lines.
    """

    name: str
    started: bool
    error: str = ""
    has_health: bool = False
    healthy: bool = False
    exit_code: int | None = None
    restarts: int = 0
    processes: ProcessTree | None = None
    stop: StopSeen | None = None
    log_tail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkSeen:
    """What became of the jobs.

    Attributes:
        first_seconds: from the first order to its finished job; None where it was not finished.
        wanted: how many jobs there were in the end.
        in_progress: True where the worker was stopped while it did a job.
        stop: how the worker stopped then.
        left: jobs that still stood as being done after it had ended: nobody does them.
        finished: jobs finished after it was started again.
        repeated: jobs that were begun more than once; None where that was not asked.
        problem: why the queue could not be counted; else empty.
    """

    first_seconds: float | None = None
    wanted: int = 0
    in_progress: bool = False
    stop: StopSeen | None = None
    left: int = 0
    finished: int = 0
    repeated: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ApplicationFacts:
    """One run of a Compose application.

    Attributes:
        file: the Compose file.
        not_run: why it was not run at all; else empty.
        services: in the order of their start.
        left_out: what the file asks for and was not given here.
        ready_seconds: from the first start to the first answer; None where none came.
        responses: answers to the orders.
        work: what became of the jobs; None where no order was taken.
    """

    file: str
    not_run: str = ""
    services: tuple[ServiceSeen, ...] = ()
    left_out: tuple[str, ...] = ()
    ready_seconds: float | None = None
    responses: tuple[HttpResponse, ...] = ()
    work: WorkSeen | None = None

    def service(self, name: str) -> ServiceSeen | None:
        """One service; None where the file has none of that name."""
        return next((s for s in self.services if s.name == name), None)


def observe_application(subject: Subject, request: ApplicationRequest) -> ApplicationFacts:
    """The application from its start to its stop; nothing of it is left.

    Raises:
        ObservationFailed: where no port can be reached from here, an image was not built, or the
            engine refuses.
        BadInput: where there is no Compose file.
        NoEngine, Stopped: as everywhere.
    """
    unreachable = why_unreachable(subject.client)
    if unreachable:
        raise ObservationFailed(
            f"An application cannot be asked: {unreachable}",
            remedy="Run this on the engine's own machine.",
        )
    tree = context_of(subject, "a Compose file").tree
    path = request.path or find_compose(tree) or "compose.yaml"
    facts = read_compose(read_manifest(tree, path), path)
    if facts.document is None:
        return ApplicationFacts(path, not_run=f"it cannot be read ({facts.problems[0].text})")
    try:
        variables = variables_of(text_at(tree, ".env") or "")
        variables |= {name: secrets.token_hex(16) for name in request.variables}
        document = interpolated(plain(facts.document), variables)
        files = _env_files(document, lambda name: text_at(tree, name))
        services = start_order(compose_services(document, variables, files))
        missing = {request.entry, request.database, request.worker} - {s.name for s in services}
        if missing:
            return ApplicationFacts(path, not_run=f"it has no service {', '.join(sorted(missing))}")
        images = {s.name: _image(subject, s) for s in services}
    except (NotComposed, MissingVariable, ValueError) as problem:
        return ApplicationFacts(path, not_run=printable(str(problem), 300))
    run = _Run(subject, request, services, images, document)
    with ExitStack() as stack:
        return replace(run.all(stack), file=path)


def _env_files(document: Any, read: Callable[[str], str | None]) -> dict[str, str]:
    """The texts of the files that ``env_file`` names."""
    import posixpath

    found: dict[str, str] = {}
    services = document.get("services") if isinstance(document, dict) else None
    for service in (services or {}).values():
        listed = (service or {}).get("env_file") or ()
        for item in listed if isinstance(listed, list) else (listed,):
            name = item.get("path", "") if isinstance(item, dict) else item
            text = read(posixpath.normpath(str(name)))
            if text is not None:
                found[posixpath.normpath(str(name))] = text
    return found


def _image(subject: Subject, service: ComposeService) -> str:
    if not service.build:
        return service.spec.image
    if service.build in subject.images:
        return subject.images[service.build]
    if not subject.images and service.build == ".":
        return subject.image_id
    raise ObservationFailed(
        f"The image of `{printable(service.name, 40)}`, of `{printable(service.build, 80)}`, was "
        "not built.",
        remedy="Build each service of a folder with a Dockerfile, and mend what does not build.",
    )


@dataclass(slots=True)
class _Run:
    """One run, step by step."""

    subject: Subject
    request: ApplicationRequest
    services: tuple[ComposeService, ...]
    images: Mapping[str, str]
    document: Any
    running: dict[str, RunningContainer] = field(default_factory=dict)
    created: dict[str, str] = field(default_factory=dict)
    seen: dict[str, ServiceSeen] = field(default_factory=dict)
    volumes: dict[str, str] = field(default_factory=dict)
    networks: dict[str, str] = field(default_factory=dict)
    files: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def all(self, stack: ExitStack) -> ApplicationFacts:
        """Start, ask, stop."""
        left_out = tuple(out for service in self.services for out in service.left_out)
        self._prepare(stack)
        began = time.monotonic()
        self._start_all(stack)
        facts = ApplicationFacts("", left_out=left_out)
        ready = self._ready(began)
        if ready is not None:
            self._look()
            answers, work = self._work(stack)
            facts = replace(facts, ready_seconds=ready, responses=answers, work=work)
        self._stop_all()
        names = [service.name for service in self.services]
        return replace(facts, services=tuple(self.seen[name] for name in names))

    def _prepare(self, stack: ExitStack) -> None:
        client = self.subject.client
        about = (self.document.get("networks") or {}) if isinstance(self.document, dict) else {}
        for name in dict.fromkeys(n for s in self.services for n in s.networks):
            internal = (about.get(name) or {}).get("internal") is True
            self.networks[name] = stack.enter_context(private_network(client, internal=internal))
        for name in dict.fromkeys(v for s in self.services for v, _ in s.volumes):
            self.volumes[name] = stack.enter_context(new_volume(client))
        wanted = tuple((s.name, f) for s in self.services for f in s.files)
        if wanted:
            tree = context_of(self.subject, "a Compose file").tree
            volume, places = stack.enter_context(files_volume(client, tree, wanted))
            self.files = {key: (volume, place) for key, place in places.items()}

    def _start_all(self, stack: ExitStack) -> None:
        """Start each after what it waits for; as with Compose, nothing more after a fault."""
        trouble = ""
        for service in self.services:
            for name, condition in service.depends_on:
                trouble = trouble or self._wait_for(name, condition)
            if trouble:
                error = trouble if service.depends_on else f"the start was given up: {trouble}"
                self.seen[service.name] = ServiceSeen(service.name, False, error)
                continue
            try:
                container = stack.enter_context(
                    running_container(self.subject.client, self._spec(service))
                )
            except CannotStart as problem:
                trouble = printable(str(problem), 300)
                self.seen[service.name] = ServiceSeen(service.name, False, trouble)
                trouble = f"`{service.name}` could not be started"
                continue
            except BadInput as problem:
                raise ObservationFailed(problem.message, remedy=problem.remedy) from problem
            self.running[service.name] = container
            about = self._inspect(service.name)
            self.created[service.name] = str(about.get("Created", ""))
            has_health = bool(about["State"].get("Health"))
            self.seen[service.name] = ServiceSeen(service.name, True, has_health=has_health)

    def _spec(self, service: ComposeService) -> Any:
        first, *others = (self.networks[name] for name in service.networks)
        mounted = [self.files[service.name, f.target] for f in service.files]
        env = dict(service.spec.env)
        if service.name == self.request.worker:
            env |= dict(self.request.worker_env)
        return replace(
            service.spec,
            env=tuple(sorted(env.items())),
            image=self.images[service.name],
            ports=(self.request.port,) if service.name == self.request.entry else (),
            network=first,
            more_networks=tuple(others),
            alias=service.name,
            health=_HEALTH,
            restart=service.restart if service.restart != "no" else "",
            writable_volumes=tuple((self.volumes[v], at) for v, at in service.volumes),
            files=tuple(
                (volume, place, f.target, f.read_only)
                for (volume, place), f in zip(mounted, service.files, strict=True)
            ),
        )

    def _wait_for(self, name: str, condition: str) -> str:
        """Wait for a service; why it was in vain, or nothing."""
        if condition == "service_started" or name not in self.running:
            return "" if name in self.running else f"`{name}` was not started"
        seconds, stop = self.request.wait_seconds, self.subject.stop
        if condition == "service_completed_successfully":
            done = self.running[name].exited
            ends: list[Future[Any]] = [done, stop]
            wait(ends, timeout=seconds, return_when="FIRST_COMPLETED")
            if stop.done():
                raise Stopped
            if not done.done():
                return f"`{name}` did not complete within {seconds:g} s"
            return "" if done.result() == 0 else f"`{name}` ended with exit code {done.result()}"
        if not self.seen[name].has_health:
            return f"`{name}` has no health check that could be waited for"
        api = self.subject.client.api
        events = follow_events(api, self.running[name].id, self.created[name], stop)
        found = events.until(lambda e: e.action in {f"{HEALTH}healthy", "die"}, seconds)
        if found is None:
            return f"`{name}` was not healthy within {seconds:g} s"
        return "" if found.action != "die" else f"`{name}` ended before it was healthy"

    def _ready(self, began: float) -> float | None:
        """Seconds until the entry answered. A container that is restarted gets another port."""
        deadline = time.monotonic() + self.request.wait_seconds
        while (left := deadline - time.monotonic()) > 0:
            port = self._port()
            if port is None:
                if not self._may_come(self.request.entry):
                    return None
                self._pause()
                continue
            run = self._ask(port, (Probe(self.request.ready),), min(left, _ONE_PROBE), began)
            if run.ready_seconds is not None:
                return float(run.ready_seconds)
            if not self._may_come(self.request.entry):
                return None
        return None

    def _may_come(self, name: str) -> bool:
        """Whether a service runs, or will be started again by the engine."""
        if name not in self.running:
            return False
        state = self._inspect(name)["State"]
        return bool(state.get("Running") or state.get("Restarting"))

    def _port(self) -> int | None:
        if self.request.entry not in self.running:
            return None
        return published_port(self._inspect(self.request.entry), self.request.port)

    def _ask(self, port: int, probes: tuple[Probe, ...], seconds: float, began: float) -> Any:
        never: Future[int] = Future()
        return probe_container(
            port,
            probes,
            began=began,
            wait_seconds=seconds,
            exited=never,
            stop=self.subject.stop,
        )

    def _look(self) -> None:
        """What runs in each container, as the kernel tells it, and whether it is healthy."""
        names = list(self.running)
        with ThreadPoolExecutor(max(1, len(names)), thread_name_prefix="look") as pool:
            trees = list(pool.map(self._processes, names))
        for name, tree in zip(names, trees, strict=True):
            self.seen[name] = replace(self.seen[name], processes=tree)
        for name in names:
            if self.seen[name].has_health:
                self.seen[name] = replace(self.seen[name], healthy=self._healthy(name))

    def _healthy(self, name: str) -> bool:
        """Whether it becomes healthy before its check has failed several times in a row."""
        began = time.monotonic()
        while (passed := time.monotonic() - began) < self.request.wait_seconds:
            state = self._inspect(name)["State"]
            health = state.get("Health") or {}
            if health.get("Status") == "healthy":
                return True
            latest = [int(check.get("ExitCode", 0)) for check in health.get("Log") or ()]
            failing = len(latest) >= _FAILING and all(latest)
            if not state.get("Running") or (failing and passed > _FAILS_FOR):
                return False
            self._pause()
        return False

    def _processes(self, name: str) -> ProcessTree | None:
        client, stop = self.subject.client, self.subject.stop
        return read_processes(client, self.running[name].id, stop)

    def _work(self, stack: ExitStack) -> tuple[tuple[HttpResponse, ...], WorkSeen | None]:
        """One job, then several with a stop in the middle."""
        request = self.request
        answers = self._order(1)
        if not _taken(answers):
            return answers, None
        database = next(s for s in self.services if s.name == request.database)
        if request.database not in self.running:
            return answers, WorkSeen(problem=f"`{request.database}` does not run")
        login = login_of(database, context_of(self.subject, "a Compose file").tree)
        network = self.networks[database.networks[0]]
        queue = stack.enter_context(
            QueueClient.running(self.subject, network, database.name, login)
        )
        if queue.problem:
            return answers, WorkSeen(problem=queue.problem)
        began = time.monotonic()
        done = self._until(lambda: queue.count(request.finished) >= 1, request.job_seconds)
        work = WorkSeen(first_seconds=time.monotonic() - began if done else None, wanted=1)
        if not done or request.worker not in self.running:
            return answers, replace(work, problem=queue.problem)
        more = self._order(request.orders)
        answers = (*answers, *more)
        if not _taken(more):
            return answers, work
        wanted = 1 + request.orders
        busy = self._until(lambda: queue.count(request.running) >= 1, request.job_seconds)
        stopped = self._stop(request.worker)
        left = queue.count(request.running)
        with engine_errors("starting the worker again"):
            start_container(self.subject.client.api, self.running[request.worker].id)
        patience = request.wait_seconds + request.job_seconds * request.orders
        self._until(lambda: queue.count(request.finished) >= wanted, patience)
        return answers, replace(
            work,
            wanted=wanted,
            in_progress=busy,
            stop=stopped,
            left=max(0, left),
            finished=max(0, queue.count(request.finished)),
            repeated=queue.count(request.repeated) if request.repeated else None,
            problem=queue.problem,
        )

    def _order(self, count: int) -> tuple[HttpResponse, ...]:
        port = self._port()
        if port is None:
            return ()
        probes = (Probe(self.request.ready), *([self.request.order] * count))
        run = self._ask(port, probes, self.request.wait_seconds, time.monotonic())
        return tuple(run.responses[1:])

    def _until(self, fits: Callable[[], bool], seconds: float) -> bool:
        """Ask again and again: a queue tells nobody. False where it did not come in time."""
        deadline = time.monotonic() + seconds
        while not fits():
            if time.monotonic() > deadline:
                return False
            self._pause()
        return True

    def _pause(self) -> None:
        wait([self.subject.stop], timeout=_PAUSE)
        if self.subject.stop.done():
            raise Stopped

    def _stop(self, name: str) -> StopSeen:
        """As ``docker compose stop`` does: the stop signal, and SIGKILL after the grace period."""
        service = next(s for s in self.services if s.name == name)
        grace = min(service.grace_seconds, _MOST_GRACE)
        api, container = self.subject.client.api, self.running[name].id
        signal = str(self._inspect(name)["Config"].get("StopSignal") or "SIGTERM")
        began = time.monotonic()
        with (
            ThreadPoolExecutor(1, thread_name_prefix="stop") as pool,
            engine_errors("stopping a service"),
        ):
            ended = pool.submit(api.wait, container, timeout=None, condition="not-running")
            try:
                _kill(api, container, signal)
                ends: list[Future[Any]] = [ended, self.subject.stop]
                wait(ends, timeout=grace, return_when="FIRST_COMPLETED")
                killed = not ended.done()
            finally:
                if not ended.done():
                    _kill(api, container, "SIGKILL")
            ended.result()
        if self.subject.stop.done():
            raise Stopped
        code = int(self._inspect(name)["State"].get("ExitCode", 0))
        return StopSeen(time.monotonic() - began, service.grace_seconds, killed, code)

    def _stop_all(self) -> None:
        """In the reverse order of their start, each looked at before."""
        for name in reversed(list(self.running)):
            about = self._inspect(name)
            state = about["State"]
            now = replace(self.seen[name], restarts=int(about.get("RestartCount", 0)))
            if state.get("Running") and not state.get("Restarting"):
                now = replace(now, stop=self._stop(name))
            else:
                now = replace(now, exit_code=int(state.get("ExitCode", 0)))
            with engine_errors("reading a service's log"):
                api, container = self.subject.client.api, self.running[name].id
                log = api.logs(container, stdout=True, stderr=True, tail=_LOG_LINES)
            self.seen[name] = replace(now, log_tail=last_lines(log, _LOG_LINES))

    def _inspect(self, name: str) -> Any:
        with engine_errors("looking at a service"):
            return self.subject.client.api.inspect_container(self.running[name].id)


def _taken(answers: tuple[HttpResponse, ...]) -> bool:
    """Whether every order was taken."""
    return bool(answers) and all(a.status is not None and a.status < 300 for a in answers)


def _kill(api: Any, container: str, signal: str) -> None:
    import docker.errors

    try:
        api.kill(container, signal)
    except docker.errors.APIError as error:
        if error.status_code != 409:  # it has just ended by itself
            raise
