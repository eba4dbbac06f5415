"""The corpus on the engine: each image is made once, and removed after the tests."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import docker
import pytest
from corpus_images import Case
from static_busybox import static_busybox

from helpers.build.client import build
from helpers.build.context import mapping_context
from helpers.build.dockerfile import parse_dockerfile
from helpers.build.request import BuildRequest
from helpers.engine.labels import CHECK, labels
from helpers.observe.subject import Subject

Subjects = Callable[[Case], Subject]


@pytest.fixture(scope="module")
def subject_of(
    client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Subjects]:
    """The image of a case, under a name of the tests' own."""
    busybox = static_busybox(tmp_path_factory.mktemp("busybox"))
    made: dict[str, Subject] = {}
    tags: list[str] = []

    def one(case: Case) -> Subject:
        if case.name not in made:
            tag = f"workbook/corpus-test-{uuid.uuid4().hex[:12]}:1"
            made[case.name] = _loaded(client, case, tag) if case.archive else _built(case, tag)
            tags.append(tag)
        return made[case.name]

    def _built(case: Case, tag: str) -> Subject:
        files: dict[str, str | bytes] = {"Dockerfile": case.dockerfile, "busybox": busybox}
        context = mapping_context({**files, **case.files})
        request = BuildRequest(context, tags=(tag,), labels=labels(CHECK))
        record = build(client.api, request)
        parsed = parse_dockerfile(case.dockerfile)
        return Subject(
            client, str(record.image_id), dockerfile=parsed, build=record, context=context
        )

    yield one
    for tag in tags:
        client.images.remove(tag, force=True)


def _loaded(client: docker.DockerClient, case: Case, tag: str) -> Subject:
    (image,) = client.images.load(case.archive)
    assert image.tag(tag)
    return Subject(client, str(image.id))
