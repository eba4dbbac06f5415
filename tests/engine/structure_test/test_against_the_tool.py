"""container-structure-test itself and the workbook, side by side on the same files.

Known differences, each with who is right:

- A file that cannot be read is a failed test for the tool (exit status 1), and bad input here
  (exit status 2): nothing was tested.
- With ``allocateTty`` the tool fails whatever prints eight bytes or more, for it takes what a
  terminal prints for its own framing. The workbook reads it.
- The tool leaves an anonymous volume behind for every container of an image with VOLUME.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError, ImageNotFound
from static_busybox import static_busybox

from helpers.audit.subject import Audited
from helpers.engine.connect import Engine
from helpers.engine.labels import CHECK, CONTAINER, filters
from helpers.pytest_plugin import TestedImage
from helpers.structure_test.parse import parse_file, parse_text
from helpers.structure_test.run import run_file

pytest.importorskip("re2", reason="google-re2 is not installed")

HERE = Path(__file__).parent
FILES = sorted(p.name for p in HERE.glob("*.yaml"))
_PATH = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
TOOL = shutil.which("container-structure-test", path=_PATH)


@pytest.fixture(scope="session")
def image(
    workbook_build: Callable[..., TestedImage], tmp_path_factory: pytest.TempPathFactory
) -> Audited:
    folder = tmp_path_factory.mktemp("structure")
    shutil.copy(HERE / "Dockerfile", folder)
    (folder / "busybox").write_bytes(static_busybox(tmp_path_factory.mktemp("busybox")))
    return workbook_build(folder).audited


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)
    monkeypatch.setenv("STRUCTURE_TEST_SET", "1")
    monkeypatch.delenv("STRUCTURE_TEST_UNSET", raising=False)


def ask_the_tool(engine: Engine, image: str, file: str) -> list[tuple[str, bool, Any]]:
    assert TOOL is not None
    done = subprocess.run(
        [TOOL, "test", "--image", image, "--config", file, "--output", "json", "--no-color"],
        capture_output=True,
        text=True,
        env={**os.environ, "DOCKER_HOST": engine.endpoint.url},
    )
    clean_up_after_the_tool(engine, image)
    results = json.loads(done.stdout).get("Results") or []
    # Its JSON has no verdict; a test with an error has failed.
    return [(r["Name"], not r.get("Errors"), r.get("Errors")) for r in results]


def clean_up_after_the_tool(engine: Engine, image: str) -> None:
    """It leaves containers that could not be started, and images that it committed for them."""
    api = engine.client.api
    layers = api.inspect_image(image)["RootFS"]["Layers"]
    made = []
    for found in api.images(filters={"dangling": True, "since": image}):
        try:
            about = api.inspect_image(found["Id"])
        except ImageNotFound:
            continue
        if about["RootFS"]["Layers"][: len(layers)] == layers:
            made.append(found["Id"])
    for container in api.containers(all=True):
        if container["ImageID"] in made and not container["Labels"].get(CONTAINER):
            api.remove_container(container["Id"], force=True, v=True)
    for found in made:
        with suppress(ImageNotFound, APIError):
            api.remove_image(found)


@pytest.mark.skipif(TOOL is None, reason="container-structure-test is not installed")
@pytest.mark.parametrize("file", FILES)
def test_the_verdicts_are_the_tools_own(workbook_engine: Engine, image: Audited, file: str) -> None:
    theirs = ask_the_tool(workbook_engine, image.image_id, file)
    ours = run_file(workbook_engine, parse_file(Path(file)), image.image_id)
    assert len(theirs) == len(ours.tests)
    different = [
        (name, errors, test.errors)
        for (name, passed, errors), test in zip(theirs, ours.tests, strict=True)
        if passed is not test.passed
    ]
    assert not different


def run(engine: Engine, image: Audited, text: str) -> list[tuple[str, bool]]:
    spec = parse_text(f"schemaVersion: 2.0.0\n{text}".encode(), "t.yaml")
    return [(t.name, t.passed) for t in run_file(engine, spec, image.image_id).tests]


def test_without_the_tool_right_and_wrong_are_told_apart(
    workbook_engine: Engine, image: Audited
) -> None:
    assert run(
        workbook_engine,
        image,
        """
commandTests:
  - {name: right, command: id, args: [-u], expectedOutput: ['^1000\\n$']}
  - {name: wrong, command: sh, args: [-c, exit 3]}
fileContentTests:
  - {name: content, path: lines.txt}
  - {name: lines, path: /srv/app/lines.txt, expectedContents: ['(?m)^two$']}
fileExistenceTests:
  - {name: suid, path: /srv/app/suid, permissions: urwxr-xr-x}
  - {name: gone, path: /srv/app/gone}
metadataTest: {user: web}
""",
    ) == [
        ("right", True),
        ("wrong", False),
        ("content", False),
        ("lines", True),
        ("suid", True),
        ("gone", False),
        ("", True),
    ]


def test_a_terminal_is_read(workbook_engine: Engine, image: Audited) -> None:
    text = "containerRunOptions: {allocateTty: true}\ncommandTests:\n"
    text += "- {name: tty, command: tty, expectedOutput: ['^/dev/']}\n"
    assert run(workbook_engine, image, text) == [("tty", True)]


def test_equal_commands_run_once(
    workbook_engine: Engine, image: Audited, monkeypatch: pytest.MonkeyPatch
) -> None:
    from helpers.structure_test.containers import Containers

    ran: list[tuple[str, ...]] = []
    really = Containers.run

    def counted(self: Containers, image: str, command: tuple[str, ...], env: Any) -> Any:
        ran.append(command)
        return really(self, image, command, env)

    monkeypatch.setattr(Containers, "run", counted)
    text = (
        "commandTests:\n- {name: a, command: 'true'}\n- {name: b, command: 'true', exitCode: 1}\n"
    )
    assert run(workbook_engine, image, text) == [("a", True), ("b", False)]
    assert ran == [("true",)]


def test_ctrl_c_ends_the_commands_and_leaves_nothing(
    workbook_engine: Engine, image: Audited, tmp_path: Path
) -> None:
    (tmp_path / "t.yaml").write_text(
        "schemaVersion: 2.0.0\ncommandTests:\n"
        "- {name: a, setup: [[sh, -c, 'echo x > /tmp/x']], command: sleep, args: ['120']}\n"
        "- {name: b, command: sleep, args: ['121']}\n"
    )
    api = workbook_engine.client.api
    started = api.events(
        filters={"type": "container", "event": "start", "label": filters()["label"]}, decode=True
    )
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from helpers.cli import main; main()",
            "check",
            "--structure-test",
            str(tmp_path / "t.yaml"),
            image.image_id,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((*sys.path, str(HERE.parents[2])))},
    )
    mine = f"workbook-{CHECK}-"
    names = []
    for event in started:  # the setup, and both commands
        attributes = event["Actor"]["Attributes"]
        made_of = attributes["image"]
        ours = made_of == image.image_id or made_of.startswith("workbook/structure-test:")
        if ours and attributes["name"].startswith(mine):
            names.append(attributes["name"])
        if len(names) == 3:
            break
    started.close()
    process.send_signal(2)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "nothing is left running" in err
    left = {n for c in api.containers(all=True) for n in c["Names"]}
    assert not left & {f"/{name}" for name in names}
    assert not api.images(name="workbook/structure-test")
