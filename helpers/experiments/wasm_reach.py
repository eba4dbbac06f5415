"""What code reaches without being given it: one program, natively and as WebAssembly.

What WASI gives stands in the WASI repository, in legacy/preview1/docs.md (commit d6962d1).
Source: https://github.com/WebAssembly/WASI
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from helpers.build.client import build
from helpers.build.context import mapping_context
from helpers.build.request import BuildRequest
from helpers.engine.connect import Engine
from helpers.engine.labels import BUILT, LESSON, labels
from helpers.engine.ownership import keep_track
from helpers.experiments.image_file import read_file
from helpers.experiments.wasm_embedded import Embedded, Given
from helpers.observe.containers import ContainerSpec, running_container
from helpers.observe.errors import ObservationFailed, engine_errors
from helpers.observe.subject import Subject
from helpers.observe.wasm_run import WasmRunRequest, run_wasm

#: Base images that the experiment needs.
BASES = ("golang:1.24-trixie", "ghcr.io/webassembly/wasi-sdk:wasi-sdk-27")
SECRET = (("SECRET", "s3cr3t"),)
_SECONDS = 60.0
_DOCKERFILE = """\
FROM golang:1.24-trixie AS build-native
COPY reach.c .
RUN gcc -O1 -static -s -pthread -o /reach reach.c

FROM ghcr.io/webassembly/wasi-sdk:wasi-sdk-27 AS build-wasm
COPY reach.c .
RUN $CC $CFLAGS $LDFLAGS -O1 -s -o /reach.wasm reach.c

FROM scratch AS native
COPY --from=build-native /reach /reach
ENTRYPOINT ["/reach"]

FROM scratch AS wasm
COPY --from=build-wasm /reach.wasm /reach.wasm
ENTRYPOINT ["/reach.wasm"]
"""


@dataclass(frozen=True, slots=True)
class Reach:
    """One place where the program ran.

    Attributes:
        place: in a few words.
        worked: by action.
        details: what came of each, by action.
    """

    place: str
    worked: Mapping[str, bool]
    details: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Probe:
    """The program, as two images and as bytes.

    Attributes:
        native: id of the image with machine code.
        wasm: id of the image with the module.
        module: the module itself.
    """

    native: str
    wasm: str
    module: bytes


def build_probe(engine: Engine) -> Probe:
    """Build the program for both.

    Raises:
        BuildError: where it does not build.
        NoEngine: where the engine stops answering.
    """
    native, wasm = (_image(engine, target) for target in ("native", "wasm"))
    return Probe(native, wasm, read_file(engine.client, wasm, "/reach.wasm"))


def reaches(engine: Engine, probe: Probe) -> tuple[Reach, ...]:
    """Run it in a container, under WasmEdge through Docker, and in this process.

    The container and the module under Docker get the variable ``SECRET``. In this process it gets
    nothing, and then one folder, read-only, and 16 MB of memory. Where the engine cannot run
    WebAssembly, that column is not there.

    Raises:
        BadInput: where the package ``wasmtime`` is missing.
        ObservationFailed, NoEngine: where the engine refuses, or stops answering.
    """
    found = [_parsed("container, runc", _native(engine, probe))]
    try:
        facts = run_wasm(Subject(engine.client, probe.wasm), WasmRunRequest(env=SECRET))
        found.append(_parsed("WasmEdge, crun", "\n".join(facts.out)))
    except ObservationFailed:
        pass  # the engine has no such runtime: the lesson has said so before
    module = Embedded(probe.module)
    found.append(_parsed("embedded", module.run().out))
    with tempfile.TemporaryDirectory(prefix="workbook-") as folder:
        (Path(folder) / "note.txt").write_text("for the module\n", encoding="utf-8")
        given = Given(folders=((folder, "/data"),), most_memory=16_000_000)
        found.append(_parsed("embedded, one folder", module.run(given=given).out))
    return tuple(found)


def _image(engine: Engine, target: str) -> str:
    source = files("helpers.experiments").joinpath("wasm_reach.c").read_bytes()
    request = BuildRequest(
        mapping_context({"Dockerfile": _DOCKERFILE, "reach.c": source}),
        target=target,
        tags=(f"{BUILT}lesson-wasm-reach:{target}",),
        labels=labels(LESSON),
    )
    image = build(engine.client.api, request).image_id or ""
    keep_track(engine.client.api, image)
    return image


def _native(engine: Engine, probe: Probe) -> str:
    spec = ContainerSpec(probe.native, env=SECRET, role=LESSON)
    with running_container(engine.client, spec) as container:
        container.exited.result(timeout=_SECONDS)
        with engine_errors("reading what a container printed"):
            log = engine.client.api.logs(container.id, stdout=True, stderr=False)
    return bytes(log).decode(errors="replace")


def _parsed(place: str, printed: str) -> Reach:
    rows = [line.split("|") for line in printed.splitlines() if line.count("|") == 2]
    return Reach(
        place,
        {action: worked == "1" for action, worked, _ in rows},
        {action: detail for action, _, detail in rows},
    )
