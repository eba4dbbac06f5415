"""SSH agents for ``RUN --mount=type=ssh``: a step may ask for keys and have things signed.

It may do no more: what would add, remove or lock keys is answered with a failure and never reaches
the agent.
Source: https://datatracker.ietf.org/doc/html/draft-ietf-sshm-ssh-agent (section 3).
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from helpers.build.errors import SecretError
from helpers.build.rpc.grpc import NOT_FOUND, UNKNOWN, Handler, Request, RpcError, framed, unary
from helpers.build.session.session_pb2 import BytesMessage, CheckAgentRequest, CheckAgentResponse

_LENGTH = struct.Struct(">I")
_LIMIT_BYTES = 256 * 1024
_ALLOWED = frozenset({11, 13})  # SSH_AGENTC_REQUEST_IDENTITIES, SSH_AGENTC_SIGN_REQUEST
_FAILURE = b"\x05"  # SSH_AGENT_FAILURE
_SECONDS = 60.0  # a key on a token may wait for its owner's touch


@dataclass(frozen=True, slots=True)
class SshAgent:
    """An agent that steps may use.

    Attributes:
        socket: path of its Unix socket.
        id: the name that the Dockerfile uses.
    """

    socket: str
    id: str = "default"

    @staticmethod
    def of_user(id: str = "default") -> SshAgent:  # noqa: A002 - BuildKit's own name
        """The agent that ``SSH_AUTH_SOCK`` names.

        Raises:
            SecretError: where the variable is not set.
        """
        path = os.environ.get("SSH_AUTH_SOCK")
        if not path:
            raise SecretError(
                "No SSH agent is running: SSH_AUTH_SOCK is not set.",
                remedy="Start one and add a key: eval $(ssh-agent) && ssh-add",
            )
        return SshAgent(path, id)


def check_agent(agents: Iterable[SshAgent]) -> Handler:
    """The handler of ``moby.sshforward.v1.SSH/CheckAgent``."""
    known = {agent.id for agent in agents}

    def answer(message: bytes) -> CheckAgentResponse:
        wanted = CheckAgentRequest.FromString(message).ID or "default"
        if wanted not in known:
            raise RpcError(NOT_FOUND, f"unset ssh forward key {wanted}")
        return CheckAgentResponse()

    return unary(answer)


def forward_agent(agents: Iterable[SshAgent]) -> Handler:
    """The handler of ``moby.sshforward.v1.SSH/ForwardAgent``."""
    by_id = {agent.id: agent for agent in agents}

    def answer(request: Request) -> None:
        wanted, *_ = [*request.values("buildkit.ssh.id"), "default"]
        agent = by_id.get(wanted)
        if agent is None:
            raise RpcError(NOT_FOUND, f"unset ssh forward key {wanted}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_SECONDS)
            try:
                connection.connect(agent.socket)
                _forward(request, connection)
            except OSError as error:
                reason = error.strerror or error
                raise RpcError(
                    UNKNOWN, f"the SSH agent {agent.id} does not answer: {reason}"
                ) from error

    return answer


def _forward(request: Request, agent: socket.socket) -> None:
    """Pass requests to the agent one after another, each with its answer."""
    held = bytearray()
    while (message := request.messages.next()) is not None:
        held += BytesMessage.FromString(message).data
        while len(held) >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(held)
            if not 0 < size <= _LIMIT_BYTES:
                raise RpcError(UNKNOWN, "this is no request to an SSH agent")
            if len(held) < _LENGTH.size + size:
                break
            asked = bytes(held[_LENGTH.size : _LENGTH.size + size])
            del held[: _LENGTH.size + size]
            answer = _ask(agent, asked) if asked[0] in _ALLOWED else _FAILURE
            packed = _LENGTH.pack(len(answer)) + answer
            request.send(framed(BytesMessage(data=packed).SerializeToString()))


def _ask(agent: socket.socket, asked: bytes) -> bytes:
    agent.sendall(_LENGTH.pack(len(asked)) + asked)
    (size,) = _LENGTH.unpack(_exactly(agent, _LENGTH.size))
    if size > _LIMIT_BYTES:
        raise RpcError(UNKNOWN, "the SSH agent's answer is too long")
    return _exactly(agent, size)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise ConnectionResetError("it closed the connection")
        data += piece
    return bytes(data)
