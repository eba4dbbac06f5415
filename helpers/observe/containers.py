"""The one owner of every container that an observation runs: started here, removed here, always."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import docker
import docker.errors
from docker.utils import version_gte

from helpers.engine.labels import CHECK, container_labels, labels
from helpers.errors import NoEngine
from helpers.observe.errors import ObservationFailed, engine_errors
from helpers.observe.text import printable

T = TypeVar("T")

#: Most processes and threads in one container.
PIDS_LIMIT = 256
# The engine keeps at most two files of this size, however much a container prints.
_LOG_OPTIONS = {"max-size": "1m", "max-file": "2"}

# The first API version with a HEALTHCHECK's start interval.
# Source: https://docs.docker.com/reference/api/engine/version-history/
_START_INTERVAL = "1.44"

# What runc says when its own first process is gone before it became the container's.
_RUNTIME_LOST = "waiting for init preliminary setup: read init-p: connection reset by peer"
# What the engine says when it is the engine that cannot, not the image. All else that stops a
# container from starting (no such executable, no such user, no command) is a fact about the image.
_ENGINE_TROUBLE = (
    "no space left on device",
    "cannot allocate memory",
    "failed programming external connectivity",
    "port is already allocated",
    "failed to create endpoint",
    "no available ipv4 addresses",
    "context deadline exceeded",
    "too many open files",
)


_FILLED_AT = "/files"


class CannotStart(Exception):
    """The engine cannot start a container of this image; the text is the engine's own."""


