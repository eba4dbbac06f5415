"""From a service of a Compose file to the container that it stands for. Pure: nothing is run.

What would open the engine's machine is left out and told: host paths, the engine's socket,
``privileged``, namespaces of the host, capabilities beyond the engine's own fourteen, ports of the
host. So a Compose file of a stranger can be run.

Source: https://github.com/compose-spec/compose-spec/blob/main/05-services.md
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from helpers.observe.compose_values import (
    bytes_of,
    pairs,
    seconds_of,
    text_of,
    texts,
    variables_of,
    words_of,
)
from helpers.observe.containers import ContainerSpec

#: What a container gets where its service names no limit, in bytes and processes.
DEFAULT_MEMORY = 512_000_000
DEFAULT_PIDS = 256
#: What Compose gives a container to stop, in seconds.
DEFAULT_GRACE = 10.0
#: The capabilities that the engine gives every container; more is never added here. Source:
#: https://docs.docker.com/engine/security/seccomp/ and moby's oci/caps/defaults.go
DEFAULT_CAPABILITIES = frozenset(
    {
        *("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID"),
        *("SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"),
    }
)
_MOST_MEMORY = 2_000_000_000
_MOST_PIDS = 1_000
_HOST_NAMESPACES = ("network_mode", "pid", "ipc", "uts", "userns_mode", "cgroup")
_SECRETS = "/run/secrets"

Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]
_CONDITIONS: tuple[Condition, ...] = (
    "service_started",
    "service_healthy",
    "service_completed_successfully",
)


class NotComposed(Exception):
    """The file asks for something that is not run here; the text says what."""


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file or folder that a container is given: a secret, a config, a bind mount of the copy.

    Attributes:
        target: absolute path in the container.
        source: path in the folder of the Compose file; empty where ``text`` is the content.
        text: the content.
        read_only: whether the container may not write to it.
    """

    target: str
    source: str = ""
    text: str = field(default="", repr=False)
    read_only: bool = True


@dataclass(frozen=True, slots=True)
class ComposeService:
    """One service as it is run.

    Attributes:
        name: its name, which is its host name for the others.
        spec: its container; ``image`` is empty where it is built.
        build: folder that its image is built of, ``.`` for the whole; empty where it is pulled.
        depends_on: names of other services, each with what is waited for.
        networks: names of its networks.
        volumes: named volumes, each with the path that it is mounted at.
        files: what it is given.
        restart: its restart policy, ``no`` where it has none.
        grace_seconds: from its stop signal to SIGKILL.
        left_out: what it asks for and is not given here.
    """

    name: str
    spec: ContainerSpec
    build: str = ""
    depends_on: tuple[tuple[str, Condition], ...] = ()
    networks: tuple[str, ...] = ("default",)
    volumes: tuple[tuple[str, str], ...] = ()
    files: tuple[GivenFile, ...] = ()
    restart: str = "no"
    grace_seconds: float = DEFAULT_GRACE
    left_out: tuple[str, ...] = ()


def compose_services(
    document: Mapping[str, Any], variables: Mapping[str, str], files: Mapping[str, str]
) -> tuple[ComposeService, ...]:
    """The services of a file without ``profiles``, as they are written.

    Args:
        document: the file with its variables put in (``interpolated``).
        variables: what an ``.env`` file says.
        files: texts of the files that ``env_file`` may name, by path.

    Raises:
        NotComposed: where the file needs what is not run here.
    """
    services = document.get("services")
    if not isinstance(services, dict) or not services:
        raise NotComposed("it has no services")
    if document.get("include"):
        raise NotComposed("`include`: a part of it is in another file")
    return tuple(
        compose_service(str(name), service or {}, document, variables, files)
        for name, service in services.items()
        if not (service or {}).get("profiles")
    )


def compose_service(
    name: str,
    service: Mapping[str, Any],
    document: Mapping[str, Any],
    variables: Mapping[str, str],
    files: Mapping[str, str],
) -> ComposeService:
    """One service; arguments and errors as :func:`compose_services`."""
    if service.get("extends"):
        raise NotComposed(f"`{name}` uses `extends`")
    given, named, left_out = _mounts(name, service)
    given = (*_secrets(name, service, document, variables), *given)
    given = (*_configs(name, service, document, variables), *given)
    left_out += _not_given(name, service)
    spec = ContainerSpec(
        image="" if service.get("build") else text_of(service.get("image")),
        env=_environment(name, service, variables, files),
        memory_bytes=_memory(service),
        pids=_pids(service),
        command=words_of(service.get("command")),
        entrypoint=words_of(service.get("entrypoint")),
        user=text_of(service.get("user")),
        read_only=service.get("read_only") is True,
        cap_drop=tuple(_capability(c) for c in texts(service.get("cap_drop"))),
        no_new_privileges=_no_new_privileges(service),
        tmpfs=tuple(_tmpfs(service)),
        init=service.get("init") is True,
        cap_add=tuple(
            found
            for text in texts(service.get("cap_add"))
            if (found := _capability(text)) in DEFAULT_CAPABILITIES
        ),
        workdir=text_of(service.get("working_dir")),
        cpus=_cpus(service),
        stop_signal=text_of(service.get("stop_signal")),
        health_test=_health(name, service),
        health_timeout=seconds_of((service.get("healthcheck") or {}).get("timeout")),
    )
    grace = seconds_of(service.get("stop_grace_period"))
    return ComposeService(
        name=name,
        spec=spec,
        build=_build(name, service),
        depends_on=tuple(_dependencies(service)),
        networks=_networks(service),
        volumes=named,
        files=given,
        restart=_restart(service),
        grace_seconds=DEFAULT_GRACE if grace is None else grace,
        left_out=left_out,
    )


