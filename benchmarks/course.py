"""The course's own images, and a warm check against the engine calls that it cannot avoid."""

from __future__ import annotations

import http.client
import io
import json
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.pairs import paired
from benchmarks.table import Row, ratio_row
from helpers.build.client import build
from helpers.build.context import mapping_context
from helpers.build.request import BuildRequest
from helpers.course.check import check
from helpers.course.exercise import Exercise, load_exercise
from helpers.course.paths import CourseFolders, course_folders
from helpers.course.workspace import Submission, course_files, read_submission
from helpers.engine.connect import Engine
from helpers.engine.labels import NAMESPACE, TOOL, labels

EXERCISE = "01-multi-stage"
SOLUTION = f"{NAMESPACE}bench-solution:latest"
NAIVE = f"{NAMESPACE}bench-naive:latest"
_TARGET = 1.3
_PORT = 3000
_ANSWER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Lesson:
    """The exercise that is measured, with its solution and its starter."""

    folders: CourseFolders
    exercise: Exercise
    solution: Submission
    naive: Submission


def lesson() -> Lesson:
    """Read it from the course."""
    folders = course_folders()
    exercise = load_exercise(folders, EXERCISE)
    solution = folders.solutions / exercise.id / "files"
    starter = folders.exercises / exercise.id / "starter"
    return Lesson(
        folders,
        exercise,
        read_submission(folders, exercise, solution),
        read_submission(folders, exercise, starter),
    )


def make_images(engine: Engine, course: Lesson) -> None:
    """Build the solution's and the naive image under names of their own."""
    for tag, submission in ((SOLUTION, course.solution), (NAIVE, course.naive)):
        build(engine.client.api, _request(course, submission, tag))


def rows(engine: Engine, course: Lesson) -> list[Row]:
    """The warm check, in this process, against the floor."""
    pairs = paired(lambda: _must_pass(engine, course), lambda: _floor(engine, course))
    name = "Warm check of the solution / the engine calls that it cannot avoid"
    note = "calls: build from the cache, save, create, start, first answer, kill, remove"
    return [ratio_row(name, pairs, _TARGET, note=note)]


def _must_pass(engine: Engine, course: Lesson) -> None:
    result = check(engine, course.folders, course.exercise, course.solution)
    if not result.passed:
        raise RuntimeError(f"the solution does not pass: {result.problem or result.checks}")


def _floor(engine: Engine, course: Lesson) -> None:
    """The calls one after another, each answer read to its end and thrown away."""
    api: Any = engine.client.api
    with closing(
        api._post(  # noqa: SLF001  # docker-py has no public call for BuildKit
            api._url("/build"),  # noqa: SLF001
            params={"version": "2", "t": SOLUTION, "labels": json.dumps(labels(TOOL))},
            data=_archive(_files(course, course.solution)),
            headers={"Content-Type": "application/x-tar"},
            stream=True,
        )
    ) as response:
        response.raise_for_status()
        for _ in response.raw.stream(decode_content=False):
            pass
    for _ in api.get_image(SOLUTION):
        pass
    with _container(engine) as container:
        api.start(container)
        ports = api.inspect_container(container)["NetworkSettings"]["Ports"]
        _first_answer(int(ports[f"{_PORT}/tcp"][0]["HostPort"]))
        api.kill(container)


@contextmanager
def _container(engine: Engine) -> Iterator[str]:
    api = engine.client.api
    container = api.create_container(
        SOLUTION,
        labels=labels(TOOL),
        ports=[_PORT],
        host_config=api.create_host_config(port_bindings={_PORT: ("127.0.0.1", None)}),
    )["Id"]
    try:
        yield container
    finally:
        api.remove_container(container, force=True, v=True)


def _first_answer(port: int) -> None:
    deadline = time.monotonic() + _ANSWER_SECONDS
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            answer.read()
        except ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.002)  # nothing tells when a port begins to answer
        else:
            if answer.status != http.HTTPStatus.OK:
                raise RuntimeError(f"/healthz answers {answer.status}")
            return
        finally:
            connection.close()


def _request(course: Lesson, submission: Submission, tag: str) -> BuildRequest:
    context = mapping_context(_files(course, submission))
    return BuildRequest(context, tags=(tag,), labels=labels(TOOL))


def _files(course: Lesson, submission: Submission) -> dict[str, bytes]:
    return {**course_files(course.folders, course.exercise), **submission.files}


def _archive(files: dict[str, bytes]) -> bytes:
    """The body of ``POST /build``, in the form that the older Dockerfile frontends read, too."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return raw.getvalue()
