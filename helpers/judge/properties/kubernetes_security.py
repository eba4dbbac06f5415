"""Kubernetes manifests: what a pod may do to its node, and what an intruder finds in it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from pydantic import Field

from helpers.judge.kubernetes_verdicts import (
    KubernetesParams,
    judge_containers,
    judge_pods,
    needs,
    readable,
)
from helpers.judge.manifest import Node, found_at
from helpers.judge.pod_security import CONTROLS, violations
from helpers.judge.pods import Container, Pod, objects_of
from helpers.judge.property import Property
from helpers.judge.verdict import Evidence, Verdict
from helpers.observe.requests import Observations
from helpers.observe.text import printable

_CONTEXT = "https://kubernetes.io/docs/tasks/configure-pod-container/security-context/"
_HOST = ("host-namespaces", "privileged", "host-path", "host-ports", "host-process", "proc-mount")
_WRITABLE = ("emptyDir", "persistentVolumeClaim", "ephemeral")


class UserParams(KubernetesParams):
    """Parameters of ``kubernetes-non-root``."""

    numeric: bool = Field(
        True, description="Whether runAsUser must be there, as a number. No unit."
    )


class ReadOnlyParams(KubernetesParams):
    """Parameters of ``kubernetes-read-only``."""

    writable: tuple[str, ...] = Field(
        (), description="Absolute paths that each container must be able to write, on a volume."
    )
    size_limit: bool = Field(
        False, description="Whether each emptyDir must have a sizeLimit. No unit."
    )


def judge_non_root(params: UserParams, observations: Observations) -> Verdict:
    """The kubelet refuses to start it as root."""

    def look(container: Container) -> Iterable[Evidence]:
        demanded = container.security("runAsNonRoot")
        user = container.security("runAsUser")
        if not demanded.is_true:
            said = "has `runAsNonRoot: false`" if demanded.there else "lacks `runAsNonRoot: true`"
            yield found_at("not-demanded", demanded, f"{container.shown} {said}.")
        if user.number == 0:
            yield found_at("root-user", user, f"{container.shown} has `runAsUser: 0`, root.")
        elif params.numeric and user.number is None:
            text = f"{container.shown} has no runAsUser: with a named USER in the image, "
            yield found_at("no-number", user, text + "runAsNonRoot cannot be verified.")

    right = "No container can run as root"
    return judge_containers(params, observations, look, right=right, wrong="that may run as root")


def judge_escalation(params: KubernetesParams, observations: Observations) -> Verdict:
    """A setuid file gives nothing."""

    def look(container: Container) -> Iterable[Evidence]:
        node = container.node.at("securityContext", "allowPrivilegeEscalation")
        if not node.is_false:
            said = "has `allowPrivilegeEscalation: true`" if node.there else "allows it by default"
            yield found_at("escalation", node, f"{container.shown} {said}.")

    right = "No container can gain privileges"
    return judge_containers(
        params, observations, look, right=right, wrong="that can gain privileges"
    )


def judge_capabilities(params: KubernetesParams, observations: Observations) -> Verdict:
    """All dropped, one at most added back."""

    def look(container: Container) -> Iterable[Evidence]:
        capabilities = container.node.at("securityContext", "capabilities")
        drop = capabilities.at("drop")
        if "ALL" not in drop.words():
            near = [w for w in drop.words() if w.upper() in {"ALL", "CAP_ALL"}]
            said = f"`{printable(near[0], 20)}` is not `ALL`" if near else "it does not drop ALL"
            yield found_at("not-dropped", drop, f"{container.shown}: {said}.")
        for item in capabilities.at("add").each():
            if item.text != "NET_BIND_SERVICE":
                text = f"{container.shown} adds {printable(item.text, 40)}."
                yield found_at("added", item, text)

    right = "Every container drops all capabilities"
    return judge_containers(
        params, observations, look, right=right, wrong="with capabilities to spare"
    )


def judge_seccomp(params: KubernetesParams, observations: Observations) -> Verdict:
    """The runtime's filter of system calls is on."""

    def look(container: Container) -> Iterable[Evidence]:
        node = container.security("seccompProfile").at("type")
        if node.text == "Unconfined":
            yield found_at("unconfined", node, f"{container.shown} switches seccomp off.")
        elif node.text not in {"RuntimeDefault", "Localhost"}:
            text = f"{container.shown} has no seccompProfile: Kubernetes then sets none."
            yield found_at("no-profile", node, text)

    right = "Every container has a seccomp profile"
    return judge_containers(params, observations, look, right=right, wrong="without seccomp")


