"""How a container is confined, as a value; and the steps from nothing to all of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Network = Literal["shared", "own", "none"]


@dataclass(frozen=True, slots=True)
class Tmpfs:
    """An empty file system in memory that the container may write to.

    Attributes:
        path: where it is mounted.
        size_mb: the most that it takes, in MB (2^20 bytes, as the mount option counts).
        noexec: whether programs in it cannot be run. Docker's own default for ``--tmpfs``; an
            ``emptyDir`` of Kubernetes has no such option.
    """

    path: str
    size_mb: int = 16
    noexec: bool = True

    @property
    def options(self) -> str:
        """The mount options."""
        return f"{'noexec' if self.noexec else 'exec'},nosuid,nodev,size={self.size_mb}m"


@dataclass(frozen=True, slots=True)
class Hardening:
    """What a container may not do.

    Attributes:
        name: a short name for reports, for example ``read-only``.
        user: uid, or ``uid:gid``; empty for the image's own.
        read_only: whether its root file system is read-only.
        tmpfs: what it may write to nevertheless.
        drop_capabilities: whether all capabilities are taken away.
        no_new_privileges: whether setuid files give no rights.
        pids: most processes and threads; None for no limit.
        memory_mb: most memory in MB (10^6 bytes), swap included; None for no limit.
        network: ``shared`` with the neighbour; ``own``, a network without anybody else in it and
            without a way out; or ``none``.
    """

    name: str = ""
    user: str = ""
    read_only: bool = False
    tmpfs: tuple[Tmpfs, ...] = ()
    drop_capabilities: bool = False
    no_new_privileges: bool = False
    pids: int | None = None
    memory_mb: int | None = None
    network: Network = "shared"


PIDS = 128
MEMORY_MB = 256
NOBODY = "65532:65532"  # what distroless calls nonroot
_SOFT = Tmpfs("/tmp", noexec=False)  # noqa: S108 - a path in the container
_HARD = Tmpfs("/tmp")  # noqa: S108


def hardening_steps(user: str = NOBODY) -> tuple[Hardening, ...]:
    """From ``docker run`` as root to everything, one measure more each time.

    Args:
        user: uid, or ``uid:gid``, of the second step and all after it.
    """
    root = Hardening("root", user="0:0")
    person = replace(root, name="non-root", user=user)
    frozen = replace(person, name="no new privileges", no_new_privileges=True)
    bare = replace(frozen, name="no capabilities", drop_capabilities=True)
    soft = replace(bare, name="read-only, tmpfs exec", read_only=True, tmpfs=(_SOFT,))
    hard = replace(soft, name="tmpfs noexec", tmpfs=(_HARD,))
    limited = replace(hard, name="limits", pids=PIDS, memory_mb=MEMORY_MB)
    alone = replace(limited, name="own network", network="own")
    return (root, person, frozen, bare, soft, hard, limited, alone)


def single_measures(user: str = NOBODY) -> tuple[Hardening, ...]:
    """Root without anything, then each measure alone: which one stops what.

    Args:
        user: uid, or ``uid:gid``, of the non-root user.
    """
    root = Hardening("root", user="0:0")
    return (
        root,
        replace(root, name="non-root", user=user),
        replace(root, name="no new privileges", no_new_privileges=True),
        replace(root, name="no capabilities", drop_capabilities=True),
        replace(root, name="read-only", read_only=True),
        replace(root, name="tmpfs noexec", tmpfs=(_HARD,)),
        replace(root, name="limits", pids=PIDS, memory_mb=MEMORY_MB),
        replace(root, name="own network", network="own"),
    )


#: All measures at once, with the image's own user: what properties look at by default.
HARDENED = replace(hardening_steps()[-1], name="hardened", user="")
