"""Containers that an experiment is made of: started, waited for, and asked to run things."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from helpers.engine.connect import Engine
from helpers.errors import NoEngine, WorkbookError
from helpers.observe.containers import CannotStart, ContainerSpec, running_container

#: How long a container of an experiment may take to come up, in seconds.
READY_SECONDS = 60.0
_AGAIN = "Run the cell again; if it fails again: workbook doctor"


class SiteFailed(WorkbookError):
    """A container of an experiment did not do what it is there for."""


def start_container(stack: ExitStack, engine: Engine, spec: ContainerSpec) -> str:
    """Start a container; it goes with the stack.

    Returns:
        Its id.

    Raises:
        NoEngine: where the engine cannot start it.
    """
    try:
        return stack.enter_context(running_container(engine.client, spec)).id
    except CannotStart as error:
        raise NoEngine(
            f"The container {spec.alias or spec.image!r} could not be started: {error}",
            remedy="This measurement needs an engine that allows privileged containers: "
            "the workbook's private engine does.",
        ) from error


def wait_for_line(engine: Engine, container: str, wanted: bytes) -> None:
    """Follow the container's log until the line is there; the end of the log ends the waiting.

    Raises:
        SiteFailed: where the container ends, or takes more than a minute.
    """
    deadline = time.monotonic() + READY_SECONDS
    log: Any = engine.client.api.logs(container, stream=True, follow=True)
    seen = b""
    try:
        for piece in log:
            seen += piece
            if wanted in seen:
                return
            if time.monotonic() > deadline:
                break
    finally:
        log.close()
    tail = seen.decode(errors="replace").strip().splitlines()[-3:]
    raise SiteFailed(
        f"A container of the measurement did not come up: {' / '.join(tail) or 'no output'}",
        remedy=_AGAIN,
    )


def exec_in(engine: Engine, container: str, command: Sequence[str]) -> str:
    """Run a command in a container and give what it prints, standard error included.

    Raises:
        SiteFailed: where it ends with another code than 0.
    """
    api = engine.client.api
    made = api.exec_create(container, list(command))
    output = api.exec_start(made["Id"]).decode(errors="replace")
    if api.exec_inspect(made["Id"])["ExitCode"] != 0:
        raise SiteFailed(f"{' '.join(command)} failed: {output.strip()[-500:]}", remedy=_AGAIN)
    return output


def published_port(engine: Engine, container: str, port: int) -> int:
    """The port of 127.0.0.1 on the engine's machine that leads to a container's TCP port."""
    ports = engine.client.api.inspect_container(container)["NetworkSettings"]["Ports"]
    return int(ports[f"{port}/tcp"][0]["HostPort"])