def judge_read_only(params: ReadOnlyParams, observations: Observations) -> Verdict:
    """A root file system that nobody can write, and room where writing is needed."""

    def look(container: Container) -> Iterable[Evidence]:
        node = container.node.at("securityContext", "readOnlyRootFilesystem")
        if not node.is_true:
            text = f"{container.shown} can write its whole root file system."
            yield found_at("writable-root", node, text)
        volumes = {v.at("name").text: v for v in container.pod.spec.at("volumes").each()}
        if container.role != "container":
            return
        for path in params.writable:
            if not any(_covers(m, volumes, path) for m in container.node.at("volumeMounts").each()):
                text = f"{container.shown} has no volume to write {printable(path, 80)} on."
                yield found_at("no-room", container.node.at("volumeMounts"), text)

    def each(pod: Pod) -> Iterable[Evidence]:
        for container in pod.containers():
            yield from look(container)
        for volume in pod.spec.at("volumes").each():
            empty = volume.at("emptyDir")
            if params.size_limit and empty.kind != "missing" and not empty.at("sizeLimit").there:
                text = f"the emptyDir `{printable(volume.at('name').text, 40)}` has no sizeLimit."
                yield found_at("no-size-limit", volume, text)

    right = "Every root file system is read-only"
    return judge_pods(params, observations, each, right=right, wrong="not set up read-only")


def _covers(mount: Node, volumes: dict[str, Node], path: str) -> bool:
    volume = volumes.get(mount.at("name").text)
    target = posixpath.normpath(mount.at("mountPath").text or "/-")
    wanted = posixpath.normpath(path)
    if mount.at("readOnly").is_true or not (
        wanted == target or wanted.startswith(f"{target.rstrip('/')}/")
    ):
        return False
    # What is not among the pod's volumes is a claim template of a StatefulSet.
    return volume is None or any(volume.at(kind).kind != "missing" for kind in _WRITABLE)


def judge_host(params: KubernetesParams, observations: Observations) -> Verdict:
    """Nothing of the node."""

    def look(pod: Pod) -> Iterable[Evidence]:
        return (e for e in violations(pod) if e.code in _HOST)

    right = "No pod has anything of its node"
    return judge_pods(params, observations, look, right=right, wrong="with a way to the node")


def judge_token(params: KubernetesParams, observations: Observations) -> Verdict:
    """No key to the API in a container that does not use it."""
    facts = readable(params, observations)
    accounts = [] if isinstance(facts, Verdict) else objects_of(facts)
    without = {
        account.at("metadata", "name").text
        for account in accounts
        if account.at("kind").text == "ServiceAccount"
        and account.at("automountServiceAccountToken").is_false
    }

    def look(pod: Pod) -> Iterable[Evidence]:
        node = pod.spec.at("automountServiceAccountToken")
        account = pod.spec.at("serviceAccountName").text or "default"
        if node.is_true or (not node.is_false and account not in without):
            text = f"{pod.shown} gets a token for the API of the cluster."
            yield found_at("token-mounted", node if node.there else pod.spec, text)

    right = "No pod gets a token for the API of the cluster"
    return judge_pods(params, observations, look, right=right, wrong="with a token for the API")


def judge_restricted(params: KubernetesParams, observations: Observations) -> Verdict:
    """The level "restricted" of the Pod Security Standards."""
    right = "Every pod is within the Pod Security Standard `restricted`"
    return judge_pods(
        params,
        observations,
        violations,
        right=right,
        wrong="that a namespace with the level `restricted` would refuse",
        noun="violation",
    )


