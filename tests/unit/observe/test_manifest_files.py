from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from helpers.build.context import Context, folder_context, mapping_context
from helpers.errors import BadInput
from helpers.observe.compose import ComposeRequest
from helpers.observe.kubernetes import KubernetesRequest
from helpers.observe.observe import observe
from helpers.observe.requests import Request
from helpers.observe.subject import Subject
from helpers.observe.wasm_spin import SpinRequest, find_spin
from tests.unit.judge.manifests import COMPOSE, POD, SPIN

DOCKERFILE = {"Dockerfile": "FROM scratch\n"}


def seen(context: Context | None, request: Request[Any]) -> Any:
    subject = Subject(client=None, image_id="", context=context)  # type: ignore[arg-type]
    found = observe(subject, [request])
    return found.answers.get(request), found.failures.get(request, "")


def context(named: dict[str, str]) -> Context:
    return mapping_context({**DOCKERFILE, **named})


def test_the_compose_file_is_found_as_compose_finds_it() -> None:
    both = context({"docker-compose.yml": "x: 1", "compose.yaml": COMPOSE})
    facts, _ = seen(both, ComposeRequest())
    assert facts.file == "compose.yaml"
    old, _ = seen(context({"docker-compose.yml": COMPOSE}), ComposeRequest())
    assert old.file == "docker-compose.yml"
    named, _ = seen(context({"deploy/prod.yaml": COMPOSE}), ComposeRequest("deploy/prod.yaml"))
    assert named.problems == ()


def test_a_manifest_that_dockerignore_leaves_out_is_read_all_the_same() -> None:
    ignored = context({".dockerignore": "*\n", "compose.yaml": COMPOSE})
    facts, _ = seen(ignored, ComposeRequest())
    assert facts.document is not None


def test_kubernetes_objects_are_found_wherever_they_are() -> None:
    many = context(
        {
            "k8s/api.yaml": POD,
            "k8s/broken.yml": "apiVersion: v1\nkind: Pod\nmetadata: {\n",
            "chart/templates/api.yaml": "apiVersion: v1\nkind: Pod\nname: {{ .Values.name }}\n",
            "compose.yaml": COMPOSE,
            ".github/workflows/ci.yml": POD,
            "node_modules/x/pod.yaml": POD,
            "notes.yaml": "# apiVersion: and kind: are words\na: 1\n",
        }
    )
    facts, _ = seen(many, KubernetesRequest())
    assert facts.files == ("k8s/api.yaml", "k8s/broken.yml")
    assert [p.file for p in facts.problems] == ["k8s/broken.yml"]
    assert {o.file for o in facts.objects} == {"k8s/api.yaml"}


def test_the_spin_manifest_and_its_sources() -> None:
    app = context({"app/spin.toml": SPIN, "app/target/counter.wasm": "12345"})
    facts, _ = seen(app, SpinRequest())
    assert facts.sources == (("counter", "app/target/counter.wasm", 5),)
    facts, _ = seen(context({"spin.toml": SPIN}), SpinRequest())
    assert facts.sources == (("counter", "target/counter.wasm", None),)
    outside = SPIN.replace("target/counter.wasm", "../../etc/passwd")
    facts, _ = seen(context({"spin.toml": outside}), SpinRequest())
    assert facts.sources[0][2] is None
    assert find_spin(context({"my-spin.toml": SPIN}).tree) is None


@pytest.mark.parametrize("kind", [ComposeRequest, KubernetesRequest, SpinRequest])
def test_what_is_not_there_cannot_be_told(kind: Any) -> None:
    for request in (kind(), kind("nowhere.yaml"), kind("../../etc/passwd"), kind("..")):
        answer, failure = seen(context({"a.txt": "b"}), request)
        assert answer is None
        assert "There is no" in failure
    _, failure = seen(None, kind())
    assert "Only an image" in failure


def test_links_and_large_files_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "compose.yaml").symlink_to("/etc/passwd")
    (tmp_path / "big.yaml").write_text("#" * 300_000)
    for request in (ComposeRequest(), ComposeRequest("big.yaml"), KubernetesRequest("big.yaml")):
        answer, failure = seen(folder_context(tmp_path), request)
        assert answer is None
        assert "no plain file" in failure


def test_a_folder_is_no_manifest() -> None:
    with pytest.raises(BadInput):
        from helpers.observe.manifest_files import read_manifest

        read_manifest(context({"k8s/a.yaml": "a"}).tree, "k8s")
