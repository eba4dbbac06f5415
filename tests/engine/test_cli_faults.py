"""Faults at the edges of the command line: signals, pipes, files, an engine that goes away."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from docker.errors import NotFound
from filelock import FileLock

from helpers.course.paths import course_folders
from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for

WORKBOOK = str(Path(sys.executable).with_name("workbook"))
COURSE = course_folders()
SOLUTION = str(COURSE.solutions / "01-multi-stage" / "files")
WRONG = COURSE.root / "tests" / "exercises" / "01-multi-stage"
FROM = "FROM busybox:1.37\n"
PEAK_OF_CHILD = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module", autouse=True)
def bases(engine: Engine) -> None:
    ensure_for(engine, ["busybox:1.37"])


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Output is buffered, as it is for everybody who does not ask for something else."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    return {**kept, "WORKBOOK_WORK": str(tmp_path / "work")}


@pytest.fixture
def run(env: dict[str, str]) -> Run:
    def start(
        *arguments: str, before: tuple[str, ...] = (), **more: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*before, WORKBOOK, *arguments],
            env={**env, **more},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return start


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "context"
    path.mkdir()
    return path


def told(done: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    """One message with a remedy, nothing on standard output, no traceback."""
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.count("workbook: ") == 1, done.stderr
    assert done.stderr.count("\n→ ") == 1, done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


# Dockerfiles


@pytest.mark.parametrize(
    ("dockerfile", "options", "words"),
    [
        (None, (), ["There is no Dockerfile"]),
        ("", (), ["cannot be empty"]),
        (FROM + "RNU true\n", (), ["line 2", "unknown instruction: RNU", "> 2 | RNU true"]),
        (FROM + "COPY onlyone\n", (), ["line 2", "at least two arguments"]),
        (FROM, ("--target", "nope"), ["nope", "stage-0"]),
        (FROM + "\nRUN echo why; exit 7\n", (), ["line 3", "exit code 7", "\n  why\n"]),
        (FROM + "COPY --from=nostage /a /b\n", (), ["line 2", "meant as a stage", "stage-0"]),
    ],
    ids=["missing", "empty", "unknown instruction", "syntax", "target", "failing RUN", "no stage"],
)
def test_a_dockerfile_that_does_not_build_names_the_place(
    run: Run, folder: Path, dockerfile: str | None, options: tuple[str, ...], words: list[str]
) -> None:
    if dockerfile is not None:
        (folder / "Dockerfile").write_text(dockerfile)
    told(run("build", str(folder), *options), 1, *words)


# Contexts


def test_a_dockerfile_that_leads_outside_is_refused(run: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(FROM)
    (folder / "Dockerfile").symlink_to(tmp_path / "Dockerfile")
    told(run("build", str(folder)), 2, "leads out of the build context")


@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv (util-linux) is not here")
def test_a_file_without_read_permission_is_named(run: Run, folder: Path) -> None:
    (folder / "Dockerfile").write_text(FROM + "COPY . /in\n")
    secret = Path(os.fsdecode(os.fsencode(folder) + b"/secret-\xe9"))
    secret.write_text("x")
    secret.chmod(0)
    before: tuple[str, ...] = ()
    if os.geteuid() == 0:  # root reads everything, until this right is taken away
        before = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    told(
        run("build", str(folder), before=before), 2, r"secret-\xe9 cannot be read", ".dockerignore"
    )


def test_a_large_stray_file_is_told_and_sent_in_little_memory(
    env: dict[str, str], folder: Path, engine: Engine
) -> None:
    (folder / "Dockerfile").write_text(FROM + "COPY Dockerfile /\n")
    with (folder / "stray.iso").open("wb") as stray:
        stray.truncate(2_000_000_000)
    # Measured by a small process in between: at fork a child inherits the peak of its parent, and
    # this one, which runs all the tests, may be large.
    measured = subprocess.run(
        [sys.executable, "-c", PEAK_OF_CHILD, WORKBOOK, "build", str(folder)],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert measured.returncode == 0, measured.stderr
    image, peak = measured.stdout.split()
    assert "stray.iso (2000 MB)" in measured.stderr
    assert ".dockerignore" in measured.stderr
    assert int(peak) < 200_000, "kB: the file was held in memory"
    engine.client.images.remove(image)


# The course and the learner's copies


def test_a_broken_exercise_is_told_with_file_line_and_field(run: Run, tmp_path: Path) -> None:
    course = tmp_path / "course"
    shutil.copytree(COURSE.exercises, course / "exercises")
    path = course / "exercises" / "01-multi-stage" / "exercise.toml"
    text = path.read_text()
    assert text.count("max_mb = 200") == 1
    line = text[: text.index("max_mb = 200")].count("\n") + 1
    path.write_text(text.replace("max_mb = 200", "max_mb = -200"))
    for arguments in (["start", "01"], ["check", "01"]):
        told(run(*arguments, WORKBOOK_COURSE=str(course)), 2, f"{path}, line {line}, ", "max_mb")


def test_a_copy_that_cannot_be_made_is_no_traceback(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    work = str(tmp_path / "file" / "work")
    told(run("start", "01", WORKBOOK_WORK=work), 2, work, "WORKBOOK_WORK")


def test_a_folder_that_does_not_exist_says_nothing_of_a_build(run: Run, tmp_path: Path) -> None:
    done = run("check", "01", str(tmp_path / "nowhere"))
    told(done, 2, "There is no folder")
    assert "Build" not in done.stderr
    assert "workbook start" not in done.stderr, "the folder was named; a copy is no remedy"


def test_a_second_check_says_that_it_waits(env: dict[str, str]) -> None:
    records = Path(env["WORKBOOK_WORK"]) / ".workbook"
    records.mkdir(parents=True)
    with FileLock(records / "01-multi-stage.lock"):
        check = subprocess.Popen(
            [WORKBOOK, "check", "01", SOLUTION], env=env, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert check.stderr is not None
        line = check.stderr.readline()
        while line and "waits for it" not in line:
            line = check.stderr.readline()
        assert line, "it did not wait"
        assert check.poll() is None
    _, said = check.communicate(timeout=120)
    assert check.returncode == 0, said


def test_a_container_on_another_port_is_shown_readably(run: Run) -> None:
    done = run("check", "01", str(WRONG / "another-port"))
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "It answers on port 3000" in done.stdout
    assert "Something listens, but elsewhere" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr, "colour belongs on terminals only"


# Signals


def runs(seconds: int) -> bool:
    found = subprocess.run(["pgrep", "-fx", f"sleep {seconds}"], capture_output=True, check=False)
    return found.returncode == 0


def waited(condition: Callable[[], bool], seconds: float) -> bool:
    """Processes of the engine give no event that could be waited for."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.skipif(not shutil.which("pgrep"), reason="pgrep (procps) is not here")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("verb", [("build",), ("check", "01")], ids=lambda v: v[0])
