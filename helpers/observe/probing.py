"""What every observation of a service does: find its port, probe it, read its log, end it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import docker
import docker.errors

from helpers.observe.errors import ObservationFailed, Stopped, engine_errors
from helpers.observe.http_probe import ProbeRun, run_probes, when_done
from helpers.observe.requests import Probe
from helpers.observe.text import printable, without_escapes

T = TypeVar("T")

LOOPBACK = "127.0.0.1"
#: Most lines of a log that are kept, and most characters of a line.
LOG_LINES = 40
LONGEST_LINE = 500


def probe_container(
    port: int,
    probes: tuple[Probe, ...],
    *,
    began: float,
    wait_seconds: float,
    exited: Future[int],
    stop: Future[None],
    headers: Mapping[str, str] | None = None,
) -> ProbeRun:
    """Send probes to a published port from this machine.

    Args:
        port: on this machine's loopback.
        probes: in order; the first is repeated until it is answered.
        began: ``time.monotonic()`` at the start of the container.
        wait_seconds: how long to wait for the first answer.
        exited: done when the container has ended.
        stop: done where nobody wants to know any more.
        headers: sent with every probe.

    Raises:
        Stopped: where ``stop`` said so.
    """
    return on_a_loop(
        lambda: run_probes(
            f"http://{LOOPBACK}:{port}",
            probes,
            began=began,
            wait_seconds=wait_seconds,
            ended=when_done(exited),
            headers=headers,
        ),
        stop,
    )


def on_a_loop(work: Callable[[], Coroutine[Any, Any, T]], stop: Future[None]) -> T:
    """Run a coroutine on an event loop of its own: in a notebook the caller's thread has one.

    Raises:
        Stopped: as soon as ``stop`` is done; the coroutine is cancelled.
    """
    given_up: Future[None] = Future()

    async def run() -> T:
        task = asyncio.ensure_future(work())
        stopped = asyncio.ensure_future(when_done(stop, given_up).wait())
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not task.done():
            task.cancel()
            raise Stopped
        return task.result()

    with ThreadPoolExecutor(1, thread_name_prefix="probes") as pool:
        future = pool.submit(asyncio.run, run())
        try:
            return future.result()
        except KeyboardInterrupt:
            given_up.set_result(None)
            raise


def published_port(about: Mapping[str, Any], port: int) -> int | None:
    """The port on this machine; None where the container has ended and nothing is published.

    Args:
        about: what the engine says of the container.
        port: TCP port inside the container.
    """
    bindings = (about["NetworkSettings"].get("Ports") or {}).get(f"{port}/tcp") or ()
    return next((int(b["HostPort"]) for b in bindings if b.get("HostIp") == LOOPBACK), None)


def service_port(client: docker.DockerClient, image: str, wanted: int) -> int:
    """The port to ask: the wanted one, or where that is 0 the lowest TCP port that EXPOSE names.

    Raises:
        ObservationFailed: where no port is given and the image names none.
        BadInput: if the engine has no such image.
    """
    if wanted:
        return wanted
    with engine_errors("reading the image's configuration"):
        config = client.api.inspect_image(image).get("Config") or {}
    ports = [name.partition("/") for name in config.get("ExposedPorts") or {}]
    numbers = [int(port) for port, _, kind in ports if port.isdecimal() and kind in {"", "tcp"}]
    if not numbers:
        raise ObservationFailed(
            "The image names no TCP port (EXPOSE), so nobody can tell where to ask it",
            remedy="Add EXPOSE with the port of the service to the Dockerfile, or give the port.",
        )
    return min(numbers)


def kill_and_wait(api: docker.APIClient, container: str) -> None:
    """End a container at once; nothing is wrong where it has ended already."""
    try:
        api.kill(container)
    except docker.errors.APIError as error:
        if error.status_code != 409:  # it has just ended by itself
            raise
    api.wait(container)


def last_lines(log: bytes, lines: int = LOG_LINES) -> tuple[str, ...]:
    """The last lines of a log, without control characters and each of bounded length."""
    # A program may print megabytes without a line end: the last piece is what counts.
    text = without_escapes(log[-lines * LONGEST_LINE * 4 :].decode("utf-8", "replace"))
    return tuple(printable(line, LONGEST_LINE) for line in text.splitlines()[-lines:])
