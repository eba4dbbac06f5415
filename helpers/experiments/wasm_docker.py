"""WebAssembly under Docker: modules run by crun's WasmEdge, beside native programs under runc."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from helpers.engine.connect import Engine
from helpers.engine.labels import LESSON
from helpers.errors import WorkbookError
from helpers.experiments.start_time import StartTimes
from helpers.observe.containers import CannotStart, ContainerSpec, running_container
from helpers.observe.errors import ObservationFailed, engine_errors
from helpers.observe.subject import Subject
from helpers.observe.wasm_run import ANNOTATION, WasmRunFacts, WasmRunRequest, run_wasm

_SECONDS = 60.0


class CannotRun(WorkbookError):
    """An image could not be started, or did not end."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image to start.

    Attributes:
        label: its name in tables.
        id: name or id.
        wasm: whether it starts WebAssembly.
    """

    label: str
    id: str
    wasm: bool = False


def run_under_wasmedge(
    engine: Engine, image: str, *args: str, env: tuple[tuple[str, str], ...] = ()
) -> WasmRunFacts | None:
    """Run a module through the engine; None, with the reason printed, where the engine cannot.

    Raises:
        BadInput, NoEngine: where there is no such image, or the engine stops answering.
    """
    try:
        return run_wasm(Subject(engine.client, image), WasmRunRequest(args=args, env=env))
    except ObservationFailed as reason:
        sys.stdout.write(f"Not here: {reason.message}.\n→ {reason.remedy}\n")
        return None


def run_by_default(engine: Engine, image: str, *args: str) -> str:
    """Run an image with the engine's default runtime, and give what it printed.

    Raises:
        CannotRun: with the engine's own words where it cannot be started, and with the last line
            of its errors where it ends with another status than 0.
    """
    spec = ContainerSpec(image, command=args, role=LESSON)
    try:
        with running_container(engine.client, spec) as container:
            code = container.exited.result(timeout=_SECONDS)
            with engine_errors("reading what a container printed"):
                log = bytes(engine.client.api.logs(container.id)).decode(errors="replace")
    except CannotStart as error:
        raise CannotRun(
            str(error), remedy="Run it with a runtime that knows what is in the file."
        ) from error
    if code:
        last = (log.strip().splitlines() or ["it printed nothing"])[-1]
        raise CannotRun(
            f"It ended with status {code}: {last}",
            remedy="Run it with a runtime that knows what is in the file.",
        )
    return log


def cold_times(
    engine: Engine,
    images: Iterable[Image],
    *args: str,
    runs: int = 5,
    on_progress: Callable[[str], None] | None = None,
) -> tuple[StartTimes, ...]:
    """From the order to make a container to the end of its program, several times, in turns.

    Args:
        engine: where they run.
        images: what is started.
        args: arguments of each.
        runs: how often each is started and counted, after one time that does not count.
        on_progress: told what is started, before each start.

    Raises:
        CannotRun: where one cannot be started, or fails.
        BadInput, NoEngine, ObservationFailed: as everywhere.
    """
    wanted = tuple(images)
    seconds: dict[str, list[float]] = {image.label: [] for image in wanted}
    for turn in range(runs + 1):
        for image in wanted:
            if on_progress:
                on_progress(image.label)
            found = _seconds(engine, image, args)
            if turn:
                seconds[image.label].append(found)
    return tuple(StartTimes(image.label, tuple(seconds[image.label])) for image in wanted)


def spec_of(image: Image, args: tuple[str, ...]) -> ContainerSpec:
    """How a container of it is run in an experiment: without a network, which takes time."""
    return ContainerSpec(
        image.id,
        command=args,
        role=LESSON,
        network="none",
        runtime="crun" if image.wasm else "",
        annotations=(ANNOTATION,) if image.wasm else (),
    )


def _seconds(engine: Engine, image: Image, args: tuple[str, ...]) -> float:
    began = time.monotonic()
    try:
        with running_container(engine.client, spec_of(image, args)) as container:
            code = container.exited.result(timeout=_SECONDS)
            seconds = time.monotonic() - began
    except (CannotStart, TimeoutError) as error:
        raise CannotRun(f"{image.label}: {error}", remedy="Look at what it starts.") from error
    if code:
        raise CannotRun(
            f"{image.label} ended with status {code}.", remedy="Run it by itself and read its log."
        )
    return seconds