def start_order(services: tuple[ComposeService, ...]) -> tuple[ComposeService, ...]:
    """The services, each after those that it depends on.

    Raises:
        NotComposed: where one depends on itself, or on one that is not there.
    """
    known = {service.name: service for service in services}
    ordered: dict[str, ComposeService] = {}

    def add(service: ComposeService, way: tuple[str, ...]) -> None:
        if service.name in way:
            raise NotComposed(f"a circle of depends_on: {' → '.join((*way, service.name))}")
        for name, _ in service.depends_on:
            if name not in known:
                raise NotComposed(f"`{service.name}` depends on `{name}`, which is not there")
            add(known[name], (*way, service.name))
        ordered.setdefault(service.name, service)

    for service in services:
        add(service, ())
    return tuple(ordered.values())


def _build(name: str, service: Mapping[str, Any]) -> str:
    build = service.get("build")
    if not build:
        if not service.get("image"):
            raise NotComposed(f"`{name}` has neither `image` nor `build`")
        return ""
    if isinstance(build, str):
        return posixpath.normpath(build)
    odd = [key for key in ("dockerfile", "dockerfile_inline", "target", "args") if build.get(key)]
    if odd and not (odd == ["dockerfile"] and build["dockerfile"] == "Dockerfile"):
        raise NotComposed(
            f"`{name}` is built with `{odd[0]}`; images are built of the Dockerfile of their folder"
        )
    return posixpath.normpath(text_of(build.get("context")) or ".")


