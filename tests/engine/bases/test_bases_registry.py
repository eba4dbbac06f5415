"""Official images from a registry on the engine's own loopback, and registries that refuse."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from docker import DockerClient
from docker.models.containers import Container
from image_files import port_of

from helpers.engine import bases, clean, pull
from helpers.engine.connect import Engine

Push = Callable[[str], str]
InCatalogue = Callable[[str], bases.Base]

_REFUSING = """
const http = require("http")
http.createServer((request, response) => {
  const status = Number(request.url.split("/")[2]?.slice(1)) || 200
  response.writeHead(status, {"Content-Type": "application/json"})
  response.end(JSON.stringify({errors: [{code: "UNKNOWN", message: "status " + status}]}))
}).listen(5000, () => console.log("ready"))
"""


def ensure(client: DockerClient, *names: str, allow: bool = False) -> dict[str, bases.BaseStatus]:
    found = bases.ensure(client, names, allow_stand_ins=allow)
    return {s.name: s for s in found}


def test_a_push_and_a_pull_by_digest(
    client: DockerClient,
    registry: tuple[str, Container],
    push: Push,
    in_catalogue: InCatalogue,
) -> None:
    name = f"{registry[0]}/node:26-test"
    digest = push(name)
    in_catalogue(name)
    told: list[pull.Progress] = []
    (found,) = bases.ensure(client, (name,), allow_stand_ins=True, on_progress=told.append)
    assert (found.source, found.digest) == ("official", digest)
    assert told[0].phase == "resolve"
    assert told[-1].phase == "done"
    log = registry[1].logs().decode()
    assert f"GET /v2/node/manifests/{digest}" in log


def test_the_pulled_image_is_the_workbooks_to_remove(
    engine: Engine, registry: tuple[str, Container], push: Push, in_catalogue: InCatalogue
) -> None:
    name = f"{registry[0]}/node:26-test"
    push(name)
    in_catalogue(name)
    ensure(engine.client, name)
    image = next(i for i in engine.client.api.images() if name in (i["RepoTags"] or ()))
    assert {name, bases.mark(name)} <= set(bases.references(image))
    assert clean.created_by_workbook(image)


def test_a_second_time_is_quick(
    client: DockerClient, registry: tuple[str, Container], push: Push, in_catalogue: InCatalogue
) -> None:
    name = f"{registry[0]}/node:26-test"
    push(name)
    in_catalogue(name)
    ensure(client, name)
    begin = time.monotonic()
    ensure(client, name)
    assert time.monotonic() - begin < 0.5  # about 2 ms; the limit leaves room for a busy machine


def test_an_image_that_the_registry_lacks_is_an_error_not_a_stand_in(
    client: DockerClient, registry: tuple[str, Container], in_catalogue: InCatalogue
) -> None:
    name = f"{registry[0]}/node:no-such"
    in_catalogue(name)
    with pytest.raises(pull.RegistryRefused, match=name):
        ensure(client, name, allow=True)
    assert not bases.status(client, (name,))[0].present


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_a_registry_that_answers_and_refuses_is_an_error(
    client: DockerClient,
    get: Callable[[str], bases.BaseStatus],
    started: Callable[..., Container],
    in_catalogue: InCatalogue,
    status: int,
) -> None:
    get("node:26-trixie-slim")
    server = started(
        "node:26-trixie-slim", "node", "-e", _REFUSING, ports={"5000/tcp": ("127.0.0.1", 0)}
    )
    next(line for line in server.logs(stream=True, follow=True) if b"ready" in line)
    name = f"127.0.0.1:{port_of(server, 5000)}/s{status}/node:26"
    in_catalogue(name)
    with pytest.raises(pull.RegistryRefused, match=f"status {status}|{status} ") as caught:
        ensure(client, name, allow=True)
    assert caught.value.remedy


def test_a_registry_that_is_gone_is_noticed_fast_and_asked_once(
    client: DockerClient, started: Callable[..., Container], in_catalogue: InCatalogue
) -> None:
    # Port 9 of the engine's loopback: nothing listens on "discard" any more.
    names = [f"127.0.0.1:9/node:{n}" for n in range(3)]
    for name in names:
        in_catalogue(name)
    asked: list[str] = []
    begin = time.monotonic()
    with pytest.raises(bases.NoBaseImage, match=r"127\.0\.0\.1:9 is out of reach"):
        bases.ensure(
            client,
            names,
            allow_stand_ins=False,
            on_progress=lambda p: asked.append(p.base) if p.phase == "resolve" else None,
        )
    assert time.monotonic() - begin < 5
    assert asked == names[:1]


def test_a_registry_that_takes_the_call_and_says_nothing_is_given_up(
    client: DockerClient,
    get: Callable[[str], bases.BaseStatus],
    started: Callable[..., Container],
) -> None:
    get("node:26-trixie-slim")
    silent = 'require("net").createServer(() => {}).listen(5000, () => console.log("ready"))'
    server = started(
        "node:26-trixie-slim", "node", "-e", silent, ports={"5000/tcp": ("127.0.0.1", 0)}
    )
    next(line for line in server.logs(stream=True, follow=True) if b"ready" in line)
    begin = time.monotonic()
    with pytest.raises(pull.OutOfReach, match="within 1 seconds"):
        pull.resolve(client.api, f"127.0.0.1:{port_of(server, 5000)}/node:26", seconds=1)
    assert time.monotonic() - begin < 5
