"""Secrets: where they come from, who is given them, and that no text holds their value."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
from rpc_pair import ask, served

from helpers.build.errors import SecretError
from helpers.build.rpc.grpc import NOT_FOUND, RpcError
from helpers.build.session.secrets import LIMIT_BYTES, Secret, secrets_handler
from helpers.build.session.session_pb2 import GetSecretRequest, GetSecretResponse

PATH = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
VALUE = "hunter2-öß"


def test_values_come_from_memory_files_and_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"\x00\xff\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TOKEN", VALUE)
    monkeypatch.setenv("EMPTY", "")
    assert Secret.of("a", VALUE).value() == VALUE.encode()
    assert Secret.of("a", bytearray(b"x")).value() == b"x"
    assert Secret.from_file("a", tmp_path / "file").value() == b"\x00\xff\n"
    assert Secret.from_file("a", "~/file").value() == b"\x00\xff\n"
    assert Secret.from_variable("a", "TOKEN").value() == VALUE.encode()
    assert Secret.from_variable("a", "EMPTY").value() == b""


def test_a_variable_that_is_not_utf8_is_kept_byte_by_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "\udcff")
    assert Secret.from_variable("a", "TOKEN").value() == b"\xff"


def test_a_file_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("before")
    secret = Secret.from_file("a", tmp_path / "file")
    (tmp_path / "file").unlink()
    assert secret.value() == b"before"


@pytest.mark.parametrize("name", ["missing", ".", "a\0b"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(SecretError, match="of the secret npm cannot be read") as error:
        Secret.from_file("npm", tmp_path / name)
    assert error.value.remedy
    assert error.value.exit_status == 2


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_THERE", raising=False)
    with pytest.raises(SecretError, match="variable NOT_THERE of the secret npm is not set"):
        Secret.from_variable("npm", "NOT_THERE")


def test_too_large_and_without_a_name() -> None:
    assert len(Secret.of("a", b"x" * LIMIT_BYTES).value()) == 512_000
    with pytest.raises(SecretError, match="has 512001 bytes; BuildKit takes 512000") as error:
        Secret.of("a", b"x" * (LIMIT_BYTES + 1))
    assert "xxxx" not in error.value.describe()
    with pytest.raises(SecretError, match="no id") as error:
        Secret.of("", VALUE)
    assert VALUE not in error.value.describe()


def test_no_text_holds_the_value() -> None:
    secret = Secret.of("a", VALUE)
    for text in (repr(secret), str(secret), f"{secret}", f"{[secret]}", repr({"s": secret})):
        assert VALUE not in text
        assert "hunter2" not in text
    assert "'a'" in repr(secret)


def test_a_secret_is_not_written_down() -> None:
    secret = Secret.of("a", VALUE)
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="the secret a is not written down"):
            attempt(secret)


def test_the_one_that_is_asked_for_is_given_and_no_other() -> None:
    handler = secrets_handler([Secret.of("a", VALUE), Secret.of("b", b"\xff")])
    with served({PATH: handler}) as session:

        def get(name: str) -> bytes:
            message = GetSecretRequest(ID=name).SerializeToString()
            return GetSecretResponse.FromString(ask(session, PATH, message)).data

        assert get("a") == VALUE.encode()
        assert get("b") == b"\xff"
        for name in ("c", "", "A"):
            with pytest.raises(RpcError, match="not found") as error:
                get(name)
            assert error.value.code == NOT_FOUND


def test_a_home_that_is_not_there_is_named() -> None:
    with pytest.raises(SecretError, match="~nobody-of-that-name/x of the secret npm"):
        Secret.from_file("npm", "~nobody-of-that-name/x")
