"""What the tests of a file are judged on, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PathSeen:
    """One path, as a container that is never started has it.

    Attributes:
        kind: ``file``, ``dir`` or ``symlink``; empty where it is not there.
        mode: permission bits, including setuid, setgid and sticky.
        uid: numeric owner.
        gid: numeric group.
        problem: why it is not there, in the engine's words.
    """

    kind: str = ""
    mode: int = 0
    uid: int = 0
    gid: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ContentSeen:
    """The bytes of a file; ``problem`` where there are none.

    ``from_root`` names the link whose relative target was read from the root directory.
    """

    data: bytes = b""
    problem: str = ""
    from_root: str = ""


@dataclass(frozen=True, slots=True)
class CommandSeen:
    """What a command printed and how it ended; ``problem`` where it did not run or not end."""

    stdout: bytes = b""
    stderr: bytes = b""
    exit_code: int = 0
    seconds: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class LicensesSeen:
    """Licence files by path; ``problem`` where the packages could not be listed."""

    files: tuple[tuple[str, ContentSeen], ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ConfigSeen:
    """The image config as the engine tells it."""

    env: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    volumes: frozenset[str] = frozenset()
    workdir: str = ""
    ports: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
