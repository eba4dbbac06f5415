"""How long a service takes from the order to start until it says that it listens.

Both moments are read from the engine's own clock: the time at which it made the container, and the
time at which it received the line. So the way from this machine to the engine does not count.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from threading import Timer
from typing import Any

import docker

from helpers.engine.labels import LESSON
from helpers.errors import WorkbookError
from helpers.observe.containers import CannotStart, ContainerSpec, running_container
from helpers.observe.errors import engine_errors

#: What the course's services write when they accept connections.
READY = "listening"
_SECONDS = 30.0


class DidNotStart(WorkbookError):
    """A service did not say that it listens."""


@dataclass(frozen=True, slots=True)
class StartTimes:
    """One image, started several times.

    Attributes:
        label: the image's name in tables.
        seconds: one a run, in the order in which they were made.
    """

    label: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one, in seconds."""
        return median(self.seconds)

    @property
    def shortest(self) -> float:
        """Seconds."""
        return min(self.seconds)

    @property
    def longest(self) -> float:
        """Seconds."""
        return max(self.seconds)


def start_times(
    client: docker.DockerClient,
    images: Iterable[tuple[str, str]],
    *,
    runs: int = 5,
    ready: str = READY,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[StartTimes, ...]:
    """Start each image several times, in turns, after one run that does not count.

    In turns: whatever slows the machine down for a while slows all of them down.

    Args:
        client: a connection to the engine.
        images: label, and name or id, of each.
        runs: how often each is started and counted, at least 1.
        ready: a word of the line that says that the service listens, in any case of letters.
        on_progress: told how many starts are done, and how many there are.

    Raises:
        DidNotStart: where a service ends, or says nothing for 30 s.
        BadInput: where the engine has no such image.
        ObservationFailed, NoEngine: where the engine refuses, or stops answering.
    """
    wanted = tuple(images)
    seconds: dict[str, list[float]] = {label: [] for label, _ in wanted}
    for turn in range(runs + 1):
        for place, (label, image) in enumerate(wanted):
            found = start_once(client, label, image, ready=ready)
            if turn:
                seconds[label].append(found)
            if on_progress:
                on_progress(turn * len(wanted) + place + 1, (runs + 1) * len(wanted))
    return tuple(StartTimes(label, tuple(seconds[label])) for label, _ in wanted)


def start_once(
    client: docker.DockerClient,
    label: str,
    image: str,
    *,
    ready: str = READY,
    wait_seconds: float = _SECONDS,
) -> float:
    """Seconds of one start; raises as :func:`start_times`, after ``wait_seconds`` of silence."""
    spec = ContainerSpec(image, role=LESSON)
    try:
        with running_container(client, spec) as container:
            with engine_errors("starting a service"):
                about = client.api.inspect_container(container.id)
            line = _wait_for(client.api, container.id, label, ready, wait_seconds)
            return (engine_time(line) - engine_time(about["Created"])).total_seconds()
    except CannotStart as error:
        raise DidNotStart(
            f"{label} cannot be started: {error}",
            remedy="Look at what the image starts: workbook inspect IMAGE",
        ) from error


def engine_time(text: str) -> datetime:
    """A time as the engine writes it, with up to nine digits of a second, at the text's beginning.

    Raises:
        ValueError: where there is none.
    """
    found = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", text)
    if found is None:
        raise ValueError(f"no time of an engine: {text[:40]!r}")
    micros = int((found[2] or "0").ljust(9, "0")[:6])
    whole = datetime.strptime(found[1], "%Y-%m-%dT%H:%M:%S")  # UTC, by its Z
    return whole.replace(microsecond=micros, tzinfo=UTC)


def _wait_for(
    api: docker.APIClient, container: str, label: str, ready: str, wait_seconds: float
) -> str:
    """The first line that has the word, with the engine's time before it."""
    log: Any = api.logs(container, stream=True, follow=True, timestamps=True)
    too_late = Timer(wait_seconds, log.close)
    too_late.daemon = True
    began = time.monotonic()
    too_late.start()
    seen = b""
    try:
        with engine_errors("reading the log of a service"):
            for piece in log:
                seen += piece
                *lines, _ = seen.split(b"\n")
                for line in lines:
                    text: str = line.decode(errors="replace")
                    if ready.lower() in text.lower():
                        return text
    finally:
        too_late.cancel()
        log.close()
    last = seen.decode(errors="replace").strip().splitlines()[-1:] or ["it printed nothing"]
    waited = time.monotonic() - began
    raise DidNotStart(
        f"{label} did not say {ready!r}: its log ended after {waited:.1f} s. Last line: {last[0]}",
        remedy="Run the image by itself and read its log.",
    )
