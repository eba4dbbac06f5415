"""How every property of Kubernetes manifests comes to its verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import Field

from helpers.judge.pods import Container, Pod, objects_of, pods_of
from helpers.judge.property import Params
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
from helpers.observe.kubernetes import (
    NEWEST,
    KubernetesFacts,
    KubernetesRequest,
    KubernetesVersion,
)
from helpers.observe.requests import Observations, Request
from helpers.observe.text import printable


class KubernetesParams(Params):
    """What every property of Kubernetes manifests takes."""

    manifest: str = Field(
        "",
        description="The manifest, relative to the build context; empty for every YAML file in it "
        "that holds a Kubernetes object.",
    )
    version: KubernetesVersion = Field(
        NEWEST, description="Version of Kubernetes whose schema counts, as in 1.37."
    )


def request(params: KubernetesParams) -> KubernetesRequest:
    """The observation that the parameters stand for."""
    return KubernetesRequest(params.manifest, params.version)


def needs(params: KubernetesParams) -> tuple[Request[Any], ...]:
    """The manifests."""
    return (request(params),)


def manifests(params: KubernetesParams, observations: Observations) -> KubernetesFacts | Verdict:
    """The manifests, or the verdict where they were not seen."""
    facts = observations.answer(request(params))
    if facts is None:
        return not_observed(observations, request(params), "the Kubernetes manifest")
    return facts


def readable(params: KubernetesParams, observations: Observations) -> KubernetesFacts | Verdict:
    """The manifests, or the verdict where a file of them cannot be read."""
    facts = manifests(params, observations)
    if isinstance(facts, Verdict):
        return facts
    for problem in facts.problems:
        if problem.kind == "not-readable":
            file = printable(problem.file, 80)
            return could_not_tell(f"{file}:{problem.line}: {problem.text}")
    return facts


def judge_pods(
    params: KubernetesParams,
    observations: Observations,
    look: Callable[[Pod], Iterable[Evidence]],
    *,
    right: str,
    wrong: str,
    noun: str = "finding",
) -> Verdict:
    """Look at each pod and template of one by itself.

    Args:
        params: which manifests.
        observations: what was seen.
        look: evidence against one pod.
        right: the sentence of a pass, as in "RIGHT (Deployment `api`)."
        wrong: the sentence of a fail, as in "1 workload WRONG."
        noun: what one piece of evidence is.
    """
    facts = readable(params, observations)
    if isinstance(facts, Verdict):
        return facts
    pods = pods_of(objects_of(facts))
    if not pods or not any(True for pod in pods for _ in pod.containers()):
        files = listed(printable(f, 80) for f in facts.files)
        return could_not_tell(f"there is no pod with a container in {files}")
    found = [(pod, list(look(pod))) for pod in pods]
    evidence = [e for _, each in found for e in each]
    if not evidence:
        return passed(f"{right} ({listed(pod.shown for pod in pods)}).")
    number = sum(1 for _, each in found if each)
    return failed(f"{counted(number, 'workload')} {wrong}.", at_most(evidence, noun))


def judge_containers(
    params: KubernetesParams,
    observations: Observations,
    look: Callable[[Container], Iterable[Evidence]],
    *,
    right: str,
    wrong: str,
    noun: str = "finding",
) -> Verdict:
    """Look at each container of each pod by itself; see :func:`judge_pods`."""

    def each(pod: Pod) -> Iterable[Evidence]:
        return (e for container in pod.containers() for e in look(container))

    return judge_pods(params, observations, each, right=right, wrong=wrong, noun=noun)
