"""One service of a Compose file, started as the file says and asked from outside.

No ``docker compose`` is needed: the service is translated (:mod:`compose_container`) and run
through the SDK. It runs by itself, in the engine's default network. Its volumes are new and empty.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import docker
import docker.errors

from helpers.engine.labels import CHECK, labels
from helpers.observe.compose import find_compose, read_compose
from helpers.observe.compose_container import ComposeService, NotComposed, compose_services
from helpers.observe.compose_values import MissingVariable, interpolated, text_of
from helpers.observe.containers import (
    CannotStart,
    RunningContainer,
    running_container,
    to_the_end,
)
from helpers.observe.errors import ObservationFailed, engine_errors
from helpers.observe.manifest_facts import plain
from helpers.observe.manifest_files import context_of, read_manifest
from helpers.observe.process_tree import ProcessTree, read_processes
from helpers.observe.requests import Probe, Request, ServiceRequest
from helpers.observe.run_service import see_service, why_unreachable
from helpers.observe.service_facts import ServiceFacts
from helpers.observe.subject import Subject
from helpers.observe.text import printable


@dataclass(frozen=True, slots=True)
class ComposeRunRequest(Request["ComposeRunFacts"]):
    """Start one service of the subject's Compose file and probe it.

    Attributes:
        port: port of the host that the file publishes the service on.
        probes: requests to send, in order; the first is repeated until it is answered.
        service: its name; empty for the only one.
        path: the Compose file, relative to the context; empty for the first of the usual names.
        wait_seconds: how long to wait for the first answer.
    """

    port: int
    probes: tuple[Probe, ...]
    service: str = ""
    path: str = ""
    wait_seconds: float = 10.0

    observer: ClassVar[str] = "helpers.observe.compose_run:observe_compose_run"


@dataclass(frozen=True, slots=True)
class ComposeRunFacts:
    """One service, run as the file says.

    Attributes:
        file: the Compose file.
        service: its name.
        left_out: what it asks for of the host and was not given.
        published: the ports of the host that the file publishes; 0 for one that the engine chooses.
        target: the port in the container that belongs to the wanted one; None where none does, and
            then it was not started.
        served: what was seen; None where it was not started.
        processes: as the kernel tells them while it served; None where it did not.
    """

    file: str
    service: str
    left_out: tuple[str, ...] = ()
    published: tuple[int, ...] = ()
    target: int | None = None
    served: ServiceFacts | None = None
    processes: ProcessTree | None = None


@dataclass(slots=True)
class _Seen:
    """What was looked at while the service served."""

    processes: list[ProcessTree] = field(default_factory=list)


def observe_compose_run(subject: Subject, request: ComposeRunRequest) -> ComposeRunFacts:
    """The service, started, asked and removed with its volumes.

    Raises:
        BadInput: if there is no Compose file, or the engine lacks the image.
        ObservationFailed: if the file cannot be followed, the service is not clear, or the engine
            refuses.
        NoEngine, Stopped: as everywhere.
    """
    tree = context_of(subject, "a Compose file").tree
    path = request.path or find_compose(tree) or "compose.yaml"
    facts = read_compose(read_manifest(tree, path), path)
    if facts.document is None:
        raise _cannot_follow(path, facts.problems[0].text)
    try:
        document: Any = interpolated(plain(facts.document), {})
        services = compose_services(document if isinstance(document, dict) else {}, {}, {})
    except (NotComposed, MissingVariable) as problem:
        raise _cannot_follow(path, str(problem)) from problem
    service = _chosen(services, request.service, path)
    ports = published_ports(document["services"][service.name] or {})
    result = ComposeRunFacts(
        path,
        service.name,
        left_out=service.left_out,
        published=tuple(published for published, _ in ports),
        target=next((target for published, target in ports if published == request.port), None),
    )
    if result.target is None:
        return result
    return _run(subject, request, service, result.target, result)


def _cannot_follow(path: str, why: str) -> ObservationFailed:
    return ObservationFailed(
        f"{printable(path, 80)} cannot be followed here: {printable(why, 300)}.",
        remedy="Mend the file, or take out what the workbook does not know.",
    )


def _chosen(services: tuple[ComposeService, ...], name: str, path: str) -> ComposeService:
    found = [s for s in services if s.name == name or not name]
    if len(found) != 1:
        names = ", ".join(s.name for s in services) or "none"
        raise _cannot_follow(path, f"which service is meant? It has: {names}")
    if found[0].files:
        targets = ", ".join(f.target for f in found[0].files)
        raise _cannot_follow(path, f"files for the container ({targets}) are not given here")
    return found[0]


def published_ports(service: Mapping[str, Any]) -> tuple[tuple[int, int], ...]:
    """The TCP ports of a service: of the host (0 where the engine chooses) and of the container.

    Ranges are left out.

    Args:
        service: as it stands in the file, with its variables put in.
    """
    found = []
    for entry in service.get("ports") or ():
        if isinstance(entry, dict):
            protocol = text_of(entry.get("protocol"))
            target, host = text_of(entry.get("target")), text_of(entry.get("published"))
        else:
            text, _, protocol = text_of(entry).partition("/")
            before, _, target = text.rpartition(":")
            host = before.rpartition(":")[2]
        if protocol in {"", "tcp"} and target.isdecimal() and (host or "0").isdecimal():
            found.append((int(host or "0"), int(target)))
    return tuple(found)


def _run(
    subject: Subject,
    request: ComposeRunRequest,
    service: ComposeService,
    target: int,
    result: ComposeRunFacts,
) -> ComposeRunFacts:
    client = subject.client
    unreachable = why_unreachable(client)
    if unreachable:
        facts = ServiceFacts(False, unreachable=unreachable, waited_seconds=request.wait_seconds)
        return replace(result, served=facts)
    asked = ServiceRequest(target, request.probes, wait_seconds=request.wait_seconds)
    seen = _Seen()
    with fresh_volumes(client, service.volumes) as mounted:
        spec = replace(
            service.spec,
            image=image_of(subject, service),
            ports=(target,),
            writable_volumes=mounted,
            no_health=True,
        )
        began = time.monotonic()
        try:
            with running_container(client, spec) as container:
                served = see_service(
                    client.api,
                    container,
                    asked,
                    began,
                    subject.stop,
                    while_it_serves=lambda: _look(subject, container, seen),
                )
        except CannotStart as problem:
            served = ServiceFacts(
                started=False, start_error=str(problem), waited_seconds=request.wait_seconds
            )
    return replace(result, served=served, processes=next(iter(seen.processes), None))


def _look(subject: Subject, container: RunningContainer, seen: _Seen) -> None:
    tree = read_processes(subject.client, container.id, subject.stop)
    if tree is not None:
        seen.processes.append(tree)


def image_of(subject: Subject, service: ComposeService) -> str:
    """The image of a service: what was built of its folder, or the one that it names.

    Raises:
        ObservationFailed: where it is built of a folder that nothing was built of.
    """
    if not service.build:
        return service.spec.image
    if service.build in subject.images:
        return str(subject.images[service.build])
    if not subject.images and service.build == ".":
        return subject.image_id
    raise ObservationFailed(
        f"`{printable(service.name, 40)}` is built of `{printable(service.build, 80)}`, and no "
        "image was built of that folder.",
        remedy="Build the service of one of the folders that hold a Dockerfile.",
    )


@contextmanager
def fresh_volumes(
    client: docker.DockerClient, wanted: tuple[tuple[str, str], ...]
) -> Iterator[tuple[tuple[str, str], ...]]:
    """Make an empty volume for each name, and remove them at the end.

    The containers that use them must be removed before.

    Args:
        client: a connection to the engine.
        wanted: names in the file, each with the path that it is mounted at.

    Yields:
        The engine's volumes, each with that path.

    Raises:
        ObservationFailed, NoEngine: if the engine refuses, or stops answering.
    """
    made = {name: f"workbook-{CHECK}-{uuid.uuid4().hex[:16]}" for name, _ in wanted}
    with ExitStack() as stack:
        for name in made.values():
            _make(stack, client.api, name)
        yield tuple((made[name], path) for name, path in wanted)


def _make(stack: ExitStack, api: docker.APIClient, name: str) -> None:
    stack.callback(to_the_end, lambda: _remove(api, name))
    with engine_errors("making a volume"):
        to_the_end(lambda: api.create_volume(name, labels=labels(CHECK)))


def _remove(api: docker.APIClient, name: str) -> None:
    with engine_errors("removing a volume"):
        try:
            api.remove_volume(name, force=True)
        except docker.errors.NotFound:
            return  # it never came to be