def test_a_signal_ends_the_step_on_the_engine_too(
    env: dict[str, str], folder: Path, engine: Engine, verb: tuple[str, ...], ending: signal.Signals
) -> None:
    if not engine.private:
        pytest.skip("the processes of an engine in another machine cannot be seen from here")
    seconds = 1_000_000 + time.monotonic_ns() % 1_000_000  # never cached, and not anybody else's
    (folder / "Dockerfile").write_text(FROM + f"RUN sleep {seconds}\n")
    process = subprocess.Popen(
        [WORKBOOK, *verb, str(folder)], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert waited(lambda: runs(seconds), 60)
        process.send_signal(ending)
        out, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130, said
    assert out == ""
    assert "Traceback" not in said
    assert said.endswith("workbook: interrupted; nothing is left running.\n")
    assert waited(lambda: not runs(seconds), 20), "the step still runs on the engine"


# An engine that goes away


_CREATED = re.compile(rb"/containers/create\?name=([\w.-]+)")


class Cut:
    """A way to the engine that ends for good at the first request with the marker."""

    def __init__(self, engine: str, path: Path, marker: bytes) -> None:
        self.engine, self.path, self.marker = engine, path, marker
        self.listener = socket.socket(socket.AF_UNIX)
        self.ends: list[socket.socket] = [self.listener]
        self.containers: set[str] = set()
        self.listener.bind(str(path))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self) -> Cut:
        self.thread.start()
        return self

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    def __exit__(self, *_: object) -> None:
        self.cut()
        self.thread.join(10)
        for end in self.ends:
            end.close()

    def cut(self) -> None:
        self.path.unlink(missing_ok=True)
        for end in self.ends:
            with suppress(OSError):  # closed by the other side already
                end.shutdown(socket.SHUT_RDWR)

    def serve(self) -> None:
        with suppress(OSError):  # cut
            while True:
                here, _ = self.listener.accept()
                there = socket.socket(socket.AF_UNIX)
                self.ends += [here, there]
                there.connect(self.engine)
                for way in ((here, there, self.marker), (there, here, None)):
                    threading.Thread(target=self.copy, args=way, daemon=True).start()

    def copy(self, source: socket.socket, target: socket.socket, marker: bytes | None) -> None:
        with suppress(OSError):  # cut
            while data := source.recv(65536):
                if marker is not None and marker in data:
                    self.cut()  # before it is sent: an answer could be quicker than the cut
                    return
                target.sendall(data)
                self.containers |= {name.decode() for name in _CREATED.findall(data)}


