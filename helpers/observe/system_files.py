"""The few files that say who is who and what system this is, as they are left at the end.

Sources: https://man7.org/linux/man-pages/man5/passwd.5.html, group.5, shadow.5 and
https://www.freedesktop.org/software/systemd/man/latest/os-release.html
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from helpers.observe.image_facts import FileFact
from helpers.observe.layer_tar import LayerContents
from helpers.observe.text import printable

#: Where the engine looks up a user that is given by name.
PASSWD = "/etc/passwd"  # noqa: S105 - a path
GROUP = "/etc/group"
SHADOW = "/etc/shadow"
_OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
#: Files whose content is kept with the entries of a layer.
KEPT = frozenset({PASSWD, GROUP, SHADOW, *_OS_RELEASE})
_MOST_FIELDS = 100


def kept_text(layers: Sequence[LayerContents], files: Iterable[FileFact], path: str) -> str:
    """The content of a kept file in the final file system; empty where there is none."""
    layer = next((f.layer for f in files if f.path == path and f.kind == "file"), None)
    if layer is None:
        return ""
    return layers[layer].kept.get(path, b"").decode("utf-8", "replace")


def without_hashes(shadow: bytes) -> bytes:
    """An ``/etc/shadow`` that tells which accounts have a password, and no longer which."""
    lines = []
    for line in shadow.split(b"\n"):
        fields = line.split(b":")
        if len(fields) > 1 and fields[1]:
            fields[1] = b"*"
        lines.append(b":".join(fields))
    return b"\n".join(lines)


def read_accounts(text: str) -> tuple[tuple[str, int], ...]:
    """Names and numbers of ``/etc/passwd`` or ``/etc/group``, as the engine reads them."""
    accounts = []
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) >= 3 and fields[2].isdecimal():
            accounts.append((fields[0], int(fields[2])))
    return tuple(accounts)


def read_main_groups(passwd: str) -> tuple[tuple[int, int], ...]:
    """Uid and gid of each account of ``/etc/passwd``."""
    lines = (line.split(":") for line in passwd.splitlines())
    return tuple(
        (int(fields[2]), int(fields[3]))
        for fields in lines
        if len(fields) >= 4 and fields[2].isdecimal() and fields[3].isdecimal()
    )


def read_empty_passwords(text: str) -> tuple[str, ...]:
    """Accounts of ``/etc/shadow`` that anybody can log in to without a password."""
    lines = (line.split(":") for line in text.splitlines())
    return tuple(fields[0] for fields in lines if len(fields) >= 2 and fields[0] and not fields[1])


def os_release(layers: Sequence[LayerContents], files: Iterable[FileFact]) -> dict[str, str]:
    """What ``os-release`` says of the system; the file in ``/etc`` goes first."""
    known = tuple(files)
    text = next((found for path in _OS_RELEASE if (found := kept_text(layers, known, path))), "")
    fields: dict[str, str] = {}
    for line in text.splitlines()[:_MOST_FIELDS]:
        key, equals, value = line.strip().partition("=")
        if equals and key.replace("_", "").isalnum():
            try:
                words = shlex.split(value)
            except ValueError:
                words = [value]
            fields[key] = printable(" ".join(words), 200)
    return fields
