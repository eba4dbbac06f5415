"""The pods of Kubernetes manifests: as they are, and as templates of what makes them.

Source: https://kubernetes.io/docs/concepts/workloads/pods/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from helpers.judge.manifest import Node, tree
from helpers.observe.kubernetes import KubernetesFacts
from helpers.observe.text import printable

Role = Literal["container", "sidecar", "init", "ephemeral"]

_TEMPLATES: dict[str, tuple[str, ...]] = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
_JOBS = frozenset({"Job", "CronJob"})
_QUANTITY = re.compile(
    r"(?P<number>\+?(?:\d+(?:\.\d*)?|\.\d+))(?P<suffix>[numkMGTPE]?|[KMGTPE]i|[eE][+-]?\d{1,2})"
)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod. A sidecar is an init container that goes on running."""

    name: str
    role: Role
    node: Node
    pod: Pod

    def security(self, key: str) -> Node:
        """A field of its security context, or of the pod's where it has none."""
        own = self.node.at("securityContext", key)
        inherited = self.pod.spec.at("securityContext", key)
        return own if own.there or not inherited.there else inherited

    @property
    def shown(self) -> str:
        """Its name in a sentence."""
        return f"`{printable(self.name, 60) or '(no name)'}`"


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod, or the template of pods.

    Attributes:
        kind: of the object that it is in.
        name: of the object that it is in.
        root: that object.
        template: what holds the pod's metadata and spec.
    """

    kind: str
    name: str
    root: Node
    template: Node

    @property
    def spec(self) -> Node:
        """The pod's specification."""
        return self.template.at("spec")

    @property
    def is_job(self) -> bool:
        """True where it is meant to end."""
        return self.kind in _JOBS or self.spec.at("restartPolicy").text in {"Never", "OnFailure"}

    @property
    def is_windows(self) -> bool:
        """True for a pod of Windows containers."""
        return self.spec.at("os", "name").text == "windows"

    @property
    def shown(self) -> str:
        """Kind and name in a sentence."""
        return f"{self.kind} `{printable(self.name, 60) or '(no name)'}`"

    def containers(self) -> Iterator[Container]:
        """All containers, those that run for good first."""
        for node in self.spec.at("containers").each():
            yield Container(node.at("name").text, "container", node, self)
        for node in self.spec.at("initContainers").each():
            role: Role = "sidecar" if node.at("restartPolicy").text == "Always" else "init"
            yield Container(node.at("name").text, role, node, self)
        for node in self.spec.at("ephemeralContainers").each():
            yield Container(node.at("name").text, "ephemeral", node, self)


def objects_of(facts: KubernetesFacts) -> list[Node]:
    """Every object as a tree."""
    return [tree(document) for document in facts.objects]


def pods_of(objects: list[Node]) -> list[Pod]:
    """Every pod and every template of one."""
    found = []
    for root in objects:
        kind = root.at("kind").text
        if kind in _TEMPLATES:
            name = root.at("metadata", "name").text or root.at("metadata", "generateName").text
            found.append(Pod(kind, name, root, root.at(*_TEMPLATES[kind])))
    return found


def quantity(text: str) -> float | None:
    """The number that a quantity of Kubernetes stands for: bytes, or CPUs; None where it is none.

    Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    number, suffix = float(match["number"]), match["suffix"]
    if suffix in _BINARY:
        return float(number * 2 ** _BINARY[suffix])
    if suffix in _DECIMAL:
        return float(number * 10.0 ** _DECIMAL[suffix])
    return float(number * 10.0 ** int(suffix[1:]))
