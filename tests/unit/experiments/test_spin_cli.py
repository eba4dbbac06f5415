"""With a program that plays the Spin CLI: the real one is in no package registry."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

import pytest

from helpers.experiments.spin_site import SpinFailed, spin_cli, spin_site

MANIFEST = """
spin_manifest_version = 2
[application]
name = "a"
[[trigger.http]]
route = "/..."
component = "a"
[component.a]
source = "target/a.wasm"
"""
ENGINE = cast("Any", None)  # not asked where there is a CLI

FAKE = f"""#!{sys.executable}
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
if sys.argv[1:] == ["--version"]:
    print("spin 3.4.1 (0000000 2025-01-01)"); sys.exit()
assert sys.argv[1:3] == ["up", "--listen"], sys.argv
if not os.path.exists("spin.toml") or open("target/a.wasm", "rb").read() != b"wasm":
    print("Error: no component"); sys.exit(1)
class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(os.environ["SPIN_VARIABLE_TOKEN"].encode())
    def log_message(self, *_): pass
host, port = sys.argv[3].split(":")
server = HTTPServer((host, int(port)), Answer)
print("Available Routes:", flush=True)
server.serve_forever()
"""


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "spin"


def write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def test_only_the_real_spin_counts(on_path: Path) -> None:
    assert spin_cli() is None
    write(on_path, f"#!{sys.executable}\nprint('Spin Version 6.5.2 -- model checker')\n")
    assert spin_cli() is None
    write(on_path, FAKE)
    assert spin_cli() == str(on_path)


def test_spin_up_serves_with_the_variables_and_ends_with_the_block(on_path: Path) -> None:
    write(on_path, FAKE)
    with spin_site(ENGINE, MANIFEST, b"wasm", {"token": "t"}) as site:
        assert site.served_by == "spin up"
        assert site.ask("GET", "/x").text == "t"
        assert site.instance_seconds() is None
        url = site.url
    with pytest.raises(OSError, match="refused"):
        _connect(url)


def test_a_spin_that_ends_is_told(on_path: Path) -> None:
    write(on_path, FAKE)
    with (
        pytest.raises(SpinFailed, match="no component"),
        spin_site(ENGINE, MANIFEST, b"other", {"token": "t"}),
    ):
        raise AssertionError("it did not come up")


def _connect(url: str) -> None:
    import socket

    host, _, port = url.removeprefix("http://").partition(":")
    socket.create_connection((host, int(port)), timeout=2).close()
