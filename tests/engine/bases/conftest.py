"""Base images on a real engine, and a registry that is only there for the tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from docker import DockerClient
from docker.models.containers import Container
from image_files import port_of

from helpers.build.client import build
from helpers.build.context import mapping_context
from helpers.build.request import BuildRequest
from helpers.engine import bases, catalogue
from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for
from helpers.engine.labels import TOOL, labels
from helpers.observe.containers import start_container

PREFIX = "bases-test"


@pytest.fixture(scope="session")
def get(engine: Engine) -> Callable[[str], bases.BaseStatus]:
    """Gives a base image, or skips the test where this engine may not have it."""

    def one(name: str) -> bases.BaseStatus:
        try:
            (found,) = ensure_for(engine, (name,))
        except bases.NoBaseImage as error:
            pytest.skip(f"{error.message} {error.remedy}")
        return found

    return one


@pytest.fixture
def run(client: DockerClient) -> Callable[..., str]:
    """Runs a command in a container to its end and gives what it printed."""

    def one(image: str, *command: str, **options: Any) -> str:
        output = client.containers.run(
            image, list(command), remove=True, labels=labels(TOOL), stderr=True, **options
        )
        return str(output.decode())

    return one


@pytest.fixture
def built(client: DockerClient) -> Iterator[Callable[..., str]]:
    """Builds an image from a Dockerfile's text; it is removed after the test."""
    tags: list[str] = []

    def one(dockerfile: str, **files: str) -> str:
        tag = f"{PREFIX}:{len(tags)}"
        tags.append(tag)
        context = mapping_context({"Dockerfile": dockerfile, **files})
        build(client.api, BuildRequest(context, tags=(tag,)))
        return tag

    yield one
    for tag in tags:
        client.api.remove_image(tag, force=True)


@pytest.fixture
def started(client: DockerClient) -> Iterator[Callable[..., Container]]:
    """Starts containers; they are removed after the test with their volumes."""
    there: list[Container] = []

    def one(image: str, *command: str, **options: Any) -> Container:
        container = client.containers.create(
            image, list(command) or None, detach=True, labels=labels(TOOL), **options
        )
        there.append(container)
        start_container(client.api, container.id)
        container.reload()
        return container

    yield one
    for container in there:
        container.remove(force=True, v=True)


@pytest.fixture
def registry(
    get: Callable[[str], bases.BaseStatus], started: Callable[..., Container]
) -> tuple[str, Container]:
    """A registry on the engine's loopback: its address and its container."""
    get("registry:2")
    container = started("registry:2", ports={"5000/tcp": ("127.0.0.1", 0)})
    address = f"127.0.0.1:{port_of(container, 5000)}"
    for line in container.logs(stream=True, follow=True):
        if b"listening on" in line:
            break
    return address, container


@pytest.fixture
def push(client: DockerClient) -> Callable[[str], str]:
    """Puts a small image into a registry, takes it off the engine, gives its digest."""

    def one(name: str) -> str:
        context = mapping_context({"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
        build(client.api, BuildRequest(context, tags=(name,)))
        repository, _, tag = name.rpartition(":")
        digest = ""
        for message in client.api.push(repository, tag=tag, stream=True, decode=True):
            assert "error" not in message, json.dumps(message)
            digest = message.get("aux", {}).get("Digest", digest)
        client.api.remove_image(name)
        return digest

    return one


@pytest.fixture
def in_catalogue(
    client: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], bases.Base]]:
    """Adds a name to the catalogue for one test; what a test gets under it is removed after it."""
    added: list[bases.Base] = []

    def one(name: str) -> bases.Base:
        model = bases.base("busybox:1.37")
        added.append(replace(model, name=name, recipe=replace(model.recipe, name=name)))
        monkeypatch.setattr(catalogue, "_CATALOGUE", (*catalogue._CATALOGUE, added[-1]))
        return added[-1]

    yield one
    there = {t for i in client.api.images() for t in i["RepoTags"] or ()}
    for found in added:
        for tag in {found.name, bases.mark(found.name)} & there:
            client.api.remove_image(tag)
