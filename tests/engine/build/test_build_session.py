"""What a build asks for on its session: secrets, logins, SSH agents."""

from __future__ import annotations

import base64
import json
import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest
from image_builder import Builder
from locked_registry import FILE, PASSWORD, USER, LockedRegistry, locked_registry

from helpers.build import BuildRequest, Login, Secret, SshAgent, build, mapping_context
from helpers.build.errors import BuildError, LoginError, LoginNeeded, StepFailedError
from helpers.build.events import Event, LogLine
from helpers.build.session.logins import logins_of
from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for

FROM = "FROM busybox:1.37\n"
MOUNT = "RUN --mount=type=secret,id=token "


@pytest.fixture(scope="module")
def node(engine: Engine) -> str:
    """A base image with a program that can talk to a Unix socket."""
    ensure_for(engine, ["node:26-alpine"])
    return "node:26-alpine"


# Secrets


def test_a_secret_is_nowhere_but_in_the_step(builder: Builder, base: str, nonce: str) -> None:
    value = f"s3cret-{nonce}"
    seen: list[Event] = []
    dockerfile = (
        f"{FROM}{MOUNT}: {nonce}; test $(cat /run/secrets/token | wc -c) = {len(value)}\n"
        f"{MOUNT}: {nonce}; cat /run/secrets/token; echo; cat /run/secrets/token >&2\n"
    )
    record = builder({"Dockerfile": dockerfile}, seen.append, secrets=(Secret.of("token", value),))
    printed = [event.text for event in seen if isinstance(event, LogLine)]
    assert printed == ["***", "***"]
    image = builder.client.images.get(str(record.image_id))
    archive = b"".join(image.save())
    for place in (repr(seen), record.to_json(), repr(record), str(image.history())):
        assert value not in place
    assert value.encode() not in archive


def test_a_secret_is_not_in_an_error(builder: Builder, base: str, nonce: str) -> None:
    value = f"s3cret-{nonce}"
    dockerfile = f"{FROM}{MOUNT}cat /run/secrets/token; echo $(cat /run/secrets/token)/x; exit 4\n"
    with pytest.raises(StepFailedError) as caught:
        builder({"Dockerfile": dockerfile}, secrets=(Secret.of("token", value),))
    error = caught.value
    assert error.exit_code == 4
    assert "***/x" in "\n".join(error.output)
    assert error.record is not None
    for place in (error.describe(), repr(error), str(error.__cause__), error.record.to_json()):
        assert value not in place


def test_a_secret_of_several_lines_from_a_file_and_one_from_a_variable(
    builder: Builder, base: str, nonce: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = f"-----BEGIN KEY-----\n{nonce}aaaa\n{nonce}bbbb\n-----END KEY-----\n"
    (tmp_path / "key").write_text(key)
    monkeypatch.setenv("TOKEN_OF_TEST", f"from-{nonce}")
    seen: list[Event] = []
    dockerfile = (
        f"{FROM}RUN --mount=type=secret,id=key "
        f"--mount=type=secret,id=token,target=/tok,mode=0444 : {nonce}; "
        "wc -l < /run/secrets/key; cat /run/secrets/key /tok; ls -l /tok | cut -c1-10\n"
    )
    secrets = (
        Secret.from_file("key", tmp_path / "key"),
        Secret.from_variable("token", "TOKEN_OF_TEST"),
    )
    builder({"Dockerfile": dockerfile}, seen.append, secrets=secrets)
    printed = [event.text for event in seen if isinstance(event, LogLine)]
    assert printed == ["4", "***", "***", "***", "***", "***-r--r--r--"]


def test_a_secret_that_is_not_given_is_told_how(builder: Builder, base: str) -> None:
    builder({"Dockerfile": f"{FROM}{MOUNT}test ! -e /run/secrets/token\n"})
    with pytest.raises(StepFailedError) as caught:
        builder({"Dockerfile": f"{FROM}{MOUNT.strip()},required=true true\n"})
    assert caught.value.line == 2
    assert "--secret id=token,src=" in caught.value.remedy


def test_builds_at_once_keep_their_secrets_apart(
    client: docker.DockerClient, base: str, nonce: str
) -> None:
    def one(number: int) -> tuple[str, str]:
        dockerfile = f"{FROM}{MOUNT}: {nonce}{number}; cat /run/secrets/token\n"
        lines: list[str] = []
        record = build(
            client.api,
            BuildRequest(
                mapping_context({"Dockerfile": dockerfile}),
                network="none",
                # Another value is masked as well, so that the right one is told by what is left.
                secrets=(Secret.of("token", f"n{number}n"), Secret.of("other", f"{number}n")),
            ),
            lambda event: lines.append(event.text) if isinstance(event, LogLine) else None,
        )
        return str(record.image_id), "".join(lines)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(one, range(8)))
    for image, _ in results:
        client.images.remove(image, force=True)
    assert [said for _, said in results] == ["***"] * 8


