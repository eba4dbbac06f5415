"""What is said where TLS or SSH does not come about, and what a connection leaves behind."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from certificates import Authority
from links import free_port, tls_endpoint
from ssh_server import SshServer, new_key, ssh_client_program, ssh_server

from helpers.engine import private
from helpers.engine.connect import open_engine
from helpers.engine.find import Endpoint
from helpers.engine.network import snapshot
from helpers.engine.processes import is_alive
from helpers.engine.state import state_folder
from helpers.engine.variants import RunningVariant, running
from helpers.errors import NoEngine


def ssh_endpoint(server: SshServer) -> Endpoint:
    return Endpoint(server.url, "DOCKER_HOST", explicit=True)


def use_ssh(patch: pytest.MonkeyPatch, program: Path) -> None:
    patch.setenv("PATH", f"{program}:{os.environ['PATH']}")


def children() -> set[int]:
    """Ids of the ssh processes of this one, dead ones that nobody has waited for included."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            before, _, after = entry.read_text().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if before.endswith("(ssh") and int(after.split()[1]) == os.getpid():
            found.add(int(entry.parent.name))
    return found


def test_a_client_certificate_of_another_authority_is_refused(
    machine: RunningVariant, tmp_path: Path, authority: Authority
) -> None:
    stranger = Authority.make(tmp_path / "stranger").client()
    (stranger / "ca.pem").write_bytes(authority.cert.read_bytes())
    with pytest.raises(NoEngine, match="refuses the client certificate") as caught:
        open_engine(tls_endpoint(machine, stranger))
    assert "cert.pem" in caught.value.remedy


def test_a_client_without_a_certificate_is_refused(
    machine: RunningVariant, tmp_path: Path, authority: Authority
) -> None:
    (tmp_path / "ca.pem").write_bytes(authority.cert.read_bytes())
    with pytest.raises(NoEngine, match="wants a client certificate") as caught:
        open_engine(tls_endpoint(machine, tmp_path))
    assert "cert.pem" in caught.value.remedy


def test_an_engine_whose_certificate_is_of_another_authority_is_not_trusted(
    machine: RunningVariant, tmp_path: Path, client_certificates: Path
) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_bytes((client_certificates / name).read_bytes())
    other = Authority.make(tmp_path / "other")
    (tmp_path / "ca.pem").write_bytes(other.cert.read_bytes())
    with pytest.raises(NoEngine, match="its TLS certificate is not trusted") as caught:
        open_engine(tls_endpoint(machine, tmp_path))
    assert "ca.pem" in caught.value.remedy


def test_a_client_without_tls_is_told_that_the_engine_wants_it(machine: RunningVariant) -> None:
    assert machine.listen is not None
    with pytest.raises(NoEngine, match="it speaks TLS") as caught:
        open_engine(Endpoint(machine.listen.url, "DOCKER_HOST", explicit=True))
    assert "DOCKER_TLS_VERIFY" in caught.value.remedy


def test_a_server_with_another_host_key_is_refused(
    server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = children()
    other = new_key(tmp_path / "other").with_suffix(".pub").read_text()
    use_ssh(monkeypatch, ssh_client_program(tmp_path / "bin", server, host_key=other))
    with pytest.raises(NoEngine, match="Host key verification failed") as caught:
        open_engine(ssh_endpoint(server))
    assert f"ssh -p {server.port} root@127.0.0.1" in caught.value.remedy
    assert children() == before


def test_a_key_that_the_server_does_not_know_is_refused(
    server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = new_key(tmp_path / "stranger")
    use_ssh(monkeypatch, ssh_client_program(tmp_path / "bin", server, key=stranger))
    with pytest.raises(NoEngine, match=r"Permission denied \(publickey"):
        open_engine(ssh_endpoint(server))


def test_a_host_without_an_engine_says_so(
    machine: RunningVariant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ssh_server(machine, tmp_path, free_port(), docker_host="unix:///nowhere.sock") as server:
        use_ssh(monkeypatch, ssh_client_program(tmp_path / "bin", server))
        with pytest.raises(NoEngine, match=r"nowhere\.sock"):
            open_engine(ssh_endpoint(server))


def test_no_ssh_is_left_when_the_connection_is_closed(
    server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_ssh(monkeypatch, ssh_client_program(tmp_path / "bin", server))
    before = children()
    with open_engine(ssh_endpoint(server)) as engine:
        assert engine.client.ping()
        assert len(children() - before) == 1, "one connection serves one request after the other"
        with closing(engine.client.events()), closing(engine.client.events()):
            assert len(children() - before) == 2
    assert children() == before


def test_an_engine_of_the_matrix_has_no_part_in_the_packet_filter(
    machine: RunningVariant,
) -> None:
    now = snapshot(machine.state.rootfs)
    network = machine.engine.client.networks.get("bridge").attrs
    bridge = network["Options"]["com.docker.network.bridge.name"]
    (subnet,) = (config["Subnet"] for config in network["IPAM"]["Config"])
    assert bridge in now.bridges
    assert not any(bridge in rules or subnet in rules for rules in now.rules.values())


def test_another_release_than_expected_is_an_error_and_nothing_stays(
    machine: RunningVariant,
) -> None:
    """What happens when Debian moves on: the tests must not go on with another engine."""
    other = replace(machine.variant, name="other", release="99.")
    state = state_folder().variant(other.name, other.suite)
    with pytest.raises(NoEngine, match=r"no longer 99\.x"), running(other, sys.stderr.write):
        pytest.fail("it was given out")
    assert not state.engine.exists()
    assert machine.engine.client.ping(), "the other engine of this release goes on"


def test_an_engine_that_a_killed_run_left_behind_is_replaced(machine: RunningVariant) -> None:
    """As after SIGKILL: it runs, and nobody holds it."""
    variant = replace(machine.variant, name="left")
    state = state_folder().variant(variant.name, variant.suite)
    private.start(state, sys.stderr.write, variant.options())
    left = private.Run.load(state.run)
    assert left is not None
    with running(variant, sys.stderr.write) as started:
        assert not is_alive(left.pid)
        assert started.engine.client.images.list() == []
    assert not is_alive(started.run.pid)
    assert not state.engine.exists()
