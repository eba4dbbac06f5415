"""The same context through the docker CLI and through helpers.build: the same files arrive."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from image_builder import Builder

from benchmarks.peers import DockerCli, context_folder, docker_cli
from helpers.build import BuildRequest, folder_context
from helpers.engine.connect import Engine

TABLE: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "unit/build/dockerignore_cases.json").read_text()
)
Found = dict[str, tuple[int, bytes, str]]


@pytest.fixture(scope="module")
def cli(engine: Engine) -> DockerCli:
    """The docker command line with buildx: the private engine's own, or the machine's."""
    found = docker_cli(engine)
    if found.missing or found.missing_buildx:
        pytest.skip(f"COMPARISON NOT MADE: {found.missing or found.missing_buildx}")
    return found


@pytest.fixture
def folder(cli: DockerCli) -> Iterator[Path]:
    """A folder that the command line can see."""
    with context_folder(cli) as found:
        yield found


def through_cli(folder: Path, cli: DockerCli) -> Found:
    command = ["docker", "buildx", "build", "--quiet", "--output", "type=tar,dest=-", str(folder)]
    done = subprocess.run([*cli.prefix, *command], capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout), errors="surrogateescape") as tar:
        return described({member.name: member for member in tar})


def described(files: dict[str, tarfile.TarInfo]) -> Found:
    return {
        name.strip("/"): (member.mode & 0o7777, member.type, member.linkname)
        for name, member in files.items()
    }


def populate(folder: Path) -> None:
    for name in TABLE["files"]:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    for name in TABLE["directories"]:
        (folder / name).mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")


@pytest.mark.parametrize(
    "case", [case for case in TABLE["cases"] if "cli" not in case], ids=lambda case: case["name"]
)
def test_dockerignore(case: dict[str, Any], folder: Path, cli: DockerCli) -> None:
    populate(folder)
    (folder / ".dockerignore").write_bytes(case["dockerignore"].encode())
    sent = set(through_cli(folder, cli))
    assert {entry.path for entry in folder_context(folder).entries} == sent
    left_out = {name.rstrip("/") for name in case["left_out"]}
    assert not left_out & sent


def test_modes_links_and_odd_names(folder: Path, cli: DockerCli, builder: Builder) -> None:
    populate(folder)
    (folder / "setuid").write_text("x")
    (folder / "setuid").chmod(0o4750)
    (folder / "sticky").mkdir()
    (folder / "sticky").chmod(0o1777)
    (folder / "outside").symlink_to("/etc/passwd")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "up").symlink_to("../../x")
    (folder / os.fsdecode(b"caf\xe9")).write_text("x")
    (folder / ("n" * 200)).write_text("x")
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "sock"))
        theirs = through_cli(folder, cli)
        record = builder.build(BuildRequest(folder_context(folder)))
    ours = described(builder.files(str(record.image_id)))
    # The CLI sends a socket as an empty file; helpers.build leaves it out.
    theirs.pop("sock", None)
    assert ours == theirs


def test_the_ignore_file_next_to_the_dockerfile(folder: Path, cli: DockerCli) -> None:
    populate(folder)
    (folder / ".dockerignore").write_text("a.txt\n")
    (folder / "Dockerfile.dockerignore").write_text("b.txt\n")
    sent = set(through_cli(folder, cli))
    assert {entry.path for entry in folder_context(folder).entries} == sent
    assert "a.txt" in sent
    assert "b.txt" not in sent
