"""A Spin application that an image ships, served and asked over HTTP.

The Spin CLI is in no package registry, so a program of the workbook's own stands in for `spin up`
(``helpers/observe/spin_host``): Node.js and jco in a container. It gives each component what its
table in ``spin.toml`` names and nothing else: key-value stores (in memory), variables, hosts.
Each request gets a new instance, as in Spin. What it does not have: files, SQL, Redis, language
models, headers of Spin's own.
"""

from __future__ import annotations

import io
import json
import tarfile
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import ClassVar

import docker
import docker.errors

from helpers.build.cancel import CancelToken
from helpers.build.client import build
from helpers.build.context import mapping_context
from helpers.build.errors import BuildError
from helpers.build.request import BuildRequest
from helpers.engine.labels import BUILT, CHECK, TOOL, labels
from helpers.errors import NoEngine
from helpers.observe.base_there import ensure_base
from helpers.observe.containers import (
    CannotStart,
    ContainerSpec,
    RunningContainer,
    running_container,
    to_the_end,
    unstarted,
)
from helpers.observe.errors import ObservationFailed, Stopped, engine_errors
from helpers.observe.probing import kill_and_wait, last_lines, probe_container, published_port
from helpers.observe.requests import Probe, Request
from helpers.observe.run_service import why_unreachable
from helpers.observe.service_facts import HttpResponse
from helpers.observe.spin_app import NotServable, SpinApp, spin_app
from helpers.observe.subject import Subject
from helpers.observe.text import printable
from helpers.observe.wasm import MAX_BYTES
from helpers.observe.wasm_binary import NotWasm, read_wasm

#: What the stand-in for ``spin up`` runs on.
NODE = "node:26-trixie-slim"
_PORT = 3000
_TIMEOUT_SECONDS = 300.0
#: Answered by the host itself: no request reaches a component before it is up.
_READY = Probe("/.spin-host")


