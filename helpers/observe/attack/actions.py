"""The actions of an intruder: what each one gains, how it is tried, and what stops it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Group = Literal[
    "write", "run", "install and fetch", "read", "rights", "kernel and host", "network", "exhaust"
]

_RUN = "https://docs.docker.com/engine/containers/run/"
_OPTIONS = "https://docs.docker.com/reference/cli/docker/container/run/"
_SECURITY = "https://docs.docker.com/engine/security/"
_SECCOMP = "https://docs.docker.com/engine/security/seccomp/"
_NETWORK = "https://docs.docker.com/engine/network/drivers/bridge/"
_LIMITS = "https://docs.docker.com/engine/containers/resource_constraints/"
_TMPFS = "https://docs.docker.com/engine/storage/tmpfs/"
_MAN = "https://man7.org/linux/man-pages"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that an intruder tries.

    Attributes:
        id: as the program calls it.
        group: what it is listed under.
        title: what is tried, in a few words.
        gain: what the intruder has if it works.
        how: how it is tried, so that nothing is harmed.
        stopped_by: what stops it; a sentence where nothing in a container's options does.
        source: link to the primary source.
        runs_image: True where a program of the image is started.
    """

    id: str
    group: Group
    title: str
    gain: str
    how: str
    stopped_by: str
    source: str
    runs_image: bool = False


