"""The docker command line as a peer: the private engine's own, or the machine's."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.pairs import Pairs, paired
from helpers.engine.connect import Engine
from helpers.engine.private import Run
from helpers.engine.state import state_folder


@dataclass(frozen=True, slots=True)
class DockerCli:
    """How to run ``docker`` against the engine.

    Attributes:
        prefix: what stands before ``docker``.
        missing: why there is none, or no buildx; empty where there is.
        missing_buildx: why there is no buildx; empty where there is.
        inside: True where it runs in the private engine's mount namespace.
    """

    prefix: tuple[str, ...]
    missing: str = ""
    missing_buildx: str = ""
    inside: bool = False

    def run(self, *arguments: str) -> None:
        """Run a docker command to its end, with its output thrown away.

        Raises:
            subprocess.CalledProcessError: where it fails; a failed run is no measurement.
        """
        silent([*self.prefix, "docker", *arguments])


def silent(command: Sequence[str], **environment: str) -> None:
    """Run a program with its standard output to /dev/null; its errors are kept for the message.

    Raises:
        subprocess.CalledProcessError: where it fails.
    """
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, stderr=done.stderr)


def docker_cli(engine: Engine) -> DockerCli:
    """The command line for the engine."""
    host = f"DOCKER_HOST={engine.endpoint.url}"
    if engine.private:
        run = Run.load(state_folder().run)
        if run is None:
            return DockerCli((), *("the private engine has no run on record",) * 2)
        return DockerCli(("nsenter", "-t", str(run.pid), "-m", "--", "env", host), inside=True)
    if shutil.which("docker") is None:
        return DockerCli((), *("there is no docker command line on this machine",) * 2)
    cli = DockerCli(("env", host))
    try:
        cli.run("buildx", "version")
    except subprocess.CalledProcessError:
        return DockerCli(
            cli.prefix, missing_buildx="the docker command line of this machine has no buildx"
        )
    return cli


def entering(cli: DockerCli) -> Pairs | None:
    """What entering the namespace costs: ``true`` there (ours) and here (peer)."""
    if not cli.inside:
        return None
    return paired(lambda: silent([*cli.prefix, "true"]), lambda: silent(["env", "A=1", "true"]))


@contextmanager
def context_folder(cli: DockerCli) -> Iterator[Path]:
    """A folder that both sides see at the same path; removed at the end."""
    parent = state_folder().engine if cli.inside else None
    with TemporaryDirectory(prefix="workbook-bench-", dir=parent) as folder:
        yield Path(folder)
