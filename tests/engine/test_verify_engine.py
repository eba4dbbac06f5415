"""``workbook verify`` on an engine: a tiny course of one exercise with two images."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.course.paths import CourseFolders
from helpers.course.verify import read_all, verified
from helpers.course.verify_judging import judging_on
from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for

WORKBOOK = str(Path(sys.executable).with_name("workbook"))
ID = "01-two"
TOML = """title = "Two images"
practice = "Words"
notebook = "01-words"
level = "first steps"
minutes = 5
edit = ["one/Dockerfile", "two/Dockerfile", "compose.yaml"]
bases = ["busybox:1.37"]
story = "There are two."
task = "Say who they are."

[[image]]
name = "one"
app = "one"
folder = "one"

[[image]]
name = "two"
app = "two"
folder = "two"

[[check]]
id = "one-title"
property = "oci-labels"
params = { required = ["title"] }
[[check.hints]]
text = "What is it?"
[[check.hints]]
text = "LABEL org.opencontainers.image.title=one"

[[check]]
id = "two-user"
property = "non-root"
image = "two"
[[check.hints]]
text = "Who is it?"
[[check.hints]]
text = "USER 1000:1000"

[[check]]
id = "valid"
property = "compose-valid"
image = "two"
[[check.hints]]
text = "Compose does not know a key."
[[check.hints]]
text = "The evidence names it."
"""
BASE = "FROM busybox:1.37\nCOPY word /word\n"
LABEL = "LABEL org.opencontainers.image.title=one\n"
USER = "USER 1000:1000\n"
COMPOSE = "services:\n  one: {build: ./one}\n  two: {build: ./two}\n"
RIGHT = {"one/Dockerfile": BASE + LABEL, "two/Dockerfile": BASE + USER, "compose.yaml": COMPOSE}
NAIVE = {"one/Dockerfile": BASE, "two/Dockerfile": BASE, "compose.yaml": COMPOSE}
BROKEN = {**RIGHT, "two/Dockerfile": "FROM busybox:1.37\nCOPY gone /\n"}
ANSWERS: dict[str, tuple[dict[str, str], str]] = {
    "naive": (NAIVE, 'fails = ["two-user", "one-title"]'),
    "no-label": ({**RIGHT, "one/Dockerfile": BASE}, 'only = "one-title"'),
    "misspelt": ({**RIGHT, "compose.yaml": COMPOSE + "volumen: {}\n"}, 'only = "valid"'),
    "broken": (BROKEN, 'first = "build"'),
    "right-other": ({**RIGHT, "two/Dockerfile": BASE + "USER 5:5\n"}, "passes = true"),
    "right-another": ({**RIGHT, "two/Dockerfile": BASE + "USER 6:6\n"}, "passes = true"),
}


def write(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


@pytest.fixture
def course(tmp_path: Path) -> CourseFolders:
    for app in ("one", "two"):
        write(tmp_path / "apps" / app, {"word": app})
    own = tmp_path / "exercises" / ID
    write(own, {"exercise.toml": TOML})
    write(own / "starter", NAIVE)
    write(tmp_path / "solutions" / ID / "files", RIGHT)
    for name, (files, expected) in ANSWERS.items():
        write(tmp_path / "tests" / "exercises" / ID / name, {**files, "expect.toml": expected})
    return CourseFolders(tmp_path, tmp_path / "work")


def tags(engine: Engine) -> set[str]:
    images = engine.client.api.images()
    return {tag for image in images for tag in image.get("RepoTags") or () if ID in tag}


def test_answers_of_two_images_are_judged_at_the_same_time_and_nothing_is_left(
    engine: Engine, course: CourseFolders
) -> None:
    (read,) = read_all(course)
    assert read.exercise is not None
    ensure_for(engine, read.exercise.bases)
    with judging_on(engine, course, jobs=3) as judging:
        futures = {a.name: judging.submit(read.exercise, a) for a in read.answers}
        seen = {name: future.result() for name, future in futures.items()}
        assert tags(engine), "each answer in hand has images under names of its own"
    assert not tags(engine)
    result = verified(course, read, seen)
    judged_wrong = [f for f in result.findings if f.kind != "missing-file"]
    assert not judged_wrong, judged_wrong
    assert seen["broken"].caught == ("build",)
    lines = "\n".join(seen["broken"].lines)
    assert "The image two" in lines
    assert "pass one-title" in lines, "what could be built is judged"


def test_a_fault_is_told_with_status_1_and_one_document(course: CourseFolders) -> None:
    write(course.root / "solutions" / ID / "files", NAIVE)
    done = subprocess.run(
        [WORKBOOK, "verify", "--json"],
        env={**os.environ, "WORKBOOK_COURSE": str(course.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "verify-result"
    assert document["derived"] == {"passed": False}
    kinds = {f["kind"] for f in document["value"]["exercises"][0]["findings"]}
    assert "solution-fails" in kinds
    assert f"{ID}: ✗" in done.stderr


def test_interrupted_it_leaves_nothing(engine: Engine, course: CourseFolders) -> None:
    slow = "FROM busybox:1.37\nRUN sleep 300\n"
    for name in ANSWERS:
        write(course.root / "tests" / "exercises" / ID / name, {"one/Dockerfile": slow})
    process = subprocess.Popen(
        [WORKBOOK, "verify", "--jobs", "3"],
        env={**os.environ, "WORKBOOK_COURSE": str(course.root)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("Judging"):
            break
    deadline = time.monotonic() + 60
    while not tags(engine) and time.monotonic() < deadline:  # the first answers are built
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    said = process.stderr.read()
    assert process.wait(60) == 130, said
    assert "nothing is left running" in said
    assert not tags(engine)
