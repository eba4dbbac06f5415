"""SSH agents: steps may list keys and have things signed, and no more."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from rpc_pair import PATIENCE, Duplex, ask, packed, served, unpacked

from helpers.build.errors import SecretError
from helpers.build.rpc.grpc import NOT_FOUND, RpcError
from helpers.build.session.agents import SshAgent, check_agent, forward_agent
from helpers.build.session.session_pb2 import CheckAgentRequest

CHECK = "/moby.sshforward.v1.SSH/CheckAgent"
FORWARD = "/moby.sshforward.v1.SSH/ForwardAgent"
LIST, SIGN, FAILURE = 11, 13, 5


def message(kind: int, body: bytes = b"") -> bytes:
    return struct.pack(">IB", 1 + len(body), kind) + body


class FakeAgent:
    """Answers every request with the next number and its body, and notes it."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.seen: list[tuple[int, bytes]] = []
        self.hang_up = False
        self.answer: bytes | None = None
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as reader:
                while not self.hang_up and (head := reader.read(4)):
                    raw = reader.read(struct.unpack(">I", head)[0])
                    self.seen.append((raw[0], raw[1:]))
                    answer = self.answer or message(raw[0] + 1, raw[1:])
                    # in two pieces, as it may come
                    connection.sendall(answer[:3])
                    connection.sendall(answer[3:])


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[FakeAgent]:
    agent = FakeAgent(tmp_path / "agent.sock")
    yield agent
    agent.stop()


def forwarding(agent: FakeAgent, id: str = "default"):  # type: ignore[no-untyped-def]
    return served({FORWARD: forward_agent([SshAgent(agent.path, id)])})


def test_keys_are_listed_and_things_signed(agent: FakeAgent) -> None:
    with forwarding(agent) as session:
        call = Duplex(session, FORWARD)
        call.send(packed(message(LIST)))
        assert unpacked(call.next()) == message(LIST + 1)
        call.send(packed(message(SIGN, b"x" * 100_000)))
        assert unpacked(call.next()) == message(SIGN + 1, b"x" * 100_000)
        call.end()
        with pytest.raises(RpcError) as error:
            call.next()
    assert error.value.code == 0
    assert [kind for kind, _ in agent.seen] == [LIST, SIGN]


@pytest.mark.parametrize("kind", sorted(set(range(256)) - {LIST, SIGN}))
def test_all_else_is_refused_without_reaching_the_agent(agent: FakeAgent, kind: int) -> None:
    with forwarding(agent) as session:
        call = Duplex(session, FORWARD)
        call.send(packed(message(kind, b"body") + message(LIST)))
        assert unpacked(call.next()) == message(FAILURE)
        assert unpacked(call.next()) == message(LIST + 1)
    assert agent.seen == [(LIST, b"")]


def test_several_requests_in_one_message_are_answered_in_order(agent: FakeAgent) -> None:
    with forwarding(agent) as session:
        call = Duplex(session, FORWARD)
        call.send(packed(message(SIGN, b"1") + message(17, b"2") + message(SIGN, b"3")))
        answers = [unpacked(call.next()) for _ in range(3)]
    assert answers == [message(14, b"1"), message(FAILURE), message(14, b"3")]


def test_one_request_may_come_in_several_messages(agent: FakeAgent) -> None:
    with forwarding(agent) as session:
        call = Duplex(session, FORWARD)
        for byte in message(SIGN, b"body"):
            call.send(packed(bytes([byte])))
        assert unpacked(call.next()) == message(14, b"body")


@pytest.mark.parametrize("raw", [b"\0\0\0\0", b"\xff\xff\xff\xff", struct.pack(">I", 262_145)])
def test_what_is_no_request_ends_the_call(agent: FakeAgent, raw: bytes) -> None:
    with forwarding(agent) as session:
        call = Duplex(session, FORWARD)
        call.send(packed(raw))
        with pytest.raises(RpcError, match="no request to an SSH agent"):
            call.next()
    assert agent.seen == []


def test_an_agent_that_hangs_up_ends_the_call(agent: FakeAgent) -> None:
    agent.hang_up = True
    with forwarding(agent) as session:
        call = Duplex(session, FORWARD)
        call.send(packed(message(LIST)))
        with pytest.raises(RpcError, match="SSH agent default does not answer"):
            call.next()


def test_an_agent_that_answers_without_end_ends_the_call(agent: FakeAgent) -> None:
    agent.answer = b"\xff\xff\xff\xff"
    with forwarding(agent) as session:
        call = Duplex(session, FORWARD)
        call.send(packed(message(LIST)))
        with pytest.raises(RpcError, match="answer is too long"):
            call.next()


def test_an_agent_that_is_gone_is_named(tmp_path: Path) -> None:
    handler = forward_agent([SshAgent(str(tmp_path / "none.sock"), "deploy")])
    with served({FORWARD: handler}) as session:
        call = Duplex(session, FORWARD, [(b"buildkit.ssh.id", b"deploy")])
        with pytest.raises(RpcError, match="agent deploy does not answer: No such file"):
            call.next()


def test_the_agent_that_is_named_is_the_one_that_answers(tmp_path: Path) -> None:
    first, second = FakeAgent(tmp_path / "1.sock"), FakeAgent(tmp_path / "2.sock")
    agents = [SshAgent(first.path), SshAgent(second.path, "deploy")]
    with served({FORWARD: forward_agent(agents), CHECK: check_agent(agents)}) as session:
        for metadata in ([], [(b"buildkit.ssh.id", b"deploy")]):
            call = Duplex(session, FORWARD, metadata)
            call.send(packed(message(LIST)))
            call.next()
            assert (len(first.seen), len(second.seen)) == (1, len(metadata))
        call = Duplex(session, FORWARD, [(b"buildkit.ssh.id", b"other")])
        with pytest.raises(RpcError, match="unset ssh forward key other"):
            call.next()
        for name in ("", "default", "deploy"):
            ask(session, CHECK, CheckAgentRequest(ID=name).SerializeToString())
        with pytest.raises(RpcError, match="unset ssh forward key other") as error:
            ask(session, CHECK, CheckAgentRequest(ID="other").SerializeToString())
        assert error.value.code == NOT_FOUND
    first.stop()
    second.stop()


def test_the_users_own_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent.sock")
    assert SshAgent.of_user() == SshAgent("/run/agent.sock", "default")
    assert SshAgent.of_user("deploy").id == "deploy"
    for value in (None, ""):
        monkeypatch.delenv("SSH_AUTH_SOCK") if value is None else monkeypatch.setenv(
            "SSH_AUTH_SOCK", value
        )
        with pytest.raises(SecretError, match="SSH_AUTH_SOCK is not set") as error:
            SshAgent.of_user()
        assert "ssh-add" in error.value.remedy
