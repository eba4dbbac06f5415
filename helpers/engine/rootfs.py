"""The file system in which the private engine runs: Debian 13 with its own Docker packages.

Nothing of the host is installed, changed or used, but for ``mmdebstrap``, which unpacks them.
Source: https://manpages.debian.org/bookworm/mmdebstrap/mmdebstrap.1.en.html
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

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


def recipe() -> str:
    """What the tree is made of, as one word: a tree with another recipe is made again."""
    return hashlib.sha256(" ".join((SUITE, *PACKAGES)).encode()).hexdigest()[:16]


def is_ready(state: StateFolder) -> bool:
    """True where the tree is complete and made by today's recipe."""
    stamp = state.rootfs / _STAMP
    return stamp.is_file() and stamp.read_text() == recipe()


def ensure_rootfs(state: StateFolder, say: Callable[[str], None]) -> Path:
    """Make the tree where it is missing or outdated (about half a minute).

    Args:
        state: where it goes.
        say: told in one line what is being done.

    Raises:
        NoEngine: without mmdebstrap, or when the packages cannot be had.
    """
    if is_ready(state):
        return state.rootfs
    mmdebstrap = shutil.which("mmdebstrap")
    if mmdebstrap is None:
        raise NoEngine(
            "The private engine needs the program mmdebstrap, and it is not installed.",
            remedy="Run: apt-get install mmdebstrap debian-archive-keyring (make lab does this).",
        )
    say(f"Unpacking Debian's Docker Engine ({SUITE}) for a private engine; about half a minute.")
    partial = state.root / "rootfs.partial"
    remove_tree(partial)
    partial.mkdir(parents=True)
    command = [
        mmdebstrap,
        "--variant=minbase",
        "--quiet",
        f"--include={','.join(PACKAGES)}",
        *apt_options(),
        SUITE,
        str(partial),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        remove_tree(partial)
        raise NoEngine(
            "Debian's packages for the private engine could not be unpacked: "
            + (done.stderr.strip().splitlines() or ["mmdebstrap gave no reason"])[-1],
            remedy="Check that Debian's packages are in reach (apt-get update), then try again.",
        )
    (partial / _STAMP).write_text(recipe())
    remove_tree(state.rootfs)
    partial.rename(state.rootfs)
    return state.rootfs


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
