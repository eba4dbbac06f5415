"""Logins for registries, from values and from what ``docker login`` stored."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rpc_pair import ask, served

from helpers.build.errors import LoginError
from helpers.build.rpc.grpc import RpcError
from helpers.build.session.logins import Login, Logins, credentials, docker_logins, logins_of
from helpers.build.session.session_pb2 import CredentialsRequest, CredentialsResponse

HOST = "registry.example.com:5000"
HUB_HOSTS = ["registry-1.docker.io", "docker.io", "index.docker.io"]
HUB_KEY = "https://index.docker.io/v1/"

Configure = Callable[[Any], Path]


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Writes Docker's configuration: a value as JSON, bytes as they are."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")

    def write(config: Any) -> Path:
        raw = config if isinstance(config, bytes) else json.dumps(config).encode()
        (tmp_path / "config.json").write_bytes(raw)
        return tmp_path

    return write


def helper(folder: Path, name: str, script: str) -> None:
    """A credential helper that notes what it is asked."""
    (folder / "bin").mkdir(exist_ok=True)
    program = folder / "bin" / f"docker-credential-{name}"
    program.write_text(f'#!/bin/sh\nserver=$(cat)\necho "$1 $server" >> {folder}/asked\n{script}\n')
    program.chmod(0o755)


def gives(username: str, secret: str) -> str:
    return f"echo '{json.dumps({'Username': username, 'Secret': secret})}'"


def auth(username: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


def test_logins_that_are_given() -> None:
    logins = logins_of({"docker.io": Login("me", "hub"), HOST: Login("you", "own")})
    for host in HUB_HOSTS:
        assert logins(host) == Login("me", "hub")
    assert logins(HOST) == Login("you", "own")
    assert logins("other.example.com") is None
    assert "own" not in repr(logins(HOST))


@pytest.mark.parametrize("key", [HOST, f"https://{HOST}", f"https://{HOST}/v1/"])
def test_logins_in_the_file(configure: Configure, key: str) -> None:
    configure({"auths": {key: auth("me", "pass:with:colons")}})
    assert docker_logins(HOST) == Login("me", "pass:with:colons")
    assert docker_logins("other.example.com") is None


@pytest.mark.parametrize("host", HUB_HOSTS)
def test_docker_hub_goes_by_several_names(configure: Configure, host: str) -> None:
    configure({"auths": {HUB_KEY: auth("me", "hub")}})
    assert docker_logins(host) == Login("me", "hub")


def test_an_identity_token_has_no_name(configure: Configure) -> None:
    configure({"auths": {HOST: {**auth("00000000", ""), "identitytoken": "t0ken"}}})
    assert docker_logins(HOST) == Login("", "t0ken")


def test_no_configuration_is_no_login(configure: Configure) -> None:
    assert docker_logins(HOST) is None
    configure({})
    assert docker_logins(HOST) is None
    configure({"auths": {HOST: {}}})
    assert docker_logins(HOST) is None
    configure({"proxies": {"default": {"httpProxy": "http://x"}}, "auths": {}})
    assert docker_logins(HOST) is None


def test_a_helper_for_one_registry(configure: Configure) -> None:
    folder = configure({"credHelpers": {HOST: "one"}, "auths": {"b.example.com": auth("b", "b")}})
    helper(folder, "one", gives("me", "from helper"))
    assert docker_logins(HOST) == Login("me", "from helper")
    assert docker_logins("b.example.com") == Login("b", "b")
    assert (folder / "asked").read_text() == f"get {HOST}\n"


def test_a_store_for_all_registries(configure: Configure) -> None:
    folder = configure({"credsStore": "all", "auths": {HOST: {}}})
    helper(folder, "all", gives("<token>", "t0ken"))
    assert docker_logins("registry-1.docker.io") == Login("", "t0ken")
    assert docker_logins(HOST) == Login("", "t0ken")
    assert (folder / "asked").read_text() == f"get {HUB_KEY}\nget {HOST}\n"


def test_a_store_that_has_nothing_is_no_login(configure: Configure) -> None:
    folder = configure({"credsStore": "all"})
    helper(folder, "all", "echo 'credentials not found in native keychain'; exit 1")
    assert docker_logins(HOST) is None


@pytest.mark.parametrize(
    "script",
    [
        "echo 'the keychain is locked'; exit 1",
        "echo 'not JSON'",
        "echo '{}'",
        "echo '[]'",
        "exit 0",
    ],
)
def test_a_store_that_does_not_work_is_an_error(configure: Configure, script: str) -> None:
    folder = configure({"credsStore": "all"})
    helper(folder, "all", script)
    with pytest.raises(LoginError, match=f"login for {HOST} cannot be read") as error:
        docker_logins(HOST)
    assert "docker login" in error.value.remedy


@pytest.mark.filterwarnings("ignore:docker-credential-gone")
def test_a_store_that_is_not_installed_is_an_error(configure: Configure) -> None:
    configure({"credsStore": "gone"})
    with pytest.raises(LoginError, match="docker-credential-gone not installed"):
        docker_logins(HOST)


@pytest.mark.parametrize(
    "config",
    [
        b"{",
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        {"auths": {HOST: "text"}},
        {"auths": {HOST: {"auth": "!!!"}}},
        {"auths": {HOST: {"auth": base64.b64encode(b"no colon").decode()}}},
        {"auths": {HOST: {"auth": 5}}},
        {"auths": [HOST]},
        {"credHelpers": [HOST]},
        {"credsStore": 5},
    ],
)
def test_a_broken_configuration_is_an_error(configure: Configure, config: Any) -> None:
    configure(config)
    with pytest.raises(LoginError, match="cannot be read from Docker's configuration") as error:
        docker_logins(HOST)
    assert error.value.remedy
    assert error.value.exit_status == 2


def test_a_configuration_that_is_a_folder_is_an_error(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()
    with pytest.raises(LoginError):
        docker_logins(HOST)


def answered(logins: Logins, host: str) -> CredentialsResponse:
    path = "/moby.filesync.v1.Auth/Credentials"
    with served({path: credentials(logins)}) as session:
        message = CredentialsRequest(Host=host).SerializeToString()
        return CredentialsResponse.FromString(ask(session, path, message))


def test_the_engine_is_given_the_login_of_the_host_that_it_names() -> None:
    logins = logins_of({"docker.io": Login("me", "hub"), HOST: Login("", "t0ken")})
    found = answered(logins, "registry-1.docker.io")
    assert (found.Username, found.Secret) == ("me", "hub")
    assert answered(logins, HOST).Secret == "t0ken"
    assert answered(logins, "nobody.example.com") == CredentialsResponse()


def test_a_login_that_cannot_be_read_ends_the_question(configure: Configure) -> None:
    configure(b"{")
    with pytest.raises(RpcError, match="LoginError: The login for"):
        answered(docker_logins, HOST)
