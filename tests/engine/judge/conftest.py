"""Subjects made for these tests: built from files in memory, and removed after them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest

from helpers.build.client import build
from helpers.build.context import mapping_context
from helpers.build.dockerfile import parse_dockerfile
from helpers.build.request import BuildRequest
from helpers.engine.labels import CHECK, labels
from helpers.judge.judge import collect_requests, criterion, judge
from helpers.judge.verdict import Verdict
from helpers.observe.observe import observe
from helpers.observe.subject import Subject

Subjects = Callable[..., Subject]
Judge = Callable[..., Verdict]


@pytest.fixture(scope="session")
def built(client: docker.DockerClient) -> Iterator[Subjects]:
    """Build a subject from a Dockerfile and further files; a word makes each one another."""
    made: list[str] = []

    def make(dockerfile: str, files: dict[str, str] | None = None, **options: Any) -> Subject:
        tag = f"workbook/judge-test-{uuid.uuid4().hex[:12]}:1"
        context = mapping_context({"Dockerfile": dockerfile, **(files or {})})
        request = BuildRequest(context, tags=(tag,), labels=labels(CHECK), **options)
        record = build(client.api, request)
        made.append(tag)
        return Subject(
            client,
            str(record.image_id),
            dockerfile=parse_dockerfile(dockerfile),
            build=record,
            context=context,
        )

    yield make
    for tag in made:
        client.images.remove(tag, force=True)


@pytest.fixture(scope="session")
def judged() -> Judge:
    """What a property says of a subject, everything observed anew."""

    def verdict(subject: Subject, property_id: str, **params: Any) -> Verdict:
        wanted = [criterion(property_id, params)]
        (found,) = judge(wanted, observe(subject, collect_requests(wanted)))
        return found

    return verdict


@pytest.fixture
def nonce() -> str:
    """A word that no earlier build has seen, so that nothing is cached yet."""
    return uuid.uuid4().hex
