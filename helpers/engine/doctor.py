"""What is here, what is missing, and what to do about it."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import Literal

from helpers.engine import private
from helpers.engine.connect import Engine, open_engine, open_private
from helpers.engine.find import candidates
from helpers.engine.rootfs import is_ready
from helpers.engine.state import StateFolder, state_folder
from helpers.errors import BadInput, NoEngine
from helpers.units import format_bytes

Level = Literal["ok", "note", "missing"]
_ROOM_NEEDED = 8_000_000_000  # bytes: bases, the images of a course, the build cache


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: ``ok``; ``note`` for something that limits what can be done; ``missing`` where the
            workbook cannot be used.
        topic: what was looked at.
        text: what was found.
        remedy: what to do; empty where nothing is to be done.
    """

    level: Level
    topic: str
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that was found, in the order in which it was looked at."""

    findings: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        """True where nothing is missing."""
        return all(f.level != "missing" for f in self.findings)


def diagnose(state: StateFolder | None = None) -> Diagnosis:
    """Look at Python, the engines in reach, and the engine that will be used. Starts nothing."""
    state = state or state_folder()
    findings = [
        Finding("ok", "Python", f"{sys.version.split()[0]} in {sys.prefix}"),
    ]
    engine, found = _find(state)
    findings += found
    if engine is not None:
        with engine:
            findings += _about(engine)
    findings.append(_disk(state))
    return Diagnosis(tuple(findings))


def _find(state: StateFolder) -> tuple[Engine | None, list[Finding]]:
    findings: list[Finding] = []
    try:
        endpoints = list(candidates())
    except BadInput as error:
        return None, [Finding("missing", "Docker context", error.message, error.remedy)]
    for endpoint in endpoints:
        try:
            engine = open_engine(endpoint)
        except NoEngine as error:
            level: Level = "missing" if endpoint.explicit else "note"
            findings.append(Finding(level, endpoint.source, error.message, error.remedy))
            if endpoint.explicit:
                return None, findings
            continue
        findings.append(Finding("ok", "engine", f"{engine.describe()} at {endpoint.url}"))
        return engine, findings
    if not endpoints:
        findings.append(
            Finding("note", "engine", "no Docker Engine of this machine's own was found")
        )
    more = _private(state)
    findings.append(more)
    if private.status(state).state == "running":
        try:
            return open_private(state), findings
        except NoEngine as error:
            findings.append(Finding("missing", "private engine", error.message, error.remedy))
    return None, findings


def _private(state: StateFolder) -> Finding:
    reason = private.why_not_here()
    if reason:
        return Finding(
            "missing",
            "private engine",
            f"not possible here: {reason}",
            "Start Docker Desktop or the docker service, or set DOCKER_HOST to an engine.",
        )
    known = private.status(state)
    if known.state == "running":
        return Finding("ok", "private engine", known.detail)
    if not is_ready(state) and shutil.which("mmdebstrap") is None:
        return Finding(
            "missing",
            "private engine",
            "mmdebstrap is not installed, which unpacks the engine",
            "Run: apt-get install mmdebstrap debian-archive-keyring (make lab does this).",
        )
    level: Level = "note" if known.state == "crashed" else "ok"
    return Finding(level, "private engine", f"{known.detail}; it is started when it is needed")


def _about(engine: Engine) -> list[Finding]:
    info = engine.info
    found = [
        Finding(
            "ok",
            "storage",
            f"{info.get('Driver', '?')}, {info.get('OperatingSystem', '?')}, "
            f"{info.get('NCPU', '?')} CPUs, {format_bytes(info.get('MemTotal', 0))} of memory",
        )
    ]
    if "crun" in engine.runtimes:
        found.append(Finding("ok", "WebAssembly", "the engine has the runtime crun (WasmEdge)"))
    else:
        found.append(
            Finding(
                "note",
                "WebAssembly",
                "the engine has no runtime crun: the WebAssembly practice cannot run on it",
                "All other practices work. The workbook's private engine has it.",
            )
        )
    if not engine.local:
        found.append(
            Finding(
                "note",
                "probes",
                "the engine is on another machine: ports of containers are not in reach from here",
                "Checks that ask a running service over HTTP will say that they cannot tell.",
            )
        )
    return found


def _disk(state: StateFolder) -> Finding:
    folder = state.root
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    text = f"{format_bytes(free)} free at {_shown(str(folder))}"
    if free < _ROOM_NEEDED:
        return Finding(
            "note",
            "disk",
            text,
            f"Images and build cache need about {format_bytes(_ROOM_NEEDED)}: make room, "
            "or set WORKBOOK_STATE to a folder on a larger disk.",
        )
    return Finding("ok", "disk", text)


def _shown(path: str) -> str:
    home = os.path.expanduser("~")  # noqa: PTH111  # a text is wanted, not a path
    return path.replace(home, "~", 1) if path.startswith(home) else path
