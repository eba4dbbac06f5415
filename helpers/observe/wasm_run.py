"""A WebAssembly image run by the engine, through an OCI runtime that knows WebAssembly.

Source: https://wasmedge.org/docs/develop/deploy/oci-runtime/crun/
"""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any, ClassVar

import docker
from docker.utils import version_lt

from helpers.errors import BadInput
from helpers.observe.containers import (
    CannotStart,
    ContainerSpec,
    RunningContainer,
    running_container,
)
from helpers.observe.errors import ObservationFailed, Stopped, engine_errors
from helpers.observe.probing import kill_and_wait, last_lines, probe_container, published_port
from helpers.observe.requests import Probe, Request
from helpers.observe.run_service import why_unreachable
from helpers.observe.service_facts import HttpResponse
from helpers.observe.subject import Subject
from helpers.observe.text import printable
from helpers.observe.wasm import WasmRequest, observe_wasm

#: Tells crun to hand the program to its WebAssembly handler.
ANNOTATION = ("module.wasm.image/variant", "compat")
_ANNOTATIONS_SINCE = "1.43"


@dataclass(frozen=True, slots=True)
class WasmRunFacts:
    """What a run of a WebAssembly image did.

    Attributes:
        runtime: the OCI runtime that ran it.
        start_error: the engine's message where it could not start it.
        exit_code: how it ended by itself; None where it still ran, and was killed.
        seconds: from the start call to its end, or to the end of the wait.
        out: the last lines of its standard output.
        err: the last lines of its standard error.
        responses: the answers to the probes.
        ready_seconds: from the start call to the first answer; None if never.
        waited_seconds: how long it was waited for at most.
    """

    runtime: str
    start_error: str = ""
    exit_code: int | None = None
    seconds: float = 0.0
    out: tuple[str, ...] = ()
    err: tuple[str, ...] = ()
    responses: tuple[HttpResponse, ...] = ()
    ready_seconds: float | None = None
    waited_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class WasmRunRequest(Request[WasmRunFacts]):
    """Run the image as WebAssembly.

    Attributes:
        args: instead of the image's CMD.
        env: environment, as sorted pairs.
        http_port: TCP port that it serves on; 0 for a program that ends by itself.
        probes: requests to send where there is a port.
        runtime: name of the engine's OCI runtime.
        wait_seconds: longest wait, for the end or for the first answer.
        memory_mb: memory limit in MB (10^6 bytes).
    """

    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    http_port: int = 0
    probes: tuple[Probe, ...] = ()
    runtime: str = "crun"
    wait_seconds: float = 10.0
    memory_mb: int = 256

    observer: ClassVar[str] = "helpers.observe.wasm_run:observe_wasm_run"


def observe_wasm_run(subject: Subject, request: WasmRunRequest) -> WasmRunFacts:
    """Run the subject's image where it starts WebAssembly.

    Raises:
        BadInput: if it starts something else: that is not run. The rest as :func:`run_wasm`.
    """
    facts = observe_wasm(subject, WasmRequest())
    if not facts.has_magic:
        raise BadInput(
            f"{printable(facts.path, 200)} is no WebAssembly: {facts.why_not}",
            remedy="Compile for a WebAssembly target and name the file in ENTRYPOINT.",
        )
    return run_wasm(subject, request)


def run_wasm(subject: Subject, request: WasmRunRequest) -> WasmRunFacts:
    """Run the subject's image, wait for its end or its answers, and remove it.

    Raises:
        ObservationFailed: if the engine has no such runtime, is too old for annotations, or cannot
            run containers at the moment.
        BadInput, NoEngine, Stopped: as everywhere.
    """
    _can_run(subject.client, request)
    spec = ContainerSpec(
        subject.image_id,
        (request.http_port,) if request.http_port else (),
        request.env,
        request.memory_mb,
        command=request.args,
        runtime=request.runtime,
        annotations=(ANNOTATION,),
    )
    began = time.monotonic()
    try:
        with running_container(subject.client, spec) as container:
            return _observe(subject, container, request, began)
    except CannotStart as problem:
        return WasmRunFacts(
            request.runtime, start_error=str(problem), waited_seconds=request.wait_seconds
        )


def _can_run(client: docker.DockerClient, request: WasmRunRequest) -> None:
    with engine_errors("asking the engine for its runtimes"):
        runtimes = client.api.info().get("Runtimes") or {}
    if request.runtime not in runtimes:
        raise ObservationFailed(
            f"The engine has no OCI runtime {request.runtime}, so it cannot run WebAssembly",
            remedy="Use the workbook's private engine (`workbook engine start`), or add crun with "
            "WasmEdge to the engine's runtimes.",
        )
    if version_lt(client.api.api_version, _ANNOTATIONS_SINCE):
        raise ObservationFailed(
            f"The engine's API is older than {_ANNOTATIONS_SINCE} and hands no annotations on",
            remedy="Use Docker Engine 24 or later.",
        )
    if request.http_port and (reason := why_unreachable(client)):
        raise ObservationFailed(
            f"A container cannot be asked: {reason}",
            remedy="Run this on the engine's own machine.",
        )


def _observe(
    subject: Subject, container: RunningContainer, request: WasmRunRequest, began: float
) -> WasmRunFacts:
    api = subject.client.api
    responses: tuple[HttpResponse, ...] = ()
    ready: float | None = None
    if request.http_port:
        with engine_errors("running a container"):
            about = api.inspect_container(container.id)
        port = published_port(about, request.http_port)
        if port is not None:
            run = probe_container(
                port,
                request.probes or (Probe("/"),),
                began=began,
                wait_seconds=request.wait_seconds,
                exited=container.exited,
                stop=subject.stop,
            )
            responses, ready = run.responses, run.ready_seconds
    else:
        _wait_for_end(container.exited, subject.stop, request.wait_seconds)
    seconds = time.monotonic() - began
    with engine_errors("running a container"):
        state = api.inspect_container(container.id)["State"]
        running = bool(state.get("Running"))
        if running:
            kill_and_wait(api, container.id)
        out = api.logs(container.id, stdout=True, stderr=False, tail=100)
        err = api.logs(container.id, stdout=False, stderr=True, tail=100)
    return WasmRunFacts(
        request.runtime,
        exit_code=None if running else int(state.get("ExitCode", 0)),
        seconds=seconds,
        out=last_lines(out),
        err=last_lines(err),
        responses=responses,
        ready_seconds=ready,
        waited_seconds=request.wait_seconds,
    )


def _wait_for_end(exited: Future[int], stop: Future[None], seconds: float) -> None:
    both: tuple[Future[Any], ...] = (exited, stop)
    wait(both, timeout=seconds, return_when=FIRST_COMPLETED)
    if stop.done():
        raise Stopped
