"""Where a running build stands: events folded into one value that can be drawn at any moment."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

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
    Transfer,
)
from helpers.report.clean import one_line

#: How many of a step's last lines are kept.
TAIL = 8


@dataclass(slots=True)
class StepState:
    """One step as it stands.

    Attributes:
        step: the step itself.
        state: ``running``, ``cached``, ``done`` or ``failed``.
        started: seconds after the build began.
        seconds: how long it ran, once it ended.
        error: BuildKit's message where it failed.
        tail: its last lines, cleaned.
        transfers: bytes done and total by name; total is 0 where it is not known.
    """

    step: Step
    state: str
    started: float = 0.0
    seconds: float = 0.0
    error: str = ""
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))
    transfers: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Stage, position and instruction; BuildKit's own name for its own steps."""
        step = self.step
        if step.stage is None or step.instruction is None:
            return one_line(step.name, 160)
        position = f"{step.number}/{step.total}" if step.number else ""
        return one_line(f"[{step.stage} {position}] {step.instruction}", 160)


@dataclass(slots=True)
class BuildProgress:
    """The state of one build; :meth:`add` folds one event into it."""

    steps: dict[str, StepState] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    image_id: str = ""

    def add(self, event: Event) -> None:
        """Take one event into account."""
        match event:
            case StepStarted(step, at):
                state = self._state(step)
                state.state, state.started = "running", at
            case StepCached(step, at):
                state = self._state(step)
                state.state, state.started = "cached", at
            case StepFinished(step, started, completed):
                self._end(step, "done", started, completed)
            case StepFailed(step, started, completed, error):
                self._end(step, "failed", started, completed, error)
            case LogLine(step, _, text):
                self._state(step).tail.append(one_line(text, 240))
            case Transfer(step, name, done, total):
                self._state(step).transfers[name] = (done, total)
            case BuildWarning(_, short):
                self.warnings.append(one_line(short, 200))
            case ImageBuilt(image_id):
                self.image_id = image_id

    def running(self) -> list[StepState]:
        """The steps that run at this moment, in the order in which they began."""
        return [s for s in self.steps.values() if s.state == "running"]

    def ended(self) -> list[StepState]:
        """The steps that are over, in the order in which BuildKit told of them."""
        return [s for s in self.steps.values() if s.state != "running"]

    def failed(self) -> StepState | None:
        """The step whose error ended the build."""
        return next((s for s in self.steps.values() if s.state == "failed"), None)

    def count(self, state: str) -> int:
        """How many of the Dockerfile's steps are in the state."""
        return sum(s.state == state and s.step.stage is not None for s in self.steps.values())

    def _state(self, step: Step) -> StepState:
        # A log line may come before the start of its step is told.
        return self.steps.setdefault(step.digest, StepState(step, "running"))

    def _end(
        self, step: Step, name: str, started: float, completed: float, error: str = ""
    ) -> None:
        state = self._state(step)
        state.state, state.error = name, error
        state.started, state.seconds = started, max(0.0, completed - started)
