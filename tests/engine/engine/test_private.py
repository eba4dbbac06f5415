"""The private engine: started, found again, crashed, stopped. Each test has one of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from helpers.engine import private
from helpers.engine.connect import Engine, open_private
from helpers.engine.ensure import ensure_for
from helpers.engine.processes import is_alive, wait_for_end
from helpers.engine.rootfs import ensure_rootfs
from helpers.engine.state import StateFolder, state_folder
from helpers.errors import NoEngine

pytestmark = pytest.mark.skipif(
    bool(private.why_not_here()), reason=f"no private engine: {private.why_not_here()}"
)


def quiet(_: str) -> None:
    pass


@pytest.fixture(scope="session")
def tree() -> Path:
    return ensure_rootfs(state_folder(), quiet)


@pytest.fixture
def state(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateFolder]:
    """A state folder of its own, with a copy of the tree (hard links: quick and small)."""
    folder = StateFolder(tree.parent.parent / f"docker-production-workbook-test-{os.getpid()}")
    folder.root.mkdir()
    subprocess.run(["cp", "-al", str(tree), str(folder.rootfs)], check=True)
    try:
        yield folder
    finally:
        private.purge(folder)
        shutil.rmtree(folder.root)


def bridges() -> set[str]:
    return {p.name for p in Path("/sys/class/net").iterdir() if (p / "bridge").exists()}


def dockerd(state: StateFolder) -> int:
    run = private.Run.load(state.run)
    assert run is not None
    return run.pid


def replace_dockerd(state: StateFolder, script: str) -> None:
    """Unlinked first: the tree shares its files with the real one."""
    program = state.rootfs / "usr/sbin/dockerd"
    program.unlink()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_it_starts_and_stops_and_leaves_nothing(state: StateFolder) -> None:
    before = bridges()
    assert private.status(state).state == "stopped"
    private.start(state, quiet)
    with open_private(state) as engine:
        assert engine.private
        assert "crun" in engine.runtimes
        engine.client.networks.create("left-behind")
    pid = dockerd(state)
    assert private.status(state).state == "running"
    assert private.stop(state)
    assert not is_alive(pid)
    assert private.status(state).state == "stopped"
    assert bridges() == before
    assert not private.stop(state), "a second stop has nothing to do"


def test_a_range_that_somebody_took_is_left_to_them(state: StateFolder) -> None:
    """dockerd would take up the addresses that it has kept; both engines would have the same."""
    private.start(state, quiet)
    private.stop(state)
    kept = state.subnet.read_text()
    other = f"wbtest{os.getpid() % 100_000}"
    address = kept.replace("0.0/16", "0.1/24")
    subprocess.run(["ip", "link", "add", other, "type", "bridge"], check=True)
    try:
        subprocess.run(["ip", "address", "add", address, "dev", other], check=True)
        subprocess.run(["ip", "link", "set", other, "up"], check=True)
        private.start(state, quiet)
        with open_private(state) as engine:
            (config,) = engine.client.networks.get("bridge").attrs["IPAM"]["Config"]
        assert config["Subnet"].split(".")[:2] == state.subnet.read_text().split(".")[:2]
        assert state.subnet.read_text() != kept
        private.stop(state)
        assert other in bridges()
    finally:
        subprocess.run(["ip", "link", "delete", other], check=True)


def test_two_starts_at_once_give_one_engine(state: StateFolder) -> None:
    with ThreadPoolExecutor(2) as pool:
        urls = list(pool.map(lambda _: private.start(state, quiet), range(2)))
    assert urls[0] == urls[1]
    running = subprocess.run(
        ["pgrep", "-f", f"dockerd.*{state.socket}"], capture_output=True, text=True, check=False
    ).stdout.split()
    assert running == [str(dockerd(state))]


def test_a_crash_is_noticed_named_and_mended(state: StateFolder) -> None:
    private.start(state, quiet)
    pid = dockerd(state)
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid, 10)
    known = private.status(state)
    assert known.state == "crashed"
    assert "last words" in known.detail
    said: list[str] = []
    private.start(state, said.append)
    assert any("had ended by itself" in line for line in said)
    with open_private(state) as engine:
        assert engine.client.ping()


def test_stale_socket_and_pid_file_are_no_obstacle(state: StateFolder) -> None:
    state.engine.mkdir()
    state.socket.write_text("stale")
    state.pidfile.write_text("1")
    private.start(state, quiet)
    with open_private(state) as engine:
        assert engine.client.ping()


def test_an_engine_that_cannot_come_up_says_why(state: StateFolder) -> None:
    replace_dockerd(state, "echo level=error no way >&2; exit 1")
    with pytest.raises(NoEngine, match="no way"):
        private.start(state, quiet)
    assert private.status(state).state == "stopped", "nothing is left of the attempt"


def test_an_interrupted_start_leaves_nothing(state: StateFolder) -> None:
    replace_dockerd(state, "exec sleep 300")
    timer = threading.Timer(2, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        private.start(state, quiet)
    timer.join()
    assert private.status(state).state == "stopped"


def test_it_survives_the_process_that_started_it(state: StateFolder) -> None:
    import sys

    code = "from helpers.engine import private, state; private.start(state.state_folder(), print)"
    env = {**os.environ, "WORKBOOK_STATE": str(state.root)}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, stdout=subprocess.DEVNULL)
    with open_private(state) as engine:
        assert engine.client.ping()


def test_exec_in_a_privileged_container_does_not_see_the_host(
    state: StateFolder, engine: Engine
) -> None:
    """What pivot_root is for; under chroot the marker would be visible."""
    marker = state.root / "marker"
    marker.write_text("host")
    ensure_for(engine, ["busybox:1.37"])
    private.start(state, quiet)
    with open_private(state) as own:
        own.client.images.load(b"".join(engine.client.api.get_image("busybox:1.37")))
        container = own.client.containers.run(
            "busybox:1.37", ["sleep", "60"], detach=True, privileged=True
        )
        code, _ = container.exec_run(["ls", str(marker)])
        works, _ = container.exec_run(["ls", "/bin/busybox"])
        container.remove(force=True)
    assert works == 0
    assert code != 0
