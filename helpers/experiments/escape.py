"""The mounted engine socket as the way out of a container, tried where nothing can be harmed.

The victim is a nested engine (:mod:`nested_engine`). The intruder gets as far as a file that was
made for it there.

Source: https://docs.docker.com/engine/security/#docker-daemon-attack-surface
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from helpers.experiments.nested_engine import SOCKET, NestedEngine

#: The image of the service, as the nested engine knows it. It has Node.js at this place.
SERVICE = "service"
_NODE = "/nodejs/bin/node"
MARKER = "/root/only-for-root-of-the-host.txt"
_BEFORE = "written by the notebook\n"
_WORDS = "and by an intruder\n"


@dataclass(frozen=True, slots=True)
class Escape:
    """One try.

    Attributes:
        options: of ``docker run``, in the nested engine.
        said: what the intruder's program printed: an error code, or that it worked.
        escaped: whether the file of the host was changed, as the outer engine reads it.
    """

    options: str
    said: str
    escaped: bool


def try_to_escape(victim: NestedEngine, *options: str) -> Escape:
    """Run the service's image with the intruder's script in place of the service.

    Args:
        victim: the nested engine; it must have the image as :data:`SERVICE`.
        options: of ``docker run``: the user, and what is mounted.
    """
    script = files("helpers.experiments").joinpath("intruder.mjs").read_text()
    victim.write(MARKER, _BEFORE)
    ran = victim.docker(
        *("run", "--rm", "--network", "none", "--entrypoint", _NODE, *options, SERVICE),
        *("--input-type=module", "-e", script, MARKER, _WORDS),
    )
    last = ran.output.splitlines()[-1] if ran.output else f"exit code {ran.code}"
    return Escape(" ".join(options), last, victim.read(MARKER) != _BEFORE)


def socket_mount(*, read_only: bool = False) -> tuple[str, str]:
    """The option that mounts the engine's socket."""
    return "--volume", f"{SOCKET}:{SOCKET}" + (":ro" if read_only else "")


def group_of_socket(victim: NestedEngine) -> str:
    """The number of the group that may use the nested engine's socket."""
    return victim.host("stat", "-c", "%g", SOCKET).strip()


@dataclass(frozen=True, slots=True)
class Remapped:
    """Root of a container, seen from the nested engine's host.

    Attributes:
        uid_inside: its uid in the container.
        uid_outside: the same user on that host.
        writes_root_file: whether it can write a folder of the host's root that is mounted into it.
        uses_socket: whether it may use the mounted socket.
    """

    uid_inside: int
    uid_outside: int
    writes_root_file: bool
    uses_socket: bool


def root_in(victim: NestedEngine, tools: str) -> Remapped:
    """Start a container as root and look at it from its host.

    Args:
        victim: a nested engine, with or without user-namespace remapping.
        tools: name of an image with BusyBox in it.
    """
    victim.host("mkdir", "-p", "/srv/of-root")
    started = victim.host(
        *("docker", "run", "--detach", "--network", "none", "--volume", "/srv/of-root:/of-root"),
        *("--volume", f"{SOCKET}:/socket", tools, "sleep", "60"),
    ).strip()
    pid = victim.host("docker", "inspect", "--format", "{{.State.Pid}}", started).strip()
    status = victim.host("cat", f"/proc/{pid}/status")
    outside = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[2]
    inside = victim.host("docker", "exec", started, "id", "-u").strip()
    wrote = victim.docker("exec", started, "sh", "-c", "echo here > /of-root/file")
    # A socket cannot be opened like a file, but the refusal tells whether the mode allows it.
    tried = victim.docker("exec", started, "sh", "-c", "echo > /socket")
    victim.host("docker", "rm", "--force", started)
    return Remapped(int(inside), int(outside), wrote.code == 0, "denied" not in tried.output)
