"""Every engine of the matrix, one after another, over every transport.

A test that takes ``linked`` runs once for each pair in ``LINKS``. One that takes ``machine`` alone
runs on the first engine.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from certificates import Authority
from docker.errors import ImageNotFound
from links import BASE, LINKS, Linked, free_port, load_base, tls_endpoint
from ssh_server import SshServer, ssh_client_program, ssh_server

from helpers.engine import private
from helpers.engine.connect import Engine, open_engine
from helpers.engine.find import Endpoint
from helpers.engine.options import TlsListener
from helpers.engine.variants import VARIANTS, RunningVariant, Variant, running


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "linked" in metafunc.fixturenames:
        metafunc.parametrize(
            ("machine", "transport"),
            LINKS,
            ids=[f"{variant.name}-{transport}" for variant, transport in LINKS],
            indirect=True,
            scope="session",
        )
    elif "machine" in metafunc.fixturenames:
        metafunc.parametrize(
            "machine", VARIANTS[:1], ids=[VARIANTS[0].name], indirect=True, scope="session"
        )


@pytest.fixture(scope="session")
def possible() -> None:
    if reason := private.why_not_here():
        pytest.skip(f"no private engine: {reason}")


@pytest.fixture(scope="session")
def authority(possible: None, tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("certificates") / "authority")


@pytest.fixture(scope="session")
def client_certificates(authority: Authority) -> Path:
    return authority.client()


@pytest.fixture(scope="session")
def server_certificates(authority: Authority) -> Path:
    return authority.server()


@pytest.fixture(scope="session")
def machine(request: pytest.FixtureRequest, server_certificates: Path) -> Iterator[RunningVariant]:
    """One engine of the matrix, running, with a base image."""
    variant: Variant = request.param
    folder = server_certificates
    listen = TlsListener(free_port(), folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    with running(variant, sys.stderr.write, listen=listen) as started:
        load_base(started)
        yield started


@pytest.fixture(scope="session")
def server(
    machine: RunningVariant, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SshServer]:
    with ssh_server(machine, tmp_path_factory.mktemp("ssh"), free_port()) as started:
        yield started


@pytest.fixture(scope="session")
def transport(
    request: pytest.FixtureRequest,
    machine: RunningVariant,
    client_certificates: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Engine]:
    """A connection to the engine over a Unix socket, TCP with TLS, or SSH."""
    name: str = request.param
    if name == "unix":
        yield machine.engine
        return
    if name == "tls":
        with open_engine(tls_endpoint(machine, client_certificates)) as engine:
            yield engine
        return
    folder = tmp_path_factory.mktemp("transport")
    with ssh_server(machine, folder, free_port()) as server, pytest.MonkeyPatch.context() as patch:
        program = ssh_client_program(folder / "bin", server)
        patch.setenv("PATH", f"{program}:{os.environ['PATH']}")
        with open_engine(Endpoint(server.url, "test", explicit=True)) as engine:
            yield engine


@pytest.fixture
def linked(machine: RunningVariant, transport: Engine) -> Iterator[Linked]:
    """An engine over one transport; images that a test makes are removed."""
    linked = Linked(machine, transport, BASE)
    yield linked
    for image in linked.built:
        try:
            transport.client.images.remove(image, force=True)
        except ImageNotFound:
            continue


@pytest.fixture
def nonce() -> str:
    """A word that no earlier build has seen, so that nothing is cached yet."""
    return uuid.uuid4().hex[:12]
