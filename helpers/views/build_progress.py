"""Where a running build stands: events folded into one value that can be drawn at any moment."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

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
from helpers.build.graph import BuildGraph
from helpers.report.clean import one_line

#: How many of a step's last lines a view shows without being asked.
TAIL = 8
#: How many of a step's last lines are kept, and how many characters of each.
LOG = 200
LINE = 240
# Cleaning may make a line shorter; more than this is never looked at.
_RAW = 4 * LINE
#: How many transfers and warnings are kept: a hostile stream may name very many.
_MOST = 200


@dataclass(slots=True)
class StepState:
    """One step as it stands.

    Attributes:
        step: the step itself.
        state: ``running``, ``cached``, ``done`` or ``failed``.
        started: seconds after the build began, by the engine's clock.
        seen: seconds after the view began when its start was told; None where that is not known.
        seconds: how long it ran, once it ended.
        error: BuildKit's message where it failed.
        lines: its last lines, as they came.
        transfers: bytes done and total by name; total is 0 where it is not known.
    """

    step: Step
    state: str
    started: float = 0.0
    seen: float | None = None
    seconds: float = 0.0
    error: str = ""
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LOG))
    transfers: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Stage, position and instruction; BuildKit's own name for its own steps."""
        step = self.step
        if step.stage is None or step.instruction is None:
            return one_line(step.name, 160)
        position = f"{step.number}/{step.total}" if step.number else ""
        return one_line(f"[{step.stage} {position}] {step.instruction}", 160)

    @property
    def place_label(self) -> str:
        """As ``label``, without the stage: for where the stage stands above."""
        step = self.step
        if step.stage is None or step.instruction is None:
            return self.label
        position = f"{step.number}/{step.total} " if step.number else ""
        return one_line(f"{position}{step.instruction}", 160)

    @property
    def stopped(self) -> bool:
        """True where it ended only because another step failed, or the build was cancelled."""
        return "context canceled" in self.error

    @property
    def tail(self) -> tuple[str, ...]:
        """Its last lines, cleaned and cut."""
        return self.log(TAIL)

    def log(self, most: int = LOG) -> tuple[str, ...]:
        """At most so many of its last lines, cleaned and cut."""
        # Cleaned when it is shown: most lines of a step that prints without end never are.
        first = max(0, len(self.lines) - most)
        return tuple(one_line(self.lines[i], LINE) for i in range(first, len(self.lines)))

    def running_for(self, elapsed: float) -> float:
        """How long a running step has been running, in seconds; ``elapsed`` is the view's time."""
        # The engine counts from its first step, the view from the request: sending the context
        # lies between.
        return max(0.0, elapsed - (self.started if self.seen is None else self.seen))

    def transfer(self, name: str, done: int, total: int) -> None:
        """Note the bytes of one transfer."""
        if name in self.transfers or len(self.transfers) < _MOST:
            self.transfers[name] = (done, total)

    def moved(self) -> tuple[int, int]:
        """Bytes done and bytes in all; the second is 0 where it is not known."""
        done = sum(d for d, _ in self.transfers.values())
        total = sum(t for _, t in self.transfers.values())
        return done, total if total >= done else 0


@dataclass(slots=True)
class BuildProgress:
    """The state of one build; :meth:`add` folds one event into it."""

    steps: dict[str, StepState] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    image_id: str = ""

    def add(self, event: Event, at: float | None = None) -> None:
        """Take one event into account.

        Args:
            event: what happened.
            at: seconds after the view began.
        """
        match event:
            case StepStarted(step, started):
                state = self._state(step)
                state.state, state.started, state.seen = "running", started, at
            case StepCached(step, started):
                state = self._state(step)
                state.state, state.started = "cached", started
            case StepFinished(step, started, completed):
                self._end(step, "done", started, completed)
            case StepFailed(step, started, completed, error):
                self._end(step, "failed", started, completed, error)
            case LogLine(step, _, text):
                self._state(step).lines.append(text[:_RAW])
            case Transfer(step, name, done, total):
                self._state(step).transfer(name, done, total)
            case BuildWarning(_, short):
                self.warnings = [*self.warnings, one_line(short, 200)][:_MOST]
            case ImageBuilt(image_id):
                self.image_id = image_id

    def snapshot(self) -> BuildProgress:
        """A copy that further events do not change."""
        steps = {
            digest: replace(s, lines=s.lines.copy(), transfers=dict(s.transfers))
            for digest, s in self.steps.items()
        }
        return BuildProgress(steps, list(self.warnings), self.image_id)

    def by_stage(self) -> dict[str | None, tuple[StepState, ...]]:
        """The steps by stage; BuildKit's own ones (key None) last.

        A stage comes after those that it uses, and a step that several stages share stands in the
        first of them: so the same build shows the same, whichever step was told first.
        """
        graph = BuildGraph(s.step for s in self.steps.values())
        found: dict[str | None, tuple[StepState, ...]] = {
            stage: tuple(replace(self.steps[step.digest], step=step) for step in graph.stage(stage))
            for stage in graph.stages
        }
        own = tuple(s for s in self.steps.values() if s.step.stage is None)
        return {**found, None: own} if own else found

    def running(self) -> list[StepState]:
        """The steps that run at this moment, in the order in which they began."""
        return [s for s in self.steps.values() if s.state == "running"]

    def ended(self) -> list[StepState]:
        """The steps that are over, in the order in which BuildKit told of them."""
        return [s for s in self.steps.values() if s.state != "running"]

    def failed(self) -> StepState | None:
        """The step whose error ended the build; those that it stopped beside it are not meant."""
        failed = [s for s in self.steps.values() if s.state == "failed"]
        return next((s for s in failed if not s.stopped), failed[0] if failed else None)

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
