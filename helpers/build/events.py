"""What happens during a build, as values, in the order in which BuildKit tells it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One vertex of BuildKit's graph.

    Attributes:
        digest: BuildKit's digest of the vertex; the same work in a later build has the same digest.
        name: as BuildKit prints it, for example ``[build 3/6] RUN npm ci``.
        inputs: digests of the steps whose output it uses.
        stage: name of the Dockerfile stage (``stage-1`` where it has none), or None for BuildKit's
            own steps such as ``[internal] load build context``.
        number: position within the stage, from 1; None for BuildKit's own steps.
        total: how many steps the stage has; None for BuildKit's own steps.
        instruction: the Dockerfile instruction, for example ``RUN npm ci``.
        line: line in the Dockerfile where the instruction starts, from 1, where it can be told.
    """

    digest: str
    name: str
    inputs: tuple[str, ...] = ()
    stage: str | None = None
    number: int | None = None
    total: int | None = None
    instruction: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step began to run. ``at`` is in seconds since the build began (as all times here)."""

    step: Step
    at: float


@dataclass(frozen=True, slots=True)
class StepCached:
    """A step did not run: its result was in the build cache."""

    step: Step
    at: float


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step ran to its end."""

    step: Step
    started: float
    completed: float


@dataclass(frozen=True, slots=True)
class StepFailed:
    """A step ended with an error (``error`` is BuildKit's own message)."""

    step: Step
    started: float
    completed: float
    error: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a step printed. ``stream`` is 1 for standard output, 2 for standard error."""

    step: Step
    stream: int
    text: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """Bytes moved by a step (a context, a layer). ``total`` is 0 where BuildKit does not tell."""

    step: Step
    name: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class BuildWarning:
    """A build check's finding (BuildKit 0.15 or later).

    ``line`` is the line in the Dockerfile that it is about, from 1, where BuildKit tells.
    """

    step: Step | None
    short: str
    detail: tuple[str, ...] = ()
    url: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class ImageBuilt:
    """The build's result: the image id, ``sha256:…``."""

    image_id: str


Event = (
    StepStarted
    | StepCached
    | StepFinished
    | StepFailed
    | LogLine
    | Transfer
    | BuildWarning
    | ImageBuilt
)
