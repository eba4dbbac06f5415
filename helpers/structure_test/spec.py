"""A container-structure-test file as values.

Source: https://github.com/GoogleContainerTools/container-structure-test#command-tests and below.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Owner or group that is not asked about.
ANY_ID = -1


@dataclass(frozen=True, slots=True)
class Pair:
    """A variable or label; ``is_regex`` tells how its value is compared."""

    key: str
    value: str = ""
    is_regex: bool = False


@dataclass(frozen=True, slots=True)
class CommandTest:
    """A command and what it has to print; patterns are regular expressions of RE2."""

    name: str = ""
    setup: tuple[tuple[str, ...], ...] = ()
    teardown: tuple[tuple[str, ...], ...] = ()
    env: tuple[Pair, ...] = ()
    exit_code: int = 0
    command: str = ""
    args: tuple[str, ...] = ()
    expected_output: tuple[str, ...] = ()
    excluded_output: tuple[str, ...] = ()
    expected_error: tuple[str, ...] = ()
    excluded_error: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileExistenceTest:
    """A path that has to be there, or must not; ``permissions`` as Go writes a file's mode."""

    name: str = ""
    path: str = ""
    should_exist: bool = True
    permissions: str = ""
    uid: int = ANY_ID
    gid: int = ANY_ID
    is_executable_by: str = ""


@dataclass(frozen=True, slots=True)
class FileContentTest:
    """A file and what has to be in it, or must not."""

    name: str = ""
    path: str = ""
    expected: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MetadataTest:
    """The image config; ``None`` for an entrypoint or command that is not asked about."""

    env: tuple[Pair, ...] = ()
    unbound_env: tuple[Pair, ...] = ()
    exposed_ports: tuple[str, ...] = ()
    unexposed_ports: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    workdir: str = ""
    volumes: tuple[str, ...] = ()
    unmounted_volumes: tuple[str, ...] = ()
    labels: tuple[Pair, ...] = ()
    user: str = ""


@dataclass(frozen=True, slots=True)
class LicenseTest:
    """Licence files that must name no licence that the tool refuses."""

    debian: bool = False
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How the containers of the tests are run.

    Attributes:
        user: uid or name.
        privileged: whether they have the rights of the engine.
        tty: whether they get a terminal.
        env: names of variables of whoever runs the tests.
        env_file: file with variables.
        capabilities: in place of the engine's own.
        bind_mounts: ``SOURCE:TARGET``, source on the engine's machine.
    """

    user: str = ""
    privileged: bool = False
    tty: bool = False
    env: tuple[str, ...] = ()
    env_file: str = ""
    capabilities: tuple[str, ...] = ()
    bind_mounts: tuple[str, ...] = ()

    @property
    def given(self) -> bool:
        """Whether anything is asked for."""
        return self != RunOptions()


@dataclass(frozen=True, slots=True)
class StructureFile:
    """A whole file; ``path`` for messages."""

    path: str
    global_env: tuple[Pair, ...] = ()
    commands: tuple[CommandTest, ...] = ()
    existence: tuple[FileExistenceTest, ...] = ()
    contents: tuple[FileContentTest, ...] = ()
    metadata: MetadataTest | None = None
    licenses: tuple[LicenseTest, ...] = ()
    run: RunOptions = RunOptions()
