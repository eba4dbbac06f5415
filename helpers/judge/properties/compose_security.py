"""A Compose file: what a service may do to the host, and what an intruder finds in it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from pydantic import Field

from helpers.judge.compose_services import Mount, Service, mounts
from helpers.judge.compose_verdicts import (
    NO_SERVICE,
    SERVICES,
    ComposeParams,
    is_alone_built,
    is_left_to_image,
    judge_services,
    needs,
    needs_image,
)
from helpers.judge.manifest import Node, found_at
from helpers.judge.properties.start import NoParams, judge_non_root
from helpers.judge.property import Property
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import listed, no_image
from helpers.observe.compose import with_defaults
from helpers.observe.requests import Observations
from helpers.observe.text import printable

_SOCKETS = ("docker.sock", "containerd.sock", "crio.sock", "podman.sock")
# docker-bench 5.6 names most of them.
_HOST_FOLDERS = frozenset(
    {"/", "/boot", "/dev", "/etc", "/home", "/lib", "/proc", "/root", "/run", "/sys", "/usr"}
    | {"/var", "/var/lib", "/var/lib/docker", "/var/run", "/bin", "/sbin"}
)
_HOST_MODES = {
    "network_mode": "network",
    "pid": "process",
    "ipc": "IPC",
    "uts": "UTS",
    "userns_mode": "user",
    "cgroup": "control group",
}
_FORBIDDEN_OPTIONS = ("seccomp:unconfined", "apparmor:unconfined", "label:disable")


class CapabilityParams(ComposeParams):
    """Parameters of ``compose-capabilities``."""

    allowed: tuple[str, ...] = Field(
        ("NET_BIND_SERVICE",),
        description="Capabilities that may be added back, without `CAP_`. Names, no unit.",
    )


class ReadOnlyParams(ComposeParams):
    """Parameters of ``compose-read-only``."""

    writable: tuple[str, ...] = Field(
        (),
        description="Absolute paths that each service must be able to write, on a tmpfs or volume.",
    )


class UserParams(ComposeParams):
    """Parameters of ``compose-user``."""

    numeric: bool = Field(False, description="Whether the user must be a number. No unit.")


def judge_unprivileged(params: ComposeParams, observations: Observations) -> Verdict:
    """No privileged service, no device, no protection switched off."""

    def look(_: Node, service: Service) -> Iterable[Evidence]:
        privileged = service.node.at("privileged")
        if privileged.is_true:
            text = f"`{service.name}` is privileged: root in it is root of the host."
            yield found_at("privileged", privileged, text)
        for device in service.node.at("devices").each():
            shown = printable(device.text or device.at("source").text, 60)
            text = f"`{service.name}` gets the host's device `{shown}`."
            yield found_at("device", device, text)
        for option in service.node.at("security_opt").each():
            if option.text.replace("=", ":").startswith(_FORBIDDEN_OPTIONS):
                text = (
                    f"`{service.name}` switches a protection off: `{printable(option.text, 60)}`."
                )
                yield found_at("unconfined", option, text)

    right = "No service is privileged, and no protection is switched off"
    return judge_services(params, observations, look, right=right, wrong="with rights of the host")


def judge_mounts(params: ComposeParams, observations: Observations) -> Verdict:
    """Neither the engine's socket nor the host's own folders."""

    def look(_: Node, service: Service) -> Iterable[Evidence]:
        for mount in mounts(service.node):
            if mount.kind != "bind" and not mount.source.startswith("/"):
                continue
            source = posixpath.normpath(mount.source)
            shown = printable(mount.source, 80)
            if source.endswith(_SOCKETS):
                text = f"`{service.name}` gets `{shown}`: who has it, has the host"
                reads = ", also where it is read-only" if mount.read_only else ""
                yield found_at("engine-socket", mount.node, f"{text}{reads}.")
            elif source in _HOST_FOLDERS:
                text = f"`{service.name}` mounts the host's own `{shown}`."
                yield found_at("host-folder", mount.node, text)

    right = "No service sees the engine's socket or a folder of the host's system"
    return judge_services(params, observations, look, right=right, wrong="with a way to the host")


def judge_namespaces(params: ComposeParams, observations: Observations) -> Verdict:
    """Namespaces of its own."""

    def look(_: Node, service: Service) -> Iterable[Evidence]:
        for key, name in _HOST_MODES.items():
            node = service.node.at(key)
            if node.text == "host":
                text = f"`{service.name}` shares the host's {name} namespace (`{key}: host`)."
                yield found_at("host-namespace", node, text)

    right = "Every service has namespaces of its own"
    return judge_services(params, observations, look, right=right, wrong="in the host's namespaces")


def judge_capabilities(params: CapabilityParams, observations: Observations) -> Verdict:
    """All capabilities dropped; what comes back is on the list."""
    allowed = {_capability(name) for name in params.allowed}

    def look(_: Node, service: Service) -> Iterable[Evidence]:
        drop, add = service.node.at("cap_drop"), service.node.at("cap_add")
        if "ALL" not in map(_capability, drop.words()):
            dropped = f"drops {listed(drop.words())} only" if drop.words() else "drops nothing"
            text = f"`{service.name}` {dropped}: the engine's default capabilities stay."
            yield found_at("not-dropped", drop, text)
        for item in add.each():
            name = _capability(item.text)
            if name == "ALL":
                yield found_at("all-added", item, f"`{service.name}` adds every capability.")
            elif name not in allowed:
                text = f"`{service.name}` adds {printable(name, 40)}"
                may = listed(sorted(allowed)) or "none"
                yield found_at("added", item, f"{text}; allowed: {may}.")

    return judge_services(
        params,
        observations,
        look,
        right="Every service drops all capabilities and adds back what is allowed at most",
        wrong="with capabilities to spare",
        noun="capability",
    )


def _capability(name: str) -> str:
    return name.upper().removeprefix("CAP_")


def judge_read_only(params: ReadOnlyParams, observations: Observations) -> Verdict:
    """A root file system that nobody can write, and room where writing is needed."""

    def look(_: Node, service: Service) -> Iterable[Evidence]:
        node = service.node.at("read_only")
        if not node.is_true:
            text = f"`{service.name}` can write its whole root file system."
            yield found_at("writable-root", node, text)
        for path in params.writable:
            if not any(_covers(mount, path) for mount in mounts(service.node)):
                text = f"`{service.name}` has no tmpfs or volume to write {printable(path, 80)} on."
                yield found_at("no-room", service.node, text)

    right = "Every root file system is read-only"
    return judge_services(params, observations, look, right=right, wrong="not set up read-only")


def _covers(mount: Mount, path: str) -> bool:
    target, wanted = posixpath.normpath(mount.target), posixpath.normpath(path)
    return not mount.read_only and (wanted == target or wanted.startswith(f"{target.rstrip('/')}/"))


def judge_user(params: UserParams, observations: Observations) -> Verdict:
    """Not root."""
    if observations.image is None and is_left_to_image(params, observations, "user"):
        return no_image(observations)
    image_user = judge_non_root(NoParams(), observations)

    def look(root: Node, service: Service) -> Iterable[Evidence]:
        node = service.node.at("user")
        user = with_defaults(node.text).partition(":")[0]
        if not user:
            alone = is_alone_built(root, service)
            if not (alone and image_user.passed):
                yield _no_user(service, alone=alone)
        elif user in {"root", "0"}:
            yield found_at("root-user", node, f"`{service.name}` runs as `{printable(user, 40)}`.")
        elif params.numeric and not user.isdecimal():
            text = f"`{service.name}` runs as `{printable(user, 40)}`, which is no number."
            yield found_at("named-user", node, text)

    right = "No service runs as root"
    return judge_services(params, observations, look, right=right, wrong="that may run as root")


def _no_user(service: Service, *, alone: bool) -> Evidence:
    if alone:
        text = f"`{service.name}` names no user, and the image that was built starts as root."
    elif service.is_built:
        text = f"`{service.name}` names no user; what its image says is not seen here."
    else:
        text = f"`{service.name}` names no user: its image decides, and most start as root."
    return found_at("no-user", service.node, text)


def judge_no_new_privileges(params: ComposeParams, observations: Observations) -> Verdict:
    """A setuid file gives nothing."""

    def look(_: Node, service: Service) -> Iterable[Evidence]:
        options = service.node.at("security_opt")
        words = [w.replace("=", ":").removesuffix(":true") for w in options.words()]
        if "no-new-privileges" not in words:
            text = f"`{service.name}` lacks `no-new-privileges:true`: a setuid file makes it root."
            yield found_at("new-privileges", options, text)

    right = "No service can gain privileges"
    return judge_services(params, observations, look, right=right, wrong="that can gain privileges")


PROPERTIES: tuple[Property, ...] = (
    Property(
        id="compose-unprivileged",
        family="compose",
        title="No service is privileged",
        meaning="No `privileged: true`, no device of the host, and no `security_opt` that switches "
        "seccomp, AppArmor or SELinux off.",
        source=f"{SERVICES}#privileged",
        params=ComposeParams,
        codes={
            "privileged": "a service is privileged",
            "device": "a service gets a device of the host",
            "unconfined": "seccomp, AppArmor or SELinux is switched off",
            **NO_SERVICE,
        },
        needs=needs,
        judge=judge_unprivileged,
        remedy="Take the line out; add the one capability that is really needed instead.",
        weight=5,
        covers=tuple(f"docker-bench 5.{n}" for n in (2, 3, 5, 18, 22)),
    ),
    Property(
        id="compose-host-mounts",
        family="compose",
        title="No way to the host is mounted",
        meaning="No service mounts the socket of a container engine or a folder of the host's own "
        "system. With the socket a container can start a privileged one; that it is mounted "
        "read-only changes nothing, as one writes to a socket through a connection.",
        source="https://docs.docker.com/engine/security/#docker-daemon-attack-surface",
        params=ComposeParams,
        codes={
            "engine-socket": "the socket of a container engine is mounted",
            "host-folder": "a folder of the host's own system is mounted",
            **NO_SERVICE,
        },
        needs=needs,
        judge=judge_mounts,
        remedy="Take the mount out. What must talk to the engine goes through a proxy that lets "
        "the few calls through that it needs.",
        weight=5,
        covers=("docker-bench 5.6", "docker-bench 5.32"),
    ),
    Property(
        id="compose-namespaces",
        family="compose",
        title="Services have namespaces of their own",
        meaning="No `network_mode`, `pid`, `ipc`, `uts`, `userns_mode` or `cgroup` is `host`: each "
        "takes away one of the walls that a container consists of.",
        source=f"{SERVICES}#network_mode",
        params=ComposeParams,
        codes={"host-namespace": "a service is in a namespace of the host", **NO_SERVICE},
        needs=needs,
        judge=judge_namespaces,
        remedy="Take the line out and publish the ports that are needed.",
        weight=5,
        covers=tuple(f"docker-bench 5.{n}" for n in (10, 16, 17, 21, 31)),
    ),
    Property(
        id="compose-capabilities",
        family="compose",
        title="Services drop all capabilities",
        meaning="`cap_drop: [ALL]`, and `cap_add` holds nothing but what is allowed. By default a "
        "container has fourteen capabilities, among them those to change the owner of any file, "
        "to send raw packets and to make device files.",
        source=f"{SERVICES}#cap_drop",
        params=CapabilityParams,
        codes={
            "not-dropped": "`ALL` is not dropped",
            "added": "a capability is added that is not allowed",
            "all-added": "every capability is added",
            **NO_SERVICE,
        },
        needs=needs,
        judge=judge_capabilities,
        remedy="Write `cap_drop: [ALL]`, start the service, and add back what it fails for.",
        weight=4,
        covers=("docker-bench 5.4",),
    ),
    Property(
        id="compose-read-only",
        family="compose",
        title="Root file systems are read-only",
        meaning="`read_only: true`, and a tmpfs or a volume where the service has to write.",
        source=f"{SERVICES}#read_only",
        params=ReadOnlyParams,
        codes={
            "writable-root": "the root file system can be written",
            "no-room": "a path that must be writable is on no tmpfs and no volume",
            **NO_SERVICE,
        },
        needs=needs,
        judge=judge_read_only,
        remedy="Write `read_only: true`, and `tmpfs: [/tmp]` or a volume for what it must write.",
        weight=3,
        covers=("docker-bench 5.13",),
    ),
    Property(
        id="compose-user",
        family="compose",
        title="Services do not run as root",
        meaning="`user:` is set and not root. Where one service alone is built, it may leave that "
        "to its image's USER, which is looked up in the image that was built.",
        source=f"{SERVICES}#user",
        params=UserParams,
        codes={
            "no-user": "no user is set where it can be seen",
            "root-user": "the user is root",
            "named-user": "the user is a name where a number is wanted",
            **NO_SERVICE,
        },
        needs=needs_image,
        judge=judge_user,
        remedy='Write `user: "10001:10001"`, or USER in the Dockerfile of what Compose builds.',
        weight=4,
        covers=("docker-bench 4.1", "dockle CIS-DI-0001"),
    ),
    Property(
        id="compose-no-new-privileges",
        family="compose",
        title="Services cannot gain privileges",
        meaning="`security_opt` holds `no-new-privileges:true`, so that a setuid file or a file "
        "capability gives a process nothing that its parent did not have.",
        source=f"{SERVICES}#security_opt",
        params=ComposeParams,
        codes={"new-privileges": "`no-new-privileges` is not set", **NO_SERVICE},
        needs=needs,
        judge=judge_no_new_privileges,
        remedy='Write `security_opt: ["no-new-privileges:true"]`.',
        weight=3,
        covers=("docker-bench 5.26",),
    ),
)
