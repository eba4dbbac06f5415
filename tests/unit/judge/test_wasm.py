from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from helpers.judge.registry import all_properties
from helpers.judge.verdict import Verdict
from helpers.observe.image_facts import ImageFacts
from helpers.observe.replay import facts_from_json, facts_to_json
from helpers.observe.requests import ImageRequest, Observations, Probe
from helpers.observe.service_facts import HttpResponse
from helpers.observe.wasm import WasmFacts, WasmRequest
from helpers.observe.wasm_binary import CustomSection, Export, Import, WasmBinary
from helpers.observe.wasm_run import WasmRunFacts, WasmRunRequest

from .factories import FAIL, PASS, UNKNOWN, file, image, program, symlink, verdict
from .manifests import SPIN, of_spin, spin, spoiled

BINARY = WasmBinary(
    "module",
    imports=(
        Import("wasi_snapshot_preview1", "fd_write", "func"),
        Import("wasi_snapshot_preview1", "proc_exit", "func"),
    ),
    exports=(Export("memory", "memory"), Export("_start", "func")),
    code_bytes=16,
    data_bytes=20,
    memory_pages=1,
)
MODULE = WasmFacts("/app.wasm", 184, BINARY, "", "linux/amd64", has_magic=True)
NATIVE = WasmFacts("/app", 900_000, None, "it does not begin with the magic bytes", "linux/amd64")


def of_wasm(
    property_id: str, facts: WasmFacts, found: ImageFacts | None = None, **params: Any
) -> Verdict:
    seen = Observations(image=found, answers={WasmRequest(): facts})
    return verdict(property_id, seen, **params)


def with_binary(**changes: Any) -> WasmFacts:
    return replace(MODULE, binary=replace(BINARY, **changes))


def test_a_module_is_told_by_its_bytes() -> None:
    assert of_wasm("wasm-module", MODULE, kind="module").outcome is PASS
    assert of_wasm("wasm-module", MODULE, kind="any").outcome is PASS
    assert of_wasm("wasm-module", MODULE, kind="component").codes() == {"other-kind"}
    assert of_wasm("wasm-module", NATIVE, kind="any").codes() == {"not-wasm"}
    damaged = replace(NATIVE, path="/app.wasm", why_not="it is cut off at byte 12")
    assert of_wasm("wasm-module", damaged, kind="any").codes() == {"not-wasm"}


def test_the_size_is_told_with_its_parts() -> None:
    assert of_wasm("wasm-size", MODULE).outcome is PASS
    large = replace(with_binary(custom=(CustomSection(".debug_info", 2_000_000),)), bytes=2_100_000)
    found = of_wasm("wasm-size", large)
    assert found.codes() == {"too-large"}
    assert "2,000,000 of custom sections" in found.evidence[0].text
    assert of_wasm("wasm-size", MODULE, max_kb=0.1).outcome is FAIL


@pytest.mark.parametrize(
    ("imports", "wrong"),
    [
        ((), 0),
        ((Import("", "wasi:cli/environment@0.2.0", "instance"),), 0),
        ((Import("env", "system", "func"), Import("env", "fork", "func")), 1),
        ((Import("", "fermyon:spin/postgres@2.0.0", "instance"),), 1),
        ((Import("wasi_snapshot_preview1x", "f", "func"), Import("env", "f", "func")), 2),
    ],
)
def test_only_expected_imports(imports: tuple[Import, ...], wrong: int) -> None:
    found = of_wasm("wasm-imports", with_binary(imports=imports))
    assert len(found.evidence) == wrong
    assert found.outcome is (FAIL if wrong else PASS)


def test_more_imports_may_be_allowed() -> None:
    wants = with_binary(imports=(Import("", "fermyon:spin/key-value@2.0.0", "instance"),))
    assert of_wasm("wasm-imports", wants, allowed=["fermyon:spin/key-value@*"]).outcome is PASS


def test_debugging_data_is_found() -> None:
    assert of_wasm("wasm-stripped", MODULE).outcome is PASS
    debug = with_binary(custom=(CustomSection(".debug_info", 90), CustomSection("name", 10)))
    assert of_wasm("wasm-stripped", debug).codes() == {"debug-section"}
    names = with_binary(custom=(CustomSection("name", 50_000),))
    assert of_wasm("wasm-stripped", names).codes() == {"custom-sections"}
    assert of_wasm("wasm-stripped", names, max_kb=60).outcome is PASS


