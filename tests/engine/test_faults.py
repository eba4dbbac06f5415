"""Bad input and faults, as a person at the command line meets them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from helpers.course.paths import course_folders
from helpers.course.workspace import digest
from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for

WORKBOOK = str(Path(sys.executable).with_name("workbook"))
SOLUTION = course_folders().solutions / "01-multi-stage" / "files"
TINY = "FROM busybox:1.37\n"


@pytest.fixture(scope="module", autouse=True)
def bases(engine: Engine) -> None:
    ensure_for(engine, ["busybox:1.37"])


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "WORKBOOK_WORK": str(tmp_path / "work")}


def workbook(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [WORKBOOK, *arguments], env=env, capture_output=True, text=True, check=False, timeout=120
    )


def told(done: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    """One clear message with a remedy, the right exit status, and no traceback."""
    said = done.stderr
    assert done.returncode == status, said
    assert "Traceback" not in said
    assert "→ " in said
    for word in words:
        assert word in said, said


def test_an_engine_that_is_not_there(env: dict[str, str]) -> None:
    env["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    told(workbook(env, "inspect", "x"), 3, "/nowhere/docker.sock", "DOCKER_HOST")
    assert workbook(env, "doctor").returncode == 3


class OldEngine(BaseHTTPRequestHandler):
    """Answers as Docker 1.12 did."""

    def do_GET(self) -> None:
        body = b'{"Version": "1.12.6", "ApiVersion": "1.24"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_an_engine_that_is_too_old(env: dict[str, str]) -> None:
    server = HTTPServer(("127.0.0.1", 0), OldEngine)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        env["DOCKER_HOST"] = f"tcp://127.0.0.1:{server.server_port}"
        told(workbook(env, "inspect", "x"), 3, "too old", "20.10")
    finally:
        server.shutdown()


@pytest.mark.parametrize(
    ("dockerfile", "status", "word"),
    [
        (None, 1, "Dockerfile"),
        ("", 1, "empty"),
        (TINY + "COPY\n", 1, "line 2"),
        (TINY + "RUM true\n", 1, "line 2"),
        (TINY + "COPY --from=nostage /a /b\n", 1, "nostage"),
        (TINY + "RUN echo before; exit 7\n", 1, "7"),
        (TINY + "COPY missing /\n", 1, "missing"),
    ],
)
def test_a_dockerfile_that_cannot_be_built(
    env: dict[str, str], tmp_path: Path, dockerfile: str | None, status: int, word: str
) -> None:
    folder = tmp_path / "context"
    folder.mkdir()
    if dockerfile is not None:
        (folder / "Dockerfile").write_text(dockerfile)
    done = workbook(env, "build", str(folder))
    told(done, done.returncode, word)
    assert done.returncode in {status, 2}


def test_a_context_with_odd_files_is_built(
    env: dict[str, str], tmp_path: Path, engine: Engine
) -> None:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(TINY + "COPY . /in\nRUN ls /in | wc -l\n")
    (folder / "outside").symlink_to("/etc/passwd")
    (Path(os.fsdecode(os.fsencode(folder) + b"/not-utf8-\xff"))).write_text("x")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
        done = workbook(env, "build", str(folder))
    assert done.returncode == 0, done.stderr
    engine.client.images.remove(done.stdout.strip())


def running_in(engine: Engine, marker: str) -> bool:
    """Whether a process with the marker in its command line runs on this machine."""
    found = subprocess.run(["pgrep", "-f", marker], capture_output=True, check=False)
    return found.returncode == 0 and engine.local


def test_ctrl_c_ends_a_step_that_hangs(env: dict[str, str], tmp_path: Path, engine: Engine) -> None:
    folder = tmp_path / "context"
    folder.mkdir()
    seconds = 100_000 + os.getpid()
    (folder / "Dockerfile").write_text(TINY + f"RUN echo begun && sleep {seconds}\n")
    build = subprocess.Popen(
        [WORKBOOK, "build", str(folder)], env=env, stderr=subprocess.PIPE, text=True
    )
    assert build.stderr is not None
    deadline = time.monotonic() + 60
    while not running_in(engine, f"^sleep {seconds}") and time.monotonic() < deadline:
        time.sleep(0.1)
    build.send_signal(signal.SIGINT)
    _, said = build.communicate(timeout=30)
    assert build.returncode == 130, said
    assert "Traceback" not in said
    while running_in(engine, f"^sleep {seconds}") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not running_in(engine, f"^sleep {seconds}"), "the step still runs on the engine"


@pytest.fixture
def cut(engine: Engine, tmp_path: Path) -> Iterator[tuple[str, threading.Event]]:
    """A socket that leads to the engine until the event is set."""
    path = tmp_path / "cut.sock"
    over = threading.Event()
    real = engine.endpoint.url.removeprefix("unix://")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    ends: list[socket.socket] = []

    def copy(a: socket.socket, b: socket.socket) -> None:
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            return

    def serve() -> None:
        while True:
            try:
                here, _ = listener.accept()
            except OSError:
                return
            there = socket.socket(socket.AF_UNIX)
            there.connect(real)
            ends.extend((here, there))
            threading.Thread(target=copy, args=(here, there), daemon=True).start()
            threading.Thread(target=copy, args=(there, here), daemon=True).start()

    def cutter() -> None:
        over.wait()
        listener.close()
        path.unlink(missing_ok=True)
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    threading.Thread(target=serve, daemon=True).start()
    thread = threading.Thread(target=cutter, daemon=True)
    thread.start()
    yield f"unix://{path}", over
    over.set()
    thread.join()


def test_an_engine_that_dies_during_a_build(
    env: dict[str, str], tmp_path: Path, cut: tuple[str, threading.Event]
) -> None:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(TINY + "RUN sleep 60\n")
    env["DOCKER_HOST"], over = cut
    timer = threading.Timer(3, over.set)
    timer.start()
    told(workbook(env, "build", str(folder)), 3, "engine")


def test_an_exercise_that_does_not_exist(env: dict[str, str]) -> None:
    told(workbook(env, "check", "77-nothing"), 2, "77-nothing", "01-multi-stage")


def test_two_checks_at_once_both_succeed(env: dict[str, str]) -> None:
    both = [
        subprocess.Popen(
            [WORKBOOK, "check", "01", str(SOLUTION), "--json"],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    results = [json.loads(p.communicate(timeout=300)[0]) for p in both]
    assert [r["derived"]["passed"] for r in results] == [True, True]


def test_what_is_judged_is_what_was_read_at_the_start(env: dict[str, str]) -> None:
    folder = Path(env["WORKBOOK_WORK"]) / "01-multi-stage"
    workbook(env, "start", "01")
    right = (SOLUTION / "Dockerfile").read_bytes()
    (folder / "Dockerfile").write_bytes(right)
    check = subprocess.Popen(
        [WORKBOOK, "check", "01", "--json"],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert check.stderr is not None
    check.stderr.readline()  # the build has begun
    (folder / "Dockerfile").write_text("FROM nothing\n")
    out, _ = check.communicate(timeout=300)
    value = json.loads(out)
    assert value["derived"]["passed"]
    assert value["value"]["files"]["Dockerfile"] == digest(right)
    assert (folder / "Dockerfile").read_text() == "FROM nothing\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["doctor"],
        ["bases"],
        ["properties"],
        ["engine", "status"],
        ["inspect", "busybox:1.37"],
    ],
    ids=" ".join,
)
def test_json_is_one_document_and_nothing_else(env: dict[str, str], arguments: list[str]) -> None:
    done = workbook(env, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)


def test_a_reader_that_leaves_is_no_disaster(env: dict[str, str]) -> None:
    done = subprocess.run(
        f"{WORKBOOK} properties | head -1",
        shell=True,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
