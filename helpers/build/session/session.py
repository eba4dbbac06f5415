"""One build's session: a connection on which the engine is served.

Source: https://github.com/moby/buildkit (session/), and ``POST /session`` of the engine.
"""

from __future__ import annotations

import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from helpers.build.errors import BuildError
from helpers.build.rpc.grpc import Handler, Request, Server, unary
from helpers.build.rpc.http2 import Connection
from helpers.build.rpc.wire import open_wire
from helpers.build.session.agents import SshAgent, check_agent, forward_agent
from helpers.build.session.files import file_sync
from helpers.build.session.logins import Logins, credentials, docker_logins
from helpers.build.session.secrets import Secret, secrets_handler
from helpers.build.session.selection import Directory
from helpers.build.session.session_pb2 import HealthCheckResponse
from helpers.build.tree import Entry, printable

if TYPE_CHECKING:
    from docker import APIClient

#: Where BuildKit looks for the Dockerfile and the rules next to it.
DOCKERFILE_DIRECTORY = "dockerfile"
_FILES_LIMIT = 1_000
_SERVING = HealthCheckResponse(status=1)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a build may ask for.

    Attributes:
        directories: files by the name of their directory.
        identity: tells this build's files from those of others; the engine keeps what it was sent.
        secrets: values for ``RUN --mount=type=secret``.
        agents: agents for ``RUN --mount=type=ssh``.
        logins: gives the login for a registry.
    """

    directories: Mapping[str, Directory]
    identity: str = ""
    secrets: tuple[Secret, ...] = ()
    agents: tuple[SshAgent, ...] = ()
    logins: Logins = field(default=docker_logins)


class Session:
    """Serves the engine until it is closed.

    Args:
        api: docker-py's low-level client.
        offer: what may be asked for.

    Attributes:
        id: what the build names it by.
        sent_bytes: how much of the directories was sent, protocol and all.
        sent_files: the files that the engine wanted, at most 1,000; not the Dockerfile.
        problem: the first error of ours that an answer ended with; the engine knows its words only.

    Raises:
        EngineLost, NoBuildKit: as :func:`open_wire`.
    """

    def __init__(self, api: APIClient, offer: Offer) -> None:
        self.id = random.token_hex(16)
        self.sent_bytes = 0
        self.sent_files: list[str] = []
        self.problem: BuildError | None = None
        handlers = {path: self._noting(handler) for path, handler in self._handlers(offer).items()}
        headers = [
            ("X-Docker-Expose-Session-Uuid", self.id),
            ("X-Docker-Expose-Session-Name", "build"),
            ("X-Docker-Expose-Session-Sharedkey", offer.identity),
            *(("X-Docker-Expose-Session-Grpc-Method", path) for path in handlers),
        ]
        self._connection = Connection(
            open_wire(api, "/session", headers), "server", Server(handlers)
        )

    def shutdown(self) -> None:
        """End it under whatever is being answered; callable from any thread."""
        self._connection.shutdown()

    def close(self) -> None:
        """End it."""
        self._connection.close()

    def _handlers(self, offer: Offer) -> dict[str, Handler]:
        ssh = "/moby.sshforward.v1.SSH"
        handlers: dict[str, Handler] = {
            "/grpc.health.v1.Health/Check": unary(lambda _: _SERVING),
            "/moby.filesync.v1.FileSync/DiffCopy": file_sync(
                offer.directories, self._count, self._note
            ),
            "/moby.filesync.v1.Auth/Credentials": credentials(offer.logins),
            "/moby.buildkit.secrets.v1.Secrets/GetSecret": secrets_handler(offer.secrets),
        }
        if offer.agents:
            handlers[f"{ssh}/CheckAgent"] = check_agent(offer.agents)
            handlers[f"{ssh}/ForwardAgent"] = forward_agent(offer.agents)
        return handlers

    def _count(self, size: int) -> None:
        self.sent_bytes += size

    def _note(self, directory: str, entry: Entry) -> None:
        if directory != DOCKERFILE_DIRECTORY and len(self.sent_files) < _FILES_LIMIT:
            self.sent_files.append(printable(entry.path))

    def _noting(self, handler: Handler) -> Handler:
        def answer(request: Request) -> None:
            try:
                handler(request)
            except BuildError as error:
                self.problem = self.problem or error
                raise

        return answer
