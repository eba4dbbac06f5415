from __future__ import annotations

import threading
import time
from collections.abc import Callable

import docker
import pytest

from helpers.errors import BadInput
from helpers.judge.judge import collect_requests, criterion, judge
from helpers.judge.verdict import Outcome
from helpers.observe.errors import ObservationFailed, Stopped
from helpers.observe.observe import observe
from helpers.observe.requests import Probe
from helpers.observe.subject import Subject
from helpers.observe.wasm import WasmRequest, observe_wasm
from helpers.observe.wasm_run import WasmRunRequest, observe_wasm_run, run_wasm
from tests.unit.observe.wasm_files import COMPONENT, HELLO, custom, module, section

MakeImage = Callable[..., str]
Containers = Callable[[str], list[str]]

ALONE = 'FROM scratch\nCOPY app.wasm /app.wasm\nENTRYPOINT ["/app.wasm"]\n'


def start_with(code: bytes) -> bytes:
    """A module whose _start is this code."""
    return module(
        section(1, b"\x01\x60\x00\x00"),
        section(3, b"\x01\x00"),
        section(7, b"\x01\x06_start\x00\x00"),
        section(10, b"\x01" + bytes([len(code) + 1]) + b"\x00" + code),
    )


TRAP = start_with(b"\x00\x0b")
FOREVER = start_with(b"\x03\x40\x0c\x00\x0b\x0b")


@pytest.fixture(scope="module")
def hello(make_image: MakeImage) -> str:
    return make_image(ALONE, {"app.wasm": HELLO + custom(b".debug_info", bytes(3_000))})


@pytest.fixture(scope="module")
def native(make_image: MakeImage) -> str:
    return make_image(
        'FROM scratch\nCOPY busybox /bin/app.wasm\nCOPY busybox /bin/sh\nENTRYPOINT ["app.wasm"]\n',
    )


def test_a_module_is_seen_at_rest_and_running(
    client: docker.DockerClient, hello: str, containers: Containers
) -> None:
    wanted = {
        "wasm-module": ({"kind": "module"}, {"kind": "component"}),
        "wasm-size": ({}, {"max_kb": 2}),
        "wasm-imports": ({}, {"allowed": ["env"]}),
        "wasm-stripped": (None, {}),
        "wasm-platform": ({}, {"allowed": ["wasi/wasm"]}),
        "wasm-alone": ({}, None),
        "wasm-runs": ({"prints": "hello"}, {"prints": "good-bye"}),
    }
    right = [criterion(name, p) for name, (p, _) in wanted.items() if p is not None]
    wrong = [criterion(name, p) for name, (_, p) in wanted.items() if p is not None]
    requests = collect_requests([*right, *wrong])
    seen = observe(Subject(client, hello), requests)
    assert seen.failures == {}
    verdicts = judge(right, seen)
    assert [v.outcome for v in verdicts] == [Outcome.PASS] * len(right), verdicts
    verdicts = judge(wrong, seen)
    assert [v.outcome for v in verdicts] == [Outcome.FAIL] * len(wrong), verdicts
    assert containers(hello) == []


def test_a_native_program_with_the_name_of_a_module(
    client: docker.DockerClient, native: str, containers: Containers
) -> None:
    criteria = [
        criterion("wasm-module", {"kind": "any"}),
        criterion("wasm-runs", {"prints": "hello"}),
        criterion("wasm-size"),
        criterion("wasm-alone"),
    ]
    seen = observe(Subject(client, native), collect_requests(criteria))
    verdicts = judge(criteria, seen)
    assert verdicts[0].codes() == {"not-wasm"}
    assert "/bin/app.wasm" in verdicts[0].summary
    # It was not run, and one reason stands for all.
    assert {v.outcome for v in verdicts[1:]} == {Outcome.UNKNOWN}
    assert len({v.summary for v in verdicts[1:]}) == 1
    assert containers(native) == []


