"""A Compose file: limits, health, order of start, restarts, stops and logs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from helpers.judge.compose_services import Service, dependencies, runs_once, services_of
from helpers.judge.compose_verdicts import (
    NO_SERVICE,
    SERVICES,
    ComposeParams,
    is_alone_built,
    is_left_to_image,
    judge_services,
    needs,
    needs_image,
)
from helpers.judge.manifest import Node, found_at, seconds_of
from helpers.judge.property import Property
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import listed, no_image
from helpers.observe.compose import with_defaults
from helpers.observe.requests import Observations
from helpers.observe.text import printable

Limit = Literal["memory", "cpus", "pids"]
_LIMITS: dict[str, tuple[str, tuple[str, ...]]] = {
    "memory": ("mem_limit", ("deploy", "resources", "limits", "memory")),
    "cpus": ("cpus", ("deploy", "resources", "limits", "cpus")),
    "pids": ("pids_limit", ("deploy", "resources", "limits", "pids")),
}
_NO_LIMIT = frozenset({"", "0", "-1", "0b", "0.0"})
_ALWAYS_WELL = re.compile(r"(?:exec\s+)?(?:/bin/|/usr/bin/)?(?:true|:|exit\s+0|echo(?:\s.*)?)")
_UNBOUNDED_DRIVERS = frozenset({"json-file", ""})
#: What Compose gives a container that says nothing.
_DEFAULT_GRACE = 10.0


class LimitParams(ComposeParams):
    """Parameters of ``compose-limits``."""

    wanted: tuple[Limit, ...] = Field(
        ("memory", "cpus", "pids"), min_length=1, description="Which limits each service must have."
    )


class GraceParams(ComposeParams):
    """Parameters of ``compose-stop-grace``."""

    needed_seconds: float = Field(
        10.0, ge=0, description="How long a service takes to stop cleanly, in seconds."
    )
    longest_seconds: float = Field(
        120.0, gt=0, description="The longest grace period that is sensible, in seconds."
    )


def judge_limits(params: LimitParams, observations: Observations) -> Verdict:
    """One service cannot take the whole host."""

    def look(_: Node, service: Service) -> Iterable[Evidence]:
        for name in params.wanted:
            short, long = _LIMITS[name]
            places = (service.node.at(short), service.node.at(*long))
            if all(with_defaults(p.text) in _NO_LIMIT for p in places):
                place = next((p for p in places if p.there), service.node)
                text = f"`{service.name}` has no limit for {name}."
                yield found_at(f"no-{name}-limit", place, text)

    return judge_services(
        params,
        observations,
        look,
        right=f"Every service has limits for {listed(params.wanted)}",
        wrong="without limits",
        noun="limit",
    )


def judge_health(params: ComposeParams, observations: Observations) -> Verdict:
    """Every server has a health check that can fail."""
    in_image = observations.image.config.healthcheck if observations.image else ()
    if observations.image is None and is_left_to_image(params, observations, "healthcheck", "test"):
        return no_image(observations)

    def look(root: Node, service: Service) -> Iterable[Evidence]:
        if runs_once(root, service.name):
            return
        health = service.node.at("healthcheck")
        test = health.at("test")
        if health.at("disable").is_true or test.words()[:1] == ("NONE",):
            text = f"the health check of `{service.name}` is switched off."
            yield found_at("health-disabled", test if test.there else health, text)
        elif test.there:
            yield from _never_fails(service, test)
        else:
            alone = is_alone_built(root, service)
            if not (alone and in_image and in_image[0] != "NONE"):
                text = f"`{service.name}` has no health check in the file"
                text += "." if not alone else ", and the image that was built has none."
                yield found_at("no-health-check", health if health.there else service.node, text)

    return judge_services(
        params,
        observations,
        look,
        right="Every service that goes on running has a health check",
        wrong="without a health check that can fail",
    )


def _never_fails(service: Service, test: Node) -> Iterator[Evidence]:
    words = list(test.words())
    if test.kind == "sequence":
        words = words[1:]  # CMD or CMD-SHELL
    command = " ".join(words).strip()
    last = re.split(r"\|\|", command)[-1]
    if _ALWAYS_WELL.fullmatch(command) or (
        "||" in command and _ALWAYS_WELL.fullmatch(last.strip())
    ):
        text = f"the health check of `{service.name}` never fails: `{printable(command, 80)}`."
        yield found_at("never-fails", test, text)


def judge_order(params: ComposeParams, observations: Observations) -> Verdict:
    """Who needs another service waits until that is healthy, or has completed."""

    def look(root: Node, service: Service) -> Iterable[Evidence]:
        for name, condition, place in dependencies(service.node):
            if condition == "service_started":
                text = f"`{service.name}` waits for `{printable(name, 40)}` to start, not to serve."
                yield found_at("not-healthy", place, text)
            elif condition == "service_healthy":
                other = next((s for s in services_of(root) if s.name == name), None)
                if other and not other.is_built and not other.node.at("healthcheck", "test").there:
                    text = (
                        f"`{service.name}` waits for `{printable(name, 40)}` to be healthy, which "
                    )
                    yield found_at("no-health-to-wait-for", place, text + "has no health check.")

    right = "Who depends on a service waits until it is healthy or done"
    return judge_services(params, observations, look, right=right, wrong="started too early")


def judge_restart(params: ComposeParams, observations: Observations) -> Verdict:
    """A server that ends is started again."""

    def look(root: Node, service: Service) -> Iterable[Evidence]:
        if runs_once(root, service.name):
            return
        node = service.node.at("restart")
        restart = with_defaults(node.text).partition(":")[0]
        deployed = service.node.at("deploy", "restart_policy", "condition")
        policy = service.node.at("deploy", "restart_policy")
        if restart in {"always", "unless-stopped", "on-failure"}:
            return
        if not restart and policy.there and deployed.text != "none":
            return
        said = f"says `restart: {printable(restart, 20)}`" if restart else "has no restart policy"
        text = f"`{service.name}` {said}: after a crash or a reboot it stays down."
        yield found_at("no-restart", node if node.there else service.node, text)

    right = "Every service that goes on running is started again"
    return judge_services(params, observations, look, right=right, wrong="left down after a crash")


def judge_grace(params: GraceParams, observations: Observations) -> Verdict:
    """Time enough to stop, and not for ever."""

    def look(root: Node, service: Service) -> Iterable[Evidence]:
        signal = service.node.at("stop_signal")
        if signal.text in {"SIGKILL", "KILL", "9"}:
            text = f"`{service.name}` is stopped with SIGKILL, which it cannot handle."
            yield found_at("kill-signal", signal, text)
        if runs_once(root, service.name):
            return
        node = service.node.at("stop_grace_period")
        written = with_defaults(node.text)
        seconds = seconds_of(written) if written else _DEFAULT_GRACE
        said = f"{printable(written, 20)}" if written else "10 s, which is the default"
        place = node if node.there else service.node
        if seconds is None:
            text = f"`{printable(written, 30)}` is no duration such as `30s`."
            yield found_at("not-a-duration", node, text)
        elif seconds < params.needed_seconds:
            text = f"`{service.name}` gets {said}; it needs {params.needed_seconds:g} s to stop."
            yield found_at("too-short", place, text)
        elif seconds > params.longest_seconds:
            text = f"`{service.name}` gets {said}: a hung one holds up a deployment that long."
            yield found_at("too-long", place, text)

    right = f"Every service gets the {params.needed_seconds:g} s that it needs to stop"
    return judge_services(
        params, observations, look, right=right, wrong="with a wrong grace period"
    )


def judge_logging(params: ComposeParams, observations: Observations) -> Verdict:
    """Logs that do not fill the disk."""

    def look(_: Node, service: Service) -> Iterable[Evidence]:
        logging = service.node.at("logging")
        driver = with_defaults(logging.at("driver").text)
        place = logging if logging.there else service.node
        if driver == "none":
            text = f"`{service.name}` throws its log away."
            yield found_at("log-thrown-away", logging.at("driver"), text)
        elif driver in _UNBOUNDED_DRIVERS and not logging.at("options", "max-size").there:
            text = f"the log of `{service.name}` grows without end (json-file has no limit)."
            yield found_at("unlimited-log", place, text)

    right = "Every log has a limit or goes elsewhere"
    return judge_services(params, observations, look, right=right, wrong="with a log without limit")


PROPERTIES = (
    Property(
        id="compose-limits",
        family="compose",
        title="Services have limits",
        meaning="Memory, CPU and number of processes are limited, by `mem_limit`, `cpus` and "
        "`pids_limit` or under `deploy.resources.limits`. Without a limit one service takes the "
        "whole host with it.",
        source="https://docs.docker.com/reference/compose-file/deploy/#resources",
        params=LimitParams,
        codes={
            "no-memory-limit": "memory has no limit",
            "no-cpus-limit": "CPU has no limit",
            "no-pids-limit": "the number of processes has no limit",
            **NO_SERVICE,
        },
        needs=needs,
        judge=judge_limits,
        remedy="Write `mem_limit: 256m`, `cpus: 0.5` and `pids_limit: 100`, with numbers that were "
        "measured under load.",
        weight=3,
        covers=("docker-bench 5.11", "docker-bench 5.12", "docker-bench 5.29"),
    ),
    Property(
        id="compose-health",
        family="compose",
        title="Services have a health check",
        meaning="Every service that goes on running has a `healthcheck` with a test that can fail. "
        "Where one service alone is built, its image's HEALTHCHECK counts. A service that others "
        "wait for to complete needs none.",
        source=f"{SERVICES}#healthcheck",
        params=ComposeParams,
        codes={
            "no-health-check": "there is no health check",
            "health-disabled": "the health check is switched off",
            "never-fails": "the test always succeeds",
            **NO_SERVICE,
        },
        needs=needs_image,
        judge=judge_health,
        remedy="Write a `healthcheck` whose test asks the service itself, such as `pg_isready` or "
        "a request to its health path.",
        weight=3,
        covers=("docker-bench 4.6", "docker-bench 5.27", "dockle CIS-DI-0006"),
    ),
    Property(
        id="compose-start-order",
        family="compose",
        title="Services wait until others serve",
        meaning="`depends_on` has `condition: service_healthy`, or "
        "`service_completed_successfully` for a job. The short form waits until the other process "
        "was started, which for a database is seconds before it answers.",
        source="https://docs.docker.com/compose/how-tos/startup-order/",
        params=ComposeParams,
        codes={
            "not-healthy": "a service waits for a start, not for health",
            "no-health-to-wait-for": "a service waits for the health of one without health check",
            **NO_SERVICE,
        },
        needs=needs,
        judge=judge_order,
        remedy="Write `depends_on: {db: {condition: service_healthy}}`, and a health check for it.",
        weight=2,
    ),
    Property(
        id="compose-restart",
        family="compose",
        title="Services are started again",
        meaning="`restart` is `unless-stopped`, `always` or `on-failure`, or `deploy` has a "
        "restart policy. The default is never. A service that others wait for to complete "
        "needs none.",
        source=f"{SERVICES}#restart",
        params=ComposeParams,
        codes={"no-restart": "a service is not started again", **NO_SERVICE},
        needs=needs,
        judge=judge_restart,
        remedy="Write `restart: unless-stopped`, or `on-failure:5` against an endless loop.",
        weight=2,
        covers=("docker-bench 5.15",),
    ),
    Property(
        id="compose-stop-grace",
        family="compose",
        title="Services get time to stop",
        meaning="`stop_grace_period` is at least what the service needs to finish its work, and "
        "not so long that a hung one holds everything up. The default is 10 s; then comes SIGKILL.",
        source=f"{SERVICES}#stop_grace_period",
        params=GraceParams,
        codes={
            "too-short": "the grace period is shorter than what is needed",
            "too-long": "the grace period is longer than what is sensible",
            "not-a-duration": "the grace period is no duration",
            "kill-signal": "the stop signal is SIGKILL",
            **NO_SERVICE,
        },
        needs=needs,
        judge=judge_grace,
        remedy="Write `stop_grace_period:` a little above the longest request or job.",
        weight=2,
    ),
    Property(
        id="compose-log-limit",
        family="compose",
        title="Logs have a limit",
        meaning="The json-file driver, which is the default, keeps everything until the disk is "
        "full. `max-size` limits it; the `local` driver has a limit of its own; others send the "
        "log elsewhere.",
        source="https://docs.docker.com/engine/logging/drivers/json-file/",
        params=ComposeParams,
        codes={
            "unlimited-log": "the log grows without end",
            "log-thrown-away": "the log driver is `none`",
            **NO_SERVICE,
        },
        needs=needs,
        judge=judge_logging,
        remedy="Write `logging: {driver: local}`, or `max-size` and `max-file` as options.",
        weight=2,
    ),
)
