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
    """

    root: Path

    @property
    def rootfs(self) -> Path:
        """The file system tree in which the engine runs."""
        return self.root / "rootfs"

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
    def log(self) -> Path:
        """What dockerd prints."""
        return self.engine / "dockerd.log"

    @property
    def lock(self) -> Path:
        """Held while the engine is started or stopped."""
        return self.root / "engine.lock"


def state_folder() -> StateFolder:
    """The state folder of this user: ``WORKBOOK_STATE`` where it is set."""
    override = os.environ.get("WORKBOOK_STATE")
    root = Path(override) if override else platformdirs.user_state_path(APP, appauthor=False)
    return StateFolder(root.absolute())
