"""The engine's progress stream to events."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.build.control_pb2 import StatusResponse
from helpers.build.decode import Decoder
from helpers.build.dockerfile import parse_dockerfile
from helpers.build.events import (
    BuildWarning,
    Event,
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
    return StatusResponse(**status).SerializeToString()


def decode(*messages: bytes) -> list[Event]:
    decoder = Decoder(DOCKERFILE)
    events = [event for raw in messages for event in decoder.message(raw)]
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
        b"\xff\xfe",
        b"{",
        b"\x0a\xff",  # a vertex that is longer than the message
        b"\x0a\x03\x0a\x01\xff",  # a digest that is not UTF-8
        b"\x0a" * 100_000,
    ],
)
def test_what_cannot_be_read_is_said_once(raw: bytes) -> None:
    events = decode(raw, raw, line(vertexes=[vertex(ONE, 0)]))
    assert [type(event) for event in events] == [BuildWarning, StepStarted]


def test_fields_that_are_not_known_are_skipped() -> None:
    events = decode(line(vertexes=[vertex(ONE, 0)]) + b"\xfa\x3f\x03new")
    assert [type(event) for event in events] == [StepStarted]


def test_words_about_steps_that_nobody_named_are_left_out() -> None:
    status = {"ID": "x", "vertex": "sha256:nobody", "current": 1, "total": 2, "timestamp": at(1)}
    assert decode(line(logs=[log("nobody", b"x\n", 1)], statuses=[status])) == []


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_random_bytes_never_raise(messages: list[bytes]) -> None:
    decode(*messages)


def texts() -> st.SearchStrategy[str]:
    return st.sampled_from(
        ["", ONE, TWO, BASE, "sha256:x", "[", "[1/0] FROM", "\0\x1b["]
    ) | st.text(max_size=8)


def times() -> st.SearchStrategy[Timestamp]:
    whole = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 5)
    return st.builds(Timestamp, seconds=whole, nanos=st.integers(-(2**31), 2**31 - 1))


statuses = st.builds(
    lambda **told: StatusResponse(**told).SerializeToString(),
    vertexes=st.lists(
        st.fixed_dictionaries(
            {"digest": texts(), "name": texts(), "inputs": st.lists(texts(), max_size=2)},
            optional={
                "started": times(),
                "completed": times(),
                "error": texts(),
                "cached": st.booleans(),
            },
        ),
        max_size=3,
    ),
    logs=st.lists(
        st.fixed_dictionaries(
            {"vertex": texts(), "msg": st.binary(max_size=20), "stream": st.integers(-9, 9)}
        ),
        max_size=2,
    ),
    statuses=st.lists(
        st.fixed_dictionaries(
            {"vertex": texts(), "ID": texts(), "current": st.integers(-9, 9), "timestamp": times()}
        ),
        max_size=2,
    ),
    warnings=st.lists(
        st.fixed_dictionaries(
            {"vertex": texts(), "short": st.binary(max_size=9), "url": texts()},
            optional={"ranges": st.just([{"start": {"line": -5}}])},
        ),
        max_size=2,
    ),
)


@settings(deadline=None)
@given(st.lists(statuses, max_size=5))
def test_whatever_is_told_each_step_ends_at_most_once_and_begins_before(
    messages: list[bytes],
) -> None:
    running: set[str] = set()
    failed: set[str] = set()
    for event in decode(*messages):
        match event:
            case StepStarted(step, seconds):
                assert seconds >= 0
                assert step.digest not in running
                running.add(step.digest)
            case StepFinished(step, _, _) | StepFailed(step, _, _, _):
                running.discard(step.digest)
                assert step.digest not in failed
                if isinstance(event, StepFailed):
                    failed.add(step.digest)


STREAMS = sorted(Path(__file__).with_name("streams").glob("*.json"))


def recorded(file: Path) -> tuple[str, list[bytes]]:
    """A Dockerfile, and the messages with which an engine told of its build."""
    stored = json.loads(file.read_text())
    return stored["dockerfile"], [base64.b64decode(raw) for raw in stored["messages"]]


def replay(dockerfile: str, messages: list[bytes]) -> list[Event]:
    decoder = Decoder(parse_dockerfile(dockerfile))
    events = [event for raw in messages for event in decoder.message(raw)]
    return events + list(decoder.close())


@pytest.mark.parametrize("file", STREAMS, ids=lambda file: file.stem)
def test_recorded_builds_are_told_in_order(file: Path) -> None:
    dockerfile, messages = recorded(file)
    events = replay(dockerfile, messages)
    expected = json.loads(file.read_text())["told"]
    told = []
    for event in events:
        match event:
            case StepStarted(step, _) | StepCached(step, _) | StepFinished(step, _, _):
                told.append(f"{type(event).__name__} {step.line} {step.name}")
            case StepFailed(step, _, _, error):
                told.append(f"StepFailed {step.line} {step.name}: {error}")
            case LogLine(step, stream, text):
                told.append(f"LogLine {step.line} {stream} {text}")
    assert told == expected


@pytest.mark.parametrize("file", STREAMS, ids=lambda file: file.stem)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_damaged_recordings_never_raise(file: Path, data: st.DataObject) -> None:
    dockerfile, messages = recorded(file)
    for _ in range(data.draw(st.integers(1, 4))):
        number = data.draw(st.integers(0, len(messages) - 1))
        raw = bytearray(messages[number])
        match data.draw(st.sampled_from(["cut", "flip", "drop", "twice"])):
            case "cut":
                raw = raw[: data.draw(st.integers(0, len(raw)))]
            case "flip" if raw:
                raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
            case "drop":
                raw = bytearray()
            case "twice":
                messages.insert(data.draw(st.integers(0, len(messages))), bytes(raw))
        messages[number] = bytes(raw)
    replay(dockerfile, messages)


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
