from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import docker
import pytest

from helpers.engine.connect import Engine
from helpers.errors import NoEngine
from helpers.observe.bases import read_bases
from helpers.observe.observe import observe
from helpers.observe.read_image import read_image
from helpers.observe.replay import facts_from_json, facts_to_json
from helpers.observe.requests import BasesRequest, ImageRequest, Probe, ServiceRequest
from helpers.observe.subject import Subject

MakeImage = Callable[..., str]
Containers = Callable[[str], list[str]]

SHELL = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\n"
WEB = SHELL + (
    "COPY index.html /www/index.html\n"
    'CMD ["/bin/busybox", "httpd", "-f", "-p", "3000", "-h", "/www"]\n'
)
PAGE = {"index.html": b"hello"}
SERVICE = ServiceRequest(3000, (Probe("/"),))
OTHER = ServiceRequest(3000, (Probe("/missing"),))


def test_each_distinct_request_is_answered_once(
    client: docker.DockerClient, make_image: MakeImage, containers: Containers
) -> None:
    image = make_image(WEB, PAGE)
    since = int(time.time()) - 1
    seen = observe(
        Subject(client, image, {image: "full", "observe-test-missing:1": "slim"}),
        [ImageRequest(), SERVICE, OTHER, SERVICE, ImageRequest(), BasesRequest()],
    )
    events = client.events(
        since=since, until=int(time.time()) + 1, decode=True, filters={"event": "start"}
    )
    started = [e["id"] for e in events if e["Actor"]["Attributes"].get("image") == image]
    assert len(started) == 2
    assert seen.image is not None
    assert [b.kind for b in seen.bases] == ["full"]
    assert seen.bases[0].diff_ids == tuple(layer.diff_id for layer in seen.image.layers)
    assert seen.services[SERVICE].responses[0].status == 200
    assert seen.services[OTHER].responses[0].status == 404
    assert seen.failures == {}
    assert containers(image) == []
    assert facts_from_json(facts_to_json(seen)) == seen


def test_a_failure_of_one_is_recorded_and_the_others_stand(client: docker.DockerClient) -> None:
    seen = observe(
        Subject(client, "observe-test-missing:1"), [ImageRequest(), SERVICE, BasesRequest()]
    )
    assert seen.image is None
    assert seen.services == {}
    assert set(seen.failures) == {ImageRequest(), SERVICE}
    assert "no such image" in seen.failures[ImageRequest()].lower()


def test_a_base_knows_whether_it_is_a_stand_in(
    client: docker.DockerClient, make_image: MakeImage
) -> None:
    image = make_image(
        'FROM scratch\nCOPY busybox /x\nLABEL docker-production-workbook.stand-in="made of x"\n'
    )
    (base,) = read_bases(client, {"observe-test-missing:1": "slim", image: "debian"})
    assert (base.name, base.kind, base.stand_in) == (image, "debian", "made of x")
    assert len(base.diff_ids) == 1


def test_ctrl_c_ends_all_observations_and_leaves_nothing(
    client: docker.DockerClient, make_image: MakeImage, containers: Containers
) -> None:
    image = make_image(SHELL + 'CMD ["/bin/busybox", "sleep", "600"]\n')
    requests = [
        ServiceRequest(3000, (Probe(f"/{n}"),), wait_seconds=60) for n in range(6)
    ]  # more than run at the same time
    timer = threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT))
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        observe(Subject(client, image), requests)
    assert time.monotonic() - began < 20
    assert containers(image) == []


class CuttingProxy:
    """A Unix socket in front of the engine that drops every connection after some bytes."""

    def __init__(self, engine: str, path: Path, after: int) -> None:
        self._engine, self._after = engine, after
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        self.url = f"unix://{path}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._server.accept()
            except OSError:
                return
            there = socket.socket(socket.AF_UNIX)
            there.connect(self._engine)
            threading.Thread(target=self._copy, args=(here, there, None), daemon=True).start()
            threading.Thread(
                target=self._copy, args=(there, here, self._after), daemon=True
            ).start()

    def _copy(self, source: socket.socket, target: socket.socket, limit: int | None) -> None:
        left = limit
        try:
            while data := source.recv(65_536):
                if left is not None:
                    data = data[:left]
                    left -= len(data)
                target.sendall(data)
                if left == 0:
                    break
        except OSError:
            pass
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.close()


@pytest.mark.parametrize("after", [0, 100, 1_000])
def test_an_engine_that_goes_away_is_named(
    engine: Engine, make_image: MakeImage, tmp_path: Path, after: int
) -> None:
    if not engine.endpoint.url.startswith("unix://"):
        pytest.skip("the engine is not on a Unix socket")
    image = make_image(WEB, PAGE)
    proxy = CuttingProxy(engine.endpoint.url.removeprefix("unix://"), tmp_path / "s", after)
    broken = docker.DockerClient(base_url=proxy.url, version="1.41", timeout=20)
    try:
        with pytest.raises(NoEngine, match="stopped answering"):
            read_image(broken.api, image)
        with pytest.raises(NoEngine):
            observe(Subject(broken, image, {image: "full"}), [ImageRequest(), BasesRequest()])
    finally:
        broken.close()
        proxy.close()
