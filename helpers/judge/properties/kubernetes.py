"""Kubernetes manifests: valid, with pinned images, labels, and no secret in plain sight."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pydantic import Field

from helpers.judge.image_names import why_not_pinned
from helpers.judge.kubernetes_verdicts import (
    KubernetesParams,
    judge_containers,
    judge_pods,
    manifests,
    needs,
    readable,
)
from helpers.judge.manifest import Node, found_at, problem_evidence
from helpers.judge.pods import Container, Pod, objects_of, pods_of
from helpers.judge.property import Property
from helpers.judge.secret_words import has_password, is_secret_name, is_variable
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import at_most, could_not_tell, counted, failed, listed, passed
from helpers.observe.requests import Observations
from helpers.observe.text import printable

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_RESTART = {
    "Deployment": {"", "Always"},
    "ReplicaSet": {"", "Always"},
    "StatefulSet": {"", "Always"},
    "DaemonSet": {"", "Always"},
    "Job": {"Never", "OnFailure"},
    "CronJob": {"Never", "OnFailure"},
}
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_CODES_OF_PROBLEMS = {
    "not-readable": "not-yaml",
    "duplicate-key": "duplicate-key",
    "schema": "schema",
}


class PinnedParams(KubernetesParams):
    """Parameters of ``kubernetes-pinned-images``."""

    digest: bool = Field(False, description="Whether nothing but a digest counts. No unit.")


class LabelParams(KubernetesParams):
    """Parameters of ``kubernetes-labels``."""

    wanted: tuple[str, ...] = Field(
        ("app.kubernetes.io/name",),
        min_length=1,
        description="Labels that each workload and its pods must have. Keys, no unit.",
    )


class SecretParams(KubernetesParams):
    """Parameters of ``kubernetes-secrets``."""

    allow_secret_objects: bool = Field(
        False, description="Whether a Secret with its values may be a manifest. No unit."
    )


def judge_valid(params: KubernetesParams, observations: Observations) -> Verdict:
    """What the API server would take, field by field, and names that lead somewhere."""
    facts = manifests(params, observations)
    if isinstance(facts, Verdict):
        return facts
    evidence = [
        problem_evidence(_CODES_OF_PROBLEMS[p.kind], p)
        for p in facts.problems
        if p.kind in _CODES_OF_PROBLEMS
    ]
    for pod in pods_of(objects_of(facts)):
        evidence += _inconsistent(pod)
    if evidence:
        return failed(
            f"Not valid for Kubernetes {params.version}: {counted(len(evidence), 'mistake')}.",
            at_most(evidence, "mistake"),
        )
    if unknown := [p for p in facts.problems if p.kind == "unknown-kind"]:
        return could_not_tell(
            f"{printable(unknown[0].file, 80)}:{unknown[0].line}: {unknown[0].text}"
        )
    files = listed(printable(f, 80) for f in facts.files)
    number = counted(len(facts.objects), "object")
    return passed(f"{number} in {files}, valid for Kubernetes {params.version}.")


def _inconsistent(pod: Pod) -> Iterator[Evidence]:
    wanted = _RESTART.get(pod.kind)
    restart = pod.spec.at("restartPolicy")
    if wanted is not None and pod.spec.there and restart.text not in wanted:
        said = f"`{printable(restart.text, 20)}`" if restart.text else "not set, which is `Always`"
        allowed = " or ".join(sorted(w for w in wanted if w))
        text = f"restartPolicy of a {pod.kind} must be {allowed}; it is {said}."
        yield found_at("inconsistent", restart, text)
    labels = {key: node.text for key, node in pod.template.at("metadata", "labels").items()}
    if pod.root is not pod.template and pod.kind not in {"Job", "CronJob"}:
        for key, node in pod.root.at("spec", "selector", "matchLabels").items():
            if labels.get(key) != node.text:
                text = f"the selector wants the label `{printable(key, 60)}: "
                text += f"{printable(node.text, 60)}`, which the pod template does not have."
                yield found_at("inconsistent", node, text)
    volumes = {v.at("name").text for v in pod.spec.at("volumes").each()}
    volumes |= {
        v.at("metadata", "name").text for v in pod.root.at("spec", "volumeClaimTemplates").each()
    }
    seen: set[str] = set()
    for container in pod.containers():
        name = container.node.at("name")
        if name.text in seen:
            yield found_at("inconsistent", name, f"two containers are called {container.shown}.")
        elif name.there and not _DNS_LABEL.fullmatch(name.text):
            text = f"{container.shown} is no name: lower-case letters, digits and hyphens."
            yield found_at("inconsistent", name, text)
        seen.add(name.text)
        yield from _inconsistent_container(container, volumes)


def _inconsistent_container(container: Container, volumes: set[str]) -> Iterator[Evidence]:
    for mount in container.node.at("volumeMounts").each():
        if mount.at("name").text not in volumes:
            name = printable(mount.at("name").text, 60)
            text = f"{container.shown} mounts the volume `{name}`, which the pod does not have."
            yield found_at("inconsistent", mount.at("name"), text)
    ports = {p.at("name").text for p in container.node.at("ports").each()}
    for kind in _PROBES:
        probe = container.node.at(kind)
        port = (
            probe.at("httpGet", "port")
            if probe.at("httpGet").there
            else probe.at("tcpSocket", "port")
        )
        if port.text and not port.text.isdecimal() and port.text not in ports:
            text = (
                f"the {kind} of {container.shown} goes to the port `{printable(port.text, 40)}`, "
            )
            yield found_at("inconsistent", port, text + "which the container does not name.")
    successes = container.node.at("livenessProbe", "successThreshold")
    if successes.number not in {None, 1.0}:
        text = f"successThreshold of the livenessProbe of {container.shown} must be 1."
        yield found_at("inconsistent", successes, text)


def judge_pinned(params: PinnedParams, observations: Observations) -> Verdict:
    """Images by a tag that stays, or by digest."""

    def look(container: Container) -> Iterable[Evidence]:
        image = container.node.at("image")
        why = why_not_pinned(image.text, digest=params.digest) if image.text else "has no name"
        if why:
            text = f"the image `{printable(image.text, 100)}` of {container.shown} {why}."
            yield found_at("not-pinned", image, text)

    right = "Every image is pinned"
    return judge_containers(
        params, observations, look, right=right, wrong="with an image that moves"
    )


def judge_labels(params: LabelParams, observations: Observations) -> Verdict:
    """The labels that tools look for."""

    def look(pod: Pod) -> Iterable[Evidence]:
        places = [pod.root] if pod.root is pod.template else [pod.root, pod.template]
        for place in places:
            labels = place.at("metadata", "labels")
            missing = [key for key in params.wanted if not labels.at(key).there]
            if missing:
                who = pod.shown if place is pod.root else f"the pod template of {pod.shown}"
                keys = listed(f"`{printable(k, 80)}`" for k in missing)
                yield found_at("no-label", labels, f"{who} lacks the label {keys}.")

    right = f"Every workload has {listed(params.wanted)}"
    return judge_pods(params, observations, look, right=right, wrong="without its labels")


def judge_secrets(params: SecretParams, observations: Observations) -> Verdict:
    """No secret is written in a manifest."""
    facts = readable(params, observations)
    if isinstance(facts, Verdict):
        return facts
    objects = objects_of(facts)
    evidence = [e for pod in pods_of(objects) for c in pod.containers() for e in _in_environment(c)]
    for root in objects:
        evidence += _in_object(root, allow_secret_objects=params.allow_secret_objects)
    if evidence:
        return failed(
            f"{counted(len(evidence), 'secret')} in plain sight.", at_most(evidence, "secret")
        )
    return passed(f"No secret is written in {listed(printable(f, 80) for f in facts.files)}.")


def _in_environment(container: Container) -> Iterator[Evidence]:
    for variable in container.node.at("env").each():
        name, value = variable.at("name").text, variable.at("value")
        named = is_secret_name(name) and value.text and not is_variable(value.text)
        if named or has_password(value.text):
            text = f"`{printable(name, 60)}` of {container.shown} has its secret in the manifest."
            yield found_at("secret-in-env", value, text)


def _in_object(root: Node, *, allow_secret_objects: bool) -> Iterator[Evidence]:
    kind, name = root.at("kind").text, printable(root.at("metadata", "name").text, 60)
    if kind == "ConfigMap":
        for key, node in root.at("data").items():
            if (is_secret_name(key) and node.text) or has_password(node.text):
                text = f"`{printable(key, 60)}` in the ConfigMap `{name}` is a secret."
                yield found_at("secret-in-configmap", node, text)
    elif kind == "Secret" and not allow_secret_objects:
        for field in ("data", "stringData"):
            for key, node in root.at(field).items():
                hidden = ", in base64, which hides nothing" if field == "data" else ""
                text = f"the Secret `{name}` has `{printable(key, 60)}` in the manifest{hidden}."
                yield found_at("secret-object", node, text)


PROPERTIES = (
    Property(
        id="kubernetes-valid",
        family="kubernetes",
        title="The manifest is valid",
        meaning="Every object fits the schema of its kind in the chosen version of Kubernetes, "
        "unknown and repeated fields included, and names in it lead somewhere: a selector to its "
        "pods' labels, a mount to its volume, a probe to its port. Without a cluster.",
        source="https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation",
        params=KubernetesParams,
        codes={
            "not-yaml": "a file cannot be read",
            "duplicate-key": "a key stands twice in one mapping",
            "schema": "a field is unknown, missing or of the wrong type, or a kind is not there",
            "inconsistent": "a name leads nowhere, or a value does not fit the kind",
        },
        needs=needs,
        judge=judge_valid,
        remedy="Correct the lines that are named; `kubectl apply --dry-run=server "
        "--validate=strict` says the same where there is a cluster.",
        weight=5,
    ),
    Property(
        id="kubernetes-pinned-images",
        family="kubernetes",
        title="Images are pinned",
        meaning="Every container's image has a tag that its makers do not move (not `latest`, not "
        "none), or a digest. Else two pods of one Deployment may run different programs.",
        source="https://kubernetes.io/docs/concepts/containers/images/#image-names",
        params=PinnedParams,
        codes={"not-pinned": "an image has no tag, or one that moves, or no digest if wanted"},
        needs=needs,
        judge=judge_pinned,
        remedy="Write a version as the tag, or better the digest that was tested.",
        weight=3,
        covers=("dockle DKL-DI-0006", "hadolint DL3006", "hadolint DL3007"),
    ),
    Property(
        id="kubernetes-labels",
        family="kubernetes",
        title="Workloads have the recommended labels",
        meaning="The object and its pod template carry the labels that tools, dashboards and "
        "policies look for.",
        source="https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/",
        params=LabelParams,
        codes={"no-label": "a label that is wanted is missing"},
        needs=needs,
        judge=judge_labels,
        remedy="Write them under `metadata.labels`, of the object and of its template.",
        weight=1,
    ),
    Property(
        id="kubernetes-secrets",
        family="kubernetes",
        title="No secret is in a manifest",
        meaning="No container's `env` has a secret as its value, no ConfigMap holds one, and no "
        "Secret comes with its values: base64 is no encryption, and manifests are kept in version "
        "control.",
        source="https://kubernetes.io/docs/concepts/security/secrets-good-practices/",
        params=SecretParams,
        codes={
            "secret-in-env": "a container's environment has a secret as its value",
            "secret-in-configmap": "a ConfigMap holds a secret",
            "secret-object": "a Secret is written with its values",
        },
        needs=needs,
        judge=judge_secrets,
        remedy="Make the Secret outside of version control, and refer to it with `secretKeyRef` "
        "or, better, mount it as a file.",
        weight=5,
        covers=("dockle CIS-DI-0010", "docker-bench 4.10"),
    ),
)