ACTIONS: tuple[Action, ...] = (
    Action(
        "write-app",
        "write",
        "write into the app's folder",
        "code of its own that the service loads at the next start",
        "makes and removes a file in the working directory",
        "a non-root user that does not own the folder; a read-only root file system",
        f"{_OPTIONS}#read-only",
    ),
    Action(
        "change-app",
        "write",
        "change a file of the app",
        "a service that does something else",
        "opens files of the app for writing, and writes nothing",
        "files that belong to root and a non-root user; a read-only root file system",
        f"{_OPTIONS}#read-only",
    ),
    Action(
        "write-system",
        "write",
        "write into system folders",
        "replaced programs and settings",
        "makes and removes a file in /usr/local/bin, /usr/bin, /usr/lib, /etc or /",
        "a non-root user; a read-only root file system",
        f"{_OPTIONS}#read-only",
    ),
    Action(
        "write-tmp",
        "write",
        "write into /tmp",
        "a place for tools and loot",
        "makes and removes a file in /tmp, /var/tmp or /run",
        "a read-only root file system without a tmpfs",
        _TMPFS,
    ),
    Action(
        "write-shm",
        "write",
        "write into /dev/shm",
        "64 MB for tools and loot, also where the root file system is read-only",
        "makes and removes a file in /dev/shm",
        "`--ipc none`, which takes /dev/shm away; a read-only root file system does not",
        "https://github.com/docker-archive/docker-ce/pull/459",
    ),
    Action(
        "run-dropped",
        "run",
        "run a program that it dropped",
        "any tool at all",
        "copies a program into every folder that can be written to and runs it there",
        "no writable folder without noexec",
        f"{_MAN}/man8/mount.8.html",
    ),
    Action(
        "run-from-memory",
        "run",
        "run a program from memory",
        "any tool at all, without a file that could be found",
        "copies a program into a memfd and runs it",
        "no option of a container: a seccomp profile of one's own, or the host's vm.memfd_noexec",
        f"{_MAN}/man2/memfd_create.2.html",
    ),
    Action(
        "run-shell",
        "run",
        "run a shell script",
        "scripts with everything that the image has",
        "gives a script to a shell's standard input",
        "an image without a shell",
        "https://github.com/GoogleContainerTools/distroless#why-should-i-use-distroless-images",
        runs_image=True,
    ),
    Action(
        "run-interpreter",
        "run",
        "run a script in the service's language",
        "a programming language with a network and a file system library",
        "gives a script to the standard input of Node.js, Python, Perl, Ruby, PHP or Lua",
        "a static binary instead of an interpreter; noexec does not",
        f"{_MAN}/man8/mount.8.html",
        runs_image=True,
    ),
    Action(
        "install-system-package",
        "install and fetch",
        "install a system package",
        "every tool of the distribution",
        "installs an empty Debian package with the image's dpkg",
        "an image without a package manager; a non-root user; a read-only root file system",
        "https://docs.docker.com/build/building/best-practices/",
        runs_image=True,
    ),
    Action(
        "install-npm-package",
        "install and fetch",
        "install an npm package",
        "every tool of the npm registry",
        "installs an empty package with the image's npm",
        "an image without npm",
        "https://docs.docker.com/build/building/best-practices/",
        runs_image=True,
    ),
    Action(
        "fetch-with-image-tools",
        "install and fetch",
        "fetch a tool with curl or wget",
        "a first tool, with one line",
        "fetches a program over HTTP from a container beside it with what the image has",
        "an image without such tools; a network without a way out",
        "https://docs.docker.com/build/building/best-practices/",
        runs_image=True,
    ),
    Action(
        "fetch-with-interpreter",
        "install and fetch",
        "fetch a tool with the service's language",
        "a first tool, where there is no curl",
        "fetches a program over HTTP from a container beside it with Node.js or Python",
        "a network without a way out",
        _NETWORK,
        runs_image=True,
    ),
    Action(
        "fetch-program",
        "install and fetch",
        "fetch a tool with code of its own",
        "any tool at all",
        "fetches a program over HTTP from a container beside it",
        "a network without a way out",
        _NETWORK,
    ),
    Action(
        "read-environment",
        "read",
        "read the service's environment",
        "every password that came as an environment variable",
        "reads /proc/1/environ and looks for a value that was put there",
        "no option of a container: secrets in files with tight permissions, and short-lived ones",
        "https://docs.docker.com/engine/swarm/secrets/",
    ),
    Action(
        "read-shadow",
        "read",
        "read root's files",
        "password hashes and keys",
        "opens /etc/shadow",
        "a non-root user",
        f"{_MAN}/man5/shadow.5.html",
    ),
    Action(
        "setuid-root",
        "rights",
        "become root with a setuid program",
        "root in the container",
        "runs a setuid program of root that was brought along; it stands for one of the image",
        "no-new-privileges; it does nothing where the service is root already",
        f"{_MAN}/man2/PR_SET_NO_NEW_PRIVS.2const.html",
    ),
    Action(
        "switch-user",
        "rights",
        "become another user",
        "the files of every other user",
        "sets another uid",
        "a non-root user; dropped capabilities (CAP_SETUID)",
        f"{_RUN}#runtime-privilege-and-linux-capabilities",
    ),
    Action(
        "user-namespace",
        "rights",
        "become root in a user namespace",
        "a much larger part of the kernel to attack",
        "unshare(CLONE_NEWUSER)",
        "Docker's default seccomp profile; Kubernetes applies one only where it is asked for",
        _SECCOMP,
    ),
    Action(
        "trace-service",
        "rights",
        "trace the service",
        "keys in its memory, and its requests",
        "attaches to process 1 with ptrace and lets go; process 1 never stops",
        "no option of a container: a seccomp profile of one's own, or the host's yama.ptrace_scope",
        _SECCOMP,
    ),
    Action(
        "stop-service",
        "rights",
        "stop the service",
        "an outage",
        "asks whether a signal may be sent to process 1, and sends none",
        "no option of a container: what runs as the service may stop it",
        f"{_MAN}/man2/kill.2.html",
    ),
    Action(
        "load-module",
        "kernel and host",
        "load a kernel module",
        "the host",
        "gives the kernel a module that is none",
        "Docker's default: no CAP_SYS_MODULE",
        f"{_RUN}#runtime-privilege-and-linux-capabilities",
    ),
    Action(
        "mount",
        "kernel and host",
        "mount a file system",
        "what the read-only root file system and hidden folders of /proc kept away",
        "mounts a tmpfs over its own folder and takes it off",
        "Docker's default: no CAP_SYS_ADMIN",
        f"{_RUN}#runtime-privilege-and-linux-capabilities",
    ),
    Action(
        "write-proc-sys",
        "kernel and host",
        "write to /proc/sys",
        "settings of the host's kernel; core_pattern runs a program as root on the host",
        "opens core_pattern, overcommit_memory and sysrq-trigger for writing, and writes nothing",
        "Docker's default: /proc/sys is read-only",
        _SECURITY,
    ),
    Action(
        "write-cgroup",
        "kernel and host",
        "write to its control group",
        "freedom from its limits",
        "opens the files of the limits for writing, and writes nothing",
        "Docker's default: /sys/fs/cgroup is read-only",
        _SECURITY,
    ),
    Action(
        "read-kernel-log",
        "kernel and host",
        "read the kernel's log",
        "addresses and names of the host",
        "syslog(2)",
        "Docker's default seccomp profile",
        _SECCOMP,
    ),
    Action(
        "open-device",
        "kernel and host",
        "open a disk of the host",
        "the host's files",
        "makes a device file in every writable folder and opens it for reading",
        "Docker's default: the device control group; the file itself needs CAP_MKNOD",
        f"{_RUN}#runtime-privilege-and-linux-capabilities",
    ),
    Action(
        "see-host-processes",
        "kernel and host",
        "see the host's processes",
        "command lines with their passwords",
        "looks for processes in /proc that are not the container's",
        "Docker's default: a pid namespace of its own",
        f"{_OPTIONS}#pid",
    ),
    Action(
        "engine-socket",
        "kernel and host",
        "talk to the engine",
        "root on the host",
        "connects to the sockets of Docker, containerd and Podman",
        "Docker's default: no socket is mounted",
        f"{_SECURITY}#docker-daemon-attack-surface",
    ),
    Action(
        "low-port",
        "network",
        "listen on a port below 1024",
        "the place of another service",
        "listens on port 80 for a moment",
        "no dropped capability: Docker lets every user listen on every port of its own network "
        "namespace (net.ipv4.ip_unprivileged_port_start=0)",
        "https://docs.docker.com/engine/release-notes/20.10/",
    ),
    Action(
        "sniff-network",
        "network",
        "read and forge packets",
        "the traffic of its network, ARP spoofing",
        "opens a packet socket",
        "a non-root user; dropped capabilities (CAP_NET_RAW)",
        f"{_RUN}#runtime-privilege-and-linux-capabilities",
    ),
    Action(
        "reach-neighbour",
        "network",
        "reach another container",
        "services that trust their network",
        "connects to a container that was started beside it",
        "a network of its own",
        _NETWORK,
    ),
    Action(
        "reach-host",
        "network",
        "reach the host",
        "services that listen on the host",
        "connects to the host's address on the neighbour's network",
        "a network without a way out",
        _NETWORK,
    ),
    Action(
        "fork-bomb",
        "exhaust",
        "fork without end",
        "an outage of the host",
        "starts processes until the limit stops it; not tried where there is no limit",
        "a pids limit",
        "https://docs.kernel.org/admin-guide/cgroup-v1/pids.html",
    ),
    Action(
        "fill-memory",
        "exhaust",
        "fill the memory",
        "an outage of the host",
        "takes memory until the limit stops it; not tried where there is no limit",
        "a memory limit",
        _LIMITS,
    ),
    Action(
        "fill-disk",
        "exhaust",
        "fill the disk",
        "an outage of the host",
        "fills the largest writable folder, if each has a size; else it is not tried",
        "a read-only root file system; a size for every tmpfs",
        _TMPFS,
    ),
)

#: Every action by its id.
BY_ID = {action.id: action for action in ACTIONS}
ALL_IDS: tuple[str, ...] = tuple(BY_ID)
