"""The containers that structure tests need: made as the tool makes them, removed always."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import docker
from docker.errors import APIError, ImageNotFound, NotFound
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import Timeout

from helpers.engine.labels import BUILT, CHECK, container_labels
from helpers.observe.containers import to_the_end
from helpers.observe.errors import Stopped, engine_errors
from helpers.observe.text import printable
from helpers.structure_test.seen import CommandSeen
from helpers.structure_test.spec import RunOptions

#: A command that takes longer is ended, in seconds; the tool would wait for ever.
COMMAND_SECONDS = 300
#: Most output that is looked at, in bytes.
MAX_OUTPUT = 16_000_000
_LOGS = {"max-size": "16m", "max-file": "2"}
_PLACEHOLDER = "NOOP_COMMAND_DO_NOT_RUN"  # the engine makes no container without any command


@dataclass(slots=True)
class Containers:
    """Makes containers of one image, from several threads; ends all of them at once.

    Attributes:
        api: the engine.
        options: how they are run.
        stop: set when nothing is wanted any more.
    """

    api: docker.APIClient
    options: RunOptions
    stop: threading.Event = field(default_factory=threading.Event)
    _names: set[str] = field(default_factory=set)

    def end_all(self) -> None:
        """Kill what runs; whoever waits for it goes on and removes it."""
        self.stop.set()
        for name in tuple(self._names):
            with engine_errors("ending a container"):
                try:
                    self.api.kill(name)
                except APIError as error:
                    if error.status_code not in {404, 409}:  # not there, or not running
                        raise

    @contextmanager
    def unstarted(self, image: str) -> Iterator[str]:
        """A container that is never started, for its files."""
        with self._created(image, {"command": [_PLACEHOLDER]}) as name:
            yield name

    def run(self, image: str, command: tuple[str, ...], env: Mapping[str, str]) -> CommandSeen:
        """Run one command in a container of its own, and see what it prints.

        Args:
            image: name or id.
            command: the program and its arguments; the image's entrypoint is put aside.
            env: variables besides the image's own.
        """
        clock = time.monotonic()
        config = {
            **self._config(command, env),
            "user": self.options.user or None,
            "tty": self.options.tty,
        }
        try:
            with self._created(image, config) as name:
                return self._finished(name, clock)
        except _Refused as refused:
            return CommandSeen(problem=str(refused), seconds=time.monotonic() - clock)

    def commit(self, image: str, command: tuple[str, ...], env: Mapping[str, str]) -> str:
        """Run a setup command and keep what it changed as an image; its exit code does not count.

        Returns:
            The name of the image, which the caller removes.

        Raises:
            SetupFailed: where the command cannot be run.
        """
        config = {**self._config(command, env), "user": self.options.user or None}
        tag = f"setup-{uuid.uuid4().hex[:16]}"
        try:
            with self._created(image, config) as name:
                seen = self._finished(name, time.monotonic())
                if seen.problem:
                    raise SetupFailed(seen.problem)
                with engine_errors("keeping what a setup command changed"):
                    to_the_end(lambda: self.api.commit(name, f"{BUILT}structure-test", tag))
        except _Refused as refused:
            raise SetupFailed(str(refused)) from refused
        return f"{BUILT}structure-test:{tag}"

    def _config(self, command: tuple[str, ...], env: Mapping[str, str]) -> dict[str, Any]:
        variables = [f"{key}={value}" if key else "" for key, value in env.items()]
        return {"command": list(command), "entrypoint": [""], "environment": variables}

    @contextmanager
    def _created(self, image: str, config: dict[str, Any]) -> Iterator[str]:
        name = f"workbook-{CHECK}-{uuid.uuid4().hex[:16]}"
        host = self.api.create_host_config(
            privileged=self.options.privileged,
            binds=list(self.options.bind_mounts) or None,
            log_config=docker.types.LogConfig(type="json-file", config=_LOGS),
        )
        self._names.add(name)
        try:
            self._go_on()
            with _refusals("making a container"):
                to_the_end(
                    lambda: self.api.create_container(
                        image,
                        name=name,
                        labels=container_labels(CHECK, name),
                        host_config=host,
                        **config,
                    )
                )
            yield name
        finally:
            to_the_end(lambda: _remove(self.api, name))
            self._names.discard(name)

    def _finished(self, name: str, clock: float) -> CommandSeen:
        self._go_on()
        with _refusals("starting a container"):
            self.api.start(name)
        self._go_on()
        try:
            code = int(self.api.wait(name, timeout=COMMAND_SECONDS)["StatusCode"])
        except (Timeout, RequestsConnectionError) as error:
            if "timed out" not in str(error).lower():
                raise
            return CommandSeen(
                problem=f"It did not end within {COMMAND_SECONDS} seconds.",
                seconds=time.monotonic() - clock,
            )
        self._go_on()
        seconds = time.monotonic() - clock
        with engine_errors("reading what a command printed"):
            out, err = (self._log(name, stdout=which, stderr=not which) for which in (True, False))
        if len(out) > MAX_OUTPUT or len(err) > MAX_OUTPUT:
            return CommandSeen(
                problem=f"It printed more than {MAX_OUTPUT:,} bytes.", seconds=seconds
            )
        return CommandSeen(out, err, code, seconds)

    def _log(self, name: str, *, stdout: bool, stderr: bool) -> bytes:
        pieces = self.api.logs(name, stdout=stdout, stderr=stderr, stream=True)
        kept = bytearray()
        for piece in pieces:
            kept += piece
            if len(kept) > MAX_OUTPUT:
                break
        return bytes(kept)

    def _go_on(self) -> None:
        if self.stop.is_set():
            raise Stopped


class SetupFailed(Exception):
    """A setup command could not be run; the text says why."""


class _Refused(Exception):
    """The engine refuses to make or start a container; the text is its own."""


@contextmanager
def _refusals(doing: str) -> Iterator[None]:
    with engine_errors(doing):
        try:
            yield
        except ImageNotFound:
            raise
        except APIError as error:
            raise _Refused(
                f"The engine refused: {printable(str(error.explanation or error), 300)}"
            ) from error


def _remove(api: docker.APIClient, name: str) -> None:
    with engine_errors("removing a container"):
        try:
            api.remove_container(name, force=True, v=True)
        except NotFound:
            return  # it never came to be
        except APIError as error:
            if error.status_code != 409:  # a removal that is under way already
                raise
