"""C10 and C11: how small and quick WebAssembly is, and that both ecosystems run here."""

from __future__ import annotations

from http import HTTPStatus

from helpers.claims.bench import Bench
from helpers.claims.claim import Figure, Finding, Holding
from helpers.experiments.image_file import read_file
from helpers.experiments.start_time import StartTimes
from helpers.experiments.wasm_docker import Image, cold_times
from helpers.experiments.wasm_embedded import embedded_times
from helpers.observe.requests import Probe
from helpers.observe.spin_serve import SpinServeRequest, observe_spin_serve
from helpers.observe.subject import Subject
from helpers.observe.wasm_run import WasmRunRequest, run_wasm
from helpers.units import format_bytes, format_seconds

_ARGS = ("tea=12@350",)


def tiny_and_quick(bench: Bench) -> Finding:
    """C10: the same C program, static and as a module; cold under Docker, warm in this process."""
    native = bench.image("discount", "2-scratch")
    wasm = bench.image("discount", "3-wasm")
    images = (Image("static program", native.id), Image("module", wasm.id, wasm=True))
    program, module = cold_times(bench.engine, images, *_ARGS)
    content = read_file(bench.engine.client, wasm.id, "/discount.wasm")
    compiled, _, instantiated, ran = embedded_times(content, _ARGS)
    bytes_before = native.facts.unpacked_bytes
    figures = (
        Figure("static program", bytes_before, "bytes"),
        Figure("module", len(content), "bytes"),
        _figure("container with the static program, from order to end", program),
        _figure("container with the module under WasmEdge, from order to end", module),
        _figure("compile the module, in this process", compiled),
        _figure("instantiate it once it is compiled", instantiated),
        _figure("instantiate and run it", ran),
    )
    sentence = (
        f"The module is {format_bytes(len(content))}, the same program as a static binary "
        f"{format_bytes(bytes_before)}. Instantiating takes {format_seconds(instantiated.median)}, "
        f"a container with it {format_seconds(module.median)} from order to end."
    )
    found = tiny_verdict(len(content), bytes_before, instantiated.median, module.median)
    return Finding(found, sentence, figures)


def _figure(name: str, times: StartTimes) -> Figure:
    return Figure(name, times.median, "seconds", times.shortest, times.longest, len(times.seconds))


def tiny_verdict(module: int, native: int, instantiated: float, container: float) -> Holding:
    """Smaller, and microseconds; that a container takes longer is the limit."""
    if module >= native or instantiated >= 0.001:
        return Holding.NOT_AS_SAID
    return Holding.HOLDS if container < 0.001 else Holding.LIMIT


def ecosystems(bench: Bench) -> Finding:
    """C11: a module under WasmEdge through Docker, and a Spin app with a key-value store."""
    wasm = bench.image("discount", "3-wasm")
    under_wasmedge = run_wasm(Subject(bench.engine.client, wasm.id), WasmRunRequest(args=_ARGS))
    stamps = bench.image("stamps", "1-scratch")
    stamp = Probe("/cards/ada/stamps", "POST")
    probes = (stamp, stamp, Probe("/cards/ada"))
    request = SpinServeRequest(probes=probes, variables=(("admin_token", "measured"),))
    served = observe_spin_serve(Subject(bench.engine.client, stamps.id), request)
    answered = sum(
        r.status is not None and r.status < HTTPStatus.BAD_REQUEST for r in served.responses
    )
    figures = (
        Figure("modules that ran under WasmEdge", float(under_wasmedge.exit_code == 0)),
        Figure(f"requests of {len(probes)} that the Spin app answered", answered),
    )
    found = ecosystems_verdict(wasmedge=under_wasmedge.exit_code == 0, spin=answered == len(probes))
    sentence = (
        f"WasmEdge ran the module through Docker ({under_wasmedge.runtime}); the Spin app answered "
        f"{answered} of {len(probes)} requests."
    )
    return Finding(
        found,
        sentence,
        figures,
        simulated="`spin up`, by a host of the workbook's own with jco; the app is a real Spin app",
    )


def ecosystems_verdict(*, wasmedge: bool, spin: bool) -> Holding:
    """Both run; one of them alone is a limit."""
    if wasmedge and spin:
        return Holding.HOLDS
    return Holding.LIMIT if wasmedge or spin else Holding.NOT_AS_SAID
