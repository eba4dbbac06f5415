"""An engine over SSH, with a program in the place of ssh that does what a test wants."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from helpers.engine.connect import open_engine
from helpers.engine.find import Endpoint
from helpers.engine.ssh import SshAddress
from helpers.errors import NoEngine

VERSION = '{"ApiVersion": "1.45", "Version": "26.1.5"}'
#: Answers every request with the engine's version.
ENGINE = f"""\
printf '%s\\n' "$@" >"$0.arguments"
while read -r line; do
    [ "$line" = "$(printf '\\r')" ] || continue
    printf 'HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: {len(VERSION)}\\r\\n\\r\\n%s' '{VERSION}'
done
"""  # noqa: E501


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the program goes; the only ``ssh`` on the PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    return tmp_path / "ssh"


def write(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}")
    program.chmod(0o755)


def endpoint(url: str = "ssh://me@far:2222") -> Endpoint:
    return Endpoint(url, "DOCKER_HOST", explicit=True)


def children() -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            before, _, after = entry.read_text().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if "(ssh" in before and int(after.split()[1]) == os.getpid():
            found.append(before)
    return found


def test_the_program_is_asked_for_the_engine_of_the_host(program: Path) -> None:
    write(program, ENGINE)
    with open_engine(endpoint()) as engine:
        assert (engine.version, engine.api_version) == ("26.1.5", "1.45")
        assert not engine.local
    told = program.with_name("ssh.arguments").read_text().splitlines()
    assert told[-2:] == ["far", "docker system dial-stdio"]
    assert told[told.index("-l") + 1] == "me"
    assert told[told.index("-p") + 1] == "2222"
    assert told[-3] == "--", "a host can never be an option"
    assert children() == []


def test_user_and_port_are_left_to_the_configuration_where_nobody_names_them() -> None:
    command = SshAddress.parse("ssh://far").command()
    assert "-l" not in command
    assert "-p" not in command


@pytest.mark.parametrize("text", ["far", "me@far", "far:22", "me@far:22"])
def test_an_address_is_written_as_docker_py_has_it(text: str) -> None:
    assert str(SshAddress.parse(f"ssh://{text}")) == text
    assert str(SshAddress.parse(f"ssh://{text}/")) == text


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ssh://", "no host"),
        ("ssh://me:secret@far", "password"),
        ("ssh://far/var/run/docker.sock", "behind the host"),
        ("ssh://far?x=1", "behind the host"),
        ("ssh://far:port", "Port"),
    ],
)
def test_an_address_that_cannot_be_used_says_why(program: Path, url: str, says: str) -> None:
    write(program, ENGINE)
    with pytest.raises(NoEngine, match=says) as caught:
        open_engine(endpoint(url))
    assert "ssh://USER@HOST" in caught.value.remedy
    assert "secret" not in caught.value.message.replace(url, "")


def test_what_ssh_says_last_is_told(program: Path) -> None:
    write(program, "echo Warning: something >&2; echo Permission denied. >&2; exit 255\n")
    with pytest.raises(NoEngine, match=r"ssh ended with: Permission denied\.$") as caught:
        open_engine(endpoint())
    assert "ssh -p 2222 me@far docker version" in caught.value.remedy
    assert children() == []


def test_a_host_without_docker_gets_a_remedy_of_its_own(program: Path) -> None:
    write(program, "echo 'sh: 1: docker: not found' >&2; exit 127\n")
    with pytest.raises(NoEngine, match="no docker program") as caught:
        open_engine(endpoint())
    assert "Install Docker there" in caught.value.remedy


def test_a_machine_without_ssh_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoEngine, match="ssh is not installed"):
        open_engine(endpoint())


def test_a_connection_that_is_shut_down_ends_a_read_at_once(program: Path) -> None:
    """What a cancelled build does: docker-py's own transport would read on."""
    write(program, "cat >/dev/null\n")
    address = SshAddress.parse("ssh://far")
    from helpers.build.rpc.ssh_tunnel import SshTunnel

    with program.with_name("said").open("wb") as said:
        tunnel = SshTunnel.open(address, said)
    threading.Timer(0.1, tunnel.shutdown, [socket.SHUT_RDWR]).start()
    begin = time.monotonic()
    assert tunnel.recv(1) == b""
    tunnel.close()
    assert time.monotonic() - begin < 5
    assert children() == []


def test_an_ssh_that_does_not_end_by_itself_is_ended(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from helpers.build.rpc import ssh_tunnel

    monkeypatch.setattr(ssh_tunnel, "_END_SECONDS", 0.2)
    write(program, "trap '' TERM; while :; do sleep 1; done\n")
    with program.with_name("said").open("wb") as said:
        tunnel = ssh_tunnel.SshTunnel.open(SshAddress.parse("ssh://far"), said)
    reader = tunnel.makefile("rb")
    tunnel.close()
    assert len(children()) == 1, "somebody still reads from it"
    reader.close()
    assert children() == []
