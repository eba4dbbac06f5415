"""The workbook's own plugin for pytest, used as anybody would use it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from static_busybox import static_busybox

from helpers.engine.connect import Engine
from helpers.errors import BadInput
from helpers.judge.judge import Criterion
from helpers.judge.verdict import Outcome
from helpers.pytest_plugin import TestedImage, assert_property, matching

_DOCKERFILE = """\
FROM scratch
COPY --chmod=0755 busybox /bin/busybox
USER 65532
ENTRYPOINT ["/bin/busybox"]
CMD ["sleep", "60"]
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("app")
    (folder / "busybox").write_bytes(static_busybox(tmp_path_factory.mktemp("busybox")))
    (folder / "Dockerfile").write_text(_DOCKERFILE)
    (folder / "Dockerfile.root").write_text(_DOCKERFILE.replace("USER 65532\n", "USER 0\n"))
    return folder


@pytest.fixture(scope="session")
def workbook_image(workbook_build: Callable[..., TestedImage], folder: Path) -> TestedImage:
    return workbook_build(folder)


def test_a_property_that_holds(workbook_image: TestedImage) -> None:
    assert_property("image-size", workbook_image, max_mb=10)
    assert_property("non-root", workbook_image)


def test_a_property_that_does_not_hold_fails_with_its_evidence(
    workbook_build: Callable[..., TestedImage], folder: Path
) -> None:
    image = workbook_build(folder, dockerfile=folder / "Dockerfile.root")
    with pytest.raises(AssertionError) as failure:
        assert_property("non-root", image)
    text = str(failure.value)
    assert "(non-root): fail" in text
    assert "`USER 0` means uid 0. [Dockerfile line 3]" in text
    assert "https://" in text


def test_what_could_not_be_told_is_no_pass(
    workbook_image: TestedImage, workbook_named: Callable[[str], TestedImage]
) -> None:
    by_name = workbook_named(workbook_image.id)
    with pytest.raises(AssertionError, match="could not tell"):
        assert_property("multi-stage", by_name)


def test_parameters_are_checked(workbook_image: TestedImage) -> None:
    with pytest.raises(BadInput, match="max_mbb"):
        assert_property("image-size", workbook_image, max_mbb=1)
    with pytest.raises(BadInput, match="kinds"):
        assert_property("final-base", workbook_image)
    with pytest.raises(BadInput, match="no property"):
        assert_property("image-sise", workbook_image)


def test_an_image_is_built_once_and_looked_at_once(
    workbook_build: Callable[..., TestedImage], folder: Path, workbook_image: TestedImage
) -> None:
    assert workbook_build(folder) is workbook_image
    seen = workbook_image.observe(matching(["non-root"])[0].property.needs(None))
    assert workbook_image.observe(()) is seen


def test_a_container_runs_while_the_test_does(
    workbook_run: Callable[..., object], workbook_image: TestedImage, workbook_engine: Engine
) -> None:
    container = workbook_run(workbook_image, command=("sleep", "60"))
    about = workbook_engine.client.api.inspect_container(container.id)  # type: ignore[attr-defined]
    assert about["State"]["Running"]


@pytest.mark.workbook_properties("non-root", "wasted-bytes")
def test_every_property_of_the_marker(
    workbook_property: Criterion, workbook_image: TestedImage
) -> None:
    assert workbook_property.property.id in {"non-root", "wasted-bytes"}
    assert_property(workbook_property, workbook_image)


def test_names_are_properties_or_families() -> None:
    assert [c.property.id for c in matching(["wasted-bytes"])] == ["wasted-bytes"]
    assert {c.property.family for c in matching(["SIZE"])} == {"size"}
    assert "final-base" not in {c.property.id for c in matching()}, "it needs kinds"
    with pytest.raises(BadInput, match="no property or family"):
        matching(["sise"])


_USE = """
import os, signal
import pytest
from helpers.pytest_plugin import assert_property

def test_size(workbook_image):
    assert_property("image-size", workbook_image, max_mb=MAX_MB)
"""


def _pytest(cwd: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "helpers.pytest_plugin", "-q", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _left(engine: Engine) -> set[str]:
    images = engine.client.api.images(name="workbook/audit")
    return {tag for image in images for tag in image["RepoTags"] or ()}


@pytest.mark.parametrize(("most", "outcome"), [("10", "1 passed"), ("0.001", "1 failed")])
def test_the_options_name_the_image(
    tmp_path: Path, folder: Path, most: str, outcome: str, workbook_image: TestedImage
) -> None:
    (tmp_path / "test_use.py").write_text(_USE.replace("MAX_MB", most))
    for option in (f"--workbook-image={workbook_image.id}", f"--workbook-folder={folder}"):
        run = _pytest(tmp_path, option)
        out, _ = run.communicate(timeout=120)
        assert outcome in out
        assert run.returncode == int(outcome != "1 passed")
        assert (Outcome.FAIL in out) is (outcome == "1 failed")


def test_without_an_option_the_error_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "test_use.py").write_text(_USE.replace("MAX_MB", "1"))
    out, _ = _pytest(tmp_path).communicate(timeout=120)
    assert "--workbook-image NAME or --workbook-folder DIR" in out


def test_ctrl_c_leaves_nothing(
    tmp_path: Path, folder: Path, workbook_engine: Engine, workbook_image: TestedImage
) -> None:
    before = _left(workbook_engine)
    (tmp_path / "test_use.py").write_text(
        "import threading\n"
        "def test_wait(workbook_image, workbook_run):\n"
        "    container = workbook_run(workbook_image, command=('sleep', '300'))\n"
        "    print('RUNS', container.name, flush=True)\n"
        "    threading.Event().wait(120)\n"
    )
    run = _pytest(tmp_path, "-s", f"--workbook-folder={folder}")
    assert run.stdout is not None
    name = next(line.split()[-1] for line in run.stdout if "RUNS" in line)
    assert workbook_engine.client.api.containers(filters={"name": name})
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=60)
    assert "KeyboardInterrupt" in out
    assert not workbook_engine.client.api.containers(all=True, filters={"name": name})
    assert _left(workbook_engine) == before
