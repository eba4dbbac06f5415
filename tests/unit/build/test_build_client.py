"""Builds on an engine that plays BuildKit, and one that misbehaves."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest
from fake_engine import GRANTED, Build, fake_engine
from rpc_pair import PATIENCE, Duplex, ask, packed, unpacked

from helpers.build import client as module
from helpers.build.cancel import CancelToken
from helpers.build.client import build, stream
from helpers.build.context import DockerfileText, folder_context, mapping_context
from helpers.build.errors import (
    BuildError,
    Cancelled,
    ContextError,
    DockerfileError,
    EngineLost,
    LoginError,
    NoBuildKit,
    StepFailedError,
    TimedOut,
)
from helpers.build.events import BuildWarning, Event, ImageBuilt, LogLine, StepStarted
from helpers.build.request import BuildRequest
from helpers.build.rpc.grpc import NOT_FOUND, UNKNOWN, RpcError
from helpers.build.session.agents import SshAgent
from helpers.build.session.logins import Login, logins_of
from helpers.build.session.secrets import Secret
from helpers.build.session.session_pb2 import (
    CredentialsRequest,
    CredentialsResponse,
    GetSecretRequest,
    GetSecretResponse,
    HealthCheckResponse,
)

FROM = "FROM scratch\n"
CONTEXT = mapping_context({"Dockerfile": FROM, "a": "one", "b/c": "two"})
DONE = {"containerimage.digest": "sha256:abc"}
SECRETS = "/moby.buildkit.secrets.v1.Secrets/GetSecret"

Steps = list[dict[str, Any]]


def running(name: str = "[1/1] RUN x", **more: Any) -> Steps:
    started = {"seconds": 1000}
    return [{"digest": f"sha256:{name}", "name": name, "started": started, **more}]


def printed(text: bytes, name: str = "[1/1] RUN x") -> Steps:
    return [{"vertex": f"sha256:{name}", "stream": 1, "msg": text, "timestamp": {"seconds": 1001}}]


def test_what_is_wanted_is_said_and_what_happens_is_told(tmp_path: Path) -> None:
    seen: list[Build] = []

    def script(running_build: Build) -> dict[str, str]:
        seen.append(running_build)
        running_build.tell(vertexes=running())
        running_build.tell(logs=printed(b"hello\nno end"))
        running_build.tell(vertexes=running(completed={"seconds": 1003}))
        return DONE

    events: list[Event] = []
    with fake_engine(tmp_path, script) as fake:
        request = BuildRequest(CONTEXT, tags=("shop:1",), target="x")
        record = build(fake.api, request, events.append)
        fake.engine.wait_until_left()
    assert dict(seen[0].request.FrontendAttrs) == {"filename": "Dockerfile", "target": "x"}
    assert dict(seen[0].request.ExporterAttrs) == {"name": "shop:1"}
    told = [type(event).__name__ for event in events]
    assert told == ["StepStarted", "LogLine", "LogLine", "StepFinished", "ImageBuilt"]
    assert record.image_id == "sha256:abc"
    assert record.steps[0].log == ("hello", "no end")
    assert record.steps[0].seconds == 3
    assert (record.context_bytes, record.target, record.dockerfile) == (0, "x", FROM)


def test_the_session_says_what_it_offers(tmp_path: Path) -> None:
    with fake_engine(tmp_path) as fake:
        build(fake.api, BuildRequest(CONTEXT))
        build_with_agent = BuildRequest(CONTEXT, agents=(SshAgent("/run/a.sock"),))
        plain = offered(fake.engine.heads["/session"])
        build(fake.api, build_with_agent)
        with_agent = offered(fake.engine.heads["/session"])
    assert plain == {
        "/grpc.health.v1.Health/Check",
        "/moby.filesync.v1.FileSync/DiffCopy",
        "/moby.filesync.v1.Auth/Credentials",
        "/moby.buildkit.secrets.v1.Secrets/GetSecret",
    }
    assert with_agent - plain == {
        "/moby.sshforward.v1.SSH/CheckAgent",
        "/moby.sshforward.v1.SSH/ForwardAgent",
    }


def offered(head: list[bytes]) -> set[str]:
    lines = [line.decode().partition(": ") for line in head[1:]]
    return {value for name, _, value in lines if name.endswith("Grpc-Method")}


def test_files_are_given_when_they_are_asked_for_and_counted(tmp_path: Path) -> None:
    def script(running_build: Build) -> dict[str, str]:
        definition = running_build.receive("dockerfile", "Dockerfile")
        assert definition.contents == {b"Dockerfile": FROM.encode()}
        context = running_build.receive("context", "b")
        assert context.contents == {b"b/c": b"two"}
        assert [stat.path for stat in context.stats] == [b"b", b"b/c"]
        named = running_build.receive("more")
        assert named.contents == {b"n": b"named"}
        with pytest.raises(RpcError, match="no access"):
            running_build.receive("other")
        return DONE

    named = mapping_context({"n": "named"}, dockerfile=DockerfileText(FROM))
    with fake_engine(tmp_path, script) as fake:
        record = build(fake.api, BuildRequest(CONTEXT, contexts={"more": named}))
    assert 30 < record.context_bytes < 400


def test_secrets_logins_and_agents_are_asked_of_the_session(tmp_path: Path) -> None:
    agent = socket.socket(socket.AF_UNIX)
    agent.bind(str(tmp_path / "agent.sock"))
    agent.listen()

    def answer() -> None:
        connection, _ = agent.accept()
        with connection:
            assert connection.recv(100) == b"\0\0\0\1\x0b"
            connection.sendall(b"\0\0\0\1\x0c")

    def script(running_build: Build) -> dict[str, str]:
        session = running_build.session
        raw = ask(session, "/grpc.health.v1.Health/Check")
        assert HealthCheckResponse.FromString(raw).status == 1
        raw = ask(session, SECRETS, GetSecretRequest(ID="npm").SerializeToString())
        assert GetSecretResponse.FromString(raw).data == b"hunter2"
        host = CredentialsRequest(Host="registry-1.docker.io").SerializeToString()
        found = CredentialsResponse.FromString(
            ask(session, "/moby.filesync.v1.Auth/Credentials", host)
        )
        assert (found.Username, found.Secret) == ("me", "hub")
        call = Duplex(session, "/moby.sshforward.v1.SSH/ForwardAgent")
        call.send(packed(b"\0\0\0\1\x0b"))
        assert unpacked(call.next()) == b"\0\0\0\1\x0c"
        running_build.tell(vertexes=running(), logs=printed(b"token=hunter2\n"))
        return DONE

    thread = threading.Thread(target=answer)
    thread.start()
    request = BuildRequest(
        CONTEXT,
        secrets=(Secret.of("npm", "hunter2"),),
        logins=logins_of({"docker.io": Login("me", "hub")}),
        agents=(SshAgent(str(tmp_path / "agent.sock")),),
    )
    with agent, fake_engine(tmp_path, script) as fake:
        record = build(fake.api, request)
        thread.join(PATIENCE)
    assert record.steps[0].log == ("token=***",)
    assert "hunter2" not in record.to_json()


def test_the_error_of_a_build_is_explained_and_holds_no_secret(tmp_path: Path) -> None:
    def script(running_build: Build) -> None:
        error = 'process "/bin/sh -c x hunter2" did not complete successfully: exit code: 3'
        running_build.tell(vertexes=running(), logs=printed(b"hunter2 is wrong\n"))
        running_build.tell(vertexes=running(completed={"seconds": 1002}, error=error))
        raise RpcError(UNKNOWN, f"failed to solve: {error}")

    request = BuildRequest(
        mapping_context({"Dockerfile": "FROM scratch\nRUN x\n"}),
        secrets=(Secret.of("npm", "hunter2"),),
    )
    with fake_engine(tmp_path, script) as fake, pytest.raises(StepFailedError) as caught:
        build(fake.api, request)
    error = caught.value
    assert error.exit_code == 3
    assert error.output == ("*** is wrong",)
    assert error.record is not None
    assert "hunter2" not in error.describe() + error.record.to_json() + repr(error)


def test_a_build_that_is_refused_at_once_says_why(tmp_path: Path) -> None:
    def script(_: Build) -> None:
        raise RpcError(UNKNOWN, "dockerfile parse error on line 1: unknown instruction: FORM")

    with fake_engine(tmp_path, script) as fake, pytest.raises(DockerfileError) as error:
        build(fake.api, BuildRequest(CONTEXT))
    assert error.value.line == 1


def test_the_engine_may_know_nothing_of_the_progress(tmp_path: Path) -> None:
    """It answers Status with an error where the build is over before it was asked."""

    def script(_: Build) -> None:
        raise RpcError(UNKNOWN, "target stage nothing could not be found")

    with fake_engine(tmp_path, script) as fake, pytest.raises(DockerfileError, match="nothing"):
        fake.engine._status = refused  # type: ignore[method-assign]
        build(fake.api, BuildRequest(CONTEXT, target="nothing"))


def refused(_: object) -> None:
    raise RpcError(NOT_FOUND, "no such job")


@pytest.mark.parametrize("outcome", ["done", "failed"])
def test_progress_that_never_ends_does_not_hold_up_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    monkeypatch.setattr(module, "_TAIL_SECONDS", 0.05)
    waiting = threading.Event()

    def script(running_build: Build) -> dict[str, str]:
        running_build.tell(vertexes=running())
        assert waiting.wait(PATIENCE)  # the client waits for more progress by then
        if outcome == "failed":
            raise RpcError(UNKNOWN, "something broke")
        return DONE

    def begun(event: Event) -> None:
        if isinstance(event, StepStarted):
            waiting.set()

    with fake_engine(tmp_path, script, silent_status=True) as fake:
        if outcome == "done":
            assert build(fake.api, BuildRequest(CONTEXT), begun).image_id == "sha256:abc"
        else:
            with pytest.raises(BuildError, match="something broke"):
                build(fake.api, BuildRequest(CONTEXT), begun)


@pytest.mark.parametrize("change", ["vanish", "shrink", "unreadable"])
def test_a_file_that_cannot_be_sent_ends_the_build_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(FROM)
    (folder / "data").write_text("words")
    context = folder_context(folder)

    def script(running_build: Build) -> None:
        match change:
            case "vanish":
                (folder / "data").unlink()
            case "shrink":
                (folder / "data").write_text("")
            case "unreadable":
                real = os.open

                def refuse(path: Any, *rest: Any, **more: Any) -> int:
                    if str(path).endswith("data"):
                        raise PermissionError(13, "Permission denied", path)
                    return real(path, *rest, **more)

                monkeypatch.setattr(os, "open", refuse)
        try:
            running_build.receive("context")
        except RpcError as error:
            raise RpcError(UNKNOWN, f"rpc error: {error.message}") from error

    with fake_engine(tmp_path, script) as fake, pytest.raises(ContextError, match="data") as caught:
        build(fake.api, BuildRequest(context))
    assert caught.value.path == "data"
    assert caught.value.record is not None
    assert ".dockerignore" in caught.value.remedy


def test_a_login_that_cannot_be_read_ends_the_build_with_its_remedy(tmp_path: Path) -> None:
    def broken(host: str) -> Login | None:
        raise LoginError(f"no login for {host}", remedy="Log in.")

    def script(running_build: Build) -> None:
        host = CredentialsRequest(Host="x.example.com").SerializeToString()
        ask(running_build.session, "/moby.filesync.v1.Auth/Credentials", host)

    with (
        fake_engine(tmp_path, script) as fake,
        pytest.raises(LoginError, match=r"no login for x\.example\.com"),
    ):
        build(fake.api, BuildRequest(CONTEXT, logins=broken))


def test_progress_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
    def script(running_build: Build) -> dict[str, str]:
        running_build.tell_raw(b"\xff\xff")
        running_build.tell(vertexes=running())
        return DONE

    with fake_engine(tmp_path, script) as fake:
        events = list(stream(fake.api, BuildRequest(CONTEXT)))
    assert [type(event) for event in events] == [BuildWarning, StepStarted, ImageBuilt]


def test_a_build_without_a_result_is_a_lost_engine(tmp_path: Path) -> None:
    with (
        fake_engine(tmp_path, lambda _: {}) as fake,
        pytest.raises(EngineLost, match="without a result") as error,
    ):
        build(fake.api, BuildRequest(CONTEXT))
    assert error.value.record is not None


def test_an_engine_that_crashes_is_lost(tmp_path: Path) -> None:
    with (
        fake_engine(tmp_path, lambda _: fake.engine.break_off()) as fake,
        pytest.raises(EngineLost, match="stopped answering") as error,
    ):
        build(fake.api, BuildRequest(CONTEXT))
    assert error.value.remedy
    assert error.value.record is not None


NOT_THERE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("path", ["/session", "/grpc"])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (NOT_THERE, NoBuildKit),
        (b"HTTP/1.1 101 UPG", EngineLost),
        (b"", EngineLost),
        (b"rubbish\r\n\r\n", NoBuildKit),
    ],
)
def test_an_engine_that_does_not_grant_the_connection(
    tmp_path: Path, path: str, answer: bytes, error: type[BuildError]
) -> None:
    with fake_engine(tmp_path, answers={path: answer}) as fake, pytest.raises(error) as caught:
        build(fake.api, BuildRequest(CONTEXT))
    assert caught.value.remedy
    assert caught.value.record is not None


@pytest.mark.parametrize(
    "nonsense", [b"", b"\xff" * 50, b"\0\0\0\x04\0\0\0\0\0", b"HTTP/1.1 500 Oops\r\n\r\n"]
)
def test_an_engine_that_talks_nonsense_is_lost(tmp_path: Path, nonsense: bytes) -> None:
    with (
        fake_engine(tmp_path, answers={"/grpc": GRANTED + nonsense}) as fake,
        pytest.raises(EngineLost) as error,
    ):
        build(fake.api, BuildRequest(CONTEXT))
    assert error.value.remedy


def test_an_answer_that_cannot_be_read_is_a_lost_engine(tmp_path: Path) -> None:
    from helpers.build.rpc.grpc import Request, framed

    def nonsense(request: Request) -> None:
        request.send(framed(b"\xff\xff\xff"))

    with fake_engine(tmp_path) as fake, pytest.raises(EngineLost):
        fake.engine._solve = nonsense  # type: ignore[method-assign]
        fake.engine._status = lambda _: None  # type: ignore[method-assign,assignment]
        build(fake.api, BuildRequest(CONTEXT))


def test_no_engine_at_all(tmp_path: Path) -> None:
    api = docker.APIClient(f"unix://{tmp_path}/none.sock", version="1.45")
    with pytest.raises(EngineLost):
        build(api, BuildRequest(CONTEXT))


def test_an_engine_that_is_too_old_is_not_even_asked() -> None:
    api = docker.APIClient("tcp://127.0.0.1:1", version="1.38")
    with pytest.raises(NoBuildKit, match=r"1\.38"):
        build(api, BuildRequest(CONTEXT))


def until_left(told: threading.Event, left: threading.Event) -> Callable[[Build], None]:
    """A build that begins, falls silent, and notices when the client leaves."""

    def script(running_build: Build) -> None:
        running_build.tell(vertexes=running(), logs=printed(b"x\n"))
        told.set()
        changed = running_build.session.changed
        with changed:
            if changed.wait_for(lambda: running_build.session.problem, PATIENCE):
                left.set()

    return script


def test_time_is_up_while_the_engine_is_silent(tmp_path: Path) -> None:
    told, left = threading.Event(), threading.Event()
    with fake_engine(tmp_path, until_left(told, left)) as fake:
        with pytest.raises(TimedOut, match=r"0\.2 seconds") as error:
            build(fake.api, BuildRequest(CONTEXT, timeout_seconds=0.2))
        assert left.wait(PATIENCE)
        fake.engine.wait_until_left()
    assert error.value.record is not None
    assert error.value.record.steps[0].log == ("x",)


def test_another_thread_cancels(tmp_path: Path) -> None:
    told, left, token = threading.Event(), threading.Event(), CancelToken()

    def cancel() -> None:
        told.wait(PATIENCE)
        token.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with fake_engine(tmp_path, until_left(told, left)) as fake:
        with pytest.raises(Cancelled) as error:
            build(fake.api, BuildRequest(CONTEXT), cancel=token)
        thread.join(PATIENCE)
        assert left.wait(PATIENCE)
        fake.engine.wait_until_left()
    assert not isinstance(error.value, TimedOut)


def test_cancelling_ends_a_build_that_is_sending_files(tmp_path: Path) -> None:
    token = CancelToken()
    begun = threading.Event()

    def script(running_build: Build) -> None:
        from fake_engine import asking

        from helpers.build.session.session_pb2 import Packet

        call = Duplex(
            running_build.session, "/moby.filesync.v1.FileSync/DiffCopy", asking("context", ["big"])
        )
        call.next()
        call.next()
        call.send(Packet(type=Packet.PACKET_REQ, ID=0).SerializeToString())
        call.next()
        begun.set()
        while call.next():
            pass

    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(FROM)
    with (context / "big").open("wb") as file:
        file.truncate(50_000_000_000)

    def cancel() -> None:
        begun.wait(PATIENCE)
        token.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with fake_engine(tmp_path, script) as fake:
        with pytest.raises(Cancelled):
            build(fake.api, BuildRequest(folder_context(context)), cancel=token)
        thread.join(PATIENCE)
        fake.engine.wait_until_left()


def test_a_token_that_was_cancelled_before_ends_the_build_at_once() -> None:
    token = CancelToken()
    token.cancel()
    api = docker.APIClient("tcp://127.0.0.1:1", version="1.45")
    with pytest.raises(Cancelled):
        build(api, BuildRequest(CONTEXT), cancel=token)


def test_closing_the_events_closes_the_connections(tmp_path: Path) -> None:
    told, left = threading.Event(), threading.Event()
    with fake_engine(tmp_path, until_left(told, left)) as fake:
        events = stream(fake.api, BuildRequest(CONTEXT))
        assert isinstance(next(events), StepStarted)
        events.close()
        assert left.wait(PATIENCE)
        fake.engine.wait_until_left()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ZeroDivisionError])
def test_what_on_event_raises_closes_the_connections_and_comes_through(
    tmp_path: Path, kind: type[BaseException]
) -> None:
    told, left = threading.Event(), threading.Event()

    def interrupt(event: Event) -> None:
        if isinstance(event, LogLine):
            raise kind

    with fake_engine(tmp_path, until_left(told, left)) as fake:
        with pytest.raises(kind):
            build(fake.api, BuildRequest(CONTEXT), interrupt)
        assert left.wait(PATIENCE)
        fake.engine.wait_until_left()


def test_nothing_is_left_of_many_builds(tmp_path: Path) -> None:
    with fake_engine(tmp_path) as fake:
        build(fake.api, BuildRequest(CONTEXT))
        fake.engine.wait_until_left()
        ours = [t for t in threading.enumerate() if t.name in {"http2-client", "http2-server"}]
        for _ in range(5):
            build(fake.api, BuildRequest(CONTEXT))
            fake.engine.wait_until_left()
        after = [t for t in threading.enumerate() if t.name in {"http2-client", "http2-server"}]
    # The fake engine's own ends are closed when it stops.
    assert len([t for t in after if t.is_alive()]) <= len(ours) + 2


def test_two_builds_at_once_keep_their_words_apart(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    meet = threading.Barrier(2, timeout=PATIENCE)

    def script(running_build: Build) -> dict[str, str]:
        meet.wait()
        target = running_build.request.FrontendAttrs["target"]
        got = running_build.receive("context", "who")
        running_build.tell(vertexes=running(), logs=printed(got.contents[b"who"] + b"\n"))
        return {"containerimage.digest": target}

    def one(name: str) -> tuple[str | None, tuple[str, ...]]:
        context = mapping_context({"Dockerfile": FROM, "who": name})
        record = build(fake.api, BuildRequest(context, target=name))
        return record.image_id, record.steps[0].log

    with fake_engine(tmp_path, script) as fake, ThreadPoolExecutor(2) as pool:
        assert list(pool.map(one, ["a", "b"])) == [("a", ("a",)), ("b", ("b",))]
