"""An image that starts WebAssembly: what it starts, what that wants, and what it does."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import Field

from helpers.judge.filesystem import base_name
from helpers.judge.known_programs import SHELLS
from helpers.judge.properties.serving import ExpectedAnswer
from helpers.judge.property import Params, Property
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    at_most,
    could_not_tell,
    counted,
    failed,
    listed,
    no_image,
    not_observed,
    passed,
    shown_path,
)
from helpers.observe.requests import ImageRequest, Observations, Probe, Request
from helpers.observe.text import printable
from helpers.observe.wasm import WasmFacts, WasmRequest
from helpers.observe.wasm_binary import WasmBinary
from helpers.observe.wasm_run import WasmRunFacts, WasmRunRequest

_DEBUG_PREFIXES = (".debug_", "reloc.", "external_debug_info", "sourceMappingURL", "linking")


class WasmParams(Params):
    """What every property of a WebAssembly file takes."""

    module: str = Field(
        "",
        description="Absolute path of the file in the image; empty for what a container starts.",
    )


class ModuleParams(WasmParams):
    """Parameters of ``wasm-module``."""

    kind: Literal["module", "component", "any"] = Field(
        description="Whether a core module, a component, or either is wanted."
    )


class SizeParams(WasmParams):
    """Parameters of ``wasm-size``."""

    max_kb: float = Field(
        1_000.0, gt=0, description="Largest size of the file, in kB (1,000 bytes)."
    )


class ImportParams(WasmParams):
    """Parameters of ``wasm-imports``."""

    allowed: tuple[str, ...] = Field(
        ("wasi_snapshot_preview1", "wasi:*"),
        description="Modules or interfaces that may be imported; `*` stands for anything. Names.",
    )


class DebugParams(WasmParams):
    """Parameters of ``wasm-stripped``."""

    max_kb: float = Field(
        1.0, ge=0, description="Most that custom sections may take together, in kB (1,000 bytes)."
    )


class PlatformParams(WasmParams):
    """Parameters of ``wasm-platform``."""

    allowed: tuple[str, ...] = Field(
        ("wasi/wasm", "linux/*"),
        description="Platforms that the image of a WebAssembly file may say it is for.",
    )


class AloneParams(WasmParams):
    """Parameters of ``wasm-alone``."""

    max_other_kb: float = Field(
        100.0, ge=0, description="Most that other files may take, in kB (1,000 bytes)."
    )


class RunParams(Params):
    """Parameters of ``wasm-runs``."""

    args: tuple[str, ...] = Field((), description="Arguments, instead of the image's CMD.")
    env: dict[str, str] = Field(default_factory=dict, description="Environment variables.")
    prints: str = Field(
        "", description="Text that the last lines of standard output must hold; empty for any."
    )
    exit_code: int = Field(0, ge=0, le=255, description="Exit status that is wanted.")
    http_port: int = Field(
        0, ge=0, le=65535, description="TCP port that it serves on; 0 for a program that ends."
    )
    answers: tuple[ExpectedAnswer, ...] = Field(
        (ExpectedAnswer(path="/"),), description="Requests and what must come back, with a port."
    )
    runtime: str = Field("crun", description="Name of the engine's OCI runtime.")
    wait_seconds: float = Field(
        10.0, gt=0, le=120, description="Longest wait for the end or the first answer, in seconds."
    )
    memory_mb: int = Field(
        256, ge=16, description="Memory limit of the container, in MB (10^6 bytes)."
    )


def _request(params: WasmParams) -> WasmRequest:
    return WasmRequest(params.module)


def _needs(params: WasmParams) -> tuple[Request[Any], ...]:
    return (_request(params),)


def _needs_image(params: WasmParams) -> tuple[Request[Any], ...]:
    return (_request(params), ImageRequest())


def _run_request(params: RunParams) -> WasmRunRequest:
    probes = tuple(Probe(a.path, a.method, a.body) for a in params.answers)
    return WasmRunRequest(
        args=params.args,
        env=tuple(sorted(params.env.items())),
        http_port=params.http_port,
        probes=probes if params.http_port else (),
        runtime=params.runtime,
        wait_seconds=params.wait_seconds,
        memory_mb=params.memory_mb,
    )


def _run_needs(params: RunParams) -> tuple[Request[Any], ...]:
    return (_run_request(params), WasmRequest())


def _on_binary(
    params: WasmParams,
    observations: Observations,
    look: Callable[[WasmFacts, WasmBinary], Verdict],
) -> Verdict:
    facts = observations.answer(_request(params))
    if facts is None:
        return not_observed(observations, _request(params), "the WebAssembly file")
    if facts.binary is None:
        return _no_wasm(facts)
    return look(facts, facts.binary)


def _no_wasm(facts: WasmFacts) -> Verdict:
    return could_not_tell(f"{shown_path(facts.path)} is no WebAssembly: {facts.why_not}")


def judge_module(params: ModuleParams, observations: Observations) -> Verdict:
    """What the image starts is WebAssembly, read from its bytes."""
    facts = observations.answer(_request(params))
    if facts is None:
        return not_observed(observations, _request(params), "the WebAssembly file")
    path = shown_path(facts.path)
    if facts.binary is None:
        text = f"{path} ({facts.bytes:,} bytes) is no WebAssembly: {facts.why_not}."
        evidence = Evidence("not-wasm", text, path=path, bytes=facts.bytes)
        return failed(f"{path} is no WebAssembly.", [evidence])
    kind = facts.binary.kind
    if params.kind not in {"any", kind}:
        text = f"{path} is a {kind}, and a {params.kind} is wanted."
        return failed(text, [Evidence("other-kind", text, path=path, bytes=facts.bytes)])
    parts = f"{counted(len(facts.binary.imports), 'import')}, "
    parts += counted(len(facts.binary.exports), "export")
    return passed(f"{path} is a WebAssembly {kind} with {parts}.")


def judge_size(params: SizeParams, observations: Observations) -> Verdict:
    """The file is as small as the idea."""

    def look(facts: WasmFacts, binary: WasmBinary) -> Verdict:
        path, kb = shown_path(facts.path), facts.bytes / 1000
        said = f"{path} has {kb:,.1f} kB, {params.max_kb:,g} kB allowed."
        if kb <= params.max_kb:
            return passed(said)
        custom = sum(c.bytes for c in binary.custom)
        text = f"{path}: {binary.code_bytes:,} bytes of code, {binary.data_bytes:,} of data, "
        text += f"{custom:,} of custom sections."
        return failed(said, [Evidence("too-large", text, path=path, bytes=facts.bytes)])

    return _on_binary(params, observations, look)


def judge_imports(params: ImportParams, observations: Observations) -> Verdict:
    """It asks the host for what is expected, and for nothing else."""

    def look(facts: WasmFacts, binary: WasmBinary) -> Verdict:
        path = shown_path(facts.path)
        wanted: dict[str, list[str]] = {}
        for item in binary.imports:
            wanted.setdefault(item.module or item.name, []).append(item.name)
        evidence = [
            Evidence("unexpected-import", _import_text(path, name, functions), path=path)
            for name, functions in sorted(wanted.items())
            if not any(fnmatchcase(name, pattern) for pattern in params.allowed)
        ]
        if evidence:
            return failed(
                f"{path} wants {counted(len(evidence), 'thing')} of the host that no one expects.",
                at_most(evidence, "import"),
            )
        names = listed(printable(n, 60) for n in sorted(wanted)) or "nothing"
        return passed(f"{path} imports {names}.")

    return _on_binary(params, observations, look)


def _import_text(path: str, name: str, functions: list[str]) -> str:
    shown = printable(name, 80)
    if functions == [name]:
        return f"{path} imports `{shown}`."
    return f"{path} imports {listed((printable(f, 40) for f in functions), 4)} of `{shown}`."


def judge_stripped(params: DebugParams, observations: Observations) -> Verdict:
    """Nothing in it that only a debugger reads."""

    def look(facts: WasmFacts, binary: WasmBinary) -> Verdict:
        path = shown_path(facts.path)
        total = sum(c.bytes for c in binary.custom)
        evidence = [
            Evidence(
                "debug-section",
                f"{path} has the section `{printable(c.name, 60)}`, {c.bytes:,} bytes.",
                path=path,
                bytes=c.bytes,
            )
            for c in sorted(binary.custom, key=lambda c: -c.bytes)
            if c.name.startswith(_DEBUG_PREFIXES)
        ]
        if not evidence and total > params.max_kb * 1000:
            names = listed(printable(c.name, 40) for c in binary.custom)
            text = f"{path} has {total:,} bytes of custom sections: {names}."
            evidence = [Evidence("custom-sections", text, path=path, bytes=total)]
        if evidence:
            return failed(f"{path} is not stripped.", at_most(evidence, "section"))
        return passed(f"{path} has {total:,} bytes of custom sections, none of them for debugging.")

    return _on_binary(params, observations, look)


def judge_platform(params: PlatformParams, observations: Observations) -> Verdict:
    """The image says what it is for, and what it starts is for that."""
    facts = observations.answer(_request(params))
    if facts is None:
        return not_observed(observations, _request(params), "the WebAssembly file")
    path, platform = shown_path(facts.path), printable(facts.platform, 60)
    says_wasm = facts.platform.startswith(("wasi/", "wasip")) or "/wasm" in facts.platform
    if facts.binary is None:
        if not says_wasm:
            return _no_wasm(facts)
        text = f"The image says {platform}, and starts {path}, which is no WebAssembly."
        return failed(text, [Evidence("not-wasm", text, path=path)])
    if any(fnmatchcase(facts.platform, pattern) for pattern in params.allowed):
        return passed(f"The image of {path} says that it is for {platform}.")
    text = f"The image of {path} says that it is for {platform}; {listed(params.allowed)} wanted."
    return failed(text, [Evidence("other-platform", text, path=path)])


def judge_alone(params: AloneParams, observations: Observations) -> Verdict:
    """The module, and no operating system around it."""
    image = observations.image

    def look(facts: WasmFacts, _: WasmBinary) -> Verdict:
        if image is None:
            return no_image(observations)
        others = [f for f in image.files if f.kind == "file" and f.path != facts.path]
        evidence = [
            Evidence("shell", f"{shown_path(f.path)} is a shell.", path=f.path, layer=f.layer)
            for f in image.files
            if base_name(f.path) in SHELLS and f.kind in {"file", "symlink"} and f.mode & 0o111
        ]
        total = sum(f.size for f in others)
        if total > params.max_other_kb * 1000:
            largest = sorted(others, key=lambda f: -f.size)[:3]
            names = listed(f"{shown_path(f.path)} ({f.size:,} bytes)" for f in largest)
            text = f"{counted(len(others), 'other file')} take {total:,} bytes: {names}."
            evidence.append(Evidence("other-files", text, path=largest[0].path, bytes=total))
        if evidence:
            return failed("There is more in the image than the module.", at_most(evidence, "file"))
        return passed(f"The image is {shown_path(facts.path)} and {total:,} bytes of other files.")

    return _on_binary(params, observations, look)


def judge_runs(params: RunParams, observations: Observations) -> Verdict:
    """It runs, under the runtime that production would use."""
    request = _run_request(params)
    facts = observations.answer(request)
    program = observations.answer(WasmRequest())
    if facts is None and program is not None and not program.has_magic:
        return _no_wasm(program)
    if facts is None:
        return not_observed(observations, request, "a run")
    if facts.start_error:
        text = f"{facts.runtime} could not start it: {facts.start_error}"
        return failed("It does not start.", [Evidence("not-started", text)])
    evidence = _answer_evidence(params, facts) if params.http_port else _end_evidence(params, facts)
    said = _said(facts)
    if evidence:
        return failed(f"It ran under {facts.runtime}, but not as wanted{said}.", evidence)
    if params.http_port:
        return passed(f"It answers under {facts.runtime}, after {facts.ready_seconds:.2f} s.")
    return passed(f"It ran under {facts.runtime} for {facts.seconds:.2f} s{said}.")


def _said(facts: WasmRunFacts) -> str:
    last = [line for line in (*facts.err[-1:], *facts.out[-1:]) if line]
    return f": `{printable(last[-1], 120)}`" if last else ", and printed nothing"


def _end_evidence(params: RunParams, facts: WasmRunFacts) -> list[Evidence]:
    if facts.exit_code is None:
        return [Evidence("no-end", f"It still ran after {facts.waited_seconds:g} s.")]
    found = []
    if facts.exit_code != params.exit_code:
        last = f": `{printable(facts.err[-1], 160)}`" if facts.err else ""
        text = f"It ended with status {facts.exit_code}, {params.exit_code} is wanted{last}."
        found.append(Evidence("exit-code", text))
    if params.prints and params.prints not in "\n".join(facts.out):
        wanted = printable(params.prints, 100)
        text = f"Its last {counted(len(facts.out), 'line')} of output do not hold `{wanted}`."
        found.append(Evidence("other-output", text))
    return found


def _answer_evidence(params: RunParams, facts: WasmRunFacts) -> list[Evidence]:
    if facts.exit_code is not None:
        last = f": `{printable(facts.err[-1], 160)}`" if facts.err else ""
        text = f"It ended with status {facts.exit_code} instead of serving{last}."
        return [Evidence("exit-code", text)]
    if facts.ready_seconds is None:
        text = f"Port {params.http_port} gave no answer within {facts.waited_seconds:g} s."
        return [Evidence("no-answer", text)]
    found = []
    for wanted, got in zip(params.answers, facts.responses, strict=False):
        asked = f"{wanted.method} {printable(wanted.path, 80)}"
        if got.status != wanted.status:
            text = f"{asked} gave {got.status or got.error}, {wanted.status} is wanted."
            found.append(Evidence("wrong-answer", text))
        elif wanted.contains not in got.body:
            text = f"The answer to {asked} does not hold `{printable(wanted.contains, 80)}`."
            found.append(Evidence("wrong-answer", text))
    return found


PROPERTIES = (
    Property(
        id="wasm-module",
        family="webassembly",
        title="The image starts WebAssembly",
        meaning="What a container of the image would start is a core module or a component, told "
        "by its bytes: magic, version, and sections whose lengths add up. A name that ends in "
        ".wasm or a label proves nothing.",
        source="https://webassembly.github.io/spec/core/binary/modules.html#binary-module",
        params=ModuleParams,
        codes={
            "not-wasm": "the file is no WebAssembly, or damaged",
            "other-kind": "a module where a component is wanted, or the other way round",
        },
        needs=_needs,
        judge=judge_module,
        remedy="Compile for a WebAssembly target (wasm32-wasip1, GOOS=wasip1), COPY the file and "
        "name it in ENTRYPOINT.",
        weight=4,
    ),
    Property(
        id="wasm-size",
        family="webassembly",
        title="The module is small",
        meaning="Bytes of the WebAssembly file, told apart: code, data and custom sections.",
        source="https://webassembly.github.io/spec/core/binary/modules.html#sections",
        params=SizeParams,
        codes={"too-large": "the file is larger than allowed"},
        needs=_needs,
        judge=judge_size,
        remedy="Build for release and for size, strip it, and run wasm-opt -Oz.",
        weight=2,
    ),
    Property(
        id="wasm-imports",
        family="webassembly",
        title="The module asks for nothing unexpected",
        meaning="Everything that a module can do to the world it has to import. Only WASI, or what "
        "the application is known to need, may be among its imports.",
        source="https://webassembly.github.io/spec/core/binary/modules.html#import-section",
        params=ImportParams,
        codes={"unexpected-import": "something is imported that is not expected"},
        needs=_needs,
        judge=judge_imports,
        remedy="Leave out the library that brings the import in, or allow it where it is needed.",
        weight=3,
    ),
    Property(
        id="wasm-stripped",
        family="webassembly",
        title="The module holds no debugging data",
        meaning="Custom sections with DWARF, relocations or source maps are often most of a file, "
        "and show paths and names of the source. Modules inside a component are looked at, too.",
        source="https://webassembly.github.io/tool-conventions/Debugging.html",
        params=DebugParams,
        codes={
            "debug-section": "a section for debugging or linking is in the file",
            "custom-sections": "custom sections take more than allowed",
        },
        needs=_needs,
        judge=judge_stripped,
        remedy="Link with --strip-all (clang: -s), set strip = true in Cargo.toml, or run "
        "wasm-tools strip.",
        weight=1,
    ),
    Property(
        id="wasm-platform",
        family="webassembly",
        title="The image's platform is honest",
        meaning="An image that says wasi/wasm starts WebAssembly. One that starts WebAssembly says "
        "so, or says linux where the engine cannot build for wasi (without the containerd image "
        "store it refuses).",
        source="https://docs.docker.com/engine/storage/containerd/",
        params=PlatformParams,
        codes={
            "not-wasm": "the platform says WebAssembly, and something else is started",
            "other-platform": "the platform is none of those that are allowed",
        },
        needs=_needs,
        judge=judge_platform,
        remedy="Build with --platform=wasi/wasm where the engine can.",
        weight=1,
    ),
    Property(
        id="wasm-alone",
        family="webassembly",
        title="The module comes without an operating system",
        meaning="A WebAssembly file needs no C library and no shell: the image is FROM scratch, "
        "with the file and perhaps some data.",
        source="https://wasmedge.org/docs/develop/deploy/oci-runtime/crun/",
        params=AloneParams,
        codes={
            "shell": "there is a shell in the image",
            "other-files": "other files take more than allowed",
        },
        needs=_needs_image,
        judge=judge_alone,
        remedy="Build in one stage and COPY the WebAssembly file alone into one that is FROM "
        "scratch.",
        weight=2,
    ),
    Property(
        id="wasm-runs",
        family="webassembly",
        title="The module runs under the engine",
        meaning="A container of the image, run by the OCI runtime that has a WebAssembly handler, "
        "ends with the wanted status and output, or answers requests.",
        source="https://wasmedge.org/docs/develop/deploy/oci-runtime/crun/",
        params=RunParams,
        codes={
            "not-started": "the runtime cannot start it",
            "exit-code": "it ends with another status",
            "other-output": "its output lacks the wanted text",
            "no-end": "it does not end in time",
            "no-answer": "nothing answers on the port",
            "wrong-answer": "an answer is not the wanted one",
        },
        needs=_run_needs,
        judge=judge_runs,
        remedy="Run it with `docker run --runtime crun --annotation "
        "module.wasm.image/variant=compat IMAGE` and read what it prints.",
        weight=4,
    ),
)