def _environment(
    name: str, service: Mapping[str, Any], variables: Mapping[str, str], files: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    listed = service.get("env_file")
    for item in listed if isinstance(listed, list) else [listed] if listed else []:
        path = text_of(item.get("path")) if isinstance(item, dict) else text_of(item)
        text = files.get(posixpath.normpath(path))
        if text is None and not (isinstance(item, dict) and item.get("required") is False):
            raise NotComposed(f"`{name}` needs the env_file {path}, which is not there")
        found |= variables_of(text or "")
    for variable, value in pairs(service.get("environment")):
        if value is not None:
            found[variable] = value
        elif variable in variables:
            found[variable] = variables[variable]
    return tuple(sorted(found.items()))


def _limits(service: Mapping[str, Any]) -> Mapping[str, Any]:
    deploy = service.get("deploy") or {}
    return (deploy.get("resources") or {}).get("limits") or {}


def _memory(service: Mapping[str, Any]) -> int:
    wanted = bytes_of(service.get("mem_limit") or _limits(service).get("memory"))
    return min(_MOST_MEMORY, wanted or DEFAULT_MEMORY)


def _pids(service: Mapping[str, Any]) -> int:
    wanted = text_of(service.get("pids_limit") or _limits(service).get("pids"))
    return min(_MOST_PIDS, int(wanted)) if wanted.isdecimal() and int(wanted) else DEFAULT_PIDS


def _cpus(service: Mapping[str, Any]) -> float | None:
    try:
        wanted = float(text_of(service.get("cpus") or _limits(service).get("cpus")) or 0)
    except ValueError:
        return None
    return wanted or None


def _no_new_privileges(service: Mapping[str, Any]) -> bool:
    said = {text.replace("=", ":") for text in texts(service.get("security_opt"))}
    return bool(said & {"no-new-privileges", "no-new-privileges:true"})


def _capability(name: str) -> str:
    return name.upper().removeprefix("CAP_")


def _tmpfs(service: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for text in texts(service.get("tmpfs")):
        path, _, options = text.partition(":")
        yield path, options
    for item in service.get("volumes") or ():
        if isinstance(item, dict) and item.get("type") == "tmpfs":
            size = bytes_of((item.get("tmpfs") or {}).get("size"))
            yield text_of(item.get("target")), f"size={size}" if size else ""


def _mounts(
    name: str, service: Mapping[str, Any]
) -> tuple[tuple[GivenFile, ...], tuple[tuple[str, str], ...], tuple[str, ...]]:
    """What it mounts: from the copy, named volumes, and what is left out."""
    given: list[GivenFile] = []
    named: list[tuple[str, str]] = []
    left_out: list[str] = []
    for item in service.get("volumes") or ():
        kind, source, target, read_only = _mount(item)
        if kind == "tmpfs" or not source:
            continue  # an anonymous volume: the image's own
        if kind == "volume":
            named.append((source, target))
            continue
        path = posixpath.normpath(source)
        if source.startswith(("/", "~")) or path.startswith("..") or path == ".":
            left_out.append(f"`{name}`: the mount of {source}")
        else:
            given.append(GivenFile(target, path, read_only=read_only))
    return tuple(given), tuple(named), tuple(left_out)


def _mount(item: Any) -> tuple[str, str, str, bool]:
    if isinstance(item, dict):
        return (
            text_of(item.get("type")) or "volume",
            text_of(item.get("source")),
            text_of(item.get("target")),
            item.get("read_only") is True,
        )
    source, _, rest = text_of(item).partition(":")
    if not rest:
        return "volume", "", source, False
    target, _, options = rest.partition(":")
    kind = "bind" if source.startswith((".", "/", "~")) else "volume"
    return kind, source, target, "ro" in options.split(",")


def _secrets(
    name: str,
    service: Mapping[str, Any],
    document: Mapping[str, Any],
    variables: Mapping[str, str],
) -> Iterator[GivenFile]:
    for source, target in _grants(service.get("secrets")):
        where = target if target.startswith("/") else f"{_SECRETS}/{target or source}"
        yield _given("secret", name, source, where, document.get("secrets"), variables)


def _configs(
    name: str,
    service: Mapping[str, Any],
    document: Mapping[str, Any],
    variables: Mapping[str, str],
) -> Iterator[GivenFile]:
    for source, target in _grants(service.get("configs")):
        where = target or f"/{source}"
        yield _given("config", name, source, where, document.get("configs"), variables)


def _grants(value: Any) -> Iterator[tuple[str, str]]:
    for item in value or ():
        if isinstance(item, dict):
            yield text_of(item.get("source")), text_of(item.get("target"))
        else:
            yield text_of(item), ""


def _given(
    kind: str,
    service: str,
    source: str,
    target: str,
    all_of_them: Any,
    variables: Mapping[str, str],
) -> GivenFile:
    about = (all_of_them or {}).get(source)
    if not isinstance(about, dict):
        raise NotComposed(f"`{service}` names the {kind} `{source}`, which is not there")
    if about.get("file"):
        path = posixpath.normpath(text_of(about["file"]))
        if path.startswith(("/", "~", "..")):
            raise NotComposed(f"the {kind} `{source}` is a file outside the folder: {path}")
        return GivenFile(target, path)
    if about.get("environment"):
        variable = text_of(about["environment"])
        if variable not in variables:
            raise NotComposed(f"the {kind} `{source}` is the variable {variable}, which is not set")
        return GivenFile(target, text=variables[variable])
    if "content" in about:
        return GivenFile(target, text=text_of(about["content"]))
    raise NotComposed(f"the {kind} `{source}` is external: it is not in the folder")


def _dependencies(service: Mapping[str, Any]) -> Iterator[tuple[str, Condition]]:
    wanted = service.get("depends_on")
    if isinstance(wanted, list):
        yield from ((text_of(name), "service_started") for name in wanted)
    for name, about in wanted.items() if isinstance(wanted, dict) else ():
        said = text_of((about or {}).get("condition")) or "service_started"
        found = next((c for c in _CONDITIONS if c == said), None)
        if found is None:
            raise NotComposed(f"there is no condition `{said}`")
        yield str(name), found


def _networks(service: Mapping[str, Any]) -> tuple[str, ...]:
    networks = service.get("networks")
    names = tuple(networks) if isinstance(networks, dict) else texts(networks)
    return tuple(map(str, names)) or ("default",)


def _health(name: str, service: Mapping[str, Any]) -> tuple[str, ...]:
    """As the engine takes it; empty for the image's own."""
    health = service.get("healthcheck") or {}
    if health.get("disable") is True:
        return ("NONE",)
    test = health.get("test")
    if test is None:
        return ()
    words = ("CMD-SHELL", test) if isinstance(test, str) else texts(test)
    if words[:1] not in {("NONE",), ("CMD",), ("CMD-SHELL",)}:
        raise NotComposed(f"the health check of `{name}` begins with neither CMD nor CMD-SHELL")
    return words


def _restart(service: Mapping[str, Any]) -> str:
    policy = text_of(service.get("restart")).partition(":")[0]
    if policy in {"always", "unless-stopped", "on-failure"}:
        return policy
    deployed = ((service.get("deploy") or {}).get("restart_policy") or {}).get("condition", "")
    if (service.get("deploy") or {}).get("restart_policy") is not None and deployed != "none":
        return "on-failure" if deployed == "on-failure" else "unless-stopped"
    return "no"


def _not_given(name: str, service: Mapping[str, Any]) -> tuple[str, ...]:
    """What would open the engine's machine."""
    found = []
    if service.get("privileged") is True:
        found.append(f"`{name}`: privileged")
    found += [f"`{name}`: {k}: host" for k in _HOST_NAMESPACES if service.get(k) == "host"]
    found += [
        f"`{name}`: the capability {text}"
        for text in texts(service.get("cap_add"))
        if _capability(text) not in DEFAULT_CAPABILITIES
    ]
    if service.get("devices"):
        found.append(f"`{name}`: devices")
    return tuple(found)
