"""A Compose application that runs: does it start, work, lose nothing, stop, and stay confined."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, field_validator

from helpers.judge.property import Params, Property
from helpers.judge.service_words import absolute_path, last_words, shown_process
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    at_most,
    could_not_tell,
    counted,
    failed,
    listed,
    not_observed,
    passed,
)
from helpers.observe.capabilities import NAMES
from helpers.observe.compose_application import (
    ApplicationFacts,
    ApplicationRequest,
    ServiceSeen,
    StopSeen,
)
from helpers.observe.process_tree import ProcessFact
from helpers.observe.requests import Observations, Probe
from helpers.observe.text import printable
from helpers.units import format_seconds

_SIGKILLED = 137
_COMPOSE = "https://docs.docker.com/compose"


class ApplicationParams(Params):
    """How the application is run and asked. Checks with the same values share one run."""

    entry: str = Field(min_length=1, description="Name of the service that answers HTTP.")
    port: int = Field(ge=1, le=65535, description="Its TCP port inside the container.")
    ready: str = Field("/", description="Path that it answers as soon as it serves.")
    order: str = Field(min_length=1, description="Path that takes an order (POST).")
    body: str = Field(min_length=1, description="JSON body of an order.")
    database: str = Field(min_length=1, description="Name of the PostgreSQL service.")
    worker: str = Field(min_length=1, description="Name of the service that does the jobs.")
    finished: str = Field(min_length=1, description="SQL that counts the finished jobs.")
    running: str = Field(min_length=1, description="SQL that counts the jobs being done.")
    repeated: str = Field("", description="SQL that counts jobs begun more than once, or empty.")
    orders: int = Field(
        3, ge=1, le=50, description="How many jobs there are when the worker is stopped."
    )
    wait_seconds: float = Field(
        20.0, gt=0, le=120, description="Longest start or wait for health, in seconds."
    )
    job_seconds: float = Field(10.0, gt=0, le=120, description="Longest job, in seconds.")
    variables: tuple[str, ...] = Field(
        (), description="Names of Compose's variables; each run gives them values of its own."
    )
    worker_env: dict[str, str] = Field(
        default_factory=dict,
        description="Environment variables that the worker gets on top of its own.",
    )
    file: str = Field("", description="The Compose file; empty for the first usual name.")

    @field_validator("ready", "order")
    @classmethod
    def _absolute(cls, path: str) -> str:
        return absolute_path(path)

    def request(self) -> ApplicationRequest:
        """What has to be observed."""
        return ApplicationRequest(
            entry=self.entry,
            port=self.port,
            ready=self.ready,
            order=Probe(self.order, "POST", self.body),
            database=self.database,
            worker=self.worker,
            finished=self.finished,
            running=self.running,
            repeated=self.repeated,
            orders=self.orders,
            wait_seconds=self.wait_seconds,
            job_seconds=self.job_seconds,
            variables=self.variables,
            worker_env=tuple(sorted(self.worker_env.items())),
            path=self.file,
        )


class ServicesParams(ApplicationParams):
    """Parameters of properties that look at some services."""

    services: tuple[str, ...] = Field(
        (), description="Names of the services that are looked at; empty for all."
    )


class ConfinedParams(ServicesParams):
    """Parameters of ``application-confined``."""

    allowed: tuple[str, ...] = Field(
        (), description="Capabilities that processes may have, without `CAP_`. Names, no unit."
    )


class StopsParams(ServicesParams):
    """Parameters of ``application-stops``."""

    exit_codes: tuple[int, ...] = Field(
        (0, 143), min_length=1, description="Exit codes of an orderly end. No unit."
    )


def _needs(params: ApplicationParams) -> tuple[ApplicationRequest, ...]:
    return (params.request(),)


def _facts(params: ApplicationParams, observations: Observations) -> ApplicationFacts | Verdict:
    request = params.request()
    facts = observations.answer(request)
    return not_observed(observations, request, "the application") if facts is None else facts


def _ran(params: ApplicationParams, observations: Observations) -> ApplicationFacts | Verdict:
    """The facts, where the application was run at all."""
    facts = _facts(params, observations)
    if isinstance(facts, ApplicationFacts) and facts.not_run:
        return could_not_tell(f"{printable(facts.file, 80)} was not run: {facts.not_run}")
    return facts


def _chosen(params: ServicesParams, facts: ApplicationFacts) -> list[ServiceSeen]:
    return [s for s in facts.services if not params.services or s.name in params.services]


def judge_starts(params: ApplicationParams, observations: Observations) -> Verdict:
    """Every service comes up, stays up, and the entry answers."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    if facts.not_run:
        where = printable(facts.file, 80)
        text = f"{where} was not run: {facts.not_run}."
        return failed("The application was not run.", [Evidence("not-run", text, path=where)])
    evidence = [e for service in facts.services for e in _faults_of_start(service)]
    if facts.ready_seconds is None:
        tail = facts.service(params.entry)
        text = f"`{params.entry}` did not answer on port {params.port}"
        evidence.append(
            Evidence("no-answer", f"{text}{last_words(tail.log_tail if tail else ())}.")
        )
    if evidence:
        return failed("The application does not come up.", at_most(evidence, "finding"))
    names = listed(f"`{s.name}`" for s in facts.services)
    return passed(
        f"{names} came up in this order; `{params.entry}` answered after "
        f"{format_seconds(facts.ready_seconds or 0)}."
    )


