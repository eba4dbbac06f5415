"""Kubernetes manifests as written: every object with lines, and what the API's schema says.

Nothing is sent to a cluster, and no template language is run (Helm, Kustomize).

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

from helpers.build.tree import Tree
from helpers.errors import BadInput
from helpers.observe.manifest_facts import Document, Problem, plain
from helpers.observe.manifest_files import (
    MAX_BYTES,
    context_of,
    file_bytes,
    files_below,
    read_manifest,
)
from helpers.observe.manifest_schema import schema_file, schema_problems
from helpers.observe.manifest_yaml import read_yaml
from helpers.observe.requests import Request
from helpers.observe.subject import Subject
from helpers.observe.text import printable

#: Versions of Kubernetes whose schema the workbook has.
KubernetesVersion = Literal["1.35", "1.36", "1.37"]
NEWEST: KubernetesVersion = "1.37"
_ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class KubernetesFacts:
    """What Kubernetes manifests say.

    Attributes:
        version: the version of Kubernetes whose schema was asked.
        files: which were read.
        objects: one document an object, in the order of files and lines; a List's items one by one.
        problems: what keeps the API server from taking them as they are meant.
    """

    version: str
    files: tuple[str, ...]
    objects: tuple[Document, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class KubernetesRequest(Request[KubernetesFacts]):
    """Read Kubernetes manifests of the subject's context.

    Attributes:
        path: one file, relative to the context; empty for every YAML file in it that holds an
            object with apiVersion and kind.
        version: the Kubernetes version whose schema counts.
    """

    path: str = ""
    version: KubernetesVersion = NEWEST

    observer: ClassVar[str] = "helpers.observe.kubernetes:observe_kubernetes"


def observe_kubernetes(subject: Subject, request: KubernetesRequest) -> KubernetesFacts:
    """The subject's Kubernetes manifests.

    Raises:
        BadInput: if there are none, or one cannot be read.
    """
    tree = context_of(subject, "a Kubernetes manifest").tree
    if request.path:
        files = {request.path: read_manifest(tree, request.path)}
    else:
        files = dict(find_kubernetes(tree))
    if not files:
        raise BadInput(
            "There is no Kubernetes manifest: no YAML file with apiVersion and kind.",
            remedy="Write one, for example k8s/pod.yaml, or name the one that is meant.",
        )
    return read_kubernetes(files, request.version)


def find_kubernetes(tree: Tree) -> Iterator[tuple[str, bytes]]:
    """Name and content of every YAML file that holds a Kubernetes object.

    A file that is no YAML counts where its text names both, so that a slip is not overlooked; but
    not a template (Helm), which is no manifest yet.
    """
    for entry in files_below(tree, _ENDINGS):
        if entry.size > MAX_BYTES:
            continue
        data = file_bytes(entry)
        if b"apiVersion:" not in data or b"kind:" not in data:
            continue
        documents, _ = read_yaml(data, entry.path, yaml_1_1=True)
        if any(_is_object(d) for d in documents) or (not documents and b"{{" not in data):
            yield entry.path, data


def read_kubernetes(
    files: dict[str, bytes], version: KubernetesVersion = NEWEST
) -> KubernetesFacts:
    """Objects from the content of files, by path."""
    objects: list[Document] = []
    problems: list[Problem] = []
    for file, data in files.items():
        documents, found = read_yaml(data, file, yaml_1_1=True)
        problems.extend(found)
        if not documents and not found:
            problems.append(Problem("not-readable", "it is empty", 1, file=file))
        for document in documents:
            for each in _items(document):
                objects.append(each)
                problems.extend(_validate(each, version))
    return KubernetesFacts(version, tuple(files), tuple(objects), tuple(problems))


def _is_object(document: Document) -> bool:
    top = {entry.place[0] for entry in document.entries if len(entry.place) == 1}
    return {"apiVersion", "kind"} <= top


def _items(document: Document) -> Iterator[Document]:
    """The document, or what a List holds."""
    kinds = [e.value for e in document.entries if e.place == ("kind",)]
    if kinds != ["List"]:
        yield document
        return
    count = sum(1 for e in document.entries if len(e.place) == 2 and e.place[0] == "items")
    for index in range(count):
        below = [e for e in document.entries if e.place[:2] == ("items", index)]
        moved = (type(e)(e.place[2:], e.kind, e.value, e.line) for e in below)
        yield Document(tuple(moved), document.file)


def _validate(document: Document, version: KubernetesVersion) -> Iterator[Problem]:
    value = plain(document)
    line, file = document.line, document.file
    if not isinstance(value, dict):
        yield Problem("schema", "it is no object with apiVersion and kind", line, file=file)
        return
    if missing := [key for key in ("apiVersion", "kind") if not isinstance(value.get(key), str)]:
        text = f"{' and '.join(f'`{key}`' for key in missing)} must be set, to a text"
        yield Problem("schema", text, line, file=file)
        return
    api, kind = str(value["apiVersion"]), str(value["kind"])
    kinds = _kinds(version)
    if (name := kinds.get(f"{api} {kind}")) is not None:
        yield from schema_problems(document, _validator(version, name))
        return
    shown = printable(f"{kind} of {api}", 80)
    others = [known.split()[0] for known in kinds if known.split()[1] == kind]
    if others:
        text = f"there is no {shown} in Kubernetes {version}: {kind} is of {' or '.join(others)}"
        yield Problem("schema", text, line, "apiVersion", file)
    elif meant := [k.split()[1] for k in kinds if k.split()[1].lower() == kind.lower()]:
        text = f"the kind is written {meant[0]}, not {printable(kind, 60)}"
        yield Problem("schema", text, line, "kind", file)
    else:
        yield Problem("unknown-kind", f"the workbook has no schema of {shown}", line, "kind", file)


def _kinds(version: KubernetesVersion) -> dict[str, str]:
    """Names of definitions by ``apiVersion kind``."""
    kinds: dict[str, str] = schema_file(f"kubernetes-{version}.json")["kinds"]
    return kinds


@cache
def _validator(version: KubernetesVersion, name: str) -> Any:
    from jsonschema_rs import Draft202012Validator

    definitions = schema_file(f"kubernetes-{version}.json")["$defs"]
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": definitions})
