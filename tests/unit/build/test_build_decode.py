"""The engine's progress stream to events."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from helpers.build.control_pb2 import StatusResponse
from helpers.build.decode import Decoder
from helpers.build.dockerfile import parse_dockerfile
from helpers.build.events import (
    BuildWarning,
    Event,
    ImageBuilt,
    LogLine,
    StepCached,
    StepFailed,
    StepFinished,
    StepStarted,
    Transfer,
)
from helpers.build.record import FIRST_LINES, LAST_LINES, BuildRecord, RecordBuilder
from helpers.build.steps import step

DOCKERFILE = parse_dockerfile("FROM busybox AS build\nENV A=1\nRUN one\nRUN two\n")
BASE, ONE, TWO = "[1/3] FROM busybox", "[2/3] RUN one", "[3/3] RUN two"


def at(seconds: float) -> Timestamp:
    return Timestamp(seconds=1000 + int(seconds), nanos=int(seconds % 1 * 1e9))


def vertex(
    name: str,
    started: float | None = None,
    completed: float | None = None,
    **more: Any,
) -> dict[str, Any]:
    told: dict[str, Any] = {"digest": f"sha256:{name}", "name": name, **more}
    if started is not None:
        told["started"] = at(started)
    if completed is not None:
        told["completed"] = at(completed)
    return told


def log(name: str, text: bytes, seconds: float, stream: int = 1) -> dict[str, Any]:
    return {"vertex": f"sha256:{name}", "msg": text, "timestamp": at(seconds), "stream": stream}


def line(**status: Any) -> bytes:
    raw = StatusResponse(**status).SerializeToString()
    aux = base64.b64encode(raw).decode()
    return json.dumps({"id": "moby.buildkit.trace", "aux": aux}).encode()


def decode(*lines: bytes) -> list[Event]:
    decoder = Decoder(DOCKERFILE)
    events = [event for raw in lines for event in decoder.line(raw)]
    return events + list(decoder.close())


def test_a_step_that_is_told_of_again_and_again_starts_and_ends_once() -> None:
    events = decode(
        line(vertexes=[vertex(ONE)]),
        line(vertexes=[vertex(ONE, 0)]),
        line(vertexes=[vertex(ONE, 0)]),
        line(vertexes=[vertex(ONE, 0, 1.5)]),
        line(vertexes=[vertex(ONE, 0, 1.5)]),
    )
    assert [type(event) for event in events] == [StepStarted, StepFinished]
    finished = events[1]
    assert isinstance(finished, StepFinished)
    assert (finished.started, finished.completed) == (0, 1.5)


def test_a_cached_step_never_starts() -> None:
    events = decode(line(vertexes=[vertex(ONE, 0, 0, cached=True)]))
    assert [type(event) for event in events] == [StepCached]


def test_one_message_is_put_in_the_order_of_the_clock() -> None:
    events = decode(
        line(
            vertexes=[vertex(TWO, 1, 2), vertex(ONE, 0, 1)],
            logs=[log(TWO, b"b\n", 1.5), log(ONE, b"a\n", 0.5)],
        )
    )
    told = [(type(e).__name__, e.step.name) for e in events]  # type: ignore[union-attr]
    assert told == [
        ("StepStarted", ONE),
        ("LogLine", ONE),
        ("StepStarted", TWO),
        ("StepFinished", ONE),
        ("LogLine", TWO),
        ("StepFinished", TWO),
    ]


def test_times_count_from_the_first_that_is_told() -> None:
    events = decode(line(vertexes=[vertex(ONE, 5.25)]), line(vertexes=[vertex(TWO, 6, 7)]))
    assert [getattr(e, "at", getattr(e, "started", None)) for e in events] == [0, 0.75, 0.75]


def test_a_failed_step_tells_its_last_words_first() -> None:
    events = decode(
        line(vertexes=[vertex(ONE, 0)], logs=[log(ONE, b"no newline", 0.1)]),
        line(vertexes=[vertex(ONE, 0, 1, error="exit code: 1")]),
    )
    assert [type(event) for event in events] == [StepStarted, LogLine, StepFailed]


def test_a_base_image_that_the_engine_holds_counts_as_cached() -> None:
    """The engine marks it as cached on some builds and not on others."""
    needs_base = {"inputs": [f"sha256:{BASE}"]}
    for told in (
        [vertex(BASE, 0, 0)],
        [vertex(BASE, 0, 0), vertex(BASE, 0, 0, cached=True)],
        [vertex(BASE, 0), vertex(BASE, 0, 0), vertex(BASE, 0), vertex(BASE, 0, 0)],
    ):
        lines = [line(vertexes=[one]) for one in told]
        events = decode(*lines, line(vertexes=[vertex(ONE, 1, **needs_base)]))
        assert [type(event) for event in events] == [StepCached, StepStarted]
    assert [type(event) for event in decode(line(vertexes=[vertex(BASE, 0, 0)]))] == [StepCached]


def test_a_base_image_that_is_pulled_starts_and_finishes() -> None:
    status = {"ID": "sha256:layer", "vertex": f"sha256:{BASE}", "timestamp": at(1)}
    events = decode(
        line(vertexes=[vertex(BASE, 0, 0)]),
        line(vertexes=[vertex(BASE, 0)]),
        line(statuses=[{**status, "current": 10, "total": 100}]),
        line(statuses=[{**status, "current": 10, "total": 100}]),
        line(statuses=[{**status, "current": 100, "total": 100}]),
        line(vertexes=[vertex(BASE, 0, 9)]),
        line(vertexes=[vertex(ONE, 9, inputs=[f"sha256:{BASE}"])]),
    )
    assert [type(e) for e in events] == [StepStarted, Transfer, Transfer, StepFinished, StepStarted]
    finished = events[3]
    assert isinstance(finished, StepFinished)
    assert finished.completed == 9


def test_the_image_and_the_error() -> None:
    built = json.dumps({"id": "moby.image.id", "aux": {"ID": "sha256:abc"}}).encode()
    assert decode(built) == [ImageBuilt("sha256:abc")]
    decoder = Decoder(DOCKERFILE)
    assert not list(decoder.line(b'{"errorDetail": {"message": "why\\u001b[1m"}, "error": "why"}'))
    assert decoder.error == "why"
    assert not decoder.traced


def test_warnings_carry_their_line_and_come_once() -> None:
    warning = {
        "vertex": f"sha256:{ONE}",
        "short": b"JSONArgsRecommended",
        "detail": [b"use JSON"],
        "url": "https://docs.docker.com/go/x/",
        "ranges": [{"start": {"line": 3}}],
    }
    raw = line(vertexes=[vertex(ONE)], warnings=[warning, warning])
    events = decode(raw, raw)
    assert len(events) == 1
    found = events[0]
    assert isinstance(found, BuildWarning)
    assert (found.short, found.detail, found.line) == ("JSONArgsRecommended", ("use JSON",), 3)
    assert found.step is not None


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b'{"id": "moby.buildkit.trace"}',
        b'{"id": "moby.buildkit.trace", "aux": 5}',
        b'{"id": "moby.buildkit.trace", "aux": "!!!!"}',
        b'{"id": "moby.buildkit.trace", "aux": "////"}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_cannot_be_read_is_said_once(raw: bytes) -> None:
    events = decode(raw, raw, line(vertexes=[vertex(ONE, 0)]))
    assert [type(event) for event in events] == [BuildWarning, StepStarted]


@given(st.binary())
def test_random_bytes_never_raise(raw: bytes) -> None:
    aux = base64.b64encode(raw).decode()
    decode(raw, json.dumps({"id": "moby.buildkit.trace", "aux": aux}).encode())


@given(st.integers(0, 400), st.integers(0, 400), st.integers(0, 255))
def test_cut_and_damaged_messages_never_raise(cut: int, place: int, value: int) -> None:
    whole = bytearray(
        StatusResponse(
            vertexes=[vertex(BASE, 0, 1), vertex(ONE, 1, 2, error="x")],  # type: ignore[list-item]
            logs=[log(ONE, b"\xff\n", 1)],  # type: ignore[list-item]
        ).SerializeToString()
    )
    whole[place % len(whole)] = value
    aux = base64.b64encode(bytes(whole[:cut])).decode()
    decode(json.dumps({"id": "moby.buildkit.trace", "aux": aux}).encode())


@pytest.mark.parametrize(
    ("name", "stage", "number", "at_line"),
    [
        ("[build 1/3] FROM docker.io/library/busybox:1", "build", 1, 1),
        ("[build 2/3] WORKDIR /app", "build", 2, 3),
        ("[Build 3/3] RUN a", "build", 3, 5),
        ("[stage-1 1/2] COPY --from=build /a /a", "stage-1", 1, 7),
        ("[stage-1 2/2] RUN <<EOF (echo one...)", "stage-1", 2, 8),
        ("[linux/amd64 build 3/3] RUN a", "build", 3, 5),
        ("[linux/arm64->amd64 build 3/3] RUN a", "build", 3, 5),
        ("[last  1/10] COPY x y", "last", 1, 12),
        ("[last 1/1] COPY x y", "last", 1, 12),
        ("[build 2/5] ONBUILD RUN trigger", "build", 2, 1),
        ("[build 5/5] RUN a", "build", 5, 5),
        ("[build 2/3] RUN a trigger of the base", "build", 2, None),
        ("[build 5/3] RUN a", "build", 5, 5),
        ("[build 4/3] WORKDIR /trigger", "build", 4, None),
        ("[nowhere 1/1] RUN x", "nowhere", 1, None),
    ],
)
def test_steps_are_matched_to_lines(
    name: str, stage: str, number: int, at_line: int | None
) -> None:
    text = (
        "FROM busybox:1 AS build\nENV A=1\nWORKDIR /app\n# comment\nRUN a\nFROM build\n"
        "COPY --from=build /a /a\nRUN <<EOF\necho one\nEOF\nFROM scratch AS last\nCOPY x y\n"
    )
    found = step("sha256:x", name, (), parse_dockerfile(text))
    assert (found.stage, found.number, found.line) == (stage, number, at_line)


def test_the_only_stage_has_no_name_in_a_step() -> None:
    found = step("sha256:x", TWO, (), DOCKERFILE)
    assert (found.stage, found.line, found.instruction) == ("build", 4, "RUN two")


@pytest.mark.parametrize("name", ["[internal] load build context", "exporting to image", "[a/b]"])
def test_steps_of_buildkit_belong_to_no_stage(name: str) -> None:
    found = step("sha256:x", name, (), DOCKERFILE)
    assert (found.stage, found.number, found.line) == (None, None, None)


def test_a_record_keeps_the_beginning_and_the_end_of_a_long_log() -> None:
    builder = RecordBuilder()
    one = step("sha256:x", ONE, (), DOCKERFILE)
    builder.add(StepStarted(one, 0))
    count = FIRST_LINES + LAST_LINES + 500
    builder.add_all(LogLine(one, 1, str(n)) for n in range(count))
    record = builder.record(context_bytes=1, seconds=1, dockerfile="", target=None)
    kept = record.steps[0].log
    assert len(kept) == FIRST_LINES + 1 + LAST_LINES
    assert kept[FIRST_LINES] == "… 500 lines left out …"
    assert (kept[0], kept[FIRST_LINES - 1], kept[-1]) == ("0", "199", str(count - 1))
    assert BuildRecord.from_json(record.to_json()) == record


def test_the_failed_step_is_the_one_that_failed_by_itself() -> None:
    builder = RecordBuilder()
    builder.add(StepFailed(step("sha256:a", ONE, (), DOCKERFILE), 0, 1, "context canceled"))
    builder.add(StepFailed(step("sha256:b", TWO, (), DOCKERFILE), 0, 1, "exit code: 1"))
    failed = builder.record(context_bytes=0, seconds=0, dockerfile="", target=None).failed_step()
    assert failed is not None
    assert failed.step.name == TWO
