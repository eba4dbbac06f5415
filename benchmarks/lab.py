"""``make lab`` in a fresh clone until JupyterLab answers, the first and the second time."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.pairs import Summary
from benchmarks.table import Row

STORE = Path(__file__).with_name("lab.json")
_URL = re.compile(r"http://(?:127\.0\.0\.1|localhost):\d+/lab\S*")
_ANSWER_SECONDS = 60.0
_SETTINGS = ("DOCKER_HOST", "DOCKER_CONTEXT", "WORKBOOK_COURSE", "WORKBOOK_WORK", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class LabRun:
    """Seconds until JupyterLab answered, and when and where that was."""

    first: float
    second: float
    date: str
    machine: str


def measure(root: Path, machine: str) -> LabRun:
    """Clone the last commit, run ``make lab`` twice, stop and remove everything.

    The clone has a state folder and download caches of its own; programs that are installed on the
    machine, for example mmdebstrap, stay in use.
    """
    with TemporaryDirectory(prefix="wb-lab-") as folder:
        clone = Path(folder) / "course"
        subprocess.run(["git", "clone", "--quiet", str(root), str(clone)], check=True)
        kept = {k: v for k, v in os.environ.items() if k not in _SETTINGS}
        kept["MAKEFLAGS"] = ""
        env = {
            **kept,
            "WORKBOOK_STATE": f"{folder}/state",
            "UV_CACHE_DIR": f"{folder}/uv",
            "PIP_CACHE_DIR": f"{folder}/pip",
        }
        try:
            first, second = (_until_it_answers(clone, env) for _ in range(2))
        finally:
            workbook = clone / ".venv/bin/workbook"
            if workbook.exists():
                subprocess.run([workbook, "engine", "stop", "--purge"], env=env, check=True)
    return LabRun(first, second, datetime.now(UTC).date().isoformat(), machine)


def save(run: LabRun) -> None:
    """Keep it for the tables of later runs."""
    STORE.write_text(json.dumps(asdict(run), indent=2) + "\n")


def rows() -> list[Row]:
    """The kept figures with their date; without any, rows that say how to measure."""
    names = [f"`make lab` until JupyterLab answers, {which} time" for which in ("first", "second")]
    try:
        run = LabRun(**json.loads(STORE.read_text()))
    except FileNotFoundError:
        why = "takes minutes, so it is not part of the default run: `python -m benchmarks --lab`"
        return [Row(name, None, "s", detail=why) for name in names]
    detail = f"one run, fresh clone and private engine, {run.date}, {run.machine}"
    return [
        Row(name, Summary(seconds, seconds, seconds), "s", detail=detail)
        for name, seconds in zip(names, (run.first, run.second), strict=True)
    ]


def _answered(url: str) -> None:
    """Return as soon as a page is there: JupyterLab names its address before it listens."""
    deadline = time.monotonic() + _ANSWER_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS) as page:  # noqa: S310
                page.read()
        except urllib.error.URLError as error:
            refused = isinstance(error.reason, ConnectionRefusedError)
            if not refused or time.monotonic() > deadline:
                raise
            time.sleep(0.02)  # nothing tells when it listens
        else:
            return


def _until_it_answers(clone: Path, env: dict[str, str]) -> float:
    begin = time.perf_counter()
    with subprocess.Popen(
        ["make", "lab"],
        cwd=clone,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            said = []
            for line in process.stdout or ():
                said.append(line)
                sys.stderr.write(f"  {line}")
                if found := _URL.search(line):
                    _answered(found[0])
                    return time.perf_counter() - begin
            raise RuntimeError(f"make lab ended without an address:\n{''.join(said[-20:])}")
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=60)
