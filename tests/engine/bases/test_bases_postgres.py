"""The database that services are observed with behaves as the official image does."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import docker
import pytest

from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for
from helpers.observe.containers import ContainerSpec, running_container
from helpers.observe.database import IMAGE, Database, running_database


@pytest.fixture(scope="module")
def database(engine: Engine) -> Iterator[Database]:
    ensure_for(engine, (IMAGE,))
    with running_database(engine.client, Future()) as found:
        yield found


def run(
    client: docker.DockerClient, database: Database, *words: str, **env: str
) -> tuple[int, str]:
    """A program of the image in a second container on the database's network."""
    spec = ContainerSpec(
        IMAGE, command=words, env=tuple(env.items()), network=database.network, memory_mb=256
    )
    with running_container(client, spec) as container:
        code = container.exited.result(timeout=60)
        return code, client.api.logs(container.id).decode()


def test_user_password_and_database_are_those_of_the_environment(
    client: docker.DockerClient, database: Database
) -> None:
    code, printed = run(client, database, "psql", database.url, "-Atc", "SELECT current_user")
    assert (code, printed.strip()) == (0, "workbook")


def test_another_password_is_refused(client: docker.DockerClient, database: Database) -> None:
    url = database.url.replace(database.url.split(":")[2].split("@")[0], "wrong")
    code, printed = run(client, database, "psql", url, "-Atc", "SELECT 1")
    assert code != 0
    assert "password authentication failed" in printed


def test_a_session_that_ends_in_order_and_one_that_breaks_are_told_apart(
    client: docker.DockerClient, database: Database
) -> None:
    before = database.sessions()
    run(client, database, "psql", database.url, "-c", "SELECT 1")
    idle = ("psql", database.url, "-c", "SELECT 1", "-c", "\\! sleep 60")
    spec = ContainerSpec(IMAGE, command=idle, network=database.network)
    with running_container(client, spec) as container:
        for printed in client.api.logs(container.id, stream=True, follow=True):
            if b"1 row" in printed:
                break
        client.api.kill(container.id)
        after = database.sessions()
    assert before.left == 0
    assert (after.closed, after.broken, after.left) == (1, 1, 0)


def test_without_a_password_it_refuses_to_start(client: docker.DockerClient) -> None:
    with running_container(client, ContainerSpec(IMAGE)) as container:
        assert container.exited.result(timeout=60) == 1
        assert b"superuser password is not specified" in client.api.logs(container.id)


def test_its_stop_signal_ends_it_in_order(client: docker.DockerClient) -> None:
    about = client.api.inspect_image(IMAGE)["Config"]
    assert about["StopSignal"] == "SIGINT"
    with running_database(client, Future()) as found:
        client.api.stop(found.container.id, timeout=30)
        assert found.container.exited.result(timeout=30) == 0
