"""The engine that the tests run on: the one that the workbook itself would use."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest

from helpers.engine.connect import Engine, connect


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    with connect() as found:
        yield found


@pytest.fixture(scope="session")
def client(engine: Engine) -> docker.DockerClient:
    return engine.client
