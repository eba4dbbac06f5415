"""Run a container-structure-test file on an image: look at what it asks for, then judge.

Files come from one container that is never started; each command gets a container of its own, as
in the tool, for only a fresh one says what the image does. Equal commands run once, and several at
the same time, which the tool does not.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import ImageNotFound

from helpers.audit.seen import look
from helpers.engine.connect import Engine
from helpers.errors import BadInput
from helpers.observe.containers import to_the_end
from helpers.observe.errors import engine_errors
from helpers.structure_test import files, go
from helpers.structure_test.containers import Containers, SetupFailed
from helpers.structure_test.judge import (
    faulty_command,
    faulty_file,
    faulty_metadata,
    judge_command,
    judge_content,
    judge_existence,
    judge_license,
    judge_metadata,
)
from helpers.structure_test.result import StructureOutcome, StructureResult
from helpers.structure_test.seen import CommandSeen, ConfigSeen
from helpers.structure_test.spec import (
    CommandTest,
    FileContentTest,
    FileExistenceTest,
    LicenseTest,
    MetadataTest,
    Pair,
    StructureFile,
)

#: Most commands that run at the same time.
MAX_AT_ONCE = 4
_ENV_DROPPED = (
    "The tool drops a test's envVars where containerRunOptions are given, and so it is done here."
)
_NO_CAPABILITIES = (
    "The tool sends capabilities in a field that engines ignore, so containers have the engine's "
    "own; and so it is done here."
)
_TERMINAL = (
    "The tool fails every test that prints more than a few bytes to a terminal, for it cannot read "
    "them; here they are read and judged."
)
_NO_TEARDOWN = "teardown does nothing: every command has a container of its own, as in the tool."


def run_file(engine: Engine, spec: StructureFile, image: str) -> StructureResult:
    """Run every test of a file.

    Args:
        engine: where the image is.
        spec: the file.
        image: its name or id.

    Raises:
        BadInput: where there is no such image, or the env file cannot be read.
        NoEngine: where the engine stops answering.
        KeyboardInterrupt: after every container and image was removed.
    """
    clock = time.monotonic()
    about = look(engine.client.api, image)
    config = config_of(about)
    containers = Containers(engine.client.api, spec.run)
    run = _Run(spec, str(about["Id"]), config, containers, _given_env(spec), {})
    with ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="structure-test") as pool:
        try:
            commands = [run.submit(pool, test) for test in spec.commands]
            others = pool.submit(run.others) if run.needs_files else None
            outcomes = [outcome.result() for outcome in commands]
            outcomes += others.result() if others else run.metadata()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            to_the_end(containers.end_all)
            raise
    return StructureResult(
        file=spec.path,
        image=image,
        tests=tuple(outcomes),
        notes=_notes(spec, outcomes),
        engine=engine.describe(),
        seconds=time.monotonic() - clock,
    )


def config_of(about: Mapping[str, Any]) -> ConfigSeen:
    """The image config from the engine's inspection."""
    raw = about.get("Config") or {}
    return ConfigSeen(
        env=dict(pair.partition("=")[::2] for pair in raw.get("Env") or ()),
        entrypoint=tuple(raw.get("Entrypoint") or ()),
        cmd=tuple(raw.get("Cmd") or ()),
        volumes=frozenset(raw.get("Volumes") or ()),
        workdir=str(raw.get("WorkingDir") or ""),
        ports=frozenset(port.partition("/")[0] for port in raw.get("ExposedPorts") or ()),
        labels=dict(raw.get("Labels") or {}),
        user=str(raw.get("User") or ""),
    )


