"""A Spin application that a lesson asks over HTTP: by `spin up`, or by its stand-in."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx

from helpers.engine.connect import Engine
from helpers.engine.labels import LESSON
from helpers.errors import WorkbookError
from helpers.experiments.site import published_port, wait_for_line
from helpers.observe.errors import engine_errors
from helpers.observe.spin_app import spin_app
from helpers.observe.spin_serve import serving

_PORT = 3000
_ANSWER_SECONDS = 30.0
_START_SECONDS = 60.0


class SpinFailed(WorkbookError):
    """`spin up` did not come up."""


@dataclass(frozen=True, slots=True)
class SpinAnswer:
    """Status and text of one answer."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class SpinSite:
    """A Spin application that answers.

    Attributes:
        served_by: in a few words.
        url: where it answers.
        engine: where its container is; None where the Spin CLI serves it.
        container: its id.
    """

    served_by: str
    url: str
    engine: Engine | None = None
    container: str = ""

    def ask(self, method: str, path: str) -> SpinAnswer:
        """Send one request."""
        # The environment's proxies are for the outside world.
        with httpx.Client(trust_env=False, timeout=_ANSWER_SECONDS) as client:
            found = client.request(method, self.url + path)
        return SpinAnswer(found.status_code, found.text.strip())

    def log_line(self, wanted: str) -> str:
        """The first line of the component's log with that word; waits until it is there.

        Empty where the Spin CLI serves it: that writes to a log of its own.

        Raises:
            SiteFailed: where no such line comes within a minute.
        """
        if self.engine is None:
            return ""
        wait_for_line(self.engine, self.container, wanted.encode())
        return next((line for line in self._lines() if wanted in line), "")

    def instance_seconds(self) -> float | None:
        """Median time of making a request's instance; None where nobody tells."""
        figures = [json.loads(line)["instanceNs"] for line in self._lines() if line[:1] == "{"]
        return median(figures) / 1e9 if figures else None

    def _lines(self) -> list[str]:
        if self.engine is None:
            return []
        with engine_errors("reading the log of the Spin application"):
            log = bytes(self.engine.client.api.logs(self.container))
        return log.decode(errors="replace").splitlines()


def spin_cli() -> str | None:
    """Path of the Spin CLI; None where there is none.

    Debian's package `spin` is another program, a model checker: it knows no `--version`.
    """
    found = shutil.which("spin")
    if found is None:
        return None
    asked = subprocess.run(
        [found, "--version"], capture_output=True, text=True, check=False, timeout=10
    )
    return found if asked.returncode == 0 and asked.stdout.startswith("spin ") else None


@contextmanager
def spin_site(
    engine: Engine, manifest: str, component: bytes, variables: Mapping[str, str]
) -> Iterator[SpinSite]:
    """Serve an application of one component until the end of the block.

    Args:
        engine: where the stand-in runs, if there is no Spin CLI.
        manifest: text of its spin.toml.
        component: what its source holds.
        variables: values of application variables.

    Raises:
        NotServable: where the manifest cannot be served.
        SpinFailed: where `spin up` does not come up.
        ObservationFailed, NoBaseImage, NoEngine: where the stand-in cannot be made or run.
    """
    app = spin_app(manifest, variables)
    file = app.components[0].file
    cli = spin_cli()
    if cli is not None:
        with _by_cli(cli, manifest, {file: component}, variables) as site:
            yield site
        return
    with serving(engine.client, app, {file: component}, role=LESSON) as (container, _):
        wait_for_line(engine, container.id, b"listening")
        port = published_port(engine, container.id, _PORT)
        url = f"http://127.0.0.1:{port}"
        yield SpinSite("the course's stand-in for `spin up`", url, engine, container.id)


@contextmanager
def _by_cli(
    cli: str, manifest: str, files: Mapping[str, bytes], variables: Mapping[str, str]
) -> Iterator[SpinSite]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{found.getsockname()[1]}"
    given = {f"SPIN_VARIABLE_{name.upper()}": value for name, value in variables.items()}
    with tempfile.TemporaryDirectory(prefix="workbook-") as folder:
        (Path(folder) / "spin.toml").write_text(manifest, encoding="utf-8")
        for name, content in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        process = subprocess.Popen(
            [cli, "up", "--listen", address],
            cwd=folder,
            env={**os.environ, **given},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            _wait_until_it_serves(process)
            yield SpinSite("spin up", f"http://{address}")
        finally:
            # `spin up` starts the trigger as a process of its own: both go.
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=_START_SECONDS)


def _wait_until_it_serves(process: subprocess.Popen[str]) -> None:
    """Spin prints its routes when it accepts requests."""
    seen: list[str] = []
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    for line in process.stdout:
        seen.append(line.strip())
        if "Available Routes" in line:
            return
    raise SpinFailed(
        f"`spin up` ended: {' / '.join(seen[-3:]) or 'it printed nothing'}",
        remedy="Run it by hand in a copy of the application.",
    )
