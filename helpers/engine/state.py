"""Where the workbook keeps what is not part of the course: the private engine and its files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

APP = "docker-production-workbook"


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The files of one private engine, all below one folder.

    Attributes:
        root: the folder itself; ``WORKBOOK_STATE`` or the user's state folder.
        shared_tree: a file system tree that other engines run in, too; None for one of its own.
    """

    root: Path
    shared_tree: Path | None = None

    @property
    def rootfs(self) -> Path:
        """The file system tree in which the engine runs."""
        return self.shared_tree or self.root / "rootfs"

    @property
    def engine(self) -> Path:
        """The engine's own files: images, containers, socket, log."""
        return self.root / "engine"

    @property
    def socket(self) -> Path:
        """The engine's Unix socket."""
        return self.engine / "docker.sock"

    @property
    def pidfile(self) -> Path:
        """Written by dockerd, removed by it on a clean stop."""
        return self.engine / "dockerd.pid"

    @property
    def run(self) -> Path:
        """What was started and what the network looked like before; removed by a clean stop."""
        return self.engine / "run.json"

    @property
    def subnet(self) -> Path:
        """The address range of the last start."""
        return self.engine / "subnet"

    @property
    def log(self) -> Path:
        """What dockerd prints."""
        return self.engine / "dockerd.log"

    @property
    def tls(self) -> Path:
        """Certificates of an engine that also listens on TCP."""
        return self.engine / "tls"

    @property
    def lock(self) -> Path:
        """Held while the engine is started or stopped."""
        return self.root / "engine.lock"

    @property
    def variants(self) -> Path:
        """Engines of other releases, for tests, and the trees that they share."""
        return self.root / "variants"

    def variant(self, name: str, suite: str) -> StateFolder:
        """The folder of another engine.

        Args:
            name: of the engine; short, because the path of its socket has a limit.
            suite: the Debian release whose tree it shares with others of that release.
        """
        return StateFolder(self.variants / name, self.variants / "trees" / suite)

    def known_variants(self) -> tuple[StateFolder, ...]:
        """The folders of the other engines that there are, whichever tree they share."""
        found = sorted(p.parent for p in self.variants.glob("*/engine") if p.is_dir())
        return tuple(StateFolder(root, self.variants / "trees") for root in found)


def state_folder() -> StateFolder:
    """The state folder of this user: ``WORKBOOK_STATE`` where it is set."""
    override = os.environ.get("WORKBOOK_STATE")
    root = Path(override) if override else platformdirs.user_state_path(APP, appauthor=False)
    return StateFolder(root.absolute())
