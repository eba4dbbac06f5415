"""Engines of other releases and set-ups, each private and short-lived, to test against.

They leave the host's packet filter alone, so they can run beside an engine that is in use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from filelock import FileLock

from helpers.engine import private
from helpers.engine.connect import Engine, open_private
from helpers.engine.options import EngineOptions, ImageStore, TlsListener
from helpers.engine.rootfs import Tree
from helpers.engine.state import StateFolder, state_folder
from helpers.errors import NoEngine

#: The engine, what a connection over SSH needs, and a program that an image can be made of.
_PACKAGES = (
    "busybox-static",
    "ca-certificates",
    "docker-cli",
    "docker.io",
    "iproute2",
    "openssh-server",
)
#: A frozen mirror is good enough for tests.
_MIRROR_DAYS = 180


@dataclass(frozen=True, slots=True)
class Variant:
    """One engine of the matrix.

    Attributes:
        name: short, for test ids and folders.
        release: what its version begins with, for example ``28.5.``.
        suite: the Debian release that has it.
        image_store: how it keeps images.
    """

    name: str
    release: str
    suite: str
    image_store: ImageStore

    def options(self, listen: TlsListener | None = None) -> EngineOptions:
        """How it is set up.

        Args:
            listen: a TCP address beside the Unix socket.
        """
        tree = Tree(self.suite, _PACKAGES, mirror_days=_MIRROR_DAYS)
        return EngineOptions(tree, self.image_store, listen, packet_filter=False)


#: Source of the versions: https://packages.debian.org/docker.io
VARIANTS = (
    Variant("26.1", "26.1.", "trixie", "overlay2"),
    Variant("28.5-overlay2", "28.5.", "forky", "overlay2"),
    Variant("28.5-containerd", "28.5.", "forky", "containerd"),
)


@dataclass(frozen=True, slots=True)
class RunningVariant:
    """A variant while it runs.

    Attributes:
        variant: which one.
        engine: a connection over its Unix socket.
        state: its files.
        run: its processes.
        listen: the TCP address that it has beside the Unix socket, or None.
    """

    variant: Variant
    engine: Engine
    state: StateFolder
    run: private.Run
    listen: TlsListener | None


@contextmanager
def running(
    variant: Variant,
    say: Callable[[str], None],
    *,
    listen: TlsListener | None = None,
    state: StateFolder | None = None,
) -> Iterator[RunningVariant]:
    """Start a variant with nothing on it; at the end it is stopped and its images are removed.

    One process at a time has it; others wait. The tree that it runs from is kept.

    Args:
        variant: which one.
        say: told in one line what is being done.
        listen: a TCP address beside the Unix socket.
        state: the workbook's state folder; the user's by default.

    Raises:
        NoEngine: where it cannot run here, or is of another release than it should be.
    """
    folder = (state or state_folder()).variant(variant.name, variant.suite)
    folder.root.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder.root}.lock"):
        private.purge(folder)  # what a run that was killed has left
        try:
            private.start(folder, say, variant.options(listen))
            run = private.Run.load(folder.run)
            with open_private(folder) as engine:
                if run is None or not engine.version.startswith(variant.release):
                    raise NoEngine(
                        f"Debian {variant.suite} has Docker {engine.version} and no longer "
                        f"{variant.release}x.",
                        remedy="Change the list of variants to the releases that Debian has now.",
                    )
                # The workbook's own engine is another one: clean-up differs on that.
                yield RunningVariant(variant, replace(engine, private=False), folder, run, listen)
        finally:
            private.purge(folder)
