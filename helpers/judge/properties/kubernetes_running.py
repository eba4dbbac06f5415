"""Kubernetes manifests: probes, time to stop, requests and limits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from helpers.judge.kubernetes_verdicts import (
    KubernetesParams,
    judge_containers,
    judge_pods,
    needs,
)
from helpers.judge.manifest import Node, found_at
from helpers.judge.pods import Container, Pod, quantity
from helpers.judge.property import Property
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import listed
from helpers.observe.requests import Observations
from helpers.observe.text import printable

Probe = Literal["readiness", "liveness", "startup"]
Resource = Literal["requests.cpu", "requests.memory", "limits.cpu", "limits.memory"]

_SLEEP = re.compile(r"\bsleep\s+(\d+(?:\.\d+)?)")
_ALWAYS_WELL = re.compile(r"(?:\S*sh -c )?(?:/bin/|/usr/bin/)?(?:true|:|exit 0|echo\b.*)")
_HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
#: What Kubernetes takes where a probe or a pod says nothing.
_PERIOD, _TIMEOUT, _FAILURES, _GRACE = 10.0, 1.0, 3.0, 30.0


class ProbeParams(KubernetesParams):
    """Parameters of ``kubernetes-probes``."""

    wanted: tuple[Probe, ...] = Field(
        ("readiness", "liveness"), min_length=1, description="Probes that each container must have."
    )
    port: int = Field(
        0,
        ge=0,
        le=65_535,
        description="TCP port on which the containers serve: a probe of another one never "
        "succeeds; 0 for any.",
    )
    dependency_paths: tuple[str, ...] = Field(
        (),
        description="Paths whose answer depends on something else, such as a database. A "
        "livenessProbe must not ask them. No unit.",
    )


class TimingParams(KubernetesParams):
    """Parameters of ``kubernetes-probe-timing``."""

    patience_seconds: float = Field(
        10.0, ge=0, description="How long a liveness probe must go on failing at least, in seconds."
    )
    longest_delay_seconds: float = Field(
        30.0, ge=0, description="Longest sensible initialDelaySeconds of a liveness probe."
    )


class GraceParams(KubernetesParams):
    """Parameters of ``kubernetes-grace-period``."""

    needed_seconds: float = Field(
        10.0, ge=0, description="How long the service takes to stop after SIGTERM, in seconds."
    )
    pre_stop: bool = Field(
        False, description="Whether a preStop hook must wait until no traffic comes. No unit."
    )
    longest_seconds: float = Field(
        600.0, gt=0, description="The longest grace period that is sensible, in seconds."
    )


class ResourceParams(KubernetesParams):
    """Parameters of ``kubernetes-resources``."""

    wanted: tuple[Resource, ...] = Field(
        ("requests.cpu", "requests.memory", "limits.memory"),
        min_length=1,
        description="Which requests and limits each container must have.",
    )


def judge_probes(params: ProbeParams, observations: Observations) -> Verdict:
    """The kubelet can see whether a container serves, and whether it is beyond help."""

    def look(container: Container) -> Iterable[Evidence]:
        if container.pod.is_job or container.role != "container":
            return
        for name in params.wanted:
            probe = container.node.at(f"{name}Probe")
            if not any(probe.at(h).there for h in _HANDLERS):
                place = probe if probe.there else container.node
                yield found_at(f"no-{name}", place, f"{container.shown} has no {name}Probe.")
        for kind in ("readinessProbe", "livenessProbe", "startupProbe"):
            command = container.node.at(kind, "exec", "command")
            if command.there and _ALWAYS_WELL.fullmatch(" ".join(command.words())):
                text = f"the {kind} of {container.shown} always succeeds."
                yield found_at("never-fails", command, text)
            yield from _elsewhere(container, kind, params.port)
        path = container.node.at("livenessProbe", "httpGet", "path")
        if path.text.partition("?")[0] in params.dependency_paths:
            text = f"the livenessProbe of {container.shown} asks `{printable(path.text, 60)}`: "
            text += "when what that depends on is gone, every container is restarted."
            yield found_at("asks-dependency", path, text)

    return judge_containers(
        params,
        observations,
        look,
        right=f"Every container that serves has {listed(params.wanted)} probes",
        wrong="without probes that can fail",
    )


def _elsewhere(container: Container, kind: str, wanted: int) -> Iterator[Evidence]:
    """A probe that goes to another port than the wanted one."""
    for handler in ("httpGet", "tcpSocket", "grpc"):
        node = container.node.at(kind, handler, "port")
        if not wanted or not node.there:
            continue
        named = {
            p.at("name").text: p.at("containerPort").text
            for p in container.node.at("ports").each()
            if p.at("name").there
        }
        port = named.get(node.text, node.text)
        if port != str(wanted):
            shown = f"`{printable(node.text, 40)}`" + (f" ({port})" if port != node.text else "")
            text = f"the {kind} of {container.shown} goes to port {shown}; it serves on {wanted}."
            yield found_at("wrong-port", node, text)


def judge_timing(params: TimingParams, observations: Observations) -> Verdict:
    """Probes that do not make things worse."""

    def look(container: Container) -> Iterable[Evidence]:
        who = container.shown
        for kind in ("readinessProbe", "livenessProbe", "startupProbe"):
            probe = container.node.at(kind)
            timeout, period = _of(probe, "timeoutSeconds"), _of(probe, "periodSeconds")
            if probe.there and timeout > period:
                text = f"the {kind} of {who} may take {timeout:g} s, and comes every {period:g} s."
                yield found_at("timeout-over-period", probe.at("timeoutSeconds"), text)
        yield from _liveness(container, params)

    right = "The probes are patient enough, and restart nothing that merely is not ready"
    return judge_containers(params, observations, look, right=right, wrong="with hasty probes")


def _liveness(container: Container, params: TimingParams) -> Iterator[Evidence]:
    liveness, readiness = container.node.at("livenessProbe"), container.node.at("readinessProbe")
    if not liveness.there:
        return
    who, patience = container.shown, _patience(liveness)
    if patience < params.patience_seconds:
        text = f"the livenessProbe of {who} restarts it after {patience:g} s, "
        yield found_at("hasty", liveness, f"{text}{params.patience_seconds:g} s wanted at least.")
    delay = liveness.at("initialDelaySeconds")
    if (delay.number or 0) > params.longest_delay_seconds:
        text = f"the livenessProbe of {who} waits {delay.text} s at every start: that is what a "
        yield found_at("long-delay", delay, text + "startupProbe is for.")
    same = _handler(liveness) == _handler(readiness) and readiness.there
    if same and patience <= _patience(readiness):
        text = f"the livenessProbe of {who} is its readinessProbe again: what should only take it "
        yield found_at("same-probe", liveness, text + "out of traffic restarts it.")


def _of(probe: Node, key: str) -> float:
    defaults = {"periodSeconds": _PERIOD, "timeoutSeconds": _TIMEOUT, "failureThreshold": _FAILURES}
    return probe.at(key).number or defaults[key]


def _patience(probe: Node) -> float:
    """Seconds from the first failure to the consequence."""
    return _of(probe, "periodSeconds") * _of(probe, "failureThreshold")


def _handler(probe: Node) -> tuple[object, ...]:
    return tuple(_plain(probe.at(kind)) for kind in _HANDLERS)


def _plain(node: Node) -> object:
    if node.kind in {"mapping", "sequence"}:
        return tuple(sorted((str(key), _plain(item)) for key, item in node.children.items()))
    return node.text


def judge_grace(params: GraceParams, observations: Observations) -> Verdict:
    """Time for the hook and for the service, before SIGKILL."""

    def look(pod: Pod) -> Iterable[Evidence]:
        node = pod.spec.at("terminationGracePeriodSeconds")
        grace = node.number if node.number is not None else _GRACE
        said = f"{grace:g} s" if node.there else f"{grace:g} s, the default"
        for container in pod.containers():
            if container.role not in {"container", "sidecar"}:
                continue
            hook = container.node.at("lifecycle", "preStop")
            waits = _waits(hook)
            if params.pre_stop and not hook.there and container.role == "container":
                text = f"{container.shown} has no preStop hook: SIGTERM comes while traffic comes."
                yield found_at("no-pre-stop", container.node, text)
            if waits and grace <= waits:
                text = f"the preStop hook of {container.shown} waits {waits:g} s of {said}: "
                yield found_at("hook-takes-all", hook, text + "SIGKILL comes before SIGTERM.")
            elif grace < waits + params.needed_seconds:
                parts = f"{waits:g} s for preStop and " if waits else ""
                text = f"{container.shown} has {said}; it needs {parts}{params.needed_seconds:g} s."
                yield found_at("too-short", node if node.there else pod.spec, text)
        if grace > params.longest_seconds:
            text = f"a hung pod of {pod.shown} holds its node up for {said}."
            yield found_at("too-long", node, text)

    right = "Every pod has the time that it needs to stop"
    return judge_pods(params, observations, look, right=right, wrong="with a wrong grace period")


def _waits(hook: Node) -> float:
    seconds = hook.at("sleep", "seconds").number
    if seconds is not None:
        return seconds
    found = _SLEEP.search(" ".join(hook.at("exec", "command").words()))
    return float(found[1]) if found else 0.0


def judge_resources(params: ResourceParams, observations: Observations) -> Verdict:
    """What the scheduler and the kubelet need to know."""

    def look(container: Container) -> Iterable[Evidence]:
        if container.role == "ephemeral":
            return
        resources = container.node.at("resources")
        for name in params.wanted:
            kind, resource = name.split(".")
            # A limit without a request counts as both.
            given = resources.at(kind, resource).there or (
                kind == "requests" and resources.at("limits", resource).there
            )
            if not given:
                code = "no-request" if kind == "requests" else "no-limit"
                place = resources if resources.there else container.node
                yield found_at(code, place, f"{container.shown} has no `{name}`.")
        yield from _quantities(container, resources)

    return judge_containers(
        params,
        observations,
        look,
        right=f"Every container has {listed(params.wanted)}",
        wrong="without requests or limits that make sense",
    )


def _quantities(container: Container, resources: Node) -> Iterator[Evidence]:
    for kind in ("requests", "limits"):
        for name, node in resources.at(kind).items():
            amount = quantity(node.text)
            shown = printable(f"{kind}.{name}: {node.text}", 60)
            if amount is None:
                yield found_at("not-a-quantity", node, f"`{shown}` is no quantity.")
            elif name == "memory" and 0 < amount < 1_000_000:
                text = f"`{shown}` of {container.shown} is {amount:g} bytes: is `Mi` meant?"
                yield found_at("strange-unit", node, text)
    for name, node in resources.at("requests").items():
        asked, most = quantity(node.text), quantity(resources.at("limits", name).text)
        if asked is not None and most is not None and asked > most:
            text = f"{container.shown} requests more {printable(name, 30)} than its limit."
            yield found_at("request-over-limit", node, text)


PROPERTIES = (
    Property(
        id="kubernetes-probes",
        family="kubernetes",
        title="Containers have probes",
        meaning="Every container that serves has a readinessProbe (else traffic comes before it "
        "can answer) and a livenessProbe, and none that always succeeds. Kubernetes ignores the "
        "image's HEALTHCHECK. Jobs and init containers need none.",
        source="https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-probes",
        params=ProbeParams,
        codes={
            "no-readiness": "there is no readinessProbe",
            "no-liveness": "there is no livenessProbe",
            "no-startup": "there is no startupProbe",
            "never-fails": "a probe always succeeds",
            "wrong-port": "a probe goes to a port on which nothing serves",
            "asks-dependency": "the livenessProbe asks for more than the process itself",
        },
        needs=needs,
        judge=judge_probes,
        remedy="Write a readinessProbe on the path that says whether it can serve, and a "
        "livenessProbe on one that asks nothing but the process itself.",
        weight=4,
    ),
    Property(
        id="kubernetes-probe-timing",
        family="kubernetes",
        title="Probes are patient",
        meaning="A liveness probe kills: it must fail for a while before it does, and be slower "
        "than the readiness probe where both ask the same. No probe may take longer than its "
        "period; a slow start is what a startupProbe is for.",
        source="https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/",
        params=TimingParams,
        codes={
            "timeout-over-period": "a probe may take longer than its period",
            "hasty": "the liveness probe restarts after too short a time",
            "long-delay": "the liveness probe is delayed where a startup probe belongs",
            "same-probe": "liveness asks the same as readiness and is no more patient",
        },
        needs=needs,
        judge=judge_timing,
        remedy="Give the livenessProbe a higher failureThreshold or a path of its own, and a slow "
        "start a startupProbe.",
        weight=3,
    ),
    Property(
        id="kubernetes-grace-period",
        family="kubernetes",
        title="Pods get time to stop",
        meaning="terminationGracePeriodSeconds (30 by default) covers the preStop hook and what "
        "the service needs after SIGTERM. The clock starts with the hook, not after it.",
        source="https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
        params=GraceParams,
        codes={
            "too-short": "the grace period is shorter than what is needed",
            "hook-takes-all": "the preStop hook takes the whole grace period",
            "no-pre-stop": "there is no preStop hook where one is wanted",
            "too-long": "the grace period is longer than what is sensible",
        },
        needs=needs,
        judge=judge_grace,
        remedy="Set terminationGracePeriodSeconds to the hook's wait plus the longest request, and "
        "a little more.",
        weight=3,
    ),
    Property(
        id="kubernetes-resources",
        family="kubernetes",
        title="Containers have requests and limits",
        meaning="Requests of CPU and memory tell the scheduler where a pod fits; a memory limit "
        "keeps one from taking the node with it. No request above its limit, and no `m` or bare "
        "number where `Mi` is meant.",
        source="https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/",
        params=ResourceParams,
        codes={
            "no-request": "a request is missing",
            "no-limit": "a limit is missing",
            "request-over-limit": "a request is larger than its limit",
            "not-a-quantity": "a value is no quantity",
            "strange-unit": "memory of less than a megabyte",
        },
        needs=needs,
        judge=judge_resources,
        remedy="Write requests from what was measured in normal use, and a memory limit above the "
        "highest that was seen.",
        weight=3,
        covers=("docker-bench 5.11", "docker-bench 5.12"),
    ),
)
