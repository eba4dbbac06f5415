"""Takes the values of secrets out of what a build prints."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from helpers.build.events import BuildWarning, Event, LogLine, Step, StepFailed, Transfer
from helpers.build.log_lines import CUT, clean
from helpers.build.session.secrets import Secret

MASK = "***"
#: A line of a secret with several (a key, a configuration file) is looked for if it is this long.
_LINE_CHARACTERS = 6
_LINE_ENDS = re.compile(r"[\r\n]+")


class Masker:
    """Replaces the values of secrets, and their longer lines one by one, by three asterisks.

    It finds a value as it is, not what a step makes of it (its Base64 form, or its letters one at a
    line): no program can.
    """

    def __init__(self, secrets: Iterable[Secret]) -> None:
        forms: set[str] = set()
        for secret in secrets:
            text = secret.value().decode("utf-8", "replace").strip("\r\n")
            lines = [line.strip() for line in _LINE_ENDS.split(text)]  # as LineReader has them
            whole = [text] if len(lines) == 1 else []
            for form in (*whole, *(line for line in lines if len(line) >= _LINE_CHARACTERS)):
                forms.update((form, clean(form)))
        forms.discard("")
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._values = (
            re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        )
        self._longest_first = longest_first

    def text(self, text: str) -> str:
        """A text without the values."""
        return text if self._values is None else self._values.sub(MASK, text)

    def line(self, text: str) -> str:
        """A line of output without the values, nor the beginning of one where the line was cut."""
        masked = self.text(text)
        cut = CUT.search(masked)
        if cut is None:
            return masked
        kept = masked[: cut.start()]
        begun = max((_begun(kept, form) for form in self._longest_first), default=0)
        return kept[: len(kept) - begun] + (MASK if begun else "") + cut[0]

    def event(self, event: Event) -> Event:
        """An event without the values."""
        if self._values is None:
            return event
        match event:
            case LogLine(text=text):
                return replace(event, text=self.line(text))
            case StepFailed(step=step, error=error):
                return replace(event, step=self.step(step), error=self.text(error))
            case Transfer(name=name):
                return replace(event, name=self.text(name))
            case BuildWarning(short=short, detail=detail):
                return replace(event, short=self.text(short), detail=tuple(map(self.text, detail)))
            case _:
                return event

    def step(self, step: Step) -> Step:
        """A step without the values."""
        return replace(step, name=self.text(step.name))


def _begun(text: str, form: str) -> int:
    """How many characters at the end of a text are the beginning of a value."""
    most = min(len(text), len(form) - 1)
    return next((size for size in range(most, 0, -1) if text.endswith(form[:size])), 0)
