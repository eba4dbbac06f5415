"""Who a container's process 1 is, read from the host's side: the kernel's own ``/proc/PID``.

Source: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html and
https://man7.org/linux/man-pages/man7/user_namespaces.7.html (``uid_map``)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for
from helpers.engine.labels import LESSON
from helpers.errors import WorkbookError
from helpers.observe.beside import TOOLS
from helpers.observe.capabilities import NAMES
from helpers.observe.containers import CannotStart, ContainerSpec, running_container
from helpers.observe.errors import engine_errors

# runc's own process becomes the container's with exec: until then it has another name.
_SCRIPT = (
    "t=0; while grep -q '^runc' /proc/{pid}/comm 2>/dev/null && [ $t -lt 50 ]; do "
    "sleep 0.02; t=$((t+1)); done; "
    "cat /proc/{pid}/status; echo =map=; cat /proc/{pid}/uid_map"
)
_SECCOMP = {"0": "off", "1": "strict", "2": "filter"}


class NobodyThere(WorkbookError):
    """The container could not be started, or ended before it was looked at."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Process 1 of a container, as the kernel of the host sees it.

    Attributes:
        pid: its number on the host.
        uid_inside: its effective uid in the container.
        uid_outside: the same user on the host.
        capabilities: its effective capabilities, by name.
        bounding: how many capabilities it could ever get.
        no_new_privileges: whether setuid files give it nothing.
        seccomp: ``off``, ``strict`` or ``filter``.
    """

    pid: int
    uid_inside: int
    uid_outside: int
    capabilities: tuple[str, ...]
    bounding: int
    no_new_privileges: bool
    seccomp: str


def identity(engine: Engine, image: str, spec: ContainerSpec | None = None) -> Identity:
    """Start a container, and look at its process 1 from a container among the host's processes.

    Args:
        engine: where.
        image: name or id.
        spec: how it is run; its image is filled in.

    Raises:
        NobodyThere: where it does not start, or has ended already.
    """
    ensure_for(engine, (TOOLS,))
    spec = replace(spec or ContainerSpec(""), image=image, role=LESSON)
    try:
        with running_container(engine.client, spec) as container:
            with engine_errors("looking at a container"):
                state = engine.client.api.inspect_container(container.id)["State"]
            return parse_identity(_seen_from_the_host(engine, int(state["Pid"])), int(state["Pid"]))
    except CannotStart as error:
        raise NobodyThere(
            f"The container could not be started: {error}", remedy="Look at how it is run."
        ) from error


def _seen_from_the_host(engine: Engine, pid: int) -> str:
    spec = ContainerSpec(
        TOOLS,
        command=("sh", "-c", _SCRIPT.format(pid=pid)),
        host_pids=True,
        network="none",
        role=LESSON,
    )
    with running_container(engine.client, spec) as looker:
        looker.exited.result()
        with engine_errors("looking at a process"):
            log = engine.client.api.logs(looker.id, stdout=True, stderr=False)
    return bytes(log).decode("utf-8", "replace")


def parse_identity(printed: str, pid: int) -> Identity:
    """Read ``status`` and ``uid_map`` of a process.

    Raises:
        NobodyThere: where the process had ended.
    """
    status, _, uid_map = printed.partition("=map=\n")
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    if "Uid" not in fields:
        raise NobodyThere(
            "The container ended before anybody could look at it.",
            remedy="Run the cell again; if it fails again, look at the container's log.",
        )
    outside = int(fields["Uid"].split()[1])
    mask = int(fields["CapEff"], 16)
    return Identity(
        pid=pid,
        uid_inside=_inside(outside, uid_map),
        uid_outside=outside,
        capabilities=tuple(name for bit, name in enumerate(NAMES) if mask >> bit & 1),
        bounding=int(fields["CapBnd"], 16).bit_count(),
        no_new_privileges=fields.get("NoNewPrivs", "0").strip() == "1",
        seccomp=_SECCOMP.get(fields.get("Seccomp", "").strip(), "unknown"),
    )


def _inside(outside: int, uid_map: str) -> int:
    """The uid in the process's own user namespace; 65534 (nobody) where it has none there."""
    for line in uid_map.splitlines():
        inside, begin, count = (int(word) for word in line.split())
        if begin <= outside < begin + count:
            return inside + outside - begin
    return 65_534
