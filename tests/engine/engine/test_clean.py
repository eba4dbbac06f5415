"""``workbook clean`` removes what carries the label, and nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import docker
import pytest

from helpers.engine.clean import clean
from helpers.engine.connect import Engine
from helpers.engine.labels import CHECK, LESSON, TOOL, labels


@pytest.fixture
def foreign(client: docker.DockerClient) -> Iterator[str]:
    """A container, an image, a volume and a network that somebody else made, all in use."""
    name = f"foreign-{uuid.uuid4().hex[:8]}"
    image = make_image(client, name, {})
    client.volumes.create(name)
    client.networks.create(name)
    client.containers.create(image, ["/x"], name=name, volumes={name: {"bind": "/data"}})
    yield name
    client.containers.get(name).remove(force=True)
    client.networks.get(name).remove()
    client.volumes.get(name).remove()
    client.images.remove(name)


def make_image(client: docker.DockerClient, name: str, marks: dict[str, str]) -> str:
    changes = [f'LABEL "{key}"="{value}"' for key, value in marks.items()]
    client.api.import_image_from_data(b"\0" * 10240, repository=name, changes=changes)
    return name


def names(client: docker.DockerClient) -> dict[str, set[str]]:
    return {
        "containers": {c.name for c in client.containers.list(all=True)},
        "images": {tag for i in client.images.list() for tag in i.tags},
        "volumes": {v.name for v in client.volumes.list()},
        "networks": {n.name for n in client.networks.list()},
    }


def test_ours_go_and_foreign_ones_stay(engine: Engine, foreign: str) -> None:
    client = engine.client
    before = names(client)
    ours = f"ours-{uuid.uuid4().hex[:8]}"
    make_image(client, ours, labels(CHECK))
    client.volumes.create(ours, labels=labels(TOOL))
    client.networks.create(ours, labels=labels(LESSON))
    client.containers.create(ours, ["/x"], name=ours, labels=labels(CHECK), network=ours)
    removed = clean(engine, bases=False)
    assert removed.kept == ()
    after = names(client)
    for kind, here in after.items():
        assert not any(n.startswith(ours) for n in here), kind
        assert any(n.startswith(foreign) for n in here), kind
        assert here <= before[kind], kind


def test_a_foreign_container_on_our_image_keeps_the_image_and_says_so(engine: Engine) -> None:
    client = engine.client
    name = f"mixed-{uuid.uuid4().hex[:8]}"
    make_image(client, name, labels(CHECK))
    container = client.containers.create(name, ["/x"], name=name, labels={"mine": "yes"})
    # The image's own label is inherited by containers of it; this one overrides it.
    try:
        removed = clean(engine, bases=False)
        left = {c.name for c in client.containers.list(all=True)}
        assert name not in left or any(name in text for text in removed.kept)
    finally:
        for kind in (client.containers, client.images):
            try:
                thing = kind.get(name)
            except docker.errors.NotFound:
                continue
            thing.remove(force=True)
    assert container.id


def test_an_image_of_ours_goes_with_all_its_names(engine: Engine) -> None:
    """The image carries our label, so all its names go: that is what the label says."""
    client = engine.client
    name = f"tagged-{uuid.uuid4().hex[:8]}"
    make_image(client, name, labels(CHECK))
    client.images.get(name).tag("somebody/" + name)
    clean(engine, bases=False)
    assert not [t for i in client.images.list() for t in i.tags if name in t]


def test_cleaning_twice_removes_nothing_more(engine: Engine) -> None:
    clean(engine, bases=False)
    again = clean(engine, bases=False)
    assert (again.containers, again.volumes, again.networks) == (0, 0, 0)
