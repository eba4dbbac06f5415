"""The processes of a container, and what its process 1 does with orphans, as the kernel tells it.

Source: https://www.kernel.org/doc/html/latest/filesystems/proc.html and
https://man7.org/linux/man-pages/man7/pid_namespaces.7.html (what process 1 is for)
"""

from __future__ import annotations

import re
import signal
from concurrent.futures import Future
from dataclasses import dataclass

import docker

from helpers.observe.beside import run_beside
from helpers.observe.text import printable

#: How many orphans are left to process 1.
ORPHANS = 3

_MARK = "=orphans="
# The first process of the script's own is left out by its parent: outside, so 0, and not process 1.
# What is read of /proc/PID/status; the last one is its last line.
_FIELDS = "Name|State|PPid|Uid|Threads|SigBlk|SigCgt|CapEff|NoNewPrivs|nonvoluntary_ctxt_switches"
_LIST = (
    "for p in /proc/[0-9]*; do "
    f'echo "=pid= ${{p#/proc/}} $$"; grep -E "^({_FIELDS}):" $p/status 2>/dev/null; '
    # A line end in a command line must not look like one of ours.
    "tr '\\0\\n' '  ' <$p/cmdline 2>/dev/null; echo; done; "
    'echo "=map="; cat /proc/self/uid_map'
)
# A process whose parent ends goes to process 1 of the namespace. Three are left to it, and end.
_ORPHAN = (
    f"; i=0; while [ $i -lt {ORPHANS} ]; do (/bin/sleep 0 &); i=$((i+1)); done; "
    # The ends are in the kernel's hands: it is looked again until none is left, at most 1 s.
    "t=0; while [ $t -lt 10 ]; do "
    "z=$(grep -sl '^State:.Z' /proc/[0-9]*/status | wc -l); "
    "[ $z -eq 0 ] && [ $t -gt 0 ] && break; sleep 0.1; t=$((t+1)); done; "
    f'echo "{_MARK}"; for p in /proc/[0-9]*; do echo "=pid= ${{p#/proc/}} $$"; '
    f'grep -E "^({_FIELDS}):" $p/status 2>/dev/null; done'
)
_NUMBER = re.compile(r"=pid= (\d+) (\d+)\n")


@dataclass(frozen=True, slots=True)
class ProcessFact:
    """One process, with the numbers that it has inside its container.

    Attributes:
        pid: process id; 1 is the one that the image starts.
        parent: its parent's id; 0 where that is outside.
        name: what the kernel calls it, at most 15 characters.
        command: the beginning of its command line.
        uid: effective uid inside.
        threads: how many.
        zombie: True where it has ended and nobody asked for its exit code.
        handles: names of the signals that it has a handler for, or takes in another way.
        capabilities: its effective capabilities, as the kernel's bit mask.
        no_new_privileges: True where setuid files give it no rights.
    """

    pid: int
    parent: int
    name: str
    command: str = ""
    uid: int = 0
    threads: int = 1
    zombie: bool = False
    handles: frozenset[str] = frozenset()
    capabilities: int = 0
    no_new_privileges: bool = False


@dataclass(frozen=True, slots=True)
class ProcessTree:
    """The processes of one container at one moment.

    Attributes:
        processes: by pid.
        host_uid: what uid 0 inside is outside: 0 without user namespaces.
        orphans_left: how many of :data:`ORPHANS` orphans that ended process 1 left lying as
            zombies; None where it was not tried.
    """

    processes: tuple[ProcessFact, ...]
    host_uid: int = 0
    orphans_left: int | None = None

    @property
    def first(self) -> ProcessFact | None:
        """Process 1."""
        return next((p for p in self.processes if p.pid == 1), None)


def read_processes(
    client: docker.DockerClient, container: str, stop: Future[None], *, orphans: bool = False
) -> ProcessTree | None:
    """The processes of a running container; None where it ended meanwhile.

    Args:
        client: a connection to the engine.
        container: its id.
        stop: done where nobody wants to know any more.
        orphans: whether to leave ended orphans to process 1, and see if it takes them.

    Raises:
        ObservationFailed, Stopped, NoEngine: as :func:`helpers.observe.beside.run_beside`.
    """
    printed = run_beside(client, container, _LIST + (_ORPHAN if orphans else ""), stop)
    return None if printed is None else parse_processes(printed)


def freeze_processes(client: docker.DockerClient, container: str, stop: Future[None]) -> None:
    """Stop every process of a container but process 1, which only the engine can stop.

    Raises:
        ObservationFailed, Stopped, NoEngine: as :func:`helpers.observe.beside.run_beside`.
    """
    run_beside(client, container, "kill -STOP -1 2>/dev/null", stop)


def thaw_processes(client: docker.DockerClient, container: str, stop: Future[None]) -> None:
    """Let every process of a container but process 1 go on.

    Raises:
        ObservationFailed, Stopped, NoEngine: as :func:`helpers.observe.beside.run_beside`.
    """
    run_beside(client, container, "kill -CONT -1 2>/dev/null", stop)


def parse_processes(printed: str) -> ProcessTree:
    """Read what the script printed."""
    listing, _, later = printed.partition(f"{_MARK}\n")
    listing, _, uid_map = listing.partition("=map=\n")
    before, after = _processes(listing), _processes(later)
    known = {p.pid for p in before if p.zombie}
    left = None
    if later:
        left = sum(p.zombie and p.parent == 1 and p.pid not in known for p in after)
    words = uid_map.split()
    host_uid = int(words[1]) if len(words) > 1 and words[1].isdecimal() else 0
    return ProcessTree(tuple(before), host_uid, left)


def _processes(listing: str) -> list[ProcessFact]:
    parts = _NUMBER.split(listing)[1:]
    found: dict[int, ProcessFact] = {}
    ours: set[int] = set()
    for pid, own, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        ours.add(int(own))
        fact = _process(int(pid), text)
        if fact is not None:
            found[fact.pid] = fact
    return [
        fact for pid, fact in sorted(found.items()) if pid not in ours and fact.parent not in ours
    ]


def _process(pid: int, text: str) -> ProcessFact | None:
    head, _, command = text.partition("nonvoluntary_ctxt_switches:")
    fields = dict(line.partition(":")[::2] for line in head.splitlines() if ":" in line)
    if "PPid" not in fields:
        return None  # it has just ended
    command = command.partition("\n")[2]
    uids = fields.get("Uid", "0 0").split()
    mask = int(fields.get("SigCgt", "0"), 16) | int(fields.get("SigBlk", "0"), 16)
    return ProcessFact(
        pid=pid,
        parent=int(fields["PPid"]),
        name=printable(fields.get("Name", "").strip(), 15),
        command=printable(command.strip(), 200),
        uid=int(uids[1]) if len(uids) > 1 else 0,
        threads=int(fields.get("Threads", "1")),
        zombie=fields.get("State", "").strip().startswith("Z"),
        handles=frozenset(s.name for s in signal.Signals if mask >> (s.value - 1) & 1),
        capabilities=int(fields.get("CapEff", "0"), 16),
        no_new_privileges=fields.get("NoNewPrivs", "0").strip() == "1",
    )
