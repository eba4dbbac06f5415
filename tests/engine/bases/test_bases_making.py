"""Making stand-ins on a real engine: failures and interruptions leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from docker import DockerClient

from helpers.build.cancel import CancelToken
from helpers.engine import bases
from helpers.engine.connect import Engine
from helpers.engine.labels import STAND_IN
from helpers.engine.pull import Progress
from helpers.engine.standins import bootstrap, make
from helpers.engine.standins.recipes import Bootstrap, Built
from helpers.observe.read_image import read_image

NAME = "bases-test-made:1"


@pytest.fixture(autouse=True)
def _clean(client: DockerClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> object:
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path / "state"))

    def remove() -> None:
        for image in client.api.images():
            for tag in image["RepoTags"] or ():
                if tag in {NAME, bases.mark(NAME)}:
                    client.api.remove_image(tag)

    yield
    remove()


def recipe(folder: Path, dockerfile: str) -> Built:
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(dockerfile)
    return Built(NAME, "what this test made", str(folder), ())


def ids(client: DockerClient) -> set[str]:
    return {image["Id"] for image in client.api.images(all=True)}


def fake_mmdebstrap(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    program = folder / "mmdebstrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_it_has_name_mark_and_label_and_the_hosts_certificates(
    client: DockerClient, tmp_path: Path
) -> None:
    told: list[Progress] = []
    made = recipe(tmp_path / "r", "FROM scratch\nCOPY host-ca.crt /\n")
    make.make_stand_ins(client, (made,), told.append)
    image = client.api.inspect_image(NAME)
    assert bases.mark(NAME) in image["RepoTags"]
    assert image["Config"]["Labels"] == {STAND_IN: "what this test made"}
    assert [(p.base, p.phase) for p in told][-1] == (NAME, "done")


def test_a_failing_step_is_told_with_its_output(
    client: DockerClient, get: Callable[[str], bases.BaseStatus], tmp_path: Path
) -> None:
    get("busybox:1.37")
    made = recipe(tmp_path / "r", "FROM busybox:1.37\nRUN echo the-reason && false\n")
    with pytest.raises(bases.NoBaseImage, match="the-reason") as caught:
        make.make_stand_ins(client, (made,), lambda p: None)
    assert NAME in caught.value.message
    assert caught.value.remedy


def test_ctrl_c_ends_the_build_on_the_engine(
    engine: Engine,
    get: Callable[[str], bases.BaseStatus],
    tmp_path: Path,
) -> None:
    get("busybox:1.37")
    # Never cached: a step that once ran to its end would end this build at once.
    nonce = uuid.uuid4().hex
    made = recipe(tmp_path / "r", f"FROM busybox:1.37\nRUN sleep 300 # {nonce}\n")
    program = (
        "import sys\n"
        "from helpers.engine.connect import connect\n"
        "from helpers.engine.standins.make import make_stand_ins\n"
        "from helpers.engine.standins.recipes import Built\n"
        f"made = Built({NAME!r}, 'x', {made.folder!r}, ())\n"
        "def say(p):\n"
        "    print(p.detail, flush=True)\n"
        "make_stand_ins(connect().client, (made,), say)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DOCKER_HOST": engine.endpoint.url},
    )
    assert process.stdout is not None
    assert any("sleep 300" in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors
    assert not bases_present(engine.client)


def bases_present(client: DockerClient) -> bool:
    return any(NAME in (image["RepoTags"] or ()) for image in client.api.images())


class TestBootstrap:
    DEBIAN = Bootstrap(NAME, "what this test made")

    def run(self, client: DockerClient, cancel: CancelToken | None = None) -> str:
        return bootstrap.bootstrap(
            client, self.DEBIAN, b"certificates", lambda t: None, cancel or CancelToken()
        )

    def test_the_history_says_what_it_is(
        self, client: DockerClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        fake_mmdebstrap(tmp_path / "bin", "tar -C /etc -cf - hostname", monkeypatch)
        image = self.run(client)
        try:
            facts = read_image(client.api, image)
            about = client.api.inspect_image(image)
        finally:
            client.api.remove_image(image)
        said = f"{NAME} stand-in: what this test made"
        assert [(e.created_by, e.layer) for e in facts.history] == [(said, 0)]
        assert [layer.created_by for layer in facts.layers] == [said]
        assert facts.stand_in == "what this test made"
        assert about["Config"]["Cmd"] == ["bash"]

    def test_what_fails_half_way_leaves_no_image(
        self, client: DockerClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        # A whole archive and then an error: the engine would have taken it.
        fake_mmdebstrap(
            tmp_path / "bin",
            "tar -C /etc -cf - hostname; echo 'E: the mirror is gone' >&2; exit 1",
            monkeypatch,
        )
        before = ids(client)
        with pytest.raises(bootstrap.NoBootstrap, match="the mirror is gone"):
            self.run(client)
        assert ids(client) == before

    def test_an_archive_that_is_none_is_refused(
        self, client: DockerClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        fake_mmdebstrap(tmp_path / "bin", "echo no archive", monkeypatch)
        before = ids(client)
        with pytest.raises(bootstrap.NoBootstrap):
            self.run(client)
        assert ids(client) == before

    def test_cancelling_ends_the_program_and_what_it_started(
        self, client: DockerClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        note = tmp_path / "child"
        fake_mmdebstrap(
            tmp_path / "bin",
            f"sleep 300 & echo $! > {note}; echo 'I: working' >&2; wait",
            monkeypatch,
        )
        cancel = CancelToken()
        with pytest.raises(bootstrap.NoBootstrap):
            bootstrap.bootstrap(
                client, self.DEBIAN, b"certificates", lambda text: cancel.cancel(), cancel
            )
        child = int(note.read_text())
        state = Path(f"/proc/{child}/stat")
        assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"
