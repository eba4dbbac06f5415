"""The WebAssembly program, the Spin application, and their measurements, on a real engine."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from docker import DockerClient

from helpers.build.client import build
from helpers.build.context import DockerfileText, mapping_context
from helpers.build.request import BuildRequest
from helpers.course.paths import course_folders
from helpers.course.workspace import app_files
from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for
from helpers.engine.labels import BUILT, CHECK, TOOL, labels
from helpers.experiments.image_file import read_file
from helpers.experiments.spin_site import spin_site
from helpers.experiments.wasm_density import containers_at_once, instances_at_once
from helpers.experiments.wasm_docker import (
    CannotRun,
    Image,
    cold_times,
    run_by_default,
    run_under_wasmedge,
)
from helpers.experiments.wasm_embedded import Embedded
from helpers.experiments.wasm_reach import BASES, build_probe, reaches
from helpers.observe.spin_app import NotServable

APPS = course_folders().apps
CASES = json.loads((APPS / "discount" / "cases.json").read_text())
GO_TESTS = """\
FROM golang:1.24-trixie
WORKDIR /src
COPY . .
WORKDIR /src/go
RUN --mount=type=cache,target=/root/.cache/go-build test -z "$(gofmt -l .)" && go vet ./...
RUN --mount=type=cache,target=/root/.cache/go-build go test -count=1 ./...
"""
PYTHON_TESTS = """\
FROM python:3.13-slim-trixie
WORKDIR /src
COPY . .
RUN python3 -m unittest discover tests
"""


def made(client: DockerClient, app: str, dockerfile: str, name: str = "") -> str:
    """An image of the app: a Dockerfile of its own by name, or another one by its text."""
    folder = APPS / app
    files = {str(p): (folder / p).read_bytes() for p in app_files(folder)}
    text = dockerfile
    if not name:
        name = dockerfile
        text = (folder / "dockerfiles" / f"{dockerfile}.Dockerfile").read_text()
    context = mapping_context(files, dockerfile=DockerfileText(text, "Dockerfile"))
    tag = f"{BUILT}{CHECK}-webassembly:{app}-{name}"
    build(client.api, BuildRequest(context, tags=(tag,), labels=labels(TOOL)))
    return tag


@pytest.fixture(scope="module")
def bases(engine: Engine) -> None:
    ensure_for(engine, (*BASES, "debian:trixie-slim", "python:3.13-slim-trixie"))


@pytest.fixture(scope="module")
def discount(engine: Engine) -> Iterator[dict[str, str]]:
    ensure_for(engine, (*BASES, "debian:trixie-slim"))
    names = ("2-scratch", "3-wasm", "4-wasm-go")
    tags = {name: made(engine.client, "discount", name) for name in names}
    yield tags
    for tag in tags.values():
        engine.client.api.remove_image(tag, force=True)


@pytest.mark.usefixtures("bases")
def test_both_apps_pass_their_own_tests(client: DockerClient) -> None:
    for app, text in (("discount", GO_TESTS), ("stamps", PYTHON_TESTS)):
        client.api.remove_image(made(client, app, text, "tests"), force=True)


@pytest.mark.parametrize("name", ["3-wasm", "4-wasm-go"])
def test_a_module_answers_every_case(
    client: DockerClient, discount: dict[str, str], name: str
) -> None:
    module = Embedded(read_file(client, discount[name], "/discount.wasm"))
    for case in CASES:
        found = module.run(case["args"])
        assert found.exit_code == case["status"], case
        assert (found.out.strip(), found.err.strip()) == (case["out"], case["err"]), case


def test_the_native_program_gives_the_same_answers(
    engine: Engine, discount: dict[str, str]
) -> None:
    right, wrong = CASES[6], CASES[-1]
    printed = run_by_default(engine, discount["2-scratch"], *right["args"])
    assert printed.strip() == right["out"]
    with pytest.raises(CannotRun, match="status 2"):
        run_by_default(engine, discount["2-scratch"], *wrong["args"])


def test_under_wasmedge_it_answers_and_its_status_is_lost(
    engine: Engine, discount: dict[str, str]
) -> None:
    right, wrong = CASES[6], CASES[-1]
    facts = run_under_wasmedge(engine, discount["3-wasm"], *right["args"])
    assert facts is not None
    assert facts.out == (right["out"],)
    failing = run_under_wasmedge(engine, discount["3-wasm"], *wrong["args"])
    assert failing is not None
    assert failing.err == (wrong["err"],)
    # What the notebook warns of; where crun hands the status on, the notebook has to say so.
    assert failing.exit_code == 0


def test_the_default_runtime_cannot_start_a_module(
    engine: Engine, discount: dict[str, str]
) -> None:
    with pytest.raises(CannotRun, match="exec format error"):
        run_by_default(engine, discount["3-wasm"])


def test_starts_are_timed_and_a_failing_one_is_told(
    engine: Engine, discount: dict[str, str]
) -> None:
    images = (Image("native", discount["2-scratch"]), Image("wasm", discount["3-wasm"], wasm=True))
    seen: list[str] = []
    times = cold_times(engine, images, "tea=1@1", runs=2, on_progress=seen.append)
    assert [t.label for t in times] == ["native", "wasm"]
    assert all(len(t.seconds) == 2 and t.shortest > 0 for t in times)
    assert seen == ["native", "wasm"] * 3
    with pytest.raises(CannotRun, match="native ended with status 2"):
        cold_times(engine, images[:1], "tea", runs=1)


@pytest.mark.usefixtures("bases")
def test_what_a_module_reaches_is_what_its_host_gives(engine: Engine) -> None:
    probe = build_probe(engine)
    found = {one.place: one for one in reaches(engine, probe)}
    native, docker = found["container, runc"].worked, found["WasmEdge, crun"].worked
    assert {len(one.worked) for one in found.values()} == {13}
    assert native["run a program"]
    assert native["connect"]
    assert docker["read a system file"]
    assert docker["read the environment"]
    assert not docker["run a program"]
    nothing = found["embedded"].worked
    assert {a for a, worked in nothing.items() if worked} == {"take a gigabyte", "read the clock"}
    folder = found["embedded, one folder"].worked
    assert {a for a, worked in folder.items() if worked} == {
        "read the folder it was given",
        "read the clock",
    }


@pytest.mark.usefixtures("bases")
def test_memory_of_many(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> None:
    probe = build_probe(engine)
    held = containers_at_once(engine, Image("wasm", probe.wasm, wasm=True), "hold", count=2)
    path = tmp_path_factory.mktemp("wasm") / "reach.wasm"
    path.write_bytes(probe.module)
    kept = instances_at_once("instance", str(path), "child", count=50)
    assert held.beside_bytes > 0
    assert 0 <= kept.each_bytes < held.each_bytes


def test_cards_are_kept_between_instances_and_refused_without_a_grant(engine: Engine) -> None:
    ensure_for(engine, ("python:3.13-slim-trixie", "node:26-trixie-slim"))
    tag = made(engine.client, "stamps", "1-scratch")
    try:
        component = read_file(engine.client, tag, "/app.wasm")
        manifest = read_file(engine.client, tag, "/spin.toml").decode()
    finally:
        engine.client.api.remove_image(tag, force=True)
    token = {"admin_token": "t"}
    with spin_site(engine, manifest, component, token) as site:
        statuses = [site.ask("POST", "/cards/ada/stamps").status for _ in range(2)]
        assert statuses == [201, 201]
        assert '"stamps": 2' in site.ask("GET", "/cards/ada").text
        assert site.ask("DELETE", "/cards/ada").status == 401
        assert site.ask("GET", "/elsewhere").status == 404
    ungranted = manifest.replace('key_value_stores = ["default"]', "")
    with spin_site(engine, ungranted, component, token) as site:
        assert site.ask("GET", "/cards/ada").status == 500
    with (
        pytest.raises(NotServable, match="version 2"),
        spin_site(engine, "", component, token),
    ):
        raise AssertionError("an empty manifest was served")