@pytest.mark.parametrize(
    ("verb", "marker"),
    [
        (("build", SOLUTION), b"/grpc HTTP"),
        (("check", "01", SOLUTION), b"/grpc HTTP"),
        (("check", "01", SOLUTION), b"/archive?"),
        (("check", "01", SOLUTION), b"/containers/create"),
        (("inspect", "busybox:1.37"), b"/archive?"),
        (("bases",), b"/images/"),
    ],
    ids=["build", "check builds", "check reads", "check runs", "inspect", "bases"],
)
def test_an_engine_that_goes_away_is_one_clear_message(
    run: Run, engine: Engine, tmp_path: Path, verb: tuple[str, ...], marker: bytes
) -> None:
    if not engine.endpoint.url.startswith("unix://"):
        pytest.skip("only a socket can be cut here")
    real = engine.endpoint.url.removeprefix("unix://")
    with Cut(real, tmp_path / "cut.sock", marker) as cut:
        # A state folder of its own: no layer is known, so all are read.
        state = str(tmp_path / "state")
        told(run(*verb, DOCKER_HOST=cut.url, WORKBOOK_STATE=state), 3, "engine")
    # Nobody could remove these without an engine; `workbook clean` finds them by their label.
    for name in cut.containers:
        waited(lambda name=name: removed(engine, name), 5)


def removed(engine: Engine, container: str) -> bool:
    """Whether it was there and is gone; a create request may still be on its way."""
    try:
        engine.client.containers.get(container).remove(force=True, v=True)
    except NotFound:
        return False
    return True


# Standard output


def test_json_of_a_failed_check_is_one_document(run: Run) -> None:
    done = run("check", "01", str(WRONG / "unknown-instruction"), "--json")
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    assert document["derived"]["passed"] is False
    assert "line" in document["value"]["problem"]


@pytest.mark.parametrize(("instruction", "status"), [("LABEL a=b", 0), ("RUN exit 3", 1)])
def test_json_of_a_build_is_one_document_also_where_it_fails(
    run: Run, folder: Path, engine: Engine, instruction: str, status: int
) -> None:
    (folder / "Dockerfile").write_text(FROM + f"{instruction}\n")
    done = run("build", str(folder), "--json")
    assert done.returncode == status, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "build-record"
    assert bool(document["value"]["image_id"]) is (status == 0)
    assert "[stage-0 1/" in done.stderr, "progress is on standard error"
    if status == 0:
        engine.client.images.remove(document["value"]["image_id"])


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["properties"]], ids=" ".join)
def test_a_reader_that_left_is_reported_as_a_shell_does(
    env: dict[str, str], arguments: list[str], unbuffered: str
) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [WORKBOOK, *arguments],
            env={**env, "PYTHONUNBUFFERED": unbuffered},
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
def test_output_to_a_full_disk_is_told(env: dict[str, str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [WORKBOOK, "list"], env=env, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "No space left on device" in done.stderr
    assert "→ Free some disk space" in done.stderr
