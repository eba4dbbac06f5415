"""BuildKit's progress, message by message, to events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from helpers.build import steps
from helpers.build.control_pb2 import StatusResponse, Vertex, VertexLog, VertexStatus, VertexWarning
from helpers.build.dockerfile import Dockerfile
from helpers.build.events import (
    BuildWarning,
    Event,
    LogLine,
    Step,
    StepCached,
    StepFailed,
    StepFinished,
    StepStarted,
    Transfer,
)
from helpers.build.log_lines import LineReader, clean

_UNREADABLE = BuildWarning(
    None, "A progress message of the engine could not be read; steps may be missing."
)


@dataclass(slots=True)
class _Seen:
    """What was told of one step so far."""

    step: Step
    started: float | None = None
    completed: float | None = None
    state: Literal["waiting", "running", "done", "failed"] = "waiting"


class Decoder:
    """Turns the progress messages of one build into events, each once and in order.

    Args:
        dockerfile: what is being built, for the lines that steps belong to.
    """

    def __init__(self, dockerfile: Dockerfile) -> None:
        self._dockerfile = dockerfile
        self._begin: int | None = None
        self._seen: dict[str, _Seen] = {}
        self._readers: dict[tuple[str, int], LineReader] = {}
        self._transfers: dict[tuple[str, str], tuple[int, int]] = {}
        self._held: dict[str, StepCached] = {}
        self._warnings: set[BuildWarning] = set()

    def message(self, raw: bytes) -> Iterator[Event]:
        """The events of one StatusResponse. What cannot be read gives one warning."""
        try:
            status = StatusResponse.FromString(raw)
        except DecodeError:
            yield from self._warn(_UNREADABLE)
            return
        # A message may tell several things at once; the engine's own times put them in order.
        told: list[tuple[int, int, Any]] = []
        if self._begin is None:
            stamps = (
                ns for v in status.vertexes for ns in (_ns(v.started), _ns(v.completed)) if ns
            )
            self._begin = min(stamps, default=None)
        for vertex in status.vertexes:
            self._learn(vertex)
            if vertex.HasField("started"):
                told.append((_ns(vertex.started), 0, vertex))
            if vertex.HasField("completed"):
                told.append((_ns(vertex.completed), 2, vertex))
        told.extend((_ns(s.timestamp), 1, s) for s in status.statuses)
        told.extend((_ns(entry.timestamp), 1, entry) for entry in status.logs)
        told.sort(key=lambda item: item[:2])
        for _, order, item in told:
            if isinstance(item, Vertex):
                yield from self._started(item) if order == 0 else self._completed(item)
            elif isinstance(item, VertexStatus):
                yield from self._transfer(item)
            else:
                yield from self._log(item)
        for warning in status.warnings:
            yield from self._warning(warning)

    def close(self) -> Iterator[Event]:
        """What was held back: unfinished lines, and base images that no step needed."""
        yield from self._release(list(self._held))
        for digest, stream in list(self._readers):
            yield from self._flush(digest, stream)

    def _learn(self, vertex: Vertex) -> None:
        if vertex.digest not in self._seen:
            self._seen[vertex.digest] = _Seen(
                steps.step(
                    vertex.digest, clean(vertex.name), tuple(vertex.inputs), self._dockerfile
                )
            )

    def _started(self, vertex: Vertex) -> Iterator[Event]:
        seen = self._seen[vertex.digest]
        at = self._seconds(vertex.started)
        # Sending the context is told as two pieces of work: the second begins after the first.
        again = seen.state == "done" and seen.completed is not None and at > seen.completed
        if vertex.cached or not (seen.state == "waiting" or again):
            return
        seen.started = at
        if _is_base(seen.step):
            return
        seen.state = "running"
        yield from self._release(vertex.inputs)
        yield StepStarted(seen.step, seen.started)

    def _completed(self, vertex: Vertex) -> Iterator[Event]:
        seen = self._seen[vertex.digest]
        at = self._seconds(vertex.completed)
        if seen.state == "failed" or (seen.state == "done" and not vertex.error):
            return
        yield from self._release(vertex.inputs)
        for stream in (1, 2):
            yield from self._flush(vertex.digest, stream)
        started = at if seen.started is None else seen.started
        if vertex.error:
            seen.state = "failed"
            self._held.pop(vertex.digest, None)
            yield StepFailed(seen.step, started, at, clean(vertex.error))
        elif _is_base(seen.step) and seen.state == "waiting":
            # A base image is reported as complete once it is resolved, and again when it was
            # pulled; as cached on some builds and not on others. It was pulled if bytes move
            # before a step that needs it begins.
            self._held.setdefault(vertex.digest, StepCached(seen.step, at))
        else:
            seen.state, seen.completed = "done", at
            yield (
                StepCached(seen.step, at) if vertex.cached else StepFinished(seen.step, started, at)
            )

    def _release(self, digests: Iterable[str]) -> Iterator[Event]:
        for digest in digests:
            held = self._held.pop(digest, None)
            if held is not None:
                self._seen[digest].state = "done"
                yield held

    def _transfer(self, status: VertexStatus) -> Iterator[Event]:
        seen = self._seen.get(status.vertex)
        if seen is None or not (status.current or status.total):
            return
        if seen.state == "waiting" and _is_base(seen.step):
            self._held.pop(status.vertex, None)
            seen.state = "running"
            yield StepStarted(seen.step, seen.started or self._seconds(status.timestamp))
        name = clean(status.name or status.ID)
        if self._transfers.get((status.vertex, name)) != (status.current, status.total):
            self._transfers[status.vertex, name] = (status.current, status.total)
            yield Transfer(seen.step, name, status.current, status.total)

    def _log(self, log: VertexLog) -> Iterator[Event]:
        seen = self._seen.get(log.vertex)
        if seen is None:
            return
        reader = self._readers.setdefault((log.vertex, log.stream), LineReader())
        for text in reader.feed(log.msg):
            yield LogLine(seen.step, log.stream, text)

    def _flush(self, digest: str, stream: int) -> Iterator[Event]:
        reader = self._readers.pop((digest, stream), None)
        if reader is not None:
            for text in reader.close():
                yield LogLine(self._seen[digest].step, stream, text)

    def _warning(self, warning: VertexWarning) -> Iterator[Event]:
        seen = self._seen.get(warning.vertex)
        yield from self._warn(
            BuildWarning(
                seen.step if seen else None,
                clean(warning.short.decode("utf-8", "replace")),
                tuple(clean(line.decode("utf-8", "replace")) for line in warning.detail),
                clean(warning.url),
                warning.ranges[0].start.line or None if warning.ranges else None,
            )
        )

    def _warn(self, warning: BuildWarning) -> Iterator[Event]:
        if warning not in self._warnings:
            self._warnings.add(warning)
            yield warning

    def _seconds(self, stamp: Timestamp) -> float:
        """Seconds since the engine's first time: its own clock, so skew does not matter."""
        return max(0, _ns(stamp) - (self._begin or 0)) / 1e9


def _ns(stamp: Timestamp) -> int:
    return stamp.seconds * 1_000_000_000 + stamp.nanos


def _is_base(step: Step) -> bool:
    return step.instruction is not None and step.instruction.startswith("FROM ")