@dataclass(slots=True)
class _Run:
    """One file on one image."""

    spec: StructureFile
    image: str
    config: ConfigSeen
    containers: Containers
    given_env: dict[str, str]
    started: dict[Any, Future[CommandSeen]]

    @property
    def needs_files(self) -> bool:
        return bool(self.spec.contents or self.spec.existence or self.spec.licenses)

    @property
    def globals(self) -> dict[str, str]:
        return _expanded(self.spec.global_env, self.config.env)

    def submit(self, pool: ThreadPoolExecutor, test: CommandTest) -> Future[StructureOutcome]:
        """Start a command, unless an equal one was started already."""
        done: Future[StructureOutcome] = Future()
        faults = faulty_command(test)
        if faults:
            done.set_result(StructureOutcome("command", test.name, passed=False, errors=faults))
            return done
        key = (test.setup, test.env, test.command, test.args)
        if key not in self.started:
            self.started[key] = pool.submit(self._command, test)
        notes = (_ENV_DROPPED,) if test.env and self.spec.run.given else ()

        def judged(seen: Future[CommandSeen]) -> None:
            if seen.cancelled():
                done.cancel()
            elif error := seen.exception():
                done.set_exception(error)
            else:
                done.set_result(judge_command(test, seen.result(), notes))

        self.started[key].add_done_callback(judged)
        return done

    def _command(self, test: CommandTest) -> CommandSeen:
        env = {**self.globals}
        own = {pair.key: pair.value for pair in test.env}
        image, made = self.image, list[str]()
        try:
            if test.setup:
                env.update(_expanded(test.env, {**self.config.env, **env}))
            for command in test.setup:
                image = self.containers.commit(image, command, env)
                made.append(image)
            values = {**self.config.env, **env}
            words = tuple(go.expand(word, values) for word in (test.command, *test.args))
            own = self.given_env if self.spec.run.given else own
            return self.containers.run(image, words, {**env, **own})
        except SetupFailed as failed:
            return CommandSeen(problem=f"Setup: {failed}")
        finally:
            to_the_end(lambda: self._remove(made))

    def others(self) -> list[StructureOutcome]:
        """The tests of files, then the metadata test."""
        api = self.containers.api
        with self.containers.unstarted(self.image) as container:
            return [
                *(self._content(api, container, test) for test in self.spec.contents),
                *(self._existence(api, container, test) for test in self.spec.existence),
                *(self._license(api, container, test) for test in self.spec.licenses),
                *self.metadata(),
            ]

    def _content(self, api: Any, container: str, test: FileContentTest) -> StructureOutcome:
        if faults := faulty_file(test):
            return StructureOutcome("file content", test.name, passed=False, errors=faults)
        return judge_content(test, files.read_content(api, container, test.path))

    def _existence(self, api: Any, container: str, test: FileExistenceTest) -> StructureOutcome:
        if faults := faulty_file(test):
            return StructureOutcome("file existence", test.name, passed=False, errors=faults)
        path = go.expand(test.path, {**self.config.env, **self.globals})
        return judge_existence(test, files.read_path(api, container, path))

    def _license(self, api: Any, container: str, test: LicenseTest) -> StructureOutcome:
        seen = files.read_licenses(api, container, debian=test.debian, files=test.files)
        return judge_license(test, seen)

    def metadata(self) -> list[StructureOutcome]:
        """The metadata test, where something is asked."""
        test = self.spec.metadata
        if test is None or test == MetadataTest():
            return []
        if faults := faulty_metadata(test):
            return [StructureOutcome("metadata", "", passed=False, errors=faults)]
        return [judge_metadata(test, self.config)]

    def _remove(self, images: Iterable[str]) -> None:
        with engine_errors("removing an image"):
            for name in reversed(list(images)):
                try:
                    self.containers.api.remove_image(name)
                except ImageNotFound:
                    continue


def _expanded(pairs: Iterable[Pair], values: Mapping[str, str]) -> dict[str, str]:
    return {pair.key: go.expand(pair.value, values) for pair in pairs}


def _given_env(spec: StructureFile) -> dict[str, str]:
    """Variables that the run options take from a file and from whoever runs the tests."""
    values: dict[str, str] = {}
    if spec.run.env_file:
        path = Path(spec.run.env_file)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(
                f"{spec.path}: containerRunOptions.envFile: {path} cannot be read: {error}.",
                remedy="Name a file, relative to where the command is run.",
            ) from error
        values = {k: v for k, v in go.read_env_file(text, str(path)).items() if v}
    for name in spec.run.env:
        # The tool sends an empty entry for one that is not set, and the engine refuses it.
        value = os.environ.get(name, "")
        values[name if value else ""] = value
    return values


def _notes(spec: StructureFile, outcomes: Iterable[StructureOutcome]) -> tuple[str, ...]:
    notes = []
    if any(test.teardown for test in spec.commands):
        notes.append(_NO_TEARDOWN)
    if spec.run.capabilities:
        notes.append(_NO_CAPABILITIES)
    if spec.run.tty:
        notes.append(_TERMINAL)
    if not list(outcomes):
        notes.append("The file holds no tests: as in the tool, that is no pass.")
    return tuple(notes)
