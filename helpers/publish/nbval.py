"""Run notebooks with nbval: each from top to bottom, its outputs compared with the stored ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event

#: How many run at the same time: much of a notebook is waiting.
AT_ONCE = 2
_MOST_TEXT = 6_000
_TICK = 0.5
_END_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class NotebookRun:
    """One notebook. ``output`` is the end of what was printed; empty where all is well."""

    path: Path
    passed: bool
    output: str


def run_notebooks(
    paths: Sequence[Path],
    rules: Path,
    *,
    at_once: int = AT_ONCE,
    on_run: Callable[[NotebookRun], None] | None = None,
) -> tuple[NotebookRun, ...]:
    """Run notebooks with folders for learners' copies of their own; in their order.

    Args:
        paths: the notebooks.
        rules: an nbval sanitizing file.
        at_once: how many at the same time.
        on_run: told each as it ends.
    """
    stop = Event()

    def one(path: Path) -> NotebookRun:
        found = _run(path, rules, stop)
        if on_run is not None and not stop.is_set():
            on_run(found)
        return found

    with ThreadPoolExecutor(at_once, thread_name_prefix="nbval") as pool:
        try:
            return tuple(pool.map(one, paths))
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt pytest, so that it ends its kernel."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _run(path: Path, rules: Path, stop: Event) -> NotebookRun:
    command = [
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--nbval"),
        *(f"--nbval-sanitize-with={rules}", "--nbval-cell-timeout=900", str(path)),
    ]
    with tempfile.TemporaryDirectory(prefix="workbook-") as folder:
        log = Path(folder) / "log"
        environment = {**os.environ, "WORKBOOK_WORK": str(Path(folder) / "work")}
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, env=environment, stdout=out, stderr=subprocess.STDOUT
            )
            while not stop.is_set():
                try:
                    process.wait(_TICK)
                    break
                except subprocess.TimeoutExpired:
                    continue
            if process.poll() is None:
                _end(process)
        text = log.read_text(encoding="utf-8", errors="replace")
    passed = process.returncode == 0
    return NotebookRun(path, passed, "" if passed else text[-_MOST_TEXT:])
