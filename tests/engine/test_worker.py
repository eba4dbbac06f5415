"""The job worker: its own tests beside a real PostgreSQL, and both of its images."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future

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
from helpers.observe.containers import ContainerSpec, running_container
from helpers.observe.database import Database, running_database

APPS = course_folders().apps
BASES = (
    "python:3.13-slim-trixie",
    "gcr.io/distroless/python3-debian13:nonroot",
    "postgres:17-trixie",
)
TESTS = """\
FROM python:3.13-slim-trixie
WORKDIR /app
COPY requirements-test.txt ./
RUN pip install -q --require-hashes -r requirements-test.txt
COPY . .
CMD ["python", "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"]
"""


def files() -> dict[str, bytes]:
    app = APPS / "worker"
    return {str(p): (app / p).read_bytes() for p in app_files(app)} | {".dockerignore": b""}


def made(client: DockerClient, name: str, content: dict[str, bytes], dockerfile: str) -> str:
    context = mapping_context(content, dockerfile=DockerfileText(dockerfile, "Dockerfile"))
    tag = f"{BUILT}{CHECK}-worker:{name}"
    build(client.api, BuildRequest(context, tags=(tag,), labels=labels(TOOL)))
    return tag


@pytest.fixture(scope="module")
def database(engine: Engine, client: DockerClient) -> Iterator[Database]:
    ensure_for(engine, BASES)
    with running_database(client, Future()) as found:
        yield found


def own_tests(
    client: DockerClient, database: Database, content: dict[str, bytes]
) -> tuple[int, str]:
    """Exit code and output of the worker's own tests."""
    image = made(client, "tests", content, TESTS)
    env = (("TEST_DATABASE_URL", database.url),)
    try:
        with running_container(
            client, ContainerSpec(image, network=database.network, env=env)
        ) as container:
            code = container.exited.result(timeout=120)
            return code, client.api.logs(container.id).decode()
    finally:
        client.api.remove_image(image, force=True)


def test_the_workers_own_tests_pass_and_none_is_skipped(
    client: DockerClient, database: Database
) -> None:
    code, output = own_tests(client, database, files())
    assert code == 0, output
    assert "skipped" not in output


def test_a_worker_that_does_not_lock_its_job_fails_them(
    client: DockerClient, database: Database
) -> None:
    content = files()
    right = b"FOR UPDATE SKIP LOCKED"
    jobs = content["worker/jobs.py"]
    assert right in jobs
    content["worker/jobs.py"] = jobs.replace(b"\nFOR UPDATE SKIP LOCKED\n", b"\n")
    code, output = own_tests(client, database, content)
    assert code == 1, output
    assert "test_two_workers_never_have_the_same_job" in output


@pytest.mark.parametrize("name", ["1-naive", "2-good"])
def test_each_image_takes_jobs(client: DockerClient, database: Database, name: str) -> None:
    content = files()
    content[".dockerignore"] = (APPS / "worker" / ".dockerignore").read_bytes()
    text = (APPS / "worker" / "dockerfiles" / f"{name}.Dockerfile").read_text()
    image = made(client, name, content, text)
    spec = ContainerSpec(
        image, network=database.network, env=(("DATABASE_URL", database.url),), no_health=True
    )
    try:
        with running_container(client, spec) as container:
            log = client.api.logs(container.id, stream=True, follow=True)
            assert any(b"waiting for jobs" in line for line in log), "it ended before"
    finally:
        client.api.remove_image(image, force=True)


def test_orders_and_worker_make_the_same_queue() -> None:
    def schema(text: str) -> str:
        found = re.search(r"CREATE TABLE IF NOT EXISTS jobs .*?state = 'queued';", text, re.DOTALL)
        assert found is not None
        return " ".join(found[0].split())

    worker = (APPS / "worker" / "worker" / "jobs.py").read_text()
    orders = (APPS / "orders" / "src" / "postgres-store.ts").read_text()
    assert schema(worker) == schema(orders)