@dataclass(frozen=True, slots=True)
class HealthTiming:
    """When the engine runs a HEALTHCHECK, instead of the image's own timing.

    Attributes:
        interval: seconds from the end of one check to the start of the next.
        timeout: seconds after which a check has failed.
        retries: failed checks in a row that make a container unhealthy.
        start_period: seconds in which a failure does not count; 0 for the image's own.
        later: seconds between two checks once it is healthy or the start period is over; 0 for
            ``interval``. Engines before 25 know one rate only.
    """

    interval: float
    timeout: float
    retries: int
    start_period: float = 0.0
    later: float = 0.0


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """How a container is run.

    Attributes:
        image: name or id.
        ports: TCP ports to publish on ephemeral ports of 127.0.0.1.
        env: environment as pairs.
        memory_mb: memory limit in MB (10^6 bytes), swap included; None for no limit.
        memory_bytes: the same in bytes, instead; None for ``memory_mb``.
        cpus: processors that it may use, for example 0.5; None for no limit.
        pids: most processes and threads; None for no limit.
        role: value of the workbook's label.
        command: instead of the image's own; empty for the image's.
        network: name of a network to join, or ``container:NAME`` to share another container's;
            empty for the engine's default.
        alias: the container's host name in that network; empty for none.
        privileged: whether it has the rights of the engine itself.
        entrypoint: instead of the image's own; empty for the image's.
        user: uid, or ``uid:gid``, instead of the image's own; empty for the image's.
        read_only: whether the root file system is read-only.
        cap_drop: capabilities to take away, ``ALL`` for all.
        cap_add: capabilities to give.
        no_new_privileges: whether setuid files give no rights.
        tmpfs: paths of empty file systems in memory, each with its mount options.
        volumes: names of volumes, each with the path it is mounted at, read-only.
        beside: name or id of a container whose processes are to be seen (the same pid namespace);
            empty for none.
        host_pids: whether it sees every process of the engine's machine.
        sysctls: kernel settings of its own namespaces, as pairs.
        writable_volumes: as ``volumes``, and it may write to them.
        workdir: instead of the image's own; empty for the image's.
        init: whether the engine's own small init is process 1.
        health: how often and how patiently the image's own HEALTHCHECK is run; None for its own
            timing.
        no_health: True to run no HEALTHCHECK.
        health_test: a health check instead of the image's own, as the engine takes it
            (``("CMD", …)``); empty for the image's.
        health_timeout: seconds after which such a check has failed; None for the engine's default.
        stop_signal: instead of the image's own; empty for the image's.
        restart: the engine's restart policy, for example ``on-failure``; empty for none.
        more_networks: names of further networks to join, under the same alias.
        files: volumes of which one file or folder is mounted: volume, path in it, path in the
            container, whether it is read-only; the engine's API must be 1.45 or later.
        runtime: name of the engine's OCI runtime; empty for its default.
        annotations: for the OCI runtime, as pairs; the engine's API must be 1.43 or later.
    """

    image: str
    ports: tuple[int, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    memory_mb: int | None = 256
    pids: int | None = PIDS_LIMIT
    role: str = CHECK
    command: tuple[str, ...] = ()
    network: str = ""
    alias: str = ""
    privileged: bool = False
    entrypoint: tuple[str, ...] = ()
    user: str = ""
    read_only: bool = False
    cap_drop: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    no_new_privileges: bool = False
    tmpfs: tuple[tuple[str, str], ...] = ()
    volumes: tuple[tuple[str, str], ...] = ()
    writable_volumes: tuple[tuple[str, str], ...] = ()
    beside: str = ""
    host_pids: bool = False
    sysctls: tuple[tuple[str, str], ...] = ()
    workdir: str = ""
    init: bool = False
    health: HealthTiming | None = None
    no_health: bool = False
    runtime: str = ""
    annotations: tuple[tuple[str, str], ...] = ()
    memory_bytes: int | None = None
    cpus: float | None = None
    health_test: tuple[str, ...] = ()
    health_timeout: float | None = None
    stop_signal: str = ""
    restart: str = ""
    more_networks: tuple[str, ...] = ()
    files: tuple[tuple[str, str, str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class RunningContainer:
    """A container that was started.

    Attributes:
        id: the engine's id.
        name: the name it was given.
        exited: done as soon as the container ended, by itself or killed; the result is its exit
            code. An exception means that the engine could not be asked any more.
    """

    id: str
    name: str
    exited: Future[int] = field(compare=False)


@contextmanager
def running_container(
    client: docker.DockerClient, spec: ContainerSpec
) -> Iterator[RunningContainer]:
    """Start a container and remove it at the end, also after an error or Ctrl-C.

    The container has its name before it exists, so it is found and removed even where Ctrl-C comes
    while the engine is still making it.

    Raises:
        CannotStart: if the image cannot be started.
        BadInput: if the engine has no such image.
        ObservationFailed: if the engine refuses for a reason of its own.
        NoEngine: if the engine stops answering; the remedy tells where the container is left.
    """
    api = client.api
    name = f"workbook-{spec.role}-{uuid.uuid4().hex[:16]}"
    watcher = ThreadPoolExecutor(1, thread_name_prefix="container-wait")
    try:
        with _start_errors():
            created = to_the_end(lambda: _create(api, name, spec))
            to_the_end(lambda: start_container(api, created["Id"]))
            exited = watcher.submit(_wait, api, created["Id"])
        yield RunningContainer(created["Id"], name, exited)
    finally:
        # A second Ctrl-C waits here too: a removal takes a fraction of a second.
        to_the_end(lambda: _remove(api, name))
        watcher.shutdown(wait=False)


@contextmanager
def private_network(
    client: docker.DockerClient, role: str = CHECK, *, internal: bool = False
) -> Iterator[str]:
    """Make a network for some containers, and remove it at the end; yields its name.

    Containers in it must be removed before. An ``internal`` one leads nowhere else.

    Raises:
        ObservationFailed: if the engine refuses, for example because it has no free addresses.
        NoEngine: if the engine stops answering.
    """
    name = f"workbook-{role}-{uuid.uuid4().hex[:16]}"
    api = client.api
    try:
        with engine_errors("making a network"):
            to_the_end(
                lambda: api.create_network(
                    name, driver="bridge", labels=labels(role), internal=internal
                )
            )
        yield name
    finally:
        to_the_end(lambda: _remove_network(api, name))


def _remove_network(api: docker.APIClient, name: str) -> None:
    with engine_errors("removing a network"):
        try:
            api.remove_network(name)
        except docker.errors.NotFound:
            return  # it never came to be


@contextmanager
def tools_volume(
    client: docker.DockerClient, image: str, folder: str, role: str = CHECK
) -> Iterator[str]:
    """Make a volume that holds a folder of an image, and remove it at the end; yields its name.

    The engine itself copies what an image has where an empty volume is mounted. Source:
    https://docs.docker.com/engine/storage/volumes/#populate-a-volume-using-a-container

    Args:
        client: a connection to the engine.
        image: name of an image on the engine.
        folder: absolute path in it.
        role: value of the workbook's label.

    Raises:
        BadInput: if the engine has no such image.
        ObservationFailed, NoEngine: if the engine refuses, or stops answering.
    """
    with new_volume(client, role) as name:
        with (
            engine_errors("making a volume of tools"),
            _mounting(client.api, name, image, folder, role),
        ):
            pass  # that it was made is enough
        yield name


@contextmanager
def new_volume(client: docker.DockerClient, role: str = CHECK) -> Iterator[str]:
    """Make an empty volume, and remove it at the end; yields its name.

    Containers that use it must be removed before.

    Raises:
        ObservationFailed, NoEngine: if the engine refuses, or stops answering.
    """
    name = f"workbook-{role}-{uuid.uuid4().hex[:16]}"
    api = client.api
    try:
        with engine_errors("making a volume"):
            to_the_end(lambda: api.create_volume(name, labels=labels(role)))
        yield name
    finally:
        to_the_end(lambda: _remove_volume(api, name))


@contextmanager
def filled_volume(
    client: docker.DockerClient, image: str, archive: bytes, role: str = CHECK
) -> Iterator[str]:
    """Make a volume that holds the files of a tar archive, and remove it at the end.

    Args:
        client: a connection to the engine.
        image: of the container that fills it, which is never started.
        archive: an uncompressed tar archive.
        role: value of the workbook's label.

    Yields:
        Its name.

    Raises:
        BadInput: if the engine has no such image.
        ObservationFailed, NoEngine: if the engine refuses, or stops answering.
    """
    with new_volume(client, role) as name:
        with (
            engine_errors("filling a volume"),
            _mounting(client.api, name, image, _FILLED_AT, role) as container,
        ):
            to_the_end(lambda: client.api.put_archive(container, _FILLED_AT, archive))
        yield name


@contextmanager
def _mounting(
    api: docker.APIClient, volume: str, image: str, folder: str, role: str
) -> Iterator[str]:
    """A container of the volume's name that mounts it, and that is never started."""
    host = api.create_host_config(binds=[f"{volume}:{folder}"])
    marks = container_labels(role, volume)
    try:
        to_the_end(
            lambda: api.create_container(
                image, ["true"], name=volume, labels=marks, volumes=[folder], host_config=host
            )
        )
        yield volume
    finally:
        to_the_end(lambda: _remove(api, volume))


@contextmanager
def unstarted(
    api: docker.APIClient, image: str, role: str = CHECK, doing: str = "making a container"
) -> Iterator[str]:
    """A container that is never started, to read files from; removed at the end.

    Args:
        api: a connection to the engine.
        image: name or id.
        role: value of the workbook's label.
        doing: what it is for, for the error.

    Raises:
        BadInput: if the engine has no such image.
        ObservationFailed, NoEngine: if the engine refuses, or stops answering.
    """
    name = f"workbook-{role}-{uuid.uuid4().hex[:16]}"
    marks = container_labels(role, name)
    try:
        with engine_errors(doing):
            # A command, so that an image without one will do; it is never run.
            to_the_end(lambda: api.create_container(image, ["none"], name=name, labels=marks))
        yield name
    finally:
        to_the_end(lambda: _remove(api, name))


def _remove_volume(api: docker.APIClient, name: str) -> None:
    with engine_errors("removing a volume"):
        try:
            api.remove_volume(name, force=True)
        except docker.errors.NotFound:
            return  # it never came to be


def start_again(client: docker.DockerClient, container: RunningContainer) -> RunningContainer:
    """Kill a container (SIGKILL, as a crash would) and start the same one again.

    Returns:
        The same container with a new ``exited``; it is removed where the old one is.

    Raises:
        CannotStart: if it cannot be started a second time.
        ObservationFailed, NoEngine: if the engine refuses, or stops answering.
    """
    api = client.api
    with engine_errors("ending a container"):
        try:
            api.kill(container.id)
        except docker.errors.APIError as error:
            if error.status_code != 409:  # it has just ended by itself
                raise
        api.wait(container.id)
    with _start_errors():
        start_container(api, container.id)
    watcher = ThreadPoolExecutor(1, thread_name_prefix="container-wait")
    exited = watcher.submit(_wait, api, container.id)
    watcher.shutdown(wait=False)
    return RunningContainer(container.id, container.name, exited)


def start_container(api: docker.APIClient, container: str) -> None:
    """Start a container that was created; once more where its OCI runtime broke down before it.

    runc now and then loses its own first process, and nothing of the container has run by then.
    Source: https://github.com/opencontainers/runc/pull/2812

    Raises:
        docker.errors.APIError: where the engine refuses.
    """
    try:
        api.start(container)
    except docker.errors.APIError as error:
        if _RUNTIME_LOST not in str(error.explanation or error):
            raise
        api.start(container)


def to_the_end(call: Callable[[], T]) -> T:
    """Do something that must not be left half done.

    The call runs in a thread; Ctrl-C is raised here only after it has ended.
    """
    interrupted: KeyboardInterrupt | None = None
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(call)
        while True:
            try:
                result = future.result()
                break
            except KeyboardInterrupt as interrupt:
                interrupted = interrupt
    if interrupted is not None:
        raise interrupted
    return result


def _create(api: docker.APIClient, name: str, spec: ContainerSpec) -> Mapping[str, Any]:
    memory = spec.memory_bytes
    if memory is None and spec.memory_mb is not None:
        memory = spec.memory_mb * 1_000_000
    binds = [f"{volume}:{path}:ro" for volume, path in spec.volumes]
    binds += [f"{volume}:{path}" for volume, path in spec.writable_volumes]
    joined: Any = None  # docker-py's own type hint is of one endpoint instead of a mapping
    if spec.network and not spec.network.startswith("container:"):
        endpoint = api.create_endpoint_config(aliases=[spec.alias] if spec.alias else [])
        joined = {"EndpointsConfig": {spec.network: endpoint}}
    created: Mapping[str, Any] = api.create_container(
        spec.image,
        list(spec.command) or None,
        entrypoint=list(spec.entrypoint) or None,
        user=spec.user or None,
        working_dir=spec.workdir or None,
        healthcheck=_health(spec, start_interval=version_gte(api.api_version, _START_INTERVAL)),
        name=name,
        environment=dict(spec.env),
        labels=container_labels(spec.role, name),
        ports=list(spec.ports),
        networking_config=joined,
        stop_signal=spec.stop_signal or None,
        host_config={"Annotations": dict(spec.annotations), "Mounts": _files(spec)}
        | api.create_host_config(
            restart_policy={"Name": spec.restart} if spec.restart else None,
            runtime=spec.runtime or None,
            mem_limit=memory,
            memswap_limit=memory,
            pids_limit=spec.pids,
            privileged=spec.privileged,
            read_only=spec.read_only,
            nano_cpus=round(spec.cpus * 1e9) if spec.cpus is not None else None,
            cap_drop=list(spec.cap_drop) or None,
            cap_add=list(spec.cap_add) or None,
            sysctls=dict(spec.sysctls) or None,
            security_opt=["no-new-privileges"] if spec.no_new_privileges else None,
            tmpfs=dict(spec.tmpfs) or None,
            binds=binds or None,
            pid_mode=_pid_mode(spec),
            # The engine refuses its machine's processes to a container with remapped users.
            userns_mode="host" if spec.host_pids else None,
            init=spec.init or None,
            network_mode=spec.network or None,
            port_bindings=dict.fromkeys(spec.ports, ("127.0.0.1", None)),
            log_config=docker.types.LogConfig(type="json-file", config=_LOG_OPTIONS),
        ),
    )
    for network in spec.more_networks:
        aliases = [spec.alias] if spec.alias else []
        api.connect_container_to_network(created["Id"], network, aliases=aliases)
    return created


def _files(spec: ContainerSpec) -> list[dict[str, Any]]:
    """Parts of volumes; docker-py's own Mount knows no subpath.

    Source: https://docs.docker.com/engine/storage/volumes/#mount-a-volume-subdirectory
    """
    return [
        {
            "Type": "volume",
            "Source": volume,
            "Target": target,
            "ReadOnly": read_only,
            "VolumeOptions": {"Subpath": path},
        }
        for volume, path, target, read_only in spec.files
    ]


def _pid_mode(spec: ContainerSpec) -> str | None:
    if spec.beside:
        return f"container:{spec.beside}"
    return "host" if spec.host_pids else None


def _health(spec: ContainerSpec, *, start_interval: bool) -> dict[str, Any] | None:
    """What is left out is the image's own. Source of that rule: the engine's daemon/commit.go.

    In an image's start period the engine checks every 5 s by default, unless it has a start
    interval, too. Engines before 25 know none, and check as often as ever.
    """
    if spec.no_health:
        return {"Test": ["NONE"]}
    own: dict[str, Any] = {"Test": list(spec.health_test)} if spec.health_test else {}
    if spec.health is None:
        return own or None
    rate = int(spec.health.interval * 1e9)
    timeout = spec.health.timeout if spec.health_timeout is None else spec.health_timeout
    calm = spec.health.later if start_interval else 0.0
    own |= {
        "Interval": int(calm * 1e9) or rate,
        "Timeout": int(timeout * 1e9),
        "Retries": spec.health.retries,
    }
    if start_interval:
        own["StartInterval"] = rate
    if spec.health.start_period:
        own["StartPeriod"] = int(spec.health.start_period * 1e9)
    return own


def _wait(api: docker.APIClient, container: str) -> int:
    # The call ends with the container, at the latest when it is removed: it needs no time limit.
    return int(api.wait(container, timeout=None, condition="not-running")["StatusCode"])


def _remove(api: docker.APIClient, name: str) -> None:
    """Remove the container, over a new connection where the old one broke."""
    try:
        _remove_once(api, name)
    except NoEngine:
        api.close()  # what is pooled is of the old connection; the next request makes another
        try:
            _remove_once(api, name)
        except NoEngine as error:
            raise NoEngine(
                error.message,
                remedy=f"{error.remedy} The container {name} may be left on it: when it answers "
                "again, `workbook clean` removes it.",
            ) from error


def _remove_once(api: docker.APIClient, name: str) -> None:
    with engine_errors("removing a container"):
        try:
            api.remove_container(name, force=True, v=True)
        except docker.errors.NotFound:
            return  # it never came to be
        except docker.errors.APIError as error:
            if error.status_code != 409:  # a removal that is under way already
                raise


@contextmanager
def _start_errors() -> Iterator[None]:
    """Tell a fault of the image (:class:`CannotStart`) from one of the engine."""
    with engine_errors("starting a container"):
        try:
            yield
        except docker.errors.ImageNotFound:
            raise
        except docker.errors.APIError as error:
            text = printable(str(error.explanation or error), 500)
            if any(sign in text.lower() for sign in _ENGINE_TROUBLE):
                raise ObservationFailed(
                    f"The engine could not run a container: {text}",
                    remedy="Free what it says is used up, then try again.",
                ) from error
            raise CannotStart(text) from error
