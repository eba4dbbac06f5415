"""Builds that fail, and what is said about it, in the words of a real engine."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from image_builder import Builder

from helpers.build import (
    BuildRecord,
    BuildRequest,
    CancelToken,
    build,
    folder_context,
    mapping_context,
    stream,
)
from helpers.build.errors import (
    BuildError,
    Cancelled,
    ContextError,
    CopySourceNotFound,
    DockerfileError,
    EngineLost,
    ImageUnavailable,
    RegistryUnreachable,
    RequestError,
    StepFailedError,
    TimedOut,
)
from helpers.build.events import Event, LogLine
from helpers.engine.connect import Engine

FROM = "FROM busybox:1.37\n"


@pytest.mark.parametrize(
    ("dockerfile", "kind", "line", "says"),
    [
        ("", DockerfileError, None, "the Dockerfile cannot be empty"),
        ("# only a comment\n", DockerfileError, None, "file with no instructions"),
        (f"{FROM}\n\nRUNN true\n", DockerfileError, 4, "unknown instruction: RUNN"),
        (f"{FROM}COPY a\n", DockerfileError, 2, "COPY requires at least two arguments"),
        (f"{FROM}ENV\n", DockerfileError, 2, "ENV requires at least one argument"),
        (f"{FROM}COPY --foo=x a b\n", DockerfileError, 2, "unknown flag: foo"),
        (f"{FROM}RUN --mount=foo true\n", DockerfileError, 2, "invalid field 'foo'"),
        (f"{FROM}ENV A=1\nRUN <<EOF\nabc\n", DockerfileError, 3, "unterminated heredoc"),
        (f"RUN true\n{FROM}", DockerfileError, 1, "no build stage in current context"),
        ("FROM\n", DockerfileError, 1, "FROM requires either one or three arguments"),
        ("ARG X\nFROM $X\n", DockerfileError, 2, "should not be blank"),
        ("FROM Foo:BAR:x\n", DockerfileError, 1, "must be lowercase"),
        ("FROM scratch AS a\nCOPY --from=a /a /b\n", DockerfileError, 1, "circular dependency"),
        (f"{FROM}COPY nosuch /x\n", CopySourceNotFound, 2, "nosuch is not in the build context"),
        (
            f"{FROM}COPY kept.log /x\n",
            CopySourceNotFound,
            2,
            ".dockerignore:1: *.log leaves it out",
        ),
        (
            f"{FROM}FROM scratch\nCOPY --from=0 /no /x\n",
            CopySourceNotFound,
            3,
            "there is no /no in 0",
        ),
        (f"{FROM}RUN echo a; echo b >&2; exit 3\n", StepFailedError, 2, "exit code 3"),
        (f"{FROM}RUN nosuch\n", StepFailedError, 2, "exit code 127"),
        (
            f"{FROM}RUN --mount=type=secret,id=x,required=true true\n",
            StepFailedError,
            2,
            "secret x",
        ),
    ],
)
def test_what_the_dockerfile_does_wrong(
    builder: Builder,
    base: str,
    dockerfile: str,
    kind: type[BuildError],
    line: int | None,
    says: str,
) -> None:
    files = {"Dockerfile": dockerfile, "a": "x", ".dockerignore": "*.log\n", "kept.log": ""}
    with pytest.raises(kind) as caught:
        builder(files)
    error = caught.value
    assert type(error) is kind
    assert says in error.message
    assert getattr(error, "line", None) == line
    assert error.remedy
    assert error.record is not None
    assert BuildRecord.from_json(error.record.to_json()) == error.record
    if line is not None:
        marked = [row for row in error.details() if row.startswith(">")]
        assert marked
        assert marked[0].split("|")[0].strip("> ") == str(line)


def test_a_failing_run_shows_its_last_lines(builder: Builder, base: str, nonce: str) -> None:
    dockerfile = f"{FROM}RUN seq 1 30 \\\n && echo {nonce} >&2 \\\n && exit 3\nRUN true\n"
    with pytest.raises(StepFailedError) as caught:
        builder({"Dockerfile": dockerfile})
    error = caught.value
    assert error.exit_code == 3
    assert len(error.output) == 20
    assert error.output[-1] == nonce
    assert error.excerpt[1:4] == (
        "> 2 | RUN seq 1 30 \\",
        f"> 3 |  && echo {nonce} >&2 \\",
        "> 4 |  && exit 3",
    )
    failed = error.record.failed_step() if error.record else None
    assert failed is not None
    assert failed.step.line == 2


def test_the_right_step_is_blamed_where_several_run_at_once(
    builder: Builder, base: str, nonce: str
) -> None:
    dockerfile = (
        f"{FROM}RUN echo {nonce}; sleep 60\n"
        f"FROM busybox:1.37 AS other\nRUN echo {nonce}; sleep 0.3; exit 7\n"
        "FROM scratch\nCOPY --from=0 /bin /a\nCOPY --from=other /bin /b\n"
    )
    with pytest.raises(StepFailedError) as caught:
        builder({"Dockerfile": dockerfile})
    assert (caught.value.line, caught.value.exit_code) == (4, 7)


def test_an_unknown_stage_lists_those_there_are(builder: Builder, base: str) -> None:
    with pytest.raises(DockerfileError, match="nosuch") as caught:
        builder({"Dockerfile": f"{FROM}FROM scratch AS last\n"}, target="nosuch")
    assert "stage-0, last" in caught.value.remedy


def test_a_registry_that_does_not_answer(builder: Builder) -> None:
    with pytest.raises(RegistryUnreachable, match=r"127\.0\.0\.1:9/foo:1 \(Dockerfile, line 1\)"):
        builder({"Dockerfile": "FROM 127.0.0.1:9/foo:1\n"})


def test_a_frontend_that_cannot_be_had(builder: Builder, base: str) -> None:
    with pytest.raises(ImageUnavailable) as caught:
        builder({"Dockerfile": f"# syntax=127.0.0.1:9/frontend:1\n{FROM}"})
    assert "`# syntax=`" in caught.value.remedy


def test_a_name_that_is_no_stage_is_looked_for_as_an_image(builder: Builder, base: str) -> None:
    dockerfile = f"{FROM}FROM scratch AS tools\nCOPY --from=127.0.0.1:9/tool /a /b\n"
    with pytest.raises(ImageUnavailable) as caught:
        builder({"Dockerfile": dockerfile})
    assert "stage-0, tools" in caught.value.remedy


@pytest.mark.parametrize(
    "options", [{"tags": ("Bad Tag",)}, {"network": "foo"}, {"platform": "foo/bar/baz/q"}]
)
def test_a_request_that_the_engine_refuses(builder: Builder, options: dict[str, object]) -> None:
    with pytest.raises(RequestError):
        builder({"Dockerfile": "FROM scratch\nCOPY a /\n", "a": ""}, **options)


def endless(nonce: str) -> BuildRequest:
    """A build whose RUN hangs. The command line holds the nonce."""
    dockerfile = f"{FROM}RUN echo started; sh -c 'sleep 300; : {nonce}'\n"
    return BuildRequest(mapping_context({"Dockerfile": dockerfile}), network="none")


def test_closing_the_events_ends_the_build_on_the_engine(
    client: docker.DockerClient,
    base: str,
    nonce: str,
    is_running: Callable[[str], bool],
    is_gone: Callable[[str], bool],
) -> None:
    events = stream(client.api, endless(nonce))
    next(event for event in events if isinstance(event, LogLine))
    assert is_running(nonce)
    events.close()
    assert is_gone(nonce)


def test_a_token_ends_the_build_on_the_engine(
    client: docker.DockerClient, base: str, nonce: str, is_gone: Callable[[str], bool]
) -> None:
    token = CancelToken()

    def cancel(event: Event) -> None:
        if isinstance(event, LogLine):
            threading.Thread(target=token.cancel).start()

    with pytest.raises(Cancelled) as caught:
        build(client.api, endless(nonce), cancel, cancel=token)
    assert not isinstance(caught.value, TimedOut)
    record = caught.value.record
    assert record is not None
    running = [s for s in record.steps if s.step.line == 2]
    assert running[0].completed is None
    assert is_gone(nonce)


def test_a_build_that_takes_too_long_is_ended(
    client: docker.DockerClient, base: str, nonce: str, is_gone: Callable[[str], bool]
) -> None:
    request = endless(nonce)
    limited = BuildRequest(request.context, network="none", timeout_seconds=2)
    with pytest.raises(TimedOut, match="2 seconds") as caught:
        build(client.api, limited)
    assert caught.value.record is not None
    assert 2 <= caught.value.record.seconds < 10
    assert is_gone(nonce)


def test_ctrl_c_ends_the_build_on_the_engine(
    engine: Engine, base: str, nonce: str, is_gone: Callable[[str], bool]
) -> None:
    program = textwrap.dedent(f"""
        import docker
        from helpers.build import BuildRequest, build, mapping_context
        from helpers.build.events import LogLine
        files = {{"Dockerfile": {endless(nonce).context.dockerfile!r}}}
        def tell(event):
            if isinstance(event, LogLine):
                print(event.text, flush=True)
        api = docker.APIClient({engine.endpoint.url!r}, version="auto")
        build(api, BuildRequest(mapping_context(files), network="none"), tell)
    """)
    if not engine.local:
        pytest.skip("the program connects to a local socket only; this engine is remote")
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "started"
        process.send_signal(signal.SIGINT)
        _, problem = process.communicate(timeout=20)
    assert process.returncode in {1, -signal.SIGINT}
    assert "KeyboardInterrupt" in problem
    assert is_gone(nonce)


class Proxy:
    """TCP in front of the engine's socket, and a switch to cut it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.url = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._path)
            self._open += [near, far]
            for one, other in ((near, far), (far, near)):
                thread = threading.Thread(target=self._copy, args=(one, other))
                self._threads.append(thread)
                thread.start()

    @staticmethod
    def _copy(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def cut(self) -> None:
        for end in self._open:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(timeout=10)
            assert not thread.is_alive()
        for end in self._open:
            end.close()


@pytest.fixture
def proxy(engine: Engine) -> Iterator[Proxy]:
    if not engine.endpoint.url.startswith("unix://"):
        pytest.skip(
            f"needs an engine on a Unix socket to put TCP in front of, not {engine.endpoint.url}"
        )
    proxy = Proxy(engine.endpoint.url.removeprefix("unix://"))
    yield proxy
    proxy.close()


def test_an_engine_that_goes_away_in_the_middle(
    proxy: Proxy, base: str, nonce: str, is_gone: Callable[[str], bool]
) -> None:
    def cut(event: Event) -> None:
        if isinstance(event, LogLine):
            proxy.cut()

    api = docker.APIClient(proxy.url, version="auto")
    with pytest.raises(EngineLost) as caught:
        build(api, endless(nonce), cut)
    api.close()
    assert caught.value.record is not None
    assert [s.log for s in caught.value.record.steps if s.log] == [("started",)]
    assert is_gone(nonce)


def test_over_tcp_everything_is_the_same(
    proxy: Proxy, builder: Builder, base: str, nonce: str, is_gone: Callable[[str], bool]
) -> None:
    api = docker.APIClient(proxy.url, version="auto")
    files = {"Dockerfile": f"{FROM}RUN echo {nonce}\n"}
    record = build(api, BuildRequest(mapping_context(files), network="none"))
    builder.built.append(str(record.image_id))
    assert [s.log for s in record.steps if s.log] == [(nonce,)]
    events = stream(api, endless(nonce))
    next(event for event in events if isinstance(event, LogLine))
    events.close()
    api.close()
    assert is_gone(nonce)


def test_nothing_is_left_of_a_context_error(builder: Builder, tmp_path: Path) -> None:
    """The engine is told that the rest will not come, and the next build works."""
    folder = tmp_path
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    with (folder / "big").open("wb") as file:
        file.truncate(5_000_000)
    (folder / "gone").write_text("x")
    context = folder_context(folder)
    (folder / "gone").unlink()
    with pytest.raises(ContextError, match="gone"):
        builder.build(BuildRequest(context))
    builder.build(BuildRequest(folder_context(folder)))
