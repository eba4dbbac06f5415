"""Bad input and faults, as a person at the command line meets them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
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


def test_a_file_that_is_not_in_the_context_is_named(env: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(TINY + "COPY missing /\n")
    told(workbook(env, "build", str(folder)), 1, "line 2", "missing")


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
