"""``workbook audit`` on folders and images, from the command line to the exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from static_busybox import static_busybox

from helpers.engine.connect import Engine
from helpers.pytest_plugin import TestedImage

_GOOD = """\
FROM scratch AS build
COPY --chmod=0755 busybox /bin/busybox

FROM scratch
COPY --from=build /bin/busybox /bin/busybox
USER 65532
EXPOSE 8080
ENTRYPOINT ["/bin/busybox"]
CMD ["httpd", "-f", "-p", "8080"]
"""
_BAD = """\
FROM scratch
COPY --chmod=0755 busybox /bin/busybox
COPY --chmod=0755 busybox /bin/sh
USER root
CMD sleep 60
"""
#: Families that need no container: the runs of these tests take seconds.
_AT_REST = ("--only", "start", "--only", "size", "--only", "dockerfile")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audited")
    (folder / "busybox").write_bytes(static_busybox(tmp_path_factory.mktemp("busybox")))
    (folder / "Dockerfile").write_text(_GOOD)
    (folder / "Dockerfile.bad").write_text(_BAD)
    return folder


def audit(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-c", "from helpers.cli import main; main()", "audit", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=180,
    )


def outcomes(run: subprocess.CompletedProcess[str]) -> dict[str, str]:
    document = json.loads(run.stdout)
    return {f["id"]: f["verdict"]["outcome"] for f in document["value"]["findings"]}


def images(engine: Engine) -> list[Any]:
    return list(engine.client.api.images(name="workbook/audit"))


def test_a_folder_is_built_judged_and_its_image_removed(
    workbook_engine: Engine, folder: Path
) -> None:
    before = len(images(workbook_engine))
    run = audit(folder, ".", "--json", *_AT_REST)
    assert outcomes(run)["non-root"] == "pass", run.stderr
    assert outcomes(run)["exec-form"] == "pass"
    assert len(images(workbook_engine)) == before


def test_a_bad_one_leads_with_what_to_change(folder: Path) -> None:
    run = audit(folder, ".", "-f", "Dockerfile.bad", *_AT_REST)
    assert run.returncode == 1, run.stderr
    assert "most useful change" in run.stdout
    assert "The service does not run as root" in run.stdout
    assert "(Dockerfile line 4)" in run.stdout


def test_limits_decide_on_the_exit_status(folder: Path) -> None:
    bad = (".", "-f", "Dockerfile.bad", "--only", "start", "--json")
    assert audit(folder, *bad, "--fail-below", "0").returncode == 0
    assert audit(folder, *bad, "--fail-below", "100").returncode == 1
    assert audit(folder, *bad, "--fail-on", "1").returncode == 1


def test_settings_ignore_with_a_reason(folder: Path, tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(
        '[[ignore]]\nproperty = "non-root"\nreason = "a demonstration"\n'
        '[[ignore]]\nproperty = "no-such"\nreason = "x"\n'
    )
    run = audit(
        folder, ".", "-f", "Dockerfile.bad", "--only", "start", "--ignore-file", str(settings)
    )
    assert "1 ignored" in run.stdout
    assert "no-such: there is no such property" in " ".join(run.stdout.split())


def test_an_image_is_judged_as_it_is_with_the_lines_of_its_dockerfile(
    folder: Path, workbook_build: Callable[..., TestedImage], tmp_path: Path
) -> None:
    image = workbook_build(folder, dockerfile=folder / "Dockerfile.bad")
    log = tmp_path / "audit.sarif"
    run = audit(
        folder,
        image.id,
        *("-f", "Dockerfile.bad", "--format", "sarif", "--output", str(log), "--only", "start"),
    )
    assert run.returncode == 1, run.stderr
    assert run.stdout == ""
    (found,) = json.loads(log.read_text())["runs"]
    places = {
        (r["ruleId"], r["locations"][0]["physicalLocation"]["region"]["startLine"])
        for r in found["results"]
    }
    assert ("non-root", 4) in places
    page = audit(folder, image.id, "--format", "html", "--only", "size")
    assert page.stdout.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["no-such-image:1"], 2, "no such image"),
        (["./nowhere"], 2, "There is no folder ./nowhere"),
        (["busybox"], 2, "is a file"),
        ([".", "--format", "xml"], 2, "There is no format 'xml'"),
        ([".", "--only", "nothing"], 2, "There is no family 'nothing'"),
        ([".", "--output", "no/such/file"], 2, "There is no folder no/such"),
        ([".", "-f", "Dockerfile.no"], 1, "Dockerfile.no"),
        (["no-such-image:1", "--target", "x"], 2, "for a folder that is built"),
        ([".", "--ignore-file", "none.toml"], 2, "No such file"),
    ],
)
def test_bad_input_is_one_clear_error(
    folder: Path, arguments: list[str], status: int, words: str
) -> None:
    run = audit(folder, *arguments)
    assert words in run.stderr
    assert "→" in run.stderr
    assert "Traceback" not in run.stderr
    assert run.returncode == status
