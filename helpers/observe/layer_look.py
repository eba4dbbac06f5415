"""A look into the files of a layer as they pass by: what is read, and how much of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from helpers.observe.byte_source import ByteSource
from helpers.observe.layer_findings import LayerFindings, Package, SecretString
from helpers.observe.packages import GO_MAGIC, go_modules, package_reader
from helpers.observe.secret_strings import secrets_in
from helpers.observe.system_files import KEPT
from helpers.observe.tar_members import Member

#: Largest file that is searched for secrets, in bytes.
LARGEST_TEXT = 512 * 1024
#: Most text of one layer that is searched, in bytes.
TEXT_PER_LAYER = 16 * 1024 * 1024
#: Most time that is spent on one image's texts, in seconds.
SECONDS_PER_IMAGE = 30.0
#: Largest list of packages that is read, in bytes.
_LARGEST_LIST = 32 * 1024 * 1024
_LARGEST_NPM = 1024 * 1024
#: Programs that are smaller were not built by Go.
_SMALLEST_GO = 500_000
_GO_INFO = 256 * 1024
_MOST_MARKS = 8
_MOST_PACKAGES = 200_000
_MOST_SECRETS = 200
_ELF = b"\x7fELF"

# What distributions and package managers put there. Their texts are the same everywhere, and their
# keys are those of their own tests.
_NOT_OURS = re.compile(
    r"/(?:node_modules|site-packages|dist-packages|__pycache__|\.git/objects|_cacache|\.cache)/"
    r"|^/(?:bin|boot|dev|lib(?:x?32|64)?|proc|sbin|sys)/"
    r"|^/usr/(?:s?bin|include|lib(?:exec|x?32|64)?|share|games)/"
    r"|^/usr/local/(?:bin|go|include|lib|share|cargo|rustup)/"
    r"|^/(?:etc/(?:ssl/certs|ca-certificates|alternatives)|opt/yarn[^/]*|go/pkg)/"
    r"|^/var/(?:lib/(?:apt|dpkg|apk|gems)|cache)/"
)
_NO_TEXT = re.compile(
    r"(?i)\.(?:a|avif|bin|bmp|br|bz2|class|dat|db|deb|dll|eot|exe|gif|gz|ico|jar|jpe?g|map|mo|mp3"
    r"|mp4|node|o|otf|pdf|png|pyc|rpm|so(?:\.[\d.]+)?|sqlite3?|svg|tar|tgz|ttf|wasm|webm|webp|whl"
    r"|woff2?|xz|zip|zst)$"
)
_LOCK_FILES = frozenset(
    [
        "package-lock.json",
        "npm-shrinkwrap.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "poetry.lock",
        "uv.lock",
        "go.sum",
        "Cargo.lock",
        "Pipfile.lock",
        "composer.lock",
        "Gemfile.lock",
        ".package-lock.json",
    ]
)


@dataclass(slots=True)
class TimeBudget:
    """Seconds that are left for one image.

    Attributes:
        seconds: what is left; nothing more is searched when it is used up.
    """

    seconds: float = SECONDS_PER_IMAGE

    def spend(self, texts: Iterator[SecretString]) -> Iterator[SecretString]:
        """Hand on what the texts give, and count the time that it took."""
        started = time.monotonic()
        yield from texts
        self.seconds -= time.monotonic() - started


@dataclass(slots=True)
class LayerLook:
    """Looks into the files of one layer.

    Attributes:
        budget: shared by the layers of an image.
        in_time: False where the budget was used up before the end, so that the findings tell of
            this run and not of the layer.
    """

    budget: TimeBudget = field(default_factory=TimeBudget)
    in_time: bool = True
    _packages: list[Package] = field(default_factory=list)
    _secrets: list[SecretString] = field(default_factory=list)
    _files: int = 0
    _bytes: int = 0
    _left_out: int = 0

    def visit(self, path: str, member: Member, source: ByteSource) -> None:
        """Read of a file what is wanted; the source stands at its content.

        Args:
            path: absolute path in the layer.
            member: its header.
            source: what it is read from.
        """
        action = wanted(path, member.stored, member.mode)
        if action is not None:
            action(self, path, member.stored, source)

    def findings(self) -> LayerFindings:
        """What was found so far."""
        return LayerFindings(
            tuple(self._packages[:_MOST_PACKAGES]),
            tuple(self._secrets[:_MOST_SECRETS]),
            self._files,
            self._bytes,
            self._left_out,
        )

    def read_packages(self, path: str, size: int, source: ByteSource) -> None:
        """A list of packages."""
        reader = package_reader(path)
        if reader is not None:
            self._packages += reader(path, source.read(size))

    def read_program(self, path: str, size: int, source: ByteSource) -> None:
        """A program that Go may have built: what it was built from lies somewhere in its data."""
        if source.peek(len(_ELF)) != _ELF:
            return
        end = source.position + size
        tail = b""
        tries = 0
        for piece in source.take(size):
            window = tail + piece
            at = window.find(GO_MAGIC)
            # Programs that read such marks hold the mark itself, too: the first may be no list.
            while at >= 0 and tries < _MOST_MARKS:
                tries += 1
                info = window[at + len(GO_MAGIC) : at + _GO_INFO]
                info += source.peek(max(min(_GO_INFO - len(info), end - source.position), 0))
                found = list(go_modules(path, info))
                if found:
                    self._packages += found
                    return
                at = window.find(GO_MAGIC, at + 1)
            tail = window[1 - len(GO_MAGIC) :]

    def read_text(self, path: str, size: int, source: ByteSource) -> None:
        """A text that may hold secrets."""
        if self.budget.seconds <= 0:
            self.in_time = False
        if not self.in_time or self._bytes + size > TEXT_PER_LAYER:
            self._left_out += 1
            return
        data = source.read(size)
        if b"\0" in data[:8192]:
            return
        self._files += 1
        self._bytes += size
        text = data.decode("utf-8", "replace")
        self._secrets += self.budget.spend(secrets_in(path, text))


Action = Callable[[LayerLook, str, int, ByteSource], None]


def wanted(path: str, size: int, mode: int) -> Action | None:
    """What is to be done with a file; None where nothing of it is read.

    Args:
        path: absolute path in the layer.
        size: its bytes.
        mode: its permission bits.
    """
    if package_reader(path) is not None:
        most = _LARGEST_NPM if path.endswith("/package.json") else _LARGEST_LIST
        return LayerLook.read_packages if size <= most else None
    if size >= _SMALLEST_GO:
        return LayerLook.read_program if mode & 0o111 and ".so" not in path else None
    name = path.rpartition("/")[2]
    if (
        8 <= size <= LARGEST_TEXT
        and name not in _LOCK_FILES
        and path not in KEPT
        and _NO_TEXT.search(name) is None
        and _NOT_OURS.search(path) is None
    ):
        return LayerLook.read_text
    return None
