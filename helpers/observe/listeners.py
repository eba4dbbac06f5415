"""Where the processes of a container listen, as the kernel tells it to this machine.

Source: https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
"""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path

from helpers.observe.service_facts import Listener

_LISTEN = "0A"
_DOCKER_DNS = "127.0.0.11"  # the engine's own name server inside user-defined networks


def is_process_here(pid: int, container_id: str, proc: Path = Path("/proc")) -> bool:
    """True where the process is one of this machine and belongs to the container.

    An engine on another machine, or in a virtual machine, tells a pid that is somebody else's here.

    Args:
        pid: as the engine tells it.
        container_id: the whole id.
        proc: where the process file system is mounted.
    """
    try:
        return pid > 0 and container_id in (proc / str(pid) / "cgroup").read_text()
    except OSError:
        return False


def read_listeners(pid: int, proc: Path = Path("/proc")) -> tuple[Listener, ...] | None:
    """TCP sockets that listen in a process's network namespace; None where it cannot be read."""
    found: set[tuple[int, str]] = set()
    read = False
    for table in ("tcp", "tcp6"):
        try:
            text = (proc / str(pid) / "net" / table).read_text()
        except OSError:
            continue  # no IPv6, or the process is gone
        read = True
        found |= {(port, address) for address, port in parse_listeners(text)}
    if not read:
        return None
    return tuple(
        Listener(address, port) for port, address in sorted(found) if address != _DOCKER_DNS
    )


def parse_listeners(table: str) -> tuple[tuple[str, int], ...]:
    """Address and port of the listening sockets in ``/proc/net/tcp`` or ``tcp6``."""
    sockets = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[3] == _LISTEN:
            address, _, port = fields[1].partition(":")
            sockets.append((_address(address), int(port, 16)))
    return tuple(sockets)


def _address(digits: str) -> str:
    """The kernel prints each 32-bit word of an address in its own byte order."""
    words = [bytes.fromhex(digits[at : at + 8]) for at in range(0, len(digits), 8)]
    raw = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    address = ipaddress.ip_address(raw)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
