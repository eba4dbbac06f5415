from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import docker
import pytest

from helpers.engine.connect import Engine
from helpers.errors import BadInput, NoEngine
from helpers.observe.containers import ContainerSpec, running_container
from helpers.observe.requests import Probe, ServiceRequest
from helpers.observe.run_service import run_service

SHELL = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\n"

MakeImage = Callable[..., str]
Containers = Callable[[str], list[str]]

ROOT = (Probe("/"),)
WEB = SHELL + (
    "COPY index.html /www/index.html\n"
    'CMD ["/bin/busybox", "httpd", "-f", "-p", "{}", "-h", "/www"]\n'
)
PAGE = {"index.html": b"hello from inside"}


def sh(script: str) -> str:
    return SHELL + f'CMD ["/bin/sh", "-c", "{script}"]\n'


def test_a_service_that_answers(
    client: docker.DockerClient, make_image: MakeImage, containers: Containers
) -> None:
    image = make_image(WEB.format(3000), PAGE)
    request = ServiceRequest(3000, (Probe("/"), Probe("/missing"), Probe("/", "POST", "{}")))
    facts = run_service(client, image, request)
    assert facts.started
    assert [r.status for r in facts.responses[:2]] == [200, 404]
    assert facts.responses[0].body == "hello from inside"
    assert facts.ready_seconds is not None
    assert 0 < facts.ready_seconds < 10
    assert facts.exit_code is None
    assert not facts.oom_killed
    assert facts.unreachable == ""
    assert containers(image) == []


def test_a_service_on_another_port_is_found(
    client: docker.DockerClient, make_image: MakeImage
) -> None:
    image = make_image(WEB.format(8080), PAGE)
    facts = run_service(client, image, ServiceRequest(3000, ROOT, wait_seconds=1))
    assert facts.ready_seconds is None
    assert [r.status for r in facts.responses] == [None]
    assert facts.exit_code is None
    if facts.listeners_known:  # only where the engine's processes are on this machine
        assert [entry.port for entry in facts.listeners] == [8080]


def test_a_service_on_loopback_is_found(client: docker.DockerClient, make_image: MakeImage) -> None:
    image = make_image(WEB.format("127.0.0.1:3000"), PAGE)
    facts = run_service(client, image, ServiceRequest(3000, ROOT, wait_seconds=1))
    assert facts.ready_seconds is None
    if facts.listeners_known:
        assert [(e.address, e.port) for e in facts.listeners] == [("127.0.0.1", 3000)]


def test_a_container_that_exits_ends_the_wait_at_once(
    client: docker.DockerClient, make_image: MakeImage, containers: Containers
) -> None:
    image = make_image(sh("echo cannot find module >&2; exit 7"))
    began = time.monotonic()
    facts = run_service(client, image, ServiceRequest(3000, ROOT, wait_seconds=60))
    assert time.monotonic() - began < 20
    assert facts.started
    assert facts.exit_code == 7
    assert facts.log_tail == ("cannot find module",)
    assert containers(image) == []


def test_a_command_that_is_not_there_is_the_image_s_fault(
    client: docker.DockerClient, make_image: MakeImage, containers: Containers
) -> None:
    image = make_image(SHELL + 'CMD ["/bin/nodee", "server.js"]\n')
    facts = run_service(client, image, ServiceRequest(3000, ROOT))
    assert not facts.started
    assert "/bin/nodee" in facts.start_error
    assert containers(image) == []


@pytest.mark.parametrize("ending", ["", 'USER nobody-knows\nCMD ["/bin/sh"]\n'])
def test_no_command_and_an_unknown_user(
    client: docker.DockerClient, make_image: MakeImage, ending: str
) -> None:
    facts = run_service(client, make_image(SHELL + ending), ServiceRequest(3000, ROOT))
    assert not facts.started
    assert facts.start_error
    assert facts.start_error.isprintable()


def test_a_container_that_prints_without_end_costs_neither_memory_nor_time(
    client: docker.DockerClient, make_image: MakeImage
) -> None:
    image = make_image(sh("yes a-line-of-some-length-that-is-printed-again-and-again"))
    began = time.monotonic()
    facts = run_service(client, image, ServiceRequest(3000, ROOT, wait_seconds=3))
    assert time.monotonic() - began < 20
    assert facts.exit_code is None
    assert len(facts.log_tail) == 40
    assert set(facts.log_tail[1:-1]) == {"a-line-of-some-length-that-is-printed-again-and-again"}


def test_a_line_without_an_end_is_cut(client: docker.DockerClient, make_image: MakeImage) -> None:
    image = make_image(sh("printf '\\\\033[31m'; /bin/busybox head -c 3000000 /dev/zero"))
    facts = run_service(client, image, ServiceRequest(3000, ROOT, wait_seconds=20))
    assert facts.exit_code == 0
    assert all(len(line) <= 2100 and line.isprintable() for line in facts.log_tail)


def test_the_memory_limit_is_enforced_and_told(
    client: docker.DockerClient, make_image: MakeImage
) -> None:
    image = make_image(sh("/bin/busybox tail /dev/zero"))
    facts = run_service(client, image, ServiceRequest(3000, ROOT, memory_mb=16, wait_seconds=30))
    assert facts.exit_code == 137
    assert facts.oom_killed


def test_a_fork_bomb_stays_in_its_container(
    client: docker.DockerClient, make_image: MakeImage, containers: Containers
) -> None:
    image = make_image(sh("while true; do /bin/busybox sleep 60 & done"))
    facts = run_service(client, image, ServiceRequest(3000, ROOT, wait_seconds=2))
    assert facts.responses[0].status is None
    assert containers(image) == []


