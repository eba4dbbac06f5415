"""The image's own HEALTHCHECK: is there one, does it see what it should, what does it cost."""

from __future__ import annotations

import re
from statistics import median

from pydantic import Field

from helpers.judge.property import Params, Property
from helpers.judge.service_words import last_words
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    could_not_tell,
    counted,
    failed,
    last_instruction,
    not_observed,
    passed,
)
from helpers.observe.health import CheckRun, HealthChange, HealthConfig, HealthFacts, HealthRequest
from helpers.observe.requests import Observations
from helpers.observe.text import printable
from helpers.units import format_seconds

_ALWAYS = re.compile(r"(?:\|\||;)\s*(?:true|:|exit\s+0)\s*$|^\s*(?:/bin/)?(?:true|:|exit\s+0)\s*$")
_WHAT = "the HEALTHCHECK"
_ADD_ONE = (
    "Add `HEALTHCHECK CMD [...]` in exec form with a program that asks the service over HTTP and "
    "that the image has anyway."
)


class HealthParams(Params):
    """How the HEALTHCHECK is tried."""

    env: dict[str, str] = Field(
        default_factory=dict, description="Environment variables of the container."
    )
    wait_seconds: float = Field(
        15.0, gt=0, le=120, description="Longest wait for `healthy`, in seconds."
    )
    database: str = Field(
        "",
        description="Environment variable that gets the URL of a PostgreSQL, which is killed "
        "later; empty for none.",
    )

    def request(self) -> HealthRequest:
        """What has to be observed."""
        return HealthRequest(
            env=tuple(sorted(self.env.items())),
            wait_seconds=self.wait_seconds,
            database=self.database,
        )


class TimingParams(HealthParams):
    """Parameters of ``healthcheck-timing``."""

    max_notice_seconds: float = Field(
        120.0,
        gt=0,
        description="Longest time until Docker notices, in seconds: retries x (interval + "
        "timeout).",
    )
    max_timeout_seconds: float = Field(
        10.0, gt=0, description="Longest timeout of one check, in seconds."
    )
    min_interval_seconds: float = Field(
        2.0, gt=0, description="Shortest time between two checks, in seconds."
    )
    min_retries: int = Field(
        2, ge=1, description="Fewest failed checks in a row that count. No unit."
    )


class CostParams(HealthParams):
    """Parameters of ``healthcheck-cheap``."""

    max_seconds: float = Field(1.0, gt=0, description="Longest time of one check, in seconds.")
    max_cpu_percent: float = Field(
        2.0,
        gt=0,
        description="Most processor time, as a share of one core, in percent: processor time of "
        "one check over the image's interval.",
    )


class DependencyParams(HealthParams):
    """Parameters of the properties about a lost database."""

    database: str = Field(
        min_length=1,
        description="Environment variable that gets the URL of a PostgreSQL, which is killed "
        "later.",
    )


def _facts(params: HealthParams, observations: Observations) -> HealthFacts | Verdict:
    facts = observations.answer(params.request())
    if facts is None:
        return not_observed(observations, params.request(), _WHAT)
    return facts


def _declared(params: HealthParams, observations: Observations) -> HealthFacts | Verdict:
    """The facts where there is a HEALTHCHECK; without one there is nothing to be judged."""
    facts = _facts(params, observations)
    if isinstance(facts, HealthFacts) and facts.config is None:
        return could_not_tell("the image declares no HEALTHCHECK")
    return facts


def _missing(ability: str) -> Verdict:
    return failed(
        "The image declares no HEALTHCHECK.",
        [Evidence("no-healthcheck", f"Without a HEALTHCHECK Docker cannot tell {ability}.")],
    )


def _at(code: str, text: str, observations: Observations) -> Evidence:
    target = observations.build.target if observations.build else None
    found = last_instruction(observations.dockerfile, {"HEALTHCHECK"}, target)
    if found is None:
        return Evidence(code, text)
    shown = printable(f"HEALTHCHECK {found.arguments}", 200)
    return Evidence(code, text, instruction=shown, line=found.line)


def _command(config: HealthConfig) -> str:
    return f"`{printable(' '.join(config.test[1:]), 120)}`"