PROPERTIES = (
    Property(
        id="kubernetes-non-root",
        family="kubernetes",
        title="Containers do not run as root",
        meaning="`runAsNonRoot: true`, for the pod or each container, and a numeric `runAsUser` "
        "that is not 0. Without the number the kubelet refuses an image whose USER is a name.",
        source=f"{_CONTEXT}#set-the-security-context-for-a-pod",
        params=UserParams,
        codes={
            "not-demanded": "runAsNonRoot is not true",
            "root-user": "runAsUser is 0",
            "no-number": "runAsUser is not there",
        },
        needs=needs,
        judge=judge_non_root,
        remedy="Write `runAsNonRoot: true` and `runAsUser: 10001` under the pod's securityContext.",
        weight=4,
        covers=("docker-bench 4.1", "dockle CIS-DI-0001"),
    ),
    Property(
        id="kubernetes-no-escalation",
        family="kubernetes",
        title="Containers cannot gain privileges",
        meaning="`allowPrivilegeEscalation: false` for each container, so that a setuid file gives "
        "nothing. The default is true, and there is no such field for a pod.",
        source=_CONTEXT,
        params=KubernetesParams,
        codes={"escalation": "allowPrivilegeEscalation is not false"},
        needs=needs,
        judge=judge_escalation,
        remedy="Write `allowPrivilegeEscalation: false` under each container's securityContext.",
        weight=3,
        covers=("docker-bench 5.26",),
    ),
    Property(
        id="kubernetes-capabilities",
        family="kubernetes",
        title="Containers drop all capabilities",
        meaning="`capabilities: {drop: [ALL]}` for each container, in capitals, and nothing added "
        "but NET_BIND_SERVICE.",
        source=f"{_CONTEXT}#set-capabilities-for-a-container",
        params=KubernetesParams,
        codes={
            "not-dropped": "ALL is not dropped",
            "added": "a capability other than NET_BIND_SERVICE is added",
        },
        needs=needs,
        judge=judge_capabilities,
        remedy="Write `capabilities: {drop: [ALL]}` under each container's securityContext.",
        weight=4,
        covers=("docker-bench 5.4",),
    ),
    Property(
        id="kubernetes-seccomp",
        family="kubernetes",
        title="System calls are filtered",
        meaning="`seccompProfile: {type: RuntimeDefault}` (or Localhost), for the pod or each "
        "container. Docker filters by default; Kubernetes does not.",
        source="https://kubernetes.io/docs/tutorials/security/seccomp/",
        params=KubernetesParams,
        codes={
            "no-profile": "no profile is set",
            "unconfined": "the profile is switched off",
        },
        needs=needs,
        judge=judge_seccomp,
        remedy="Write `seccompProfile: {type: RuntimeDefault}` under the pod's securityContext.",
        weight=3,
        covers=("docker-bench 5.22",),
    ),
    Property(
        id="kubernetes-read-only",
        family="kubernetes",
        title="Root file systems are read-only",
        meaning="`readOnlyRootFilesystem: true` for each container, and a writable volume where it "
        "has to write, such as an emptyDir on /tmp.",
        source=_CONTEXT,
        params=ReadOnlyParams,
        codes={
            "writable-root": "the root file system can be written",
            "no-room": "a path that must be writable is on no writable volume",
            "no-size-limit": "an emptyDir has no sizeLimit where one is wanted",
        },
        needs=needs,
        judge=judge_read_only,
        remedy="Write `readOnlyRootFilesystem: true`, and mount an emptyDir where it must write.",
        weight=3,
        covers=("docker-bench 5.13",),
    ),
    Property(
        id="kubernetes-no-host-access",
        family="kubernetes",
        title="Pods have nothing of their node",
        meaning="No privileged container, no hostPath volume, no hostNetwork, hostPID or hostIPC, "
        "no host port, no unmasked /proc.",
        source="https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline",
        params=KubernetesParams,
        codes={code: CONTROLS[code] for code in _HOST},
        needs=needs,
        judge=judge_host,
        remedy="Take the field out; use a Service for ports and a volume claim for data.",
        weight=5,
        covers=tuple(f"docker-bench 5.{n}" for n in (5, 6, 10, 16, 17, 32)),
    ),
    Property(
        id="kubernetes-no-api-token",
        family="kubernetes",
        title="Pods get no token for the API",
        meaning="`automountServiceAccountToken: false` for the pod, or for its service account in "
        "the same manifests. Few applications talk to the API; an intruder does.",
        source="https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/",
        params=KubernetesParams,
        codes={"token-mounted": "the pod gets a token for the API"},
        needs=needs,
        judge=judge_token,
        remedy="Write `automountServiceAccountToken: false` in the pod's spec.",
        weight=2,
    ),
    Property(
        id="kubernetes-restricted",
        family="kubernetes",
        title="Pods meet the restricted standard",
        meaning="All controls of the Pod Security Standard `restricted`, baseline included, as the "
        "cluster's own admission would judge each pod and template.",
        source="https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted",
        params=KubernetesParams,
        codes=CONTROLS,
        needs=needs,
        judge=judge_restricted,
        remedy="Correct what is named, then set the namespace's label "
        "`pod-security.kubernetes.io/enforce: restricted`.",
        weight=4,
    ),
)
