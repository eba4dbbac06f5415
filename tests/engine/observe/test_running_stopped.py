"""An observation that is given up ends at once, and leaves nothing on the engine."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import docker
import pytest

from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for
from helpers.engine.labels import filters
from helpers.observe.errors import ObservationFailed, Stopped
from helpers.observe.hardened import HardenedRequest, observe_hardened
from helpers.observe.health import HealthRequest, observe_health
from helpers.observe.requests import Request
from helpers.observe.running import RunningRequest, observe_running
from helpers.observe.service_start import ServiceStart
from helpers.observe.shutdown import ShutdownRequest, observe_shutdown
from helpers.observe.subject import Subject

MakeImage = Callable[..., str]
Left = Callable[[], set[str]]

HANGS = (
    "FROM scratch\nCOPY busybox /bin/busybox\nEXPOSE 3000\n"
    'HEALTHCHECK CMD ["/bin/busybox", "false"]\n'
    'CMD ["/bin/busybox", "sleep", "600"]\n'
)
SERVICE = ServiceStart(wait_seconds=60)
REQUESTS: list[tuple[Any, Request[Any]]] = [
    (observe_running, RunningRequest(SERVICE)),
    (observe_hardened, HardenedRequest(SERVICE)),
    (observe_shutdown, ShutdownRequest(SERVICE)),
    (observe_shutdown, ShutdownRequest(SERVICE, database="DATABASE_URL")),
    (observe_health, HealthRequest(wait_seconds=60)),
]


@pytest.fixture
def left(client: docker.DockerClient, monkeypatch: pytest.MonkeyPatch) -> Left:
    """Names of what this test made on the engine and is still there."""
    made: list[str] = []

    def uuid4() -> uuid.UUID:
        found = uuid.uuid4()
        made.append(found.hex[:16])
        return found

    monkeypatch.setattr("helpers.observe.containers.uuid", SimpleNamespace(uuid4=uuid4))

    def find() -> set[str]:
        api = client.api
        names = {name for c in api.containers(all=True, filters=filters()) for name in c["Names"]}
        names |= {v["Name"] for v in api.volumes(filters=filters())["Volumes"] or ()}
        names |= {n["Name"] for n in api.networks(filters=filters())}
        assert made
        return {name for name in names if name.endswith(tuple(made))}

    return find


@pytest.mark.parametrize("after", [0.3, 2.0])
@pytest.mark.parametrize(
    ("observer", "request_"),
    REQUESTS,
    ids=["running", "hardened", "shutdown", "database", "health"],
)
def test_it_ends_at_once_and_leaves_nothing(
    engine: Engine,
    make_image: MakeImage,
    left: Left,
    observer: Any,
    request_: Request[Any],
    after: float,
) -> None:
    ensure_for(engine, ("busybox:1.37", "postgres:17-trixie"))
    subject = Subject(engine.client, make_image(HANGS))
    threading.Timer(after, subject.stop.set_result, [None]).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        observer(subject, request_)
    assert time.monotonic() - began < after + 8
    assert left() == set()


def test_an_engine_without_the_database_says_so(
    client: docker.DockerClient, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch, left: Left
) -> None:
    monkeypatch.setattr("helpers.observe.database.IMAGE", "workbook-test-missing:1")
    request = ShutdownRequest(SERVICE, database="DATABASE_URL")
    with pytest.raises(ObservationFailed, match="no workbook-test-missing:1"):
        observe_shutdown(Subject(client, make_image(HANGS)), request)
    assert left() == set()