# Logins


@pytest.fixture(params=["basic", "bearer"])
def registry(
    request: pytest.FixtureRequest, engine: Engine, nonce: str
) -> Iterator[LockedRegistry]:
    if not engine.local:
        pytest.skip("LOGINS NOT TESTED: the engine cannot reach this machine's loopback")
    with locked_registry(request.param, nonce) as found:
        yield found


def test_a_base_image_behind_a_login(
    builder: Builder, registry: LockedRegistry, nonce: str
) -> None:
    login = Login(USER, PASSWORD)
    record = builder(
        {"Dockerfile": f"FROM {registry.image}\nCOPY a /a\n", "a": ""},
        logins=logins_of({registry.host: login}),
    )
    assert FILE in builder.files(str(record.image_id))
    assert PASSWORD not in record.to_json()
    if registry.scheme == "bearer":
        assert any(path == "/token" for path, _ in registry.asked)


@pytest.mark.parametrize("password", [None, "wrong"])
def test_without_the_right_login(
    builder: Builder, registry: LockedRegistry, password: str | None
) -> None:
    given = {registry.host: Login(USER, password)} if password else {}
    with pytest.raises(LoginNeeded, match="line 2") as caught:
        builder({"Dockerfile": f"\nFROM {registry.image}\n"}, logins=logins_of(given))
    assert f"docker login {registry.host}" in caught.value.remedy
    assert "wrong" not in caught.value.describe()


def test_the_login_that_docker_stored(
    builder: Builder, registry: LockedRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    config = {"auths": {registry.host: {"auth": packed}}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    builder({"Dockerfile": f"FROM {registry.image}\nCOPY a /a\n", "a": ""})


@pytest.mark.parametrize("where", ["credHelpers", "credsStore"])
def test_the_login_of_a_credential_helper(
    builder: Builder,
    registry: LockedRegistry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    helper = tmp_path / "docker-credential-test"
    answer = json.dumps({"ServerURL": registry.host, "Username": USER, "Secret": PASSWORD})
    helper.write_text(f"#!/bin/sh\ngrep -q {registry.host} && echo '{answer}'\n")
    helper.chmod(0o755)
    chosen = {registry.host: "test"} if where == "credHelpers" else "test"
    (tmp_path / "config.json").write_text(json.dumps({where: chosen}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    builder({"Dockerfile": f"FROM {registry.image}\nCOPY a /a\n", "a": ""})


def test_a_credential_helper_that_is_missing_is_named(
    builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nonce: str, engine: Engine
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "nowhere"}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with (
        locked_registry("basic", nonce) as registry,
        pytest.raises(LoginError, match="docker-credential-nowhere") as caught,
    ):
        builder({"Dockerfile": f"FROM {registry.image}\n"})
    assert "config.json" in caught.value.remedy


# SSH


class Agent:
    """A small SSH agent: it lists no keys, and remembers what it was asked."""

    def __init__(self, path: Path) -> None:
        self.asked: list[int] = []
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Agent:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                while len(head := connection.recv(4, socket.MSG_WAITALL)) == 4:
                    body = connection.recv(struct.unpack(">I", head)[0], socket.MSG_WAITALL)
                    self.asked.append(body[0])
                    connection.sendall(struct.pack(">IBI", 5, 12, 0))


ASK = """\
const socket = require("net").connect(process.env.SSH_AUTH_SOCK);
let left = 2;
socket.on("data", (data) => {
  console.log(data.toString("hex"));
  if (--left) socket.write(Buffer.from([0, 0, 0, 1, 19]));
  else socket.end();
});
socket.write(Buffer.from([0, 0, 0, 1, 11]));
"""


def test_a_step_may_list_keys_and_not_remove_them(
    builder: Builder, node: str, nonce: str, tmp_path: Path
) -> None:
    seen: list[Event] = []
    files = {
        "Dockerfile": f"FROM {node}\nCOPY ask.js /\nRUN --mount=type=ssh : {nonce}; node /ask.js\n",
        "ask.js": ASK,
    }
    with Agent(tmp_path / "agent.sock") as agent:
        builder(files, seen.append, agents=(SshAgent(str(agent.path)),))
    printed = [event.text for event in seen if isinstance(event, LogLine)]
    assert printed == ["000000050c00000000", "0000000105"]  # no identities; then: failure
    assert agent.asked == [11]


def test_an_agent_that_is_not_forwarded_is_told_how(builder: Builder, base: str) -> None:
    with pytest.raises(BuildError) as caught:
        builder({"Dockerfile": f"{FROM}RUN --mount=type=ssh,required=true true\n"})
    assert "--ssh default" in caught.value.remedy
