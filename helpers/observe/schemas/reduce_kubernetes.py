"""Make the Kubernetes schemas small: the kinds that applications are made of, without prose.

The package ``kubernetes-validate`` carries the schemas of all versions and kinds, 108 MB unpacked.
Run as ``python -m helpers.observe.schemas.reduce_kubernetes`` where it is installed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

#: The versions that are kept: those that the Kubernetes project supports.
VERSIONS = ("1.35", "1.36", "1.37")
_PREFIX = "io.k8s.api."
_KINDS = (
    "core.v1.Pod",
    "core.v1.ReplicationController",
    "core.v1.Service",
    "core.v1.ConfigMap",
    "core.v1.Secret",
    "core.v1.Namespace",
    "core.v1.ServiceAccount",
    "core.v1.PersistentVolume",
    "core.v1.PersistentVolumeClaim",
    "core.v1.ResourceQuota",
    "core.v1.LimitRange",
    "apps.v1.Deployment",
    "apps.v1.StatefulSet",
    "apps.v1.DaemonSet",
    "apps.v1.ReplicaSet",
    "batch.v1.Job",
    "batch.v1.CronJob",
    "autoscaling.v2.HorizontalPodAutoscaler",
    "networking.v1.Ingress",
    "networking.v1.IngressClass",
    "networking.v1.NetworkPolicy",
    "policy.v1.PodDisruptionBudget",
    "rbac.v1.ClusterRole",
    "rbac.v1.ClusterRoleBinding",
    "rbac.v1.Role",
    "rbac.v1.RoleBinding",
    "scheduling.v1.PriorityClass",
    "storage.v1.StorageClass",
)
_REFERENCE = re.compile(r'"#/\$defs/([^"]+)"')


def reduced(version: str) -> dict[str, Any]:
    """The schema of one version: ``kinds`` by apiVersion and kind, and the definitions they need.

    Raises:
        ModuleNotFoundError: where ``kubernetes-validate`` is not installed.
    """
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    everything = json.loads((folder / "_definitions.json").read_text("utf-8"))["$defs"]
    needed: dict[str, Any] = {}
    waiting = [_PREFIX + kind for kind in _KINDS]
    kinds = {}
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        whole = everything[name]
        for gvk in whole.get("x-kubernetes-group-version-kind", ()):
            api = f"{gvk['group']}/{gvk['version']}".lstrip("/")
            if name.startswith(_PREFIX) and name.removeprefix(_PREFIX) in _KINDS:
                kinds[f"{api} {gvk['kind']}"] = name
        needed[name] = _without_prose(whole)
        waiting.extend(_REFERENCE.findall(json.dumps(whole)))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "kinds": dict(sorted(kinds.items())),
        "$defs": dict(sorted(needed.items())),
    }


def _without_prose(value: Any, *, names: bool = False) -> Any:
    """A schema without descriptions and extensions; ``names``: the keys are names of fields."""
    if isinstance(value, list):
        return [_without_prose(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _without_prose(item, names=key == "properties" and not names)
        for key, item in value.items()
        if names or not (key == "description" or key.startswith("x-"))
    }


def _lines(schema: dict[str, Any]) -> Iterator[str]:
    """One definition a line, so that a new version shows as a small difference."""
    yield "{\n"
    yield f'"$schema":{json.dumps(schema["$schema"])},\n'
    yield f'"kinds":{json.dumps(schema["kinds"])},\n'
    yield '"$defs":{\n'
    yield ",\n".join(
        f"{json.dumps(name)}:{json.dumps(item, separators=(',', ':'))}"
        for name, item in schema["$defs"].items()
    )
    yield "\n}}\n"


if __name__ == "__main__":
    for wanted in VERSIONS:
        place = Path(__file__).parent / f"kubernetes-{wanted}.json"
        place.write_text("".join(_lines(reduced(wanted))), "utf-8")
