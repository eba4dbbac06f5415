"""An exercise session made by hand: files in memory, results given beforehand."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from report.samples import build_events, failing_result

from helpers.build.events import Event
from helpers.judge.verdict import Outcome
from helpers.report.result import CheckResult
from helpers.views.session_protocol import (
    Attempt,
    ChangedOnDisk,
    CheckCancelled,
    ExerciseInfo,
    FileText,
    Saved,
    Solution,
    TaskFile,
)

STARTER = 'FROM node:24\nWORKDIR /app\nCOPY . .\nRUN npm ci\nCMD ["npm", "start"]\n'


def digest(text: str) -> str:
    """sha256 of a text, as a session gives it."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class FakeSession:
    """Answers :meth:`check` with ``outcomes`` in turn: a result to give, an error to raise.

    ``gate``, where there is one, holds a check until it is set or the check is cancelled.
    """

    outcomes: list[CheckResult | Exception] = field(default_factory=lambda: [failing_result()])
    gate: threading.Event | None = None
    disk: dict[str, str] = field(
        default_factory=lambda: {"Dockerfile": STARTER, "package.json": '{ "name": "orders" }\n'}
    )
    checked: list[dict[str, str]] = field(default_factory=list)
    history: list[Attempt] = field(default_factory=list)
    known: CheckResult | None = None
    pause: float = 0.0
    entered: threading.Event = field(default_factory=threading.Event)

    def info(self) -> ExerciseInfo:
        return ExerciseInfo(
            id="01-multi-stage",
            title="Cut the orders image below 200 MB",
            practice="Multi-stage builds",
            level="starter",
            minutes=25,
            task="The orders service runs from an image of 1.2 GB. Most of it was only needed to "
            "build.\n\nEdit the Dockerfile until every check passes. The service must go on "
            "answering on port 3000.",
            folder="work/01-multi-stage",
        )

    def files(self) -> tuple[TaskFile, ...]:
        return (
            TaskFile("Dockerfile", True, "work/01-multi-stage/Dockerfile"),
            TaskFile("package.json", False, "work/01-multi-stage/package.json"),
        )

    def read(self, name: str) -> FileText:
        return FileText(self.disk[name], digest(self.disk[name]))

    def save(self, name: str, text: str, expected_digest: str) -> Saved | ChangedOnDisk:
        current = self.read(name)
        if current.digest != expected_digest:
            return ChangedOnDisk(current)
        self.disk[name] = text
        return Saved(digest(text))

    def check(self, on_event: Callable[[Event], None], cancel: threading.Event) -> CheckResult:
        self.checked.append(dict(self.disk))
        for event in build_events():
            on_event(event)
            if self.pause and cancel.wait(self.pause):
                raise CheckCancelled
        self.entered.set()
        while self.gate is not None and not self.gate.wait(0.01):
            if cancel.is_set():
                raise CheckCancelled
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        self.history.append(
            Attempt(
                outcome.started,
                outcome.seconds,
                outcome.points,
                outcome.points_possible,
                *(
                    sum(c.verdict.outcome is kind for c in outcome.checks)
                    for kind in (Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN)
                ),
            )
        )
        return outcome

    def reset(self) -> str:
        self.disk["Dockerfile"] = STARTER
        return "work/01-multi-stage.before-reset-1"

    def solution(self) -> Solution:
        return Solution(
            (("Dockerfile", "FROM node:24 AS build\nFROM gcr.io/distroless/nodejs24\n"),),
            "solutions/01-multi-stage/solution.ipynb",
        )

    def attempts(self) -> tuple[Attempt, ...]:
        return tuple(self.history)

    def last_result(self) -> CheckResult | None:
        return self.known
