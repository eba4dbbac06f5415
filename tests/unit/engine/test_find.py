from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from helpers.engine.find import candidates, current_context
from helpers.errors import BadInput


def context(home: Path, name: str, host: str) -> None:
    folder = home / ".docker/contexts/meta/abc"
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(
        json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}})
    )


def test_docker_host_wins_and_nothing_else_is_tried(tmp_path: Path) -> None:
    context(tmp_path, "far", "ssh://far")
    env = {"DOCKER_HOST": "tcp://1.2.3.4:2376", "DOCKER_CONTEXT": "far"}
    found = list(candidates(env, tmp_path))
    assert [(e.url, e.explicit) for e in found] == [("tcp://1.2.3.4:2376", True)]


def test_tls_settings_come_with_docker_host(tmp_path: Path) -> None:
    env = {"DOCKER_HOST": "tcp://h:2376", "DOCKER_TLS_VERIFY": "1"}
    assert next(candidates(env, tmp_path)).tls_folder == tmp_path / ".docker"


def test_the_current_context_comes_second(tmp_path: Path) -> None:
    context(tmp_path, "far", "ssh://far")
    (tmp_path / ".docker/config.json").write_text('{"currentContext": "far"}')
    found = list(candidates({}, tmp_path))
    assert [(e.url, e.source) for e in found] == [("ssh://far", "Docker context far")]


def test_a_context_that_does_not_exist_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="'nowhere'") as error:
        current_context({"DOCKER_CONTEXT": "nowhere"}, tmp_path)
    assert "context use" in error.value.remedy


def test_a_broken_config_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text("{")
    with pytest.raises(BadInput, match=r"config\.json"):
        list(candidates({}, tmp_path))


def test_a_socket_in_the_home_folder_is_found_and_a_plain_file_is_not(tmp_path: Path) -> None:
    (tmp_path / ".colima/default").mkdir(parents=True)
    (tmp_path / ".colima/default/docker.sock").write_text("no socket")
    (tmp_path / ".rd").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / ".rd/docker.sock"))
        urls = [e.url for e in candidates({}, tmp_path)]
    assert f"unix://{tmp_path}/.rd/docker.sock" in urls
    assert not any("colima" in url for url in urls)