@dataclass(frozen=True, slots=True)
class SpinServeFacts:
    """What a Spin application answered.

    Attributes:
        problem: why it cannot be served, as far as its own files are the reason; empty otherwise.
        responses: the answers to the probes; fewer than probes where the host ended before.
        log: the last lines of what it printed.
        exit_code: where the host ended by itself; None where it still ran, and was killed.
        ready_seconds: from the start of its container until it accepted requests; None if never.
        waited_seconds: how long that was waited for at most.
    """

    problem: str = ""
    responses: tuple[HttpResponse, ...] = ()
    log: tuple[str, ...] = ()
    exit_code: int | None = None
    ready_seconds: float | None = None
    waited_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class SpinServeRequest(Request[SpinServeFacts]):
    """Serve the Spin application of the image, and ask it.

    Attributes:
        manifest: absolute path of ``spin.toml`` in the image.
        probes: requests, in order; each is sent once.
        variables: values of application variables, as sorted pairs.
        wait_seconds: longest wait until it accepts requests.
        memory_mb: memory limit in MB (10^6 bytes).
    """

    manifest: str = "/spin.toml"
    probes: tuple[Probe, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    wait_seconds: float = 30.0
    memory_mb: int = 768

    observer: ClassVar[str] = "helpers.observe.spin_serve:observe_spin_serve"


def observe_spin_serve(subject: Subject, request: SpinServeRequest) -> SpinServeFacts:
    """The subject's Spin application, served and asked.

    Raises:
        ObservationFailed: if the host cannot be built or run, or the engine is on another machine.
        BadInput, NoBaseImage, NoEngine, Stopped: as everywhere.
    """
    try:
        app, sources = _shipped(subject, request)
    except NotServable as problem:
        return SpinServeFacts(printable(str(problem), 300), waited_seconds=request.wait_seconds)
    if reason := why_unreachable(subject.client):
        raise ObservationFailed(
            f"A container cannot be asked: {reason}",
            remedy="Run this on the engine's own machine.",
        )
    with serving(subject.client, app, sources, memory_mb=request.memory_mb, stop=subject.stop) as (
        container,
        began,
    ):
        return _ask(subject, container, request, began)


@contextmanager
def serving(
    client: docker.DockerClient,
    app: SpinApp,
    sources: Mapping[str, bytes],
    *,
    memory_mb: int = 768,
    role: str = CHECK,
    stop: Future[None] | None = None,
) -> Iterator[tuple[RunningContainer, float]]:
    """Serve an application until the end of the block; its port is 3000 of the container.

    Args:
        client: a connection to the engine.
        app: it.
        sources: content of each component, by its file.
        memory_mb: memory limit in MB (10^6 bytes).
        role: value of the workbook's label.
        stop: done where it is no longer wanted; ends the build.

    Yields:
        The container, and ``time.monotonic()`` at its start.

    Raises:
        ObservationFailed: if the host cannot be built or started.
        NoBaseImage, NoEngine, Stopped: as everywhere.
    """
    ensure_base(client, NODE)
    with _built(client, sources, stop or Future()) as image:
        spec = ContainerSpec(
            image,
            (_PORT,),
            (("SPIN_APP", app.to_json()),),
            memory_mb,
            role=role,
            user="65532:65532",
            read_only=True,
            cap_drop=("ALL",),
            no_new_privileges=True,
        )
        began = time.monotonic()
        try:
            with running_container(client, spec) as container:
                yield container, began
        except CannotStart as error:
            raise ObservationFailed(
                f"The stand-in for `spin up` does not start: {error}",
                remedy="Run it again; if it fails again: workbook doctor",
            ) from error


def _shipped(subject: Subject, request: SpinServeRequest) -> tuple[SpinApp, dict[str, bytes]]:
    """The application and its components, from the image."""
    api = subject.client.api
    folder = request.manifest.rpartition("/")[0]
    with engine_errors("reading the image's files"):
        image = api.inspect_image(subject.image_id)["Id"]
    with unstarted(api, image, doing="reading the image's program") as container:
        manifest = _file(api, container, request.manifest)
        if manifest is None:
            raise NotServable(f"the image has no {request.manifest}")
        app = spin_app(manifest.decode("utf-8", "replace"), dict(request.variables))
        sources = {}
        for component in app.components:
            content = _file(api, container, f"{folder}/{component.file}")
            if content is None:
                where = f"{folder}/{component.file}"
                raise NotServable(f"the image has no {where}, the source of {component.name!r}")
            sources[component.file] = _component(component.file, content)
    return app, sources


def _component(file: str, content: bytes) -> bytes:
    try:
        kind = read_wasm(content).kind
    except NotWasm as reason:
        raise NotServable(f"{file} is no WebAssembly: {reason}") from reason
    if kind != "component":
        raise NotServable(f"{file} is a core module, and Spin serves components")
    return content


def _file(api: docker.APIClient, container: str, path: str) -> bytes | None:
    with engine_errors("reading the image's files"):
        try:
            pieces, about = api.get_archive(container, path)
        except docker.errors.NotFound:
            return None
        if about["size"] > MAX_BYTES:
            raise NotServable(f"{path} has {about['size'] / 1e6:,.0f} MB")
        content = b"".join(pieces)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        member = archive.next()
        found = archive.extractfile(member) if member is not None and member.isreg() else None
        return found.read() if found is not None else None


@cache
def _program() -> dict[str, bytes]:
    folder = files("helpers.observe").joinpath("spin_host")
    wanted = ("package.json", "package-lock.json", ".npmrc")
    return {
        f"host/{entry.name}": entry.read_bytes()
        for entry in folder.iterdir()
        if entry.name in wanted or entry.name.endswith(".mjs")
    }


_DOCKERFILE = f"""\
FROM {NODE}
WORKDIR /host
COPY host/package.json host/package-lock.json host/.npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --no-audit --no-fund
COPY host/*.mjs ./
COPY app /app
RUN node prepare.mjs
CMD ["node", "serve.mjs"]
"""


@contextmanager
def _built(
    client: docker.DockerClient, sources: Mapping[str, bytes], stop: Future[None]
) -> Iterator[str]:
    """An image of the host with these components; what takes long is kept in the build cache."""
    tag = f"{BUILT}spin-host:{uuid.uuid4().hex[:12]}"
    cancel = CancelToken()
    stop.add_done_callback(lambda _: cancel.cancel())
    content = {
        **_program(),
        **{f"app/{file}": data for file, data in sources.items()},
        "app/files.json": json.dumps(sorted(sources)).encode(),
        "Dockerfile": _DOCKERFILE.encode(),
    }
    request = BuildRequest(
        mapping_context(content),
        tags=(tag,),
        labels=labels(TOOL),
        timeout_seconds=_TIMEOUT_SECONDS,
    )
    try:
        build(client.api, request, cancel=cancel)
        yield tag
    except BuildError as error:
        if stop.done():
            raise Stopped from error
        if error.exit_status == NoEngine.exit_status:
            raise NoEngine(error.message, remedy=error.remedy) from error
        raise ObservationFailed(
            f"The stand-in for `spin up` could not be built: {error.message}",
            remedy=error.remedy,
        ) from error
    finally:
        to_the_end(lambda: _remove(client.api, tag))


def _remove(api: docker.APIClient, tag: str) -> None:
    with engine_errors("removing an image"):
        try:
            api.remove_image(tag, force=True)
        except docker.errors.ImageNotFound:
            return  # it never came to be


def _ask(
    subject: Subject, container: RunningContainer, request: SpinServeRequest, began: float
) -> SpinServeFacts:
    api = subject.client.api
    with engine_errors("running a container"):
        port = published_port(api.inspect_container(container.id), _PORT)
    responses: tuple[HttpResponse, ...] = ()
    ready: float | None = None
    if port is not None:
        run = probe_container(
            port,
            (_READY, *request.probes),
            began=began,
            wait_seconds=request.wait_seconds,
            exited=container.exited,
            stop=subject.stop,
        )
        ready = run.ready_seconds
        responses = run.responses[1:] if ready is not None else ()
    with engine_errors("running a container"):
        state = api.inspect_container(container.id)["State"]
        running = bool(state.get("Running"))
        if running:
            kill_and_wait(api, container.id)
        log = api.logs(container.id, stdout=True, stderr=True, tail=100)
    return SpinServeFacts(
        responses=responses,
        log=last_lines(log),
        exit_code=None if running else int(state.get("ExitCode", 0)),
        ready_seconds=ready,
        waited_seconds=request.wait_seconds,
    )