def judge_declared(params: HealthParams, observations: Observations) -> Verdict:
    """There is one."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    if facts.config is not None:
        return passed(f"Docker checks with {_command(facts.config)}.")
    if facts.disabled:
        text = "`HEALTHCHECK NONE` switches off what the base image may have."
        return failed(
            "The image has its HEALTHCHECK switched off.", [_at("disabled", text, observations)]
        )
    text = "The image's configuration has no HEALTHCHECK: Docker can only see that process 1 runs."
    return failed("The image declares no HEALTHCHECK.", [Evidence("no-healthcheck", text)])


def judge_timing(params: TimingParams, observations: Observations) -> Verdict:
    """Interval, timeout and retries make sense together."""
    facts = _declared(params, observations)
    if isinstance(facts, Verdict) or facts.config is None:
        return facts if isinstance(facts, Verdict) else could_not_tell("there is none")
    config = facts.config
    notice = config.retries * (config.interval + config.timeout)
    numbers = (
        f"interval {config.interval:g} s, timeout {config.timeout:g} s, "
        f"{counted(config.retries, 'retry', 'retries')}"
    )
    problems: list[tuple[str, str]] = []
    if notice > params.max_notice_seconds:
        text = (
            f"With {numbers}, a service that hangs is noticed after up to {notice:g} s, at most "
            f"{params.max_notice_seconds:g} s wanted."
        )
        problems.append(("slow-to-notice", text))
    if config.timeout > params.max_timeout_seconds:
        default = "" if "timeout" in config.given else " (Docker's default)"
        text = (
            f"One check may take {config.timeout:g} s{default}, at most "
            f"{params.max_timeout_seconds:g} s wanted: nobody waits so long for an answer."
        )
        problems.append(("long-timeout", text))
    if config.interval < params.min_interval_seconds:
        text = (
            f"A check every {config.interval:g} s is a load of its own; at least "
            f"{params.min_interval_seconds:g} s wanted."
        )
        problems.append(("too-often", text))
    if config.retries < params.min_retries:
        text = (
            f"{counted(config.retries, 'failed check')} makes it unhealthy, at least "
            f"{params.min_retries} wanted: one hiccup is no outage."
        )
        problems.append(("few-retries", text))
    if problems:
        return failed(
            f"The timing of the HEALTHCHECK is off ({numbers}).",
            [_at(code, text, observations) for code, text in problems],
        )
    return passed(f"A service that hangs is noticed within {notice:g} s ({numbers}).")


def judge_becomes_healthy(params: HealthParams, observations: Observations) -> Verdict:
    """Docker says healthy."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    if facts.config is None:
        return _missing("when the service is ready")
    if facts.healthy_seconds is not None:
        config = facts.config
        first = config.start_interval or 5.0 if config.start_period else config.interval
        return passed(
            f"Checked every {facts.interval:g} s, it is healthy after "
            f"{format_seconds(facts.healthy_seconds)}; with the image's own timing the first check "
            f"comes after {first:g} s."
        )
    if facts.start_error:
        text = f"The engine could not start a container: {facts.start_error.rstrip('.')}."
        return failed("The container does not start.", [Evidence("not-started", text)])
    if facts.exit_code is not None:
        text = f"It ended with exit code {facts.exit_code}{last_words(facts.log_tail)}."
        return failed("The container ends before it is healthy.", [Evidence("exited", text)])
    if not facts.checks:
        text = f"No check ended within {params.wait_seconds:g} s."
        return failed("The container never becomes healthy.", [_at("no-check", text, observations)])
    return failed(
        f"The container does not become healthy within {params.wait_seconds:g} s.",
        [_at("never-healthy", _told(facts.checks[-1], facts.config), observations)],
    )


def _told(check: CheckRun, config: HealthConfig) -> str:
    said = f": {check.output}" if check.output else " and printed nothing"
    how = "took too long" if check.exit_code < 0 else f"ended with exit code {check.exit_code}"
    return f"{_command(config)} {how} after {format_seconds(check.seconds)}{said}."


def _never_healthy() -> Verdict:
    return could_not_tell("the container never became healthy, see `becomes-healthy`")


