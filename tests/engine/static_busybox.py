"""A program with a shell in it, for images of one file."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def static_busybox(folder: Path) -> bytes:
    """A statically linked busybox: the machine's own, or the one from Debian's archive.

    Args:
        folder: an empty one to work in.
    """
    own = shutil.which("busybox")
    if own and b"ld-linux" not in Path(own).read_bytes():
        return Path(own).read_bytes()
    if not shutil.which("apt-get"):
        raise AssertionError("these tests need a static busybox on the PATH, or apt-get")
    subprocess.run(["apt-get", "download", "busybox-static"], cwd=folder, check=True)
    (package,) = folder.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", package, folder / "root"], check=True)
    return next(p for p in (folder / "root").glob("**/bin/busybox") if p.is_file()).read_bytes()