def test_the_platform_is_honest() -> None:
    assert of_wasm("wasm-platform", MODULE).outcome is PASS
    wasi = replace(MODULE, platform="wasi/wasm")
    assert of_wasm("wasm-platform", wasi).outcome is PASS
    other = of_wasm("wasm-platform", MODULE, allowed=["wasi/wasm"])
    assert other.codes() == {"other-platform"}
    lie = replace(NATIVE, platform="wasi/wasm")
    assert of_wasm("wasm-platform", lie).codes() == {"not-wasm"}
    assert of_wasm("wasm-platform", NATIVE).outcome is UNKNOWN


def test_the_module_comes_alone() -> None:
    alone = image(file("/app.wasm", 184), file("/data.json", 300))
    assert of_wasm("wasm-alone", MODULE, alone).outcome is PASS
    system = image(file("/app.wasm", 184), program("/usr/lib/libc.so.6", 2_000_000))
    assert of_wasm("wasm-alone", MODULE, system).codes() == {"other-files"}
    shell = image(file("/app.wasm", 184), program("/bin/busybox", 9), symlink("/bin/sh", "busybox"))
    assert "shell" in of_wasm("wasm-alone", MODULE, shell).codes()
    assert of_wasm("wasm-alone", MODULE).outcome is UNKNOWN


BINARY_PROPERTIES = ["wasm-size", "wasm-imports", "wasm-stripped", "wasm-alone"]


@pytest.mark.parametrize("property_id", BINARY_PROPERTIES)
def test_what_is_no_webassembly_cannot_be_told(property_id: str) -> None:
    assert of_wasm(property_id, NATIVE, image()).outcome is UNKNOWN
    assert verdict(property_id, Observations()).outcome is UNKNOWN
    failures = {WasmRequest(): "The image does not say what to start.", ImageRequest(): "x"}
    assert verdict(property_id, Observations(failures=failures)).outcome is UNKNOWN


RUN = WasmRunFacts("crun", exit_code=0, seconds=0.4, out=("hello",), waited_seconds=10)


def of_run(facts: WasmRunFacts, **params: Any) -> Verdict:
    return verdict("wasm-runs", Observations(answers={WasmRunRequest(): facts}), **params)


def test_a_run_that_ends_as_wanted() -> None:
    assert of_run(RUN).outcome is PASS
    assert of_run(RUN, prints="hello").outcome is PASS


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"start_error": "exec format error"}, "not-started"),
        ({"exit_code": 134, "err": ("trap: unreachable",)}, "exit-code"),
        ({"exit_code": None}, "no-end"),
        ({"out": ("good-bye",)}, "other-output"),
        ({"out": ()}, "other-output"),
    ],
)
def test_a_run_that_does_not(changes: dict[str, Any], code: str) -> None:
    found = of_run(replace(RUN, **changes), prints="hello")
    assert found.outcome is FAIL
    assert found.codes() == {code}


SERVER = WasmRunRequest(http_port=8080, probes=(Probe("/"),))
ANSWER = HttpResponse("GET", "/", 200, "hello", 0.01, "")
SERVES = WasmRunFacts("crun", responses=(ANSWER,), ready_seconds=0.3, waited_seconds=10)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"responses": (replace(ANSWER, status=500),)}, "wrong-answer"),
        ({"responses": (replace(ANSWER, body="bye"),)}, "wrong-answer"),
        ({"responses": (), "ready_seconds": None}, "no-answer"),
        ({"exit_code": 1, "ready_seconds": None}, "exit-code"),
    ],
)
def test_a_server_is_asked(changes: dict[str, Any], code: str | None) -> None:
    seen = Observations(answers={SERVER: replace(SERVES, **changes)})
    wanted = [{"path": "/", "contains": "hello"}]
    found = verdict("wasm-runs", seen, http_port=8080, answers=wanted)
    assert found.codes() == ({code} if code else set())
    assert found.outcome is (FAIL if code else PASS)


def test_no_run_is_no_pass() -> None:
    failures = {WasmRunRequest(): "The engine has no OCI runtime crun."}
    found = verdict("wasm-runs", Observations(failures=failures))
    assert found.outcome is UNKNOWN
    assert "no OCI runtime" in found.summary
    program = Observations(answers={WasmRequest(): NATIVE}, failures=failures)
    assert "/app is no WebAssembly" in verdict("wasm-runs", program).summary


ALL_SPIN = [p for p in all_properties() if p.startswith("spin-") and p != "spin-serves"]  # it runs
BUILT = image(file("/app/target/counter.wasm", 500), file("/app/spin.toml", 10))


@pytest.mark.parametrize("property_id", [p for p in ALL_SPIN if p != "spin-sources"])
def test_a_manifest_for_production_passes(property_id: str) -> None:
    assert of_spin(property_id, SPIN).outcome is PASS