def judge_notices_hang(params: HealthParams, observations: Observations) -> Verdict:
    """A service whose processes are stopped becomes unhealthy."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    if facts.config is None:
        return _missing("a service that hangs from one that serves")
    if facts.hang is None:
        return _never_healthy()
    return _change(
        facts.hang, facts.config, "every process of the service was stopped", observations
    )


def judge_notices_lost_database(params: DependencyParams, observations: Observations) -> Verdict:
    """A service whose database is gone becomes unhealthy."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    if facts.config is None:
        return _missing("that the service has lost its database")
    if facts.lost is None:
        if facts.healthy_seconds is None:
            return _never_healthy()
        return could_not_tell("the container did not become healthy again after it was stopped")
    if facts.lost.ended is not None:
        return passed(
            f"The service ended with exit code {facts.lost.ended} when its database was killed, "
            "which Docker notices without a check."
        )
    return _change(facts.lost, facts.config, "its database was killed", observations)


def judge_survives_lost_database(params: DependencyParams, observations: Observations) -> Verdict:
    """A service whose database is gone stays healthy."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    if facts.config is None:
        return _missing("whether the service itself works while its database is away")
    lost = facts.lost
    if lost is None:
        if facts.healthy_seconds is None:
            return _never_healthy()
        return could_not_tell("the container did not become healthy again after it was stopped")
    if lost.ended is not None:
        text = (
            f"{format_seconds(lost.waited_seconds)} after its database was killed, the service "
            f"ended with exit code {lost.ended}{last_words(facts.log_tail)}."
        )
        return failed("The service ends with its database.", [Evidence("ended", text)])
    bad = next((c for c in reversed(lost.checks) if c.exit_code != 0), None)
    if lost.noticed_seconds is not None and bad is not None:
        text = (
            f"{format_seconds(lost.noticed_seconds)} after its database was killed: "
            f"{_told(bad, facts.config)}"
        )
        return failed(
            "A lost database makes the service unhealthy.",
            [_at("takes-it-down", text, observations)],
        )
    if not lost.checks or lost.checks[-1].exit_code != 0:
        return could_not_tell("no check ended after the database was killed")
    return passed(
        f"For {format_seconds(lost.waited_seconds)} after its database was killed, "
        f"{_command(facts.config)} went on saying that the service itself works."
    )


def _change(
    change: HealthChange, config: HealthConfig, what: str, observations: Observations
) -> Verdict:
    if change.ended is not None:
        return could_not_tell(f"the container ended with exit code {change.ended} when {what}")
    if change.noticed_seconds is not None:
        longest = config.retries * (config.interval + config.timeout)
        last = next((c for c in reversed(change.checks) if c.exit_code != 0), None)
        why = f" ({last.output or f'exit code {last.exit_code}'})" if last else ""
        return passed(
            f"A check failed {format_seconds(change.noticed_seconds)} after {what}{why}; with the "
            f"image's own timing the container is unhealthy after at most {longest:g} s."
        )
    good = sum(c.exit_code == 0 for c in change.checks)
    text = (
        f"For {format_seconds(change.waited_seconds)} after {what}, {_command(config)} went on "
        f"saying that all is well ({good} of the last {counted(len(change.checks), 'check')})."
    )
    return failed("Docker goes on calling it healthy.", [_at("not-noticed", text, observations)])


def judge_not_always_true(params: HealthParams, observations: Observations) -> Verdict:
    """The check fails where the service was never started."""
    facts = _declared(params, observations)
    if isinstance(facts, Verdict) or facts.config is None:
        return facts if isinstance(facts, Verdict) else could_not_tell("there is none")
    if not facts.idle:
        return could_not_tell("the check could not be run in a container without the service")
    healthy = [c for c in facts.idle if c.exit_code == 0]
    if not healthy:
        return passed(
            f"Where the service was never started, {_command(facts.config)} ends with exit code "
            f"{facts.idle[0].exit_code}."
        )
    text = (
        f"In a container in which the service was never started, {_command(facts.config)} ended "
        f"with exit code 0 ({len(healthy)} of {counted(len(facts.idle), 'check')})."
    )
    script = " ".join(facts.config.test[1:])
    if _ALWAYS.search(script):
        text += " It ends with a command that never fails."
    return failed(
        "The check is content without the service.",
        [_at("passes-without-service", text, observations)],
    )


def judge_cheap(params: CostParams, observations: Observations) -> Verdict:
    """A check is quick, and its processor time is small against the interval."""
    facts = _declared(params, observations)
    if isinstance(facts, Verdict) or facts.config is None:
        return facts if isinstance(facts, Verdict) else could_not_tell("there is none")
    ran = [c.seconds for c in facts.checks if c.exit_code >= 0]
    if not ran:
        return could_not_tell("no check came to an end")
    seconds = median(ran)
    evidence = []
    if seconds > params.max_seconds:
        text = (
            f"A check takes {format_seconds(seconds)}, at most {params.max_seconds:g} s wanted "
            f"({counted(len(ran), 'check')} seen)."
        )
        evidence.append(_at("slow", text, observations))
    cpu = facts.idle_cpu_seconds
    share = 100 * cpu / facts.config.interval if cpu is not None else 0.0
    if share > params.max_cpu_percent:
        text = (
            f"A check uses {format_seconds(cpu or 0)} of processor time every "
            f"{facts.config.interval:g} s: {share:.1f} % of a core, at most "
            f"{params.max_cpu_percent:g} % wanted."
        )
        evidence.append(_at("costly", text, observations))
    if evidence:
        return failed("The check costs too much.", evidence)
    used = "" if cpu is None else f" and {format_seconds(cpu)} of processor time"
    return passed(
        f"A check takes {format_seconds(seconds)}{used}, every {facts.config.interval:g} s."
    )


def _needs(params: HealthParams) -> tuple[HealthRequest, ...]:
    return (params.request(),)


_FAMILY = "health"
_SOURCE = "https://docs.docker.com/reference/dockerfile/#healthcheck"
_FAST = (
    " Docker runs the image's own command every half second instead of every interval, and the "
    "first failure counts, so that nobody has to wait."
)

PROPERTIES = (
    Property(
        id="healthcheck-declared",
        family=_FAMILY,
        title="The image declares a HEALTHCHECK",
        meaning="Without one, Docker, Compose and Swarm only see that process 1 runs. Kubernetes "
        "ignores it and has probes of its own.",
        source=_SOURCE,
        params=HealthParams,
        codes={
            "no-healthcheck": "the image declares none",
            "disabled": "it is switched off (NONE)",
        },
        needs=_needs,
        judge=judge_declared,
        remedy=_ADD_ONE,
        weight=3,
        covers=("dockle CIS-DI-0006", "docker-bench 4.6", "docker-bench 5.27"),
    ),
    Property(
        id="healthcheck-timing",
        family=_FAMILY,
        title="The timing of the HEALTHCHECK makes sense",
        meaning="Docker calls a container unhealthy after `retries` failed checks in a row: that "
        "takes up to retries x (interval + timeout). Docker's defaults are 3 x (30 s + 30 s).",
        source=_SOURCE,
        params=TimingParams,
        codes={
            "slow-to-notice": "a hang is noticed late",
            "long-timeout": "one check may take very long",
            "too-often": "checks come very often",
            "few-retries": "a single failure counts",
        },
        needs=_needs,
        judge=judge_timing,
        remedy="Give --interval, --timeout and --retries so that an outage is noticed in time, for "
        "example 10 s, 2 s and 3.",
        weight=1,
    ),
    Property(
        id="becomes-healthy",
        family=_FAMILY,
        title="The container becomes healthy",
        meaning="A container is started, and Docker's own health events are followed." + _FAST,
        source=_SOURCE,
        params=HealthParams,
        codes={
            "no-healthcheck": "the image declares none",
            "not-started": "the engine cannot start a container",
            "exited": "the container ends by itself",
            "no-check": "no check came to an end",
            "never-healthy": "the check keeps failing",
        },
        needs=_needs,
        judge=judge_becomes_healthy,
        remedy="Run the check by hand in the container: often its program is not in the image, or "
        "it asks another port or `localhost` where that is ::1.",
        remedies={
            "no-healthcheck": _ADD_ONE,
            "not-started": "Read the engine's message: it names the program, user or folder that "
            "the image lacks. No check runs before the container does.",
            "exited": "Look at the service's last lines first: it ends by itself, and there is "
            "nothing left to check.",
        },
        weight=4,
    ),
    Property(
        id="healthcheck-notices-hang",
        family=_FAMILY,
        title="The HEALTHCHECK notices a service that hangs",
        meaning="Every process of the service is stopped (SIGSTOP), as in a deadlock: it runs, and "
        "answers nothing. The check must fail then." + _FAST,
        source=_SOURCE,
        params=HealthParams,
        codes={
            "no-healthcheck": "the image declares none",
            "not-noticed": "the container stays healthy",
        },
        needs=_needs,
        judge=judge_notices_hang,
        remedy="Ask the service over HTTP with a time limit, instead of looking for a process, a "
        "file or a pid.",
        remedies={"no-healthcheck": _ADD_ONE},
        weight=3,
    ),
    Property(
        id="healthcheck-notices-lost-database",
        family=_FAMILY,
        title="The HEALTHCHECK notices a lost database",
        meaning="The service gets a PostgreSQL, which is killed once it is healthy." + _FAST,
        source=_SOURCE,
        params=DependencyParams,
        codes={
            "no-healthcheck": "the image declares none",
            "not-noticed": "the container stays healthy",
        },
        needs=_needs,
        judge=judge_notices_lost_database,
        remedy="Ask the path that answers only when the database does (readiness). Keep liveness "
        "in Kubernetes apart from it: a restart brings no database back.",
        remedies={"no-healthcheck": _ADD_ONE},
        weight=2,
    ),
    Property(
        id="healthcheck-survives-lost-database",
        family=_FAMILY,
        title="A lost database does not make the service unhealthy",
        meaning="The service gets a PostgreSQL, which is killed once it is healthy. Swarm replaces "
        "every task that is unhealthy: with a check that asks the database, one lost database "
        "takes all replicas down, and a new container does not bring it back. This is liveness; "
        "`healthcheck-notices-lost-database` asks for the opposite, readiness." + _FAST,
        source="https://kubernetes.io/docs/concepts/workloads/pods/probes/",
        params=DependencyParams,
        codes={
            "no-healthcheck": "the image declares none",
            "takes-it-down": "the check fails when the database is gone",
            "ended": "the service ends when its database is gone",
        },
        needs=_needs,
        judge=judge_survives_lost_database,
        remedy="Let the HEALTHCHECK ask a path that answers as long as the process itself can "
        "serve, such as /healthz, and leave the database to readiness.",
        remedies={
            "no-healthcheck": _ADD_ONE,
            "ended": "Let the service survive a lost connection, for example with a listener for "
            "its connection pool's errors, and connect again.",
        },
        weight=2,
    ),
    Property(
        id="healthcheck-not-always-true",
        family=_FAMILY,
        title="The HEALTHCHECK can fail",
        meaning="The check is run in a container of the image in which the service was never "
        "started: a sleeping program from a volume is process 1. Whoever says healthy there says "
        "it always." + _FAST,
        source=_SOURCE,
        params=HealthParams,
        codes={"passes-without-service": "it is content without the service"},
        needs=_needs,
        judge=judge_not_always_true,
        remedy="Take `|| true`, `exit 0` and the like away, and let the exit code be that of a "
        "request to the service.",
        weight=3,
    ),
    Property(
        id="healthcheck-cheap",
        family=_FAMILY,
        title="The HEALTHCHECK costs little",
        meaning="Each check starts a process in the container, within its limits. Its duration is "
        "Docker's own measurement; its processor time is that of a container in which nothing "
        "but the check runs.",
        source="https://docs.docker.com/reference/api/engine/",
        params=CostParams,
        codes={"slow": "a check takes long", "costly": "checks use much processor time"},
        needs=_needs,
        judge=judge_cheap,
        remedy="Check less often, or with a smaller program than the runtime of the whole service.",
        weight=1,
    ),
)