def test_the_environment_is_passed(client: docker.DockerClient, make_image: MakeImage) -> None:
    image = make_image(sh("echo $A-$B"))
    request = ServiceRequest(3000, ROOT, env=(("A", "one"), ("B", "two")))
    assert run_service(client, image, request).log_tail == ("one-two",)


def test_an_image_that_is_not_there(client: docker.DockerClient) -> None:
    with pytest.raises(BadInput, match="No such image"):
        run_service(client, "observe-test-missing:1", ServiceRequest(3000, ROOT))


def test_it_works_where_an_event_loop_runs_already(
    client: docker.DockerClient, make_image: MakeImage
) -> None:
    import asyncio

    image = make_image(WEB.format(3000), PAGE)

    async def in_a_notebook() -> int | None:
        return run_service(client, image, ServiceRequest(3000, ROOT)).responses[0].status

    assert asyncio.run(in_a_notebook()) == 200


def test_a_container_is_removed_after_an_error(
    client: docker.DockerClient, make_image: MakeImage, containers: Containers
) -> None:
    image = make_image(sh("/bin/busybox sleep 600"))
    with pytest.raises(ZeroDivisionError), running_container(client, ContainerSpec(image)):
        assert len(containers(image)) == 1
        raise ZeroDivisionError
    assert containers(image) == []


@pytest.mark.parametrize("after", [0.0, 0.02, 0.1, 0.3, 1.5])
def test_ctrl_c_at_any_moment_leaves_no_container(
    client: docker.DockerClient, make_image: MakeImage, containers: Containers, after: float
) -> None:
    image = make_image(sh("/bin/busybox sleep 600"))
    timer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT))
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        try:
            run_service(client, image, ServiceRequest(3000, ROOT, wait_seconds=60))
        finally:
            timer.join()
    assert time.monotonic() - began < 15
    assert containers(image) == []


def test_several_at_the_same_time(client: docker.DockerClient, make_image: MakeImage) -> None:
    image = make_image(WEB.format(3000), PAGE)
    with ThreadPoolExecutor(4) as pool:
        runs = list(
            pool.map(lambda _: run_service(client, image, ServiceRequest(3000, ROOT)), range(4))
        )
    assert [r.responses[0].status for r in runs] == [200] * 4


class Relay:
    """A way to the engine on which every connection breaks at the first request with the marker."""

    def __init__(self, engine: str, path: Path, marker: bytes, *, comes_back: bool) -> None:
        self.engine, self.marker, self.comes_back = engine, marker, comes_back
        self.url = f"unix://{path}"
        self.broke = False
        self.ends: list[socket.socket] = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()

    def __enter__(self) -> Relay:
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut(self.listener, *self.ends)
        self.listener.close()

    def cut(self, *ends: socket.socket) -> None:
        for end in ends:
            with suppress(OSError):  # closed already
                end.shutdown(socket.SHUT_RDWR)

    def serve(self) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                here, _ = self.listener.accept()
                there = socket.socket(socket.AF_UNIX)
                there.connect(self.engine)
                self.ends += [here, there]
                for way in ((here, there, True), (there, here, False)):
                    threading.Thread(target=self.copy, args=way, daemon=True).start()

    def copy(self, source: socket.socket, target: socket.socket, requests: bool) -> None:
        with suppress(OSError):  # cut
            while data := source.recv(65_536):
                if requests and not self.broke and self.marker in data:
                    self.broke = True
                    if not self.comes_back:
                        self.cut(self.listener)
                    self.cut(*self.ends)
                    return
                target.sendall(data)
        self.cut(target)


@pytest.mark.parametrize("marker", [b"/start HTTP", b"/json HTTP", b"/logs?"])
def test_a_connection_that_broke_leaves_no_container(
    engine: Engine,
    tmp_path: Path,
    make_image: MakeImage,
    containers: Containers,
    marker: bytes,
) -> None:
    image = make_image(sh("/bin/busybox sleep 600"))
    with Relay(socket_of(engine), tmp_path / "s", marker, comes_back=True) as relay:
        over = docker.DockerClient(base_url=relay.url)
        with pytest.raises(NoEngine, match="stopped answering"):
            run_service(over, image, ServiceRequest(3000, ROOT, wait_seconds=0.2))
        over.close()
        assert relay.broke
    assert containers(image) == []


def test_a_connection_that_breaks_at_the_removal_is_made_anew(
    engine: Engine, tmp_path: Path, make_image: MakeImage, containers: Containers
) -> None:
    image = make_image(sh("/bin/busybox sleep 600"))
    with Relay(socket_of(engine), tmp_path / "s", b"DELETE ", comes_back=True) as relay:
        over = docker.DockerClient(base_url=relay.url)
        facts = run_service(over, image, ServiceRequest(3000, ROOT, wait_seconds=0.2))
        over.close()
        assert relay.broke
    assert facts.started
    assert containers(image) == []


def test_an_engine_that_is_gone_for_good_is_told_with_the_container_that_is_left(
    engine: Engine, tmp_path: Path, make_image: MakeImage, containers: Containers
) -> None:
    image = make_image(sh("/bin/busybox sleep 600"))
    with Relay(socket_of(engine), tmp_path / "s", b"/json HTTP", comes_back=False) as relay:
        over = docker.DockerClient(base_url=relay.url)
        with pytest.raises(NoEngine) as caught:
            run_service(over, image, ServiceRequest(3000, ROOT))
        over.close()
    (left,) = containers(image)
    container = engine.client.containers.get(left)
    container.remove(force=True)
    assert str(container.name) in caught.value.remedy
    assert "workbook clean" in caught.value.remedy


def socket_of(engine: Engine) -> str:
    if not engine.endpoint.url.startswith("unix://"):
        pytest.skip("only a socket can be cut here")
    return engine.endpoint.url.removeprefix("unix://")
