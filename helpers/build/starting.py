"""Steps that began a moment ago, and whose process may not be up yet.

BuildKit tells that a RUN step begins before it sets up its network and its process. A build that is
ended in between loses the step: it runs on to its end with nobody waiting for it (measured on
Docker 26.1). So whoever ends a build lets such a step come up first.
"""

from __future__ import annotations

import time

from helpers.build.events import Event, LogLine, StepFailed, StepFinished, StepStarted

#: The longest that a step is given to come up, in seconds.
_SECONDS = 1.0


class StartingSteps:
    """Follows the events of one build."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}

    def note(self, event: Event) -> None:
        """Take one event into account: a step that prints something or ends has come up."""
        match event:
            case StepStarted(step=step) if (step.instruction or "").startswith("RUN"):
                self._began[step.digest] = time.monotonic()
            case LogLine(step=step) | StepFinished(step=step) | StepFailed(step=step):
                self._began.pop(step.digest, None)

    def seconds_left(self) -> float:
        """How long until every step that began is taken to be up; 0 where all are."""
        latest = max(self._began.values(), default=0.0)
        return max(0.0, latest + _SECONDS - time.monotonic())
