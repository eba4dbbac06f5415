"""``workbook clean`` removes what the workbook created, and nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import docker
import pytest

from helpers.build.client import build
from helpers.build.context import mapping_context
from helpers.build.request import BuildRequest
from helpers.engine.clean import clean
from helpers.engine.connect import Engine
from helpers.engine.labels import BUILT, CHECK, LESSON, TOOL, container_labels, labels
from helpers.engine.ownership import keep_track


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


@pytest.fixture
def learners(client: docker.DockerClient) -> Iterator[str]:
    """A name for what a learner makes; it is removed after the test."""
    name = f"learner-{uuid.uuid4().hex[:8]}"
    yield name
    for container in client.containers.list(all=True, filters={"name": name}):
        container.remove(force=True)
    for image in client.api.images():
        for tag in image["RepoTags"] or ():
            if name in tag:
                client.api.remove_image(tag)


def built_on(client: docker.DockerClient, image: str, name: str) -> str:
    """An image that somebody builds on another one, with a layer of its own."""
    context = mapping_context({"Dockerfile": f"FROM {image}\nCOPY Dockerfile /\n".encode()})
    return build(client.api, BuildRequest(context, tags=(name,))).image_id or ""


def test_ours_go_and_foreign_ones_stay(engine: Engine, foreign: str) -> None:
    client = engine.client
    before = names(client)
    ours = f"ours-{uuid.uuid4().hex[:8]}"
    image = make_image(client, BUILT + ours, labels(CHECK))
    client.volumes.create(ours, labels=labels(TOOL))
    client.networks.create(ours, labels=labels(LESSON))
    client.containers.create(
        image, ["/x"], name=ours, labels=container_labels(CHECK, ours), network=ours
    )
    removed = clean(engine, bases=False)
    assert removed.kept == ()
    after = names(client)
    for kind, here in after.items():
        assert not any(ours in n for n in here), kind
        assert any(n.startswith(foreign) for n in here), kind
        assert here <= before[kind], kind


def test_what_a_learner_makes_from_an_image_of_a_check_stays(engine: Engine, learners: str) -> None:
    client = engine.client
    ours = make_image(client, BUILT + learners, labels(CHECK))
    built = built_on(client, ours, f"{learners}:built")
    assert client.images.get(built).labels == labels(CHECK), "it is inherited"
    for number, image in enumerate((ours, f"{learners}:built")):
        container = client.containers.create(image, ["/x"], name=f"{learners}-{number}")
        assert container.labels.items() >= labels(CHECK).items(), "it is inherited"
    removed = clean(engine, bases=False)
    after = names(client)
    assert {f"{learners}-0", f"{learners}-1"} <= after["containers"]
    assert f"{learners}:built" in " ".join(after["images"])
    # Our image is needed by the learner's container: it stays, and the reason is told.
    assert [text for text in removed.kept if ours in text]
    client.containers.get(f"{learners}-0").remove()
    clean(engine, bases=False)
    after = names(client)
    assert not any(BUILT in tag and learners in tag for tag in after["images"])
    assert f"{learners}:built" in after["images"]
    assert f"{learners}-1" in after["containers"]


def test_what_is_committed_from_a_container_of_ours_stays(engine: Engine, learners: str) -> None:
    client = engine.client
    image = make_image(client, BUILT + learners, labels(CHECK))
    name = f"workbook-check-{learners}"
    container = client.containers.create(
        image, ["/x"], name=name, labels=container_labels(CHECK, name)
    )
    container.commit(learners, "committed")
    client.containers.create(f"{learners}:committed", ["/x"], name=f"{learners}-0")
    clean(engine, bases=False)
    after = names(client)
    assert name not in after["containers"]
    assert f"{learners}-0" in after["containers"]
    assert f"{learners}:committed" in after["images"]


def test_a_learners_untagged_image_stays(engine: Engine, learners: str) -> None:
    client = engine.client
    ours = make_image(client, BUILT + learners, labels(CHECK))
    untagged = built_on(client, ours, f"{learners}:passing")
    client.api.tag(make_image(client, f"{learners}-other", {}), learners, "passing", force=True)
    assert client.images.get(untagged).tags == []
    clean(engine, bases=False)
    assert client.images.get(untagged).id == untagged
    client.api.remove_image(untagged)


def test_an_image_of_ours_goes_also_after_a_later_build_took_its_name(
    engine: Engine, learners: str
) -> None:
    client = engine.client
    name = make_image(client, BUILT + learners, labels(LESSON))
    earlier = str(client.images.get(name).id)
    keep_track(client.api, earlier)
    later = make_image(client, name, {**labels(LESSON), "later": "yes"})
    assert client.images.get(later).id != earlier
    clean(engine, bases=False)
    assert earlier not in {i.id for i in client.images.list()}
    assert not any(learners in tag for tag in names(client)["images"])


def test_a_name_that_somebody_else_gave_an_image_of_ours_stays(
    engine: Engine, learners: str
) -> None:
    client = engine.client
    ours = make_image(client, BUILT + learners, labels(CHECK))
    client.images.get(ours).tag(f"somebody/{learners}")
    clean(engine, bases=False)
    here = [tag for tag in names(client)["images"] if learners in tag]
    assert here == [f"somebody/{learners}:latest"]


def test_cleaning_twice_removes_nothing_more(engine: Engine) -> None:
    clean(engine, bases=False)
    again = clean(engine, bases=False)
    assert (again.containers, again.volumes, again.networks) == (0, 0, 0)