def test_sources_are_looked_for_in_context_or_image() -> None:
    assert of_spin("spin-sources", SPIN).codes() == {"no-source"}
    seen = replace(spin(SPIN), image=BUILT)
    assert verdict("spin-sources", seen, image_folder="/app").outcome is PASS
    assert verdict("spin-sources", seen, image_folder="/srv").codes() == {"no-source"}
    empty = replace(seen, image=image(file("/app/target/counter.wasm", 0)))
    assert verdict("spin-sources", empty, image_folder="/app").codes() == {"no-source"}
    assert verdict("spin-sources", spin(SPIN), image_folder="/app").outcome is UNKNOWN
    made = SPIN + '[component.counter.build]\ncommand = "make"\n'
    assert of_spin("spin-sources", made).outcome is UNKNOWN


SPIN_MISTAKES = [
    ("spin-valid", "spin_manifest_version = 2", 'spin_manifest_version = "1"', "old-version"),
    ("spin-valid", "spin_manifest_version = 2\n", "", "old-version"),
    ("spin-valid", 'name = "counter"\n', "", "missing"),
    ("spin-valid", 'source = "target/counter.wasm"\n', "", "missing"),
    ("spin-valid", 'route = "/..."\n', "", "missing"),
    ("spin-valid", 'source = "target/counter.wasm"', 'source = {url = "https://a.b/c"}', "missing"),
    ("spin-valid", "[[trigger.http]]", "[[triggers.http]]", "unknown-key"),
    ("spin-valid", "key_value_stores", "key_value_store", "unknown-key"),
    ("spin-valid", "[component.counter]", "[component.my_counter]", "bad-name"),
    ("spin-valid", 'component = "counter"', 'component = "count"', "dangling-trigger"),
    ("spin-valid", 'component = "counter"', 'component = {source = "a"}', "unused-component"),
    ("spin-valid", '"1.0.0"', '"1.0.0', "not-toml"),
    ("spin-outbound-hosts", "https://prices.example.com", "*://*:*", "wide-host"),
    ("spin-outbound-hosts", "https://prices.example.com", "https://*", "wide-host"),
    ("spin-outbound-hosts", "https://prices.example.com", "https://*:443", "wide-host"),
    ("spin-outbound-hosts", "allowed_outbound_hosts", "allowed_http_hosts", "old-key"),
    ("spin-key-value", '["default"]', '["default", "secrets"]', "unexpected-store"),
    ("spin-secrets", "required = true, secret = true", 'default = "x"', "secret-default"),
    ("spin-secrets", ", secret = true", "", "not-marked"),
    ("spin-secrets", "{{ token }}", "hunter2", "secret-in-manifest"),
    (
        "spin-secrets",
        "[component.counter.variables]",
        'environment = {U = "pg://a:b@c/d"}\n[component.counter.variables]',
        "secret-in-manifest",
    ),
]


@pytest.mark.parametrize(("property_id", "old", "new", "code"), SPIN_MISTAKES)
def test_a_mistake_is_told(property_id: str, old: str, new: str, code: str) -> None:
    text, line = spoiled(SPIN, old, new)
    found = of_spin(property_id, text)
    assert found.outcome is FAIL
    assert code in found.codes()
    if new and code not in {"missing", "unused-component", "unknown-key"}:
        assert line in {e.line for e in found.evidence}


def test_parameters_narrow_what_is_right() -> None:
    hosts = of_spin("spin-outbound-hosts", SPIN, allowed=["https://a.b"])
    assert hosts.codes() == {"unexpected-host"}
    assert of_spin("spin-key-value", SPIN, wanted=["cart"]).codes() == {"no-store"}
    narrow = ["http://127.0.0.1:*", "https://*.example.com", "http://self", "mysql://db:3306"]
    for host in narrow:
        text, _ = spoiled(SPIN, "https://prices.example.com", host)
        assert of_spin("spin-outbound-hosts", text).outcome is PASS


@pytest.mark.parametrize("property_id", ALL_SPIN)
@pytest.mark.parametrize("text", ["", "a = [", "component = 1\ntrigger = 2", "component = []"])
def test_another_shape_is_no_pass_and_no_crash(property_id: str, text: str) -> None:
    assert of_spin(property_id, text).outcome is not PASS
    assert verdict(property_id, Observations()).outcome is UNKNOWN


def test_facts_are_saved_and_replayed() -> None:
    answers = {
        **spin(SPIN).answers,
        WasmRequest(): MODULE,
        WasmRequest("/x"): NATIVE,
        SERVER: SERVES,
    }
    seen = Observations(answers=answers)
    assert facts_from_json(facts_to_json(seen)) == seen