def _faults_of_start(service: ServiceSeen) -> Iterator[Evidence]:
    name = printable(service.name, 40)
    if not service.started:
        yield Evidence("not-started", f"`{name}` was not started: {service.error}.")
    elif service.exit_code is not None:
        text = f"`{name}` ended with exit code {service.exit_code}{last_words(service.log_tail)}."
        yield Evidence("ended", text)
    elif service.restarts:
        text = f"`{name}` ended and was started again {counted(service.restarts, 'time')}"
        yield Evidence("restarted", f"{text}: what it needs was not there when it began.")


def judge_healthy(params: ServicesParams, observations: Observations) -> Verdict:
    """The engine itself says of every service that it is healthy."""
    facts = _ran(params, observations)
    if isinstance(facts, Verdict):
        return facts
    evidence = []
    for service in _chosen(params, facts):
        name = printable(service.name, 40)
        if not service.started:
            evidence.append(Evidence("not-healthy", f"`{name}` was not started: {service.error}."))
        elif not service.has_health:
            text = f"`{name}` has no health check, neither in the Compose file nor in its image."
            evidence.append(Evidence("no-health-check", text))
        elif not service.healthy and facts.ready_seconds is not None:
            evidence.append(Evidence("not-healthy", f"`{name}` runs and did not become healthy."))
    if evidence:
        return failed("Not every service is healthy.", at_most(evidence, "service"))
    if facts.ready_seconds is None:
        return could_not_tell("the application did not come up, see `application-starts`")
    return passed(f"{listed(f'`{s.name}`' for s in _chosen(params, facts))}: healthy.")


def judge_works(params: ApplicationParams, observations: Observations) -> Verdict:
    """An order becomes a finished job."""
    facts = _ran(params, observations)
    if isinstance(facts, Verdict):
        return facts
    if facts.ready_seconds is None:
        text = f"`{params.entry}` never answered, so no order could be placed."
        return failed("No order was taken.", [Evidence("order-refused", text)])
    refused = next((a for a in facts.responses if (a.status or 999) >= 300), None)
    if facts.work is None:
        said = f"{refused.status or refused.error}" if refused else "nothing"
        text = f"POST {params.order} was answered with {said}."
        return failed("No order was taken.", [Evidence("order-refused", text)])
    if facts.work.first_seconds is None:
        if facts.work.problem:
            return could_not_tell(f"the jobs could not be counted: {facts.work.problem}")
        worker = facts.service(params.worker)
        tail = last_words(worker.log_tail) if worker else ""
        text = f"After {params.job_seconds:g} s the order's job was not finished{tail}."
        return failed("An order becomes no finished job.", [Evidence("not-finished", text)])
    took = format_seconds(facts.work.first_seconds)
    return passed(f"An order became a finished job after {took}.")


