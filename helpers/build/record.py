"""A finished build as a value that can be saved, loaded, compared and drawn."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from helpers.build.events import (
    BuildWarning,
    Event,
    ImageBuilt,
    LogLine,
    Step,
    StepCached,
    StepFailed,
    StepFinished,
    StepStarted,
)

#: How many lines of a step's output a record keeps.
FIRST_LINES = 200
LAST_LINES = 2_000


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What became of one step.

    Attributes:
        step: the step itself.
        cached: True where the result came from the build cache and nothing ran.
        started: seconds after the build began; None where the step never began.
        completed: seconds after the build began; None where it never ended.
        error: BuildKit's message where it failed.
        log: what it printed, line by line: the first 200 and the last 2,000 lines, and between
            them one line that says how many were left out.
    """

    step: Step
    cached: bool = False
    started: float | None = None
    completed: float | None = None
    error: str | None = None
    log: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long the step ran, in seconds; 0 where it was cached or never ended."""
        if self.cached or self.started is None or self.completed is None:
            return 0.0
        return self.completed - self.started


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """One build: steps in the order in which BuildKit told of them, and what came out.

    Attributes:
        steps: every step, BuildKit's own ones too.
        image_id: ``sha256:…``, or None where the build failed.
        warnings: findings of BuildKit's build checks.
        context_bytes: how much was sent of contexts and Dockerfile, in bytes, protocol and all.
        seconds: from sending the request to the end of the stream.
        dockerfile: text of the Dockerfile that was built.
        target: the stage that was asked for, or None for the last one.
        no_cache: whether every step had to run, or the stages whose steps had to; None where it
            was not noted.
        sent_files: files of contexts that were sent, because the engine did not have them in this
            state; at most 1,000. None where it was not noted.
        build_args: names of the build arguments, each with a mark of its value (see
            :func:`argument_marks`), sorted by name; None where they were not noted.
    """

    steps: tuple[StepRecord, ...]
    image_id: str | None = None
    warnings: tuple[BuildWarning, ...] = ()
    context_bytes: int = 0
    seconds: float = 0.0
    dockerfile: str = ""
    target: str | None = None
    no_cache: bool | tuple[str, ...] | None = None
    build_args: tuple[tuple[str, str], ...] | None = None
    sent_files: tuple[str, ...] | None = None

    def failed_step(self) -> StepRecord | None:
        """The step whose error ended the build, or None.

        Steps that ran beside it end with "context canceled"; they are not meant.
        """
        failed = [s for s in self.steps if s.error]
        own = (s for s in failed if "context canceled" not in (s.error or ""))
        return next(own, failed[0] if failed else None)

    def to_json(self) -> str:
        """One JSON document; :meth:`from_json` gives the same record back."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> BuildRecord:
        """Read what :meth:`to_json` wrote.

        Raises:
            ValueError: if the text is not JSON.
            KeyError, TypeError: if it is not a build record.
        """
        raw: dict[str, Any] = json.loads(text)
        return BuildRecord(
            steps=tuple(_step_record(s) for s in raw["steps"]),
            image_id=raw["image_id"],
            warnings=tuple(_warning(w) for w in raw["warnings"]),
            context_bytes=raw["context_bytes"],
            seconds=raw["seconds"],
            dockerfile=raw["dockerfile"],
            target=raw["target"],
            # Records of before these were noted have none.
            no_cache=_no_cache(raw.get("no_cache")),
            build_args=_build_args(raw.get("build_args")),
            sent_files=_texts(raw.get("sent_files")),
        )


def argument_marks(build_args: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Build arguments as a record keeps them: names with marks that tell values apart.

    The values themselves stay out of a record: a proxy's address may hold a password.
    """
    return tuple(
        (name, hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()[:16])
        for name, value in sorted(build_args.items())
    )


@dataclass(slots=True)
class _Log:
    """The beginning and the end of a log, in bounded memory."""

    _first: list[str] = field(default_factory=list)
    _last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    _left_out: int = 0

    def add(self, line: str) -> None:
        if len(self._first) < FIRST_LINES:
            self._first.append(line)
            return
        self._left_out += len(self._last) == LAST_LINES
        self._last.append(line)

    def lines(self) -> tuple[str, ...]:
        note = (f"… {self._left_out} lines left out …",) if self._left_out else ()
        return (*self._first, *note, *self._last)


@dataclass(slots=True)
class RecordBuilder:
    """Folds events into a :class:`BuildRecord`; can be asked for the record at any moment."""

    _steps: dict[str, StepRecord] = field(default_factory=dict)
    _logs: dict[str, _Log] = field(default_factory=dict)
    _warnings: list[BuildWarning] = field(default_factory=list)
    _image_id: str | None = None

    def add(self, event: Event) -> None:
        """Take one event into account."""
        match event:
            case StepStarted(step, at):
                self._steps[step.digest] = StepRecord(step, started=at)
            case StepCached(step, at):
                self._steps[step.digest] = StepRecord(step, cached=True, started=at, completed=at)
            case StepFinished(step, started, completed):
                self._steps[step.digest] = StepRecord(step, started=started, completed=completed)
            case StepFailed(step, started, completed, error):
                self._steps[step.digest] = StepRecord(
                    step, started=started, completed=completed, error=error
                )
            case LogLine(step, _, text):
                self._logs.setdefault(step.digest, _Log()).add(text)
            case BuildWarning():
                self._warnings.append(event)
            case ImageBuilt(image_id):
                self._image_id = image_id
            case _:
                pass

    def add_all(self, events: Iterable[Event]) -> None:
        """Take several events into account."""
        for event in events:
            self.add(event)

    def record(
        self,
        *,
        context_bytes: int,
        seconds: float,
        dockerfile: str,
        target: str | None,
        no_cache: bool | tuple[str, ...] | None = None,
        build_args: tuple[tuple[str, str], ...] | None = None,
        sent_files: tuple[str, ...] | None = None,
    ) -> BuildRecord:
        """The record of what was seen so far."""
        return BuildRecord(
            steps=tuple(
                StepRecord(
                    s.step,
                    cached=s.cached,
                    started=s.started,
                    completed=s.completed,
                    error=s.error,
                    log=self._logs[digest].lines() if digest in self._logs else (),
                )
                for digest, s in self._steps.items()
            ),
            image_id=self._image_id,
            warnings=tuple(self._warnings),
            context_bytes=context_bytes,
            seconds=seconds,
            dockerfile=dockerfile,
            target=target,
            no_cache=no_cache,
            build_args=build_args,
            sent_files=sent_files,
        )


def _no_cache(raw: Any) -> bool | tuple[str, ...] | None:
    return tuple(raw) if isinstance(raw, list) else raw


def _texts(raw: Any) -> tuple[str, ...] | None:
    return None if raw is None else tuple(raw)


def _build_args(raw: Any) -> tuple[tuple[str, str], ...] | None:
    return None if raw is None else tuple((name, mark) for name, mark in raw)


def _step(raw: dict[str, Any]) -> Step:
    return Step(**{**raw, "inputs": tuple(raw["inputs"])})


def _step_record(raw: dict[str, Any]) -> StepRecord:
    return StepRecord(**{**raw, "step": _step(raw["step"]), "log": tuple(raw["log"])})


def _warning(raw: dict[str, Any]) -> BuildWarning:
    step = _step(raw["step"]) if raw["step"] else None
    return BuildWarning(**{**raw, "step": step, "detail": tuple(raw["detail"])})
