"""JupyterLab as ``make lab`` starts it, and a headless browser in front of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]
_CHROME = next((p for n in ("chromium", "google-chrome") if (p := shutil.which(n))), None)
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("learner") / "work"


@pytest.fixture(scope="session")
def lab_url(work: Path) -> Iterator[str]:
    """The address of the first notebook; JupyterLab and its kernels end with the tests."""
    server = subprocess.Popen(
        [str(Path(sys.executable).with_name("workbook")), "lab", "--no-browser", "--port", "8941"],
        cwd=ROOT,
        env={
            **os.environ,
            "WORKBOOK_WORK": str(work),
            "JUPYTERLAB_WORKSPACES_DIR": str(work.parent / "workspaces"),
        },
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert server.stderr is not None
    seen = []
    try:
        for line in server.stderr:
            seen.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+/lab\S*token=\w+", line):
                break
        else:
            pytest.fail("JupyterLab did not come up: " + "".join(seen[-20:]))
        drain = subprocess.Popen(["cat"], stdin=server.stderr, stdout=subprocess.DEVNULL)
        yield found[0]
    finally:
        server.send_signal(signal.SIGTERM)  # JupyterLab ends its kernels, then itself
        server.wait(60)
    drain.wait(10)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if _CHROME is None:
        pytest.skip("no Chromium or Chrome on this machine (scripts/setup.sh test installs it)")
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=_CHROME, args=_FLAGS)
        yield chrome
        chrome.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    yield context.new_page()
    context.close()
