"""A PostgreSQL for a service to keep its data in, and what becomes of its sessions.

The server itself tells how each session ended: with the client's goodbye (the Terminate message),
or with a connection that broke. Source:
https://www.postgresql.org/docs/17/protocol-flow.html#PROTOCOL-FLOW-TERMINATION
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import docker

from helpers.errors import BadInput
from helpers.observe.containers import (
    CannotStart,
    ContainerSpec,
    RunningContainer,
    private_network,
    running_container,
)
from helpers.observe.errors import ObservationFailed, engine_errors
from helpers.observe.follow import Follower
from helpers.observe.probing import last_lines

#: The image; the workbook makes a stand-in where no registry answers.
IMAGE = "postgres:17-trixie"
#: Its host name for the service.
HOST = "database"
_READY_SECONDS = 60.0
_SETTLE_SECONDS = 3.0
_DATA = "/var/lib/postgresql/data"
_SETTINGS = {
    "fsync": "off",  # it lives for seconds, in memory
    "log_connections": "on",
    "log_disconnections": "on",
    "log_min_messages": "debug1",  # the level of "unexpected EOF on client connection"
    "log_line_prefix": "session %p %h|",
}
_INITIALISED = "PostgreSQL init process complete"
_READY = "ready to accept connections"
_LINE = re.compile(r"^session (\d+) ([^|]*)\|[A-Z0-9]+:\s+(.*)$")
_OPENED = "connection authorized"
_CLOSED = "disconnection:"
_BROKEN = ("unexpected EOF on client connection", "could not receive data from client")


@dataclass(frozen=True, slots=True)
class Sessions:
    """What became of the sessions that a service had.

    Attributes:
        opened: how many it opened.
        closed: how many it closed in order.
        broken: how many ended because the connection broke.
        left: how many the server still holds.
    """

    opened: int
    closed: int
    broken: int
    left: int


@dataclass(frozen=True, slots=True)
class Database:
    """A PostgreSQL that runs.

    Attributes:
        container: its container.
        network: name of the network that it is in, as :data:`HOST`.
        url: for the service, with a password of this run's own.
        log: its log, line by line.
    """

    container: RunningContainer
    network: str
    url: str = field(repr=False)
    log: Follower[str] = field(repr=False, compare=False)

    def sessions(self) -> Sessions:
        """What became of the sessions, once all are ended, or a few seconds after the call."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        lines: list[str] = []
        for line in self.log.within(deadline):
            lines.append(line)
            seen = read_sessions(lines)
            if seen.opened and not seen.left and not _more_at_once(self.log, lines):
                break
        return read_sessions(lines)


def _more_at_once(log: Follower[str], lines: list[str]) -> bool:
    """Take what has come already; True where there was any."""
    before = len(lines)
    while (line := log.next(0.0)) is not None:
        lines.append(line)
    return len(lines) > before and bool(read_sessions(lines).left)


@contextmanager
def running_database(client: docker.DockerClient, stop: Future[None]) -> Iterator[Database]:
    """Start a PostgreSQL in a network of its own; both are removed at the end.

    Args:
        client: a connection to the engine.
        stop: done where nobody wants to know any more.

    Raises:
        ObservationFailed: where the engine has no such image, or it does not start.
        NoEngine: if the engine stops answering.
        Stopped: where ``stop`` said so.
    """
    password = secrets.token_hex(16)
    with private_network(client) as network:
        spec = ContainerSpec(
            IMAGE,
            env=(
                ("POSTGRES_USER", "workbook"),
                ("POSTGRES_PASSWORD", password),
                ("POSTGRES_DB", "workbook"),
                ("POSTGRES_INITDB_ARGS", "--no-sync"),
            ),
            command=("postgres", *(f"-c{name}={value}" for name, value in _SETTINGS.items())),
            memory_mb=512,
            tmpfs=((_DATA, "rw,nosuid,nodev,size=256m"),),
            network=network,
            alias=HOST,
            no_health=True,
        )
        with ExitStack() as stack:
            container = _start(client, spec, stack)
            log = _follow_log(client, container, stop)
            _wait_until_ready(log)
            url = f"postgres://workbook:{password}@{HOST}:5432/workbook"
            yield Database(container, network, url, log)


def _start(client: docker.DockerClient, spec: ContainerSpec, stack: ExitStack) -> RunningContainer:
    try:
        return stack.enter_context(running_container(client, spec))
    except BadInput as error:
        raise ObservationFailed(
            f"The engine has no {IMAGE} for the service to keep its data in.",
            remedy="Run `workbook bases --ensure`, then try again.",
        ) from error
    except CannotStart as error:
        raise ObservationFailed(
            f"PostgreSQL does not start: {error}.", remedy="Run `workbook doctor`."
        ) from error


def _follow_log(
    client: docker.DockerClient, container: RunningContainer, stop: Future[None]
) -> Follower[str]:
    with engine_errors("following PostgreSQL's log"):
        stream = client.api.logs(container.id, stream=True, follow=True)
    return Follower(_lines(stream), stop, "following PostgreSQL's log")


def _lines(stream: Iterator[bytes]) -> Iterator[str]:
    rest = b""
    for piece in stream:
        *lines, rest = (rest + piece).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in lines)


def _wait_until_ready(log: Follower[str]) -> None:
    """The image's first server is for its own use; the one that counts comes after it."""
    seen: list[str] = []
    initialised = False
    for line in log.within(time.monotonic() + _READY_SECONDS):
        seen.append(line)
        initialised = initialised or _INITIALISED in line
        if initialised and _READY in line:
            return
    said = last_lines("\n".join(seen[-3:]).encode())
    raise ObservationFailed(
        f"PostgreSQL was not ready within {_READY_SECONDS:.0f} s: {' / '.join(said)}",
        remedy="Run `workbook doctor`, then try again.",
    )


def read_sessions(lines: list[str]) -> Sessions:
    """What the server's log says of the sessions that came over the network."""
    opened: set[str] = set()
    closed: set[str] = set()
    broken: set[str] = set()
    for line in lines:
        found = _LINE.match(line)
        if found is None:
            continue
        pid, host, message = found.groups()
        if host in {"", "[local]"}:
            continue
        if message.startswith(_OPENED):
            opened.add(pid)
        elif message.startswith(_BROKEN):
            broken.add(pid)
        elif message.startswith(_CLOSED):
            closed.add(pid)
    return Sessions(
        opened=len(opened),
        closed=len(opened & closed - broken),
        broken=len(opened & broken),
        left=len(opened - closed - broken),
    )
