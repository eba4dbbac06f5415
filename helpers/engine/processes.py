"""Waiting for and ending the processes that the workbook started, by their ids."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterable
from pathlib import Path


def is_alive(pid: int) -> bool:
    """True while the process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}


def wait_for_end(pid: int, seconds: float) -> bool:
    """Wait until the process ended, woken by the kernel.

    Args:
        pid: the process; it need not be a child.
        seconds: how long to wait at most.

    Returns:
        True where it ended in time.
    """
    if not is_alive(pid):
        return True
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        ready, _, _ = select.select([fd], [], [], seconds)
    finally:
        os.close(fd)
    return bool(ready)


def mount_namespace(pid: int | str = "self") -> str:
    """Name of the process's mount namespace, ``mnt:[…]``; empty where the process is gone."""
    try:
        return str(Path(f"/proc/{pid}/ns/mnt").readlink())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""


def command_line(pid: int) -> str:
    """The process's arguments joined by spaces; empty where it is gone."""
    try:
        return (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        )
    except (FileNotFoundError, ProcessLookupError):
        return ""


def belonging_to(namespace: str, cgroup: str) -> tuple[int, ...]:
    """Ids of the processes in a mount namespace or below a control group.

    Args:
        namespace: as :func:`mount_namespace` gives it; an empty one selects nothing.
        cgroup: absolute name of the group, for example ``/docker-production-workbook-1a2b3c4d``.
    """
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        pid = int(entry.name)
        in_namespace = namespace != "" and mount_namespace(pid) == namespace
        if (in_namespace or _in_cgroup(pid, cgroup)) and is_alive(pid):
            found.append(pid)
    return tuple(found)


def end(pids: Iterable[int]) -> None:
    """Kill the processes and wait until they are gone (at most five seconds each)."""
    pids = tuple(pids)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    for pid in pids:
        wait_for_end(pid, 5)


def _in_cgroup(pid: int, cgroup: str) -> bool:
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return False
    paths = (line.split(":", 2)[2] for line in lines)
    return any(path == cgroup or path.startswith(f"{cgroup}/") for path in paths)
