"""The docker command line as a peer: the private engine's own, or the machine's."""

from __future__ import annotations

import os
import shutil
import signal
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

_END_SECONDS = 10.0


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

    def command(self, *arguments: str) -> list[str]:
        """The whole command line."""
        return [*self.prefix, "docker", *arguments]

    def run(self, *arguments: str) -> str:
        """Run a docker command to its end: see :func:`silent`."""
        return silent(self.command(*arguments))


def silent(command: Sequence[str], seconds: float | None = None, **environment: str) -> str:
    """Run a program with its standard output to /dev/null.

    Args:
        command: the program and its arguments.
        seconds: how long it may take; None for no limit.
        environment: variables besides one's own.

    Returns:
        What it said on standard error.

    Raises:
        subprocess.CalledProcessError: where it fails; a failed run is no measurement.
        subprocess.TimeoutExpired: where it takes longer.
    """
    with started(command, **environment) as process:
        _, said = process.communicate(timeout=seconds)
    return well_ended(process, said)


def well_ended(process: subprocess.Popen[bytes], said: bytes) -> str:
    """What a program that has ended said.

    Raises:
        subprocess.CalledProcessError: where it failed.
    """
    text = said.decode(errors="replace")
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args, stderr=text)
    return text


@contextmanager
def started(command: Sequence[str], **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program with its standard output to /dev/null; at the end of the block it has ended.

    Where the block is left early it is asked to end as by Ctrl-C, so that it can take back what it
    began on the engine.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    with process:
        try:
            yield process
        except BaseException:
            process.send_signal(signal.SIGINT)
            try:
                process.communicate(timeout=_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            raise


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
