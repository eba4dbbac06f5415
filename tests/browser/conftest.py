"""JupyterLab as ``workbook lab`` starts it, and a headless browser in front of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]
_CHROME = next((p for n in ("chromium", "google-chrome") if (p := shutil.which(n))), None)
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
]
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/lab\S*token=\w+")
_STOP_SECONDS = 60
#: Sets ``window.kernelAnswered`` when the notebook's kernel has told what it is.
_LISTEN_FOR_KERNEL = """
    const decoder = new TextDecoder();
    window.WebSocket = class extends WebSocket {
        constructor(...where) {
            super(...where);
            this.addEventListener('message', ({data}) => {
                const text = typeof data === 'string' ? data : decoder.decode(data);
                if (text.includes('kernel_info_reply')) window.kernelAnswered = true;
            });
        }
    };
"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if _CHROME is None:
        pytest.skip("no Chromium or Chrome on this machine (scripts/setup.sh test installs it)")
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=_CHROME, args=_FLAGS)
        yield chrome
        chrome.close()


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The learner's folder: not the one of this checkout."""
    return tmp_path_factory.mktemp("learner") / "work"


@pytest.fixture(scope="session")
def lab_url(browser: Browser, work: Path) -> Iterator[str]:
    """The address of the first notebook; JupyterLab and its kernels end with the tests."""
    server = subprocess.Popen(
        [
            str(Path(sys.executable).with_name("workbook")),
            *("lab", "--no-browser", "--port", str(_free_port())),
        ],
        cwd=ROOT,
        env=_environment(work),
        stdin=subprocess.DEVNULL,  # with a terminal Jupyter would ask before it ends
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert server.stderr is not None
    last: deque[str] = deque(maxlen=30)
    try:
        url = _wait_for_address(server.stderr, last)
        threading.Thread(target=last.extend, args=(server.stderr,), daemon=True).start()
        yield url
    finally:
        kernels = _descendants(server.pid)
        # Not SIGINT: a shell's background jobs, and what they start, ignore it.
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
            last.append("JupyterLab did not end and was killed.")
        _, left = psutil.wait_procs(kernels, timeout=_STOP_SECONDS)
        for process in left:
            process.kill()
    assert server.returncode == 0, "".join(last)
    assert not left, f"JupyterLab left kernels running: {left}"


@pytest.fixture
def page(browser: Browser, lab_url: str, work: Path) -> Iterator[Page]:
    """A fresh page; afterwards no kernel, and the exercise as if never begun."""
    context = browser.new_context(viewport={"width": 1280, "height": 1400})
    context.add_init_script(_LISTEN_FOR_KERNEL)
    yield context.new_page()
    server, _, query = lab_url.partition("/lab/")
    token = {"Authorization": "token " + query.rpartition("token=")[2]}
    for session in context.request.get(f"{server}/api/sessions", headers=token).json():
        ended = context.request.delete(f"{server}/api/sessions/{session['id']}", headers=token)
        assert ended.ok, ended.text()
    context.close()
    shutil.rmtree(work / "01-multi-stage", ignore_errors=True)
    shutil.rmtree(work / ".workbook", ignore_errors=True)


def _environment(work: Path) -> dict[str, str]:
    """Settings, signatures and the token are of this run, not of the person at this machine."""
    kept = {k: v for k, v in os.environ.items() if k != "JUPYTER_TOKEN"}
    own = work.parent
    return {
        **kept,
        "WORKBOOK_WORK": str(work),
        "JUPYTER_CONFIG_DIR": str(own / "config"),
        "JUPYTER_DATA_DIR": str(own / "data"),
        "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_address(stderr: IO[str], last: deque[str]) -> str:
    for line in stderr:
        last.append(line)
        if found := _ADDRESS.search(line):
            return found[0]
    pytest.fail("JupyterLab did not come up:\n" + "".join(last))


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
