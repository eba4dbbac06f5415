"""The schemas in the repository against the package that they come from, and its own verdicts."""

from __future__ import annotations

import json

import kubernetes_validate
import pytest

from helpers.observe.kubernetes import read_kubernetes
from helpers.observe.manifest_facts import plain
from helpers.observe.manifest_schema import schema_file
from helpers.observe.manifest_yaml import read_yaml
from helpers.observe.schemas.reduce_kubernetes import VERSIONS, reduced
from tests.unit.judge.manifests import POD, spoiled


@pytest.mark.parametrize("version", VERSIONS)
def test_the_schemas_are_those_of_the_package(version: str) -> None:
    assert schema_file(f"kubernetes-{version}.json") == json.loads(json.dumps(reduced(version)))


CASES = [
    ("replicas: 2", "replicas: 2", True),
    ("readinessProbe:", "readynessProbe:", False),
    ("containerPort: 3000", 'containerPort: "3000"', False),
    ("value: info", "value: 1", False),
    ("runAsUser: 10001", "runAsUser: root", False),
    ("drop: [ALL]", "drop: ALL", False),
    ("memory: 256Mi", "memory: 256", True),
    ("emptyDir:\n            sizeLimit: 16Mi", "emptyDir: {}", True),
    ("seconds: 5", "seconds: five", False),
]


@pytest.mark.parametrize(("old", "new", "valid"), CASES)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_package_says_the_same(old: str, new: str, valid: bool, version: str) -> None:
    text, _ = spoiled(POD, old, new)
    ours = read_kubernetes({"a.yaml": text.encode()}, version)  # type: ignore[arg-type]
    assert (ours.problems == ()) is valid
    documents, _ = read_yaml(text.encode(), "a.yaml", yaml_1_1=True)
    if valid:
        for document in documents:
            kubernetes_validate.validate(plain(document), version, strict=True)
    else:
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(plain(documents[0]), version, strict=True)