@pytest.mark.parametrize(
    ("data", "code"),
    [(TRAP, "exit-code"), (FOREVER, "no-end"), (HELLO[:120], "exit-code")],
    ids=["traps", "loops", "cut off"],
)
def test_what_does_not_run_is_told(
    client: docker.DockerClient,
    make_image: MakeImage,
    containers: Containers,
    data: bytes,
    code: str,
) -> None:
    image = make_image(ALONE, {"app.wasm": data})
    criteria = [criterion("wasm-runs", {"wait_seconds": 2})]
    (found,) = judge(criteria, observe(Subject(client, image), collect_requests(criteria)))
    assert found.outcome is Outcome.FAIL
    assert found.codes() & {code, "not-started"}, found
    assert containers(image) == []


def test_a_component_behind_a_link_and_a_relative_path(
    client: docker.DockerClient, make_image: MakeImage
) -> None:
    image = make_image(
        "FROM scratch\nCOPY busybox /bin/busybox\nCOPY app.wasm /opt/app/c.wasm\n"
        'RUN ["/bin/busybox", "ln", "-s", "../opt/app/c.wasm", "/bin/app"]\n'
        'WORKDIR /opt\nENTRYPOINT ["app/c.wasm"]\n',
        {"app.wasm": COMPONENT},
    )
    subject = Subject(client, image)
    found = observe_wasm(subject, WasmRequest())
    assert found.path == "/opt/app/c.wasm"
    assert found.binary is not None
    assert found.binary.kind == "component"
    assert observe_wasm(subject, WasmRequest("/bin/app")).path == "/opt/app/c.wasm"
    with pytest.raises(BadInput, match="no file /nowhere"):
        observe_wasm(subject, WasmRequest("/nowhere"))
    folder = observe_wasm(subject, WasmRequest("/opt"))
    assert folder.binary is None


def test_an_image_without_a_command_is_bad_input(
    client: docker.DockerClient, make_image: MakeImage, containers: Containers
) -> None:
    image = make_image("FROM scratch\nCOPY app.wasm /app.wasm\n", {"app.wasm": HELLO})
    with pytest.raises(BadInput, match="what to start"):
        observe_wasm(Subject(client, image), WasmRequest())
    assert observe_wasm(Subject(client, image), WasmRequest("/app.wasm")).bytes == len(HELLO)
    assert containers(image) == []


def test_an_engine_without_the_runtime_says_so(client: docker.DockerClient, hello: str) -> None:
    with pytest.raises(ObservationFailed, match="no OCI runtime wasmtime-shim") as caught:
        observe_wasm_run(Subject(client, hello), WasmRunRequest(runtime="wasmtime-shim"))
    assert "workbook engine start" in caught.value.remedy


def test_a_server_is_asked_through_its_port(
    client: docker.DockerClient, make_image: MakeImage, containers: Containers
) -> None:
    """With a native server under the default runtime: the path to the port is the same."""
    native = make_image(
        "FROM scratch\nCOPY busybox /bin/busybox\nCOPY index.html /www/index.html\n"
        'ENTRYPOINT ["/bin/busybox"]\n',
        {"index.html": b"hello from inside"},
    )
    request = WasmRunRequest(
        args=("httpd", "-f", "-p", "8080", "-h", "/www"),
        http_port=8080,
        probes=(Probe("/"), Probe("/missing")),
        runtime="runc",
    )
    facts = run_wasm(Subject(client, native), request)
    assert facts.exit_code is None, facts.err
    assert [r.status for r in facts.responses] == [200, 404]
    assert facts.responses[0].body == "hello from inside"
    assert facts.ready_seconds is not None
    assert containers(native) == []


def test_a_run_that_nobody_wants_any_more_ends_at_once(
    client: docker.DockerClient, make_image: MakeImage, containers: Containers
) -> None:
    image = make_image(ALONE, {"app.wasm": FOREVER})
    subject = Subject(client, image)
    began = time.monotonic()
    threading.Timer(1, subject.stop.set_result, [None]).start()
    with pytest.raises(Stopped):
        observe_wasm_run(subject, WasmRunRequest(wait_seconds=60))
    assert time.monotonic() - began < 15
    assert containers(image) == []