def judge_loses_nothing(params: ApplicationParams, observations: Observations) -> Verdict:
    """A worker that is stopped in the middle of a job loses none."""
    facts = _ran(params, observations)
    if isinstance(facts, Verdict):
        return facts
    work = facts.work
    if work is None or work.first_seconds is None or work.stop is None:
        return could_not_tell("no job was finished, see `application-works`")
    if work.problem:
        return could_not_tell(f"the jobs could not be counted: {work.problem}")
    if not work.in_progress:
        return could_not_tell("the worker was at no job when it was stopped")
    evidence = []
    if work.stop.killed or work.stop.exit_code == _SIGKILLED:
        text = f"`{params.worker}` was killed after {work.stop.grace_seconds:g} s, in its job."
        evidence.append(Evidence("killed", text))
    if work.left:
        text = f"{counted(work.left, 'job')} stood as being done after the worker had ended."
        evidence.append(Evidence("left-behind", text))
    if work.finished < work.wanted:
        lost = work.wanted - work.finished
        text = f"{counted(lost, 'job')} of {work.wanted} never finished, with the worker back."
        evidence.append(Evidence("lost", text))
    if work.repeated:
        text = f"{counted(work.repeated, 'job')} had to be begun a second time."
        evidence.append(Evidence("repeated", text))
    if evidence:
        return failed("A stop in the middle of a job does harm.", evidence)
    return passed(
        f"Stopped in the middle, the worker ended after {format_seconds(work.stop.seconds)} with "
        f"exit code {work.stop.exit_code}; {work.finished} of {work.wanted} jobs were finished."
    )


def judge_stops(params: StopsParams, observations: Observations) -> Verdict:
    """Every service stops by itself, in its grace period, with a code that says so."""
    facts = _ran(params, observations)
    if isinstance(facts, Verdict):
        return facts
    evidence = []
    stops: list[tuple[str, StopSeen]] = []
    for service in _chosen(params, facts):
        stop = service.stop
        if stop is None:
            return could_not_tell(f"`{printable(service.name, 40)}` did not run when it was told")
        stops.append((service.name, stop))
        name = printable(service.name, 40)
        if stop.killed:
            text = f"`{name}` did not stop within {stop.grace_seconds:g} s and was killed."
            evidence.append(Evidence("killed", text))
        elif stop.exit_code not in params.exit_codes:
            text = f"`{name}` stopped with exit code {stop.exit_code}."
            evidence.append(Evidence("exit-code", text))
    if evidence:
        return failed("Not every service stops in order.", at_most(evidence, "service"))
    said = listed(f"`{n}` {format_seconds(s.seconds)}, exit code {s.exit_code}" for n, s in stops)
    return passed(f"Stopped in order: {said}.")


def judge_confined(params: ConfinedParams, observations: Observations) -> Verdict:
    """What the kernel says of the services' processes."""
    facts = _ran(params, observations)
    if isinstance(facts, Verdict):
        return facts
    allowed = {name.lower().removeprefix("cap_") for name in params.allowed}
    evidence: list[Evidence] = []
    for service in _chosen(params, facts):
        if service.processes is None:
            name = printable(service.name, 40)
            return could_not_tell(f"`{name}` did not run when its processes were looked at")
        living = [p for p in service.processes.processes if not p.zombie]
        evidence += [e for p in living for e in _loose(service.name, p, allowed)]
    if evidence:
        kinds = listed(sorted({e.code for e in evidence}))
        return failed(
            f"Processes may do more than they need ({kinds}).", at_most(evidence, "finding")
        )
    names = listed(f"`{s.name}`" for s in _chosen(params, facts))
    return passed(f"The kernel says of {names}: not root, no capabilities, no new privileges.")


def _loose(service: str, process: ProcessFact, allowed: set[str]) -> Iterator[Evidence]:
    who = f"`{printable(service, 40)}`: process {process.pid}, {shown_process(process)},"
    if process.uid == 0:
        yield Evidence("root-process", f"{who} has uid 0.")
    held = [name for bit, name in enumerate(NAMES) if process.capabilities >> bit & 1]
    if more := [name for name in held if name not in allowed]:
        yield Evidence("capability", f"{who} has the capabilities {listed(more, 5)}.")
    if not process.no_new_privileges:
        yield Evidence("new-privileges", f"{who} may gain rights from setuid files.")


