"""The Go service and the measurements of the practice "small runtimes", on a real engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from docker import DockerClient

from helpers.build.client import build
from helpers.build.context import DockerfileText, mapping_context
from helpers.build.errors import BuildError
from helpers.build.request import BuildRequest
from helpers.course.paths import course_folders
from helpers.course.workspace import app_files
from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for
from helpers.engine.labels import BUILT, CHECK, TOOL, labels
from helpers.errors import BadInput
from helpers.experiments.beside import NothingToSee, look_beside
from helpers.experiments.image_file import read_file
from helpers.experiments.linking import linking
from helpers.experiments.start_time import DidNotStart, start_once, start_times
from helpers.experiments.thread_stack import BASES, thread_stacks
from helpers.observe.containers import ContainerSpec, running_container

APP = course_folders().apps / "prices"
TESTS = """\
FROM golang:1.24-trixie
WORKDIR /src
COPY . .
RUN test -z "$(gofmt -l .)"
RUN --mount=type=cache,target=/root/.cache/go-build go vet -trimpath ./...
RUN --mount=type=cache,target=/root/.cache/go-build go test -trimpath -count=1 ./...
"""


def sources() -> dict[str, bytes]:
    return {str(p): (APP / p).read_bytes() for p in app_files(APP)}


def made(client: DockerClient, name: str, files: dict[str, bytes], dockerfile: str) -> str:
    context = mapping_context(files, dockerfile=DockerfileText(dockerfile, "Dockerfile"))
    tag = f"{BUILT}{CHECK}-small-runtimes:{name}"
    build(client.api, BuildRequest(context, tags=(tag,), labels=labels(TOOL)))
    return tag


@pytest.fixture(scope="module")
def scratch(engine: Engine) -> Iterator[str]:
    ensure_for(engine, ("golang:1.24-trixie", "busybox:1.37"))
    text = (APP / "dockerfiles" / "7-scratch.Dockerfile").read_text()
    tag = made(engine.client, "scratch", sources(), text)
    yield tag
    engine.client.api.remove_image(tag, force=True)


def test_the_prices_service_is_formatted_and_passes_its_own_tests(
    engine: Engine, client: DockerClient
) -> None:
    ensure_for(engine, ("golang:1.24-trixie",))
    client.api.remove_image(made(client, "tests", sources(), TESTS), force=True)


def test_a_fault_in_the_prices_service_fails_its_tests(
    engine: Engine, client: DockerClient
) -> None:
    ensure_for(engine, ("golang:1.24-trixie",))
    files = sources()
    right = b"price * item.Quantity"
    assert right in files["shop.go"]
    files["shop.go"] = files["shop.go"].replace(right, b"price + item.Quantity")
    with pytest.raises(BuildError) as caught:
        made(client, "fault", files, TESTS)
    assert any("TestABasketIsAddedUp" in line for line in caught.value.details())


def test_the_static_program_is_the_only_file_and_needs_no_loader(
    client: DockerClient, scratch: str
) -> None:
    found = linking(client, scratch, "/prices")
    assert found.static
    assert found.libraries == ()
    assert found.bytes < 10_000_000


def test_a_file_that_is_not_there_is_bad_input(client: DockerClient, scratch: str) -> None:
    with pytest.raises(BadInput, match="/etc/passwd"):
        read_file(client, scratch, "/etc/passwd")
    assert not client.api.containers(all=True, filters={"ancestor": scratch})


def test_start_times_are_counted_by_image_and_the_first_run_is_not(
    client: DockerClient, scratch: str
) -> None:
    told: list[tuple[int, int]] = []
    (one, two) = start_times(
        client,
        [("a", scratch), ("b", scratch)],
        runs=2,
        on_progress=lambda done, all_: told.append((done, all_)),
    )
    assert [len(one.seconds), len(two.seconds)] == [2, 2]
    assert all(0 < s < 30 for s in (*one.seconds, *two.seconds))
    assert told[-1] == (6, 6)
    assert not client.api.containers(all=True, filters={"ancestor": scratch})


def test_a_service_that_says_nothing_is_an_error_with_its_last_line(
    client: DockerClient, scratch: str
) -> None:
    with pytest.raises(DidNotStart, match="Last line"):
        start_once(client, "busybox", "busybox:1.37")
    with pytest.raises(DidNotStart, match="not there"):
        start_once(client, "prices", scratch, ready="not there", wait_seconds=1)


def test_the_container_beside_sees_processes_network_and_files(
    client: DockerClient, scratch: str
) -> None:
    script = "ps -o args; wget -qO- localhost:8080/healthz; ls /proc/1/root/"
    with running_container(client, ContainerSpec(scratch)) as running:
        start_log = client.api.logs(running.id, stream=True, follow=True)
        next(iter(start_log))
        as_service = look_beside(client, running.id, script, user="65532:65532")
        as_root = look_beside(client, running.id, "ls /proc/1/root/")
    assert as_service.count("/prices") >= 1
    assert '"status":"ok"' in as_service
    assert "prices" in as_service.splitlines()
    assert "Permission denied" in as_root


def test_nothing_is_seen_beside_a_container_that_has_ended(client: DockerClient) -> None:
    with running_container(client, ContainerSpec("busybox:1.37", command=("true",))) as ended:
        ended.exited.result(timeout=30)
        with pytest.raises(NothingToSee):
            look_beside(client, ended.id, "ps")


def test_a_thread_has_less_stack_on_musl(engine: Engine) -> None:
    ensure_for(engine, BASES)
    glibc, musl = thread_stacks(engine, (64, 200, 1000))
    assert (glibc.survived, glibc.crashed) == ((64, 200, 1000), ())
    assert (musl.survived, musl.crashed) == ((64,), (200, 1000))
