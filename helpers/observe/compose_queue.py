"""A queue in an application's PostgreSQL, counted by a client of the workbook's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from helpers.build.tree import Tree
from helpers.errors import BadInput
from helpers.observe.compose_container import ComposeService
from helpers.observe.compose_files import text_at
from helpers.observe.containers import (
    CannotStart,
    ContainerSpec,
    RunningContainer,
    running_container,
)
from helpers.observe.database import IMAGE
from helpers.observe.errors import ObservationFailed, engine_errors
from helpers.observe.subject import Subject
from helpers.observe.text import printable

_LIVES = 3_600  # seconds; it is removed long before


@dataclass(frozen=True, slots=True)
class Login:
    """How the database is reached."""

    user: str
    database: str
    password: str = field(repr=False)


def login_of(service: ComposeService, tree: Tree) -> Login:
    """What a PostgreSQL service was told at its first start: variables, or files that they name.

    Source: https://hub.docker.com/_/postgres (environment variables, Docker secrets)
    """
    env = dict(service.spec.env)

    def value(name: str, default: str) -> str:
        path = env.get(f"{name}_FILE", "")
        given = next((f for f in service.files if path and f.target == path), None)
        if given is None:
            return env.get(name, default)
        text = text_at(tree, given.source) if given.source else given.text
        return (text or "").rstrip("\n")

    user = value("POSTGRES_USER", "postgres")
    return Login(user, value("POSTGRES_DB", user), value("POSTGRES_PASSWORD", ""))


@dataclass(slots=True)
class QueueClient:
    """Counts with ``psql`` in a container of its own, which is in the database's network.

    Attributes:
        problem: why the last count was not possible; else empty.
    """

    subject: Subject
    container: RunningContainer
    host: str
    login: Login
    problem: str = ""

    @classmethod
    @contextmanager
    def running(
        cls, subject: Subject, network: str, host: str, login: Login
    ) -> Iterator[QueueClient]:
        """Start the client; it is removed at the end.

        Raises:
            ObservationFailed: where the engine has no image for it.
            NoEngine: if the engine stops answering.
        """
        spec = ContainerSpec(
            IMAGE,
            entrypoint=("sleep",),
            command=(str(_LIVES),),
            network=network,
            no_health=True,
            memory_mb=64,
        )
        try:
            with running_container(subject.client, spec) as container:
                yield cls(subject, container, host, login)
        except (BadInput, CannotStart) as error:
            raise ObservationFailed(
                f"The engine has no {IMAGE} whose client can count: {error}.",
                remedy="Run `workbook bases --ensure`, then try again.",
            ) from error

    def count(self, sql: str) -> int:
        """The number that a query gives; -1 where it gives none, and ``problem`` says why."""
        api = self.subject.client.api
        command = ["psql", "-X", "-q", "-A", "-t", "-c", sql]
        environment = {
            "PGHOST": self.host,
            "PGUSER": self.login.user,
            "PGDATABASE": self.login.database,
            "PGPASSWORD": self.login.password,
            "PGCONNECT_TIMEOUT": "3",
        }
        with engine_errors("counting jobs"):
            made = api.exec_create(self.container.id, command, environment=environment)
            out, err = api.exec_start(made["Id"], demux=True)
        text = (out or b"").decode("utf-8", "replace").strip()
        if text.isdecimal():
            self.problem = ""
            return int(text)
        said = (err or b"").decode("utf-8", "replace").strip() or text or "no answer"
        self.problem = printable(said, 300)
        return -1
