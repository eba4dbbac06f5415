"""A schema of its own for every test that needs PostgreSQL."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from worker import invoice, jobs
from worker.jobs import Connection


@pytest.fixture
def database_url() -> Iterator[str]:
    """A URL whose tables are the test's own; they are dropped at the end."""
    url = os.environ.get("TEST_DATABASE_URL")
    if not url:
        pytest.skip("TEST_DATABASE_URL is not set")
    schema = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE SCHEMA {schema}")
        yield f"{url}?options=-csearch_path%3D{schema}"
        admin.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A connection to it, with the worker's tables."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for schema in (jobs.SCHEMA, invoice.SCHEMA):
            connection.execute(schema)
        yield connection
