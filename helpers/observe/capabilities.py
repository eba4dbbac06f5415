"""File capabilities: what ``security.capability`` says, in the words of ``getcap``.

Sources: https://man7.org/linux/man-pages/man7/capabilities.7.html (file capabilities) and
https://github.com/torvalds/linux/blob/master/include/uapi/linux/capability.h (``vfs_cap_data``)
"""

from __future__ import annotations

import struct

#: By number, as the kernel counts them.
NAMES = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
]

_WORDS = {1: 1, 2: 2, 3: 2}  # by revision: 32-bit words of each set
_EFFECTIVE = 1


def decode(attribute: bytes) -> str:
    """The capabilities in a ``security.capability`` attribute.

    Args:
        attribute: its bytes, of revision 1, 2 or 3.

    Returns:
        For example ``cap_net_raw=ep``, several kinds separated by a space; ``unreadable`` for an
        attribute that the kernel would refuse, because it is there all the same.
    """
    revision = attribute[3] if len(attribute) >= 4 else 0
    words = _WORDS.get(revision, 0)
    if not words or len(attribute) < 4 + 8 * words:
        return "unreadable"
    flags = struct.unpack_from("<I", attribute)[0] & 0xFFFFFF
    permitted = inheritable = 0
    for word in range(words):
        low, high = struct.unpack_from("<II", attribute, 4 + 8 * word)
        permitted |= low << (32 * word)
        inheritable |= high << (32 * word)
    by_sets: dict[str, list[str]] = {}
    for number in range(32 * words):
        p, i = permitted >> number & 1, inheritable >> number & 1
        if p or i:
            # The one effective bit of a file is for all of its capabilities.
            sets = f"{'e' if flags & _EFFECTIVE else ''}{'i' if i else ''}{'p' if p else ''}"
            by_sets.setdefault(sets, []).append(_name(number))
    return " ".join(f"{','.join(names)}={sets}" for sets, names in by_sets.items())


def _name(number: int) -> str:
    return f"cap_{NAMES[number]}" if number < len(NAMES) else f"cap_{number}"