PROPERTIES = (
    Property(
        id="application-starts",
        family="application",
        title="The application comes up",
        meaning="All services of the Compose file are started in the order of `depends_on`, none "
        "ends or has to be started again, and the entry answers. What would open the engine's "
        "machine (its folders, its socket, `privileged`) is not given.",
        source=f"{_COMPOSE}/how-tos/startup-order/",
        params=ApplicationParams,
        codes={
            "not-run": "the file asks for what is not run, or cannot be read",
            "not-started": "a service was not started",
            "ended": "a service ended by itself",
            "restarted": "a service ended and was started again",
            "no-answer": "the entry did not answer",
        },
        needs=_needs,
        judge=judge_starts,
        remedy="Let each service wait for the health of what it needs.",
        weight=4,
    ),
    Property(
        id="application-healthy",
        family="application",
        title="Every service of the application is healthy",
        meaning="The engine checks each running service, by the Compose file's or the image's "
        "health check, and says that it is healthy. The checks run at the workbook's rate.",
        source="https://docs.docker.com/reference/compose-file/services/#healthcheck",
        params=ServicesParams,
        codes={
            "no-health-check": "a service has no health check",
            "not-healthy": "a service did not become healthy",
        },
        needs=_needs,
        judge=judge_healthy,
        remedy="Give each service a health check that asks the service itself.",
        weight=3,
    ),
    Property(
        id="application-works",
        family="application",
        title="An order becomes a finished job",
        meaning="An order is placed over HTTP, and its job is counted in the database's queue by a "
        "client of the workbook's own until it is finished.",
        source=f"{_COMPOSE}/",
        params=ApplicationParams,
        codes={
            "order-refused": "no order was taken",
            "not-finished": "the job was not finished in time",
        },
        needs=_needs,
        judge=judge_works,
        remedy="Look at the last lines of the services, in the evidence.",
        weight=5,
    ),
    Property(
        id="application-loses-nothing",
        family="application",
        title="A stop in the middle loses no job",
        meaning="The worker is stopped while it does a job, as `docker compose stop` does it, and "
        "started again. It ends by itself, leaves no job half done, and all jobs get finished.",
        source=f"{_COMPOSE}/support-and-feedback/faq/"
        "#why-do-my-services-take-10-seconds-to-recreate-or-stop",
        params=ApplicationParams,
        codes={
            "killed": "the worker was killed in its job",
            "left-behind": "a job stood as being done and nobody did it",
            "lost": "a job was never finished",
            "repeated": "a job was begun a second time",
        },
        needs=_needs,
        judge=judge_loses_nothing,
        remedy="Start the worker in exec form, so that it gets the signal, and give it a grace "
        "period that is longer than its longest job.",
        weight=4,
    ),
    Property(
        id="application-stops",
        family="application",
        title="Every service stops in order",
        meaning="At the end each service gets its stop signal, in the reverse order of the start. "
        "It ends within its grace period, with an exit code that tells of an orderly end.",
        source="https://docs.docker.com/reference/cli/docker/compose/stop/",
        params=StopsParams,
        codes={
            "killed": "a service was killed after its grace period",
            "exit-code": "a service stopped with another exit code",
        },
        needs=_needs,
        judge=judge_stops,
        remedy="Start programs in exec form, and handle SIGTERM.",
        weight=3,
    ),
    Property(
        id="application-confined",
        family="application",
        title="The kernel confines every service",
        meaning="While the application works, the kernel is asked for every process: its uid is "
        "not 0, it has no capabilities, and no_new_privs is set.",
        source="https://docs.docker.com/engine/security/#linux-kernel-capabilities",
        params=ConfinedParams,
        codes={
            "root-process": "a process has uid 0",
            "capability": "a process has a capability that is not allowed",
            "new-privileges": "a process may gain privileges",
        },
        needs=_needs,
        judge=judge_confined,
        remedy="Set a numeric user, `cap_drop: [ALL]` and `no-new-privileges:true`.",
        weight=4,
    ),
)
