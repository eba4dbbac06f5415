"""The file system in which a private engine runs: a Debian release with its own Docker packages.

Nothing of the host is installed, changed or used, but for ``mmdebstrap``, which unpacks them.
Source: https://manpages.debian.org/bookworm/mmdebstrap/mmdebstrap.1.en.html
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from helpers.engine.state import StateFolder
from helpers.errors import NoEngine

SUITE = "trixie"
#: docker-buildx and docker-cli are there to compare with (``make bench``), nothing else needs them.
PACKAGES = (
    "ca-certificates",
    "crun",
    "docker-buildx",
    "docker-cli",
    "docker.io",
    "iproute2",
    "iptables",
    "wasmedge",
)
_STAMP = ".workbook-rootfs"


@dataclass(frozen=True, slots=True)
class Tree:
    """What a file system tree is made of.

    Attributes:
        suite: name of the Debian release, for example ``trixie``.
        packages: its packages, beside those that every system has.
        mirror_days: how old the mirror's list of packages may be, in days, where that is more
            than the list says of itself (a week for a release in the making). Its signature is
            checked all the same. 0 leaves it at what the list says.
    """

    suite: str = SUITE
    packages: tuple[str, ...] = PACKAGES
    mirror_days: int = 0

    def recipe(self) -> str:
        """All of it as one word: a tree with another recipe is made again."""
        return hashlib.sha256(" ".join((self.suite, *self.packages)).encode()).hexdigest()[:16]


def is_ready(state: StateFolder, tree: Tree | None = None) -> bool:
    """True where the tree is complete and made by today's recipe.

    Args:
        state: where it lies.
        tree: what it has to be made of; Debian 13's Docker by default.
    """
    stamp = state.rootfs / _STAMP
    return stamp.is_file() and stamp.read_text() == (tree or Tree()).recipe()


def ensure_rootfs(state: StateFolder, say: Callable[[str], None], tree: Tree | None = None) -> Path:
    """Make the tree where it is missing or outdated (about half a minute); two callers make one.

    Args:
        state: where it goes.
        say: told in one line what is being done.
        tree: what it is made of; Debian 13's Docker by default.

    Raises:
        NoEngine: without mmdebstrap, or when the packages cannot be had.
    """
    tree = tree or Tree()
    if is_ready(state, tree):
        return state.rootfs
    state.rootfs.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{state.rootfs}.lock"):
        if not is_ready(state, tree):
            _make(state.rootfs, tree, say)
    return state.rootfs


def _make(rootfs: Path, tree: Tree, say: Callable[[str], None]) -> None:
    mmdebstrap = shutil.which("mmdebstrap")
    if mmdebstrap is None:
        raise NoEngine(
            "The private engine needs the program mmdebstrap, and it is not installed.",
            remedy="Run: apt-get install mmdebstrap debian-archive-keyring (make lab does this).",
        )
    say(
        f"Unpacking Debian's Docker Engine ({tree.suite}) for a private engine; "
        "about half a minute."
    )
    partial = partial_tree(rootfs)
    remove_tree(partial)
    partial.mkdir(parents=True)
    command = [
        mmdebstrap,
        "--variant=minbase",
        "--quiet",
        f"--include={','.join(tree.packages)}",
        *apt_options(),
        *age_options(tree),
        tree.suite,
        str(partial),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        remove_tree(partial)
        raise NoEngine(
            f"Debian's packages ({tree.suite}) for the private engine could not be unpacked: "
            + _reason(done.stderr),
            remedy="Check that Debian's packages are in reach (apt-get update), then try again.",
        )
    (partial / _STAMP).write_text(tree.recipe())
    remove_tree(rootfs)
    partial.rename(rootfs)


def partial_tree(rootfs: Path) -> Path:
    """Where a tree is unpacked before it is complete."""
    return rootfs.with_name(f"{rootfs.name}.partial")


def age_options(tree: Tree) -> list[str]:
    """Mmdebstrap arguments for a mirror that is behind.

    Source: Acquire::Min-ValidTime in https://manpages.debian.org/trixie/apt/apt.conf.5.en.html
    """
    seconds = tree.mirror_days * 24 * 3600
    return [f'--aptopt=Acquire::Min-ValidTime "{seconds}"'] if seconds else []


def _reason(said: str) -> str:
    """What apt says is wrong; mmdebstrap's own last line only tells that something was."""
    lines = said.strip().splitlines()
    errors = [line.removeprefix("E: ") for line in lines if line.startswith("E: ")]
    return (errors or lines[-1:] or ["mmdebstrap gave no reason"])[0]


def apt_options() -> list[str]:
    """Mmdebstrap arguments that carry the host's APT proxy settings over, if it has any."""
    if shutil.which("apt-config") is None:
        return []
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False)
    wanted = ("Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::http::Proxy-Auto-Detect")
    return [
        f"--aptopt={line.strip()}" for line in dump.stdout.splitlines() if line.startswith(wanted)
    ]


def remove_tree(path: Path) -> None:
    """Remove a tree of ours. Refuses one that something is still mounted in.

    Raises:
        NoEngine: where a mount is left inside; removing would reach what is mounted.
    """
    if not path.exists():
        return
    inside = f"{path}/"
    mounts = Path("/proc/self/mountinfo")
    if mounts.exists():
        points = [line.split(" ")[4] for line in mounts.read_text().splitlines()]
        held = [p for p in points if p == str(path) or p.startswith(inside)]
        if held:
            raise NoEngine(
                f"{held[0]} is still mounted, so {path} is not removed.",
                remedy=f"Run: umount {held[0]} (then try again).",
            )
    shutil.rmtree(path)
