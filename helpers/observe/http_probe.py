"""HTTP requests to a container, from outside, each with a deadline and a bound."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from helpers.observe.requests import Probe
from helpers.observe.service_facts import HttpResponse
from helpers.observe.text import printable

#: Longest time for one answer, in seconds.
ANSWER_SECONDS = 5.0
#: Most bytes of a body that are read, and most that are kept.
MAX_READ = 64_000
MAX_KEPT = 2_000

_PLAIN = {"Accept-Encoding": "identity"}
_JSON = {"Content-Type": "application/json"}
_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 0.25


@dataclass(frozen=True, slots=True)
class ProbeRun:
    """What came of the probes of one container.

    Attributes:
        ready_seconds: from ``began`` to the first answer; None where none came.
        responses: one a probe where the first was answered; else the last failure of the first.
        refused: True where no attempt even got a connection.
    """

    ready_seconds: float | None
    responses: tuple[HttpResponse, ...]
    refused: bool = False


async def run_probes(
    base_url: str,
    probes: tuple[Probe, ...],
    *,
    began: float,
    wait_seconds: float,
    ended: asyncio.Event,
    headers: Mapping[str, str] | None = None,
) -> ProbeRun:
    """Send the first probe until it is answered, then the others once each.

    Args:
        base_url: for example ``http://127.0.0.1:49153``.
        probes: in order; any HTTP answer counts, whatever its status.
        began: ``time.monotonic()`` at the start of the container.
        wait_seconds: how long to wait for the first answer, from now.
        ended: set when the container has ended: then nothing more will come.
        headers: sent with every probe.
    """
    deadline = time.monotonic() + wait_seconds
    pause = _FIRST_PAUSE
    refused = True
    # The environment's proxies are for the outside world, not for a container next door.
    async with httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        trust_env=False,
        follow_redirects=False,
        timeout=ANSWER_SECONDS,
    ) as client:
        while True:
            left = deadline - time.monotonic()
            answer, was_refused = await _ask(client, probes[0], min(left, ANSWER_SECONDS))
            refused = refused and was_refused
            if answer.status is not None:
                break
            left = deadline - time.monotonic()
            if ended.is_set() or left <= 0:
                return ProbeRun(None, (answer,), refused)
            await _wait(ended, min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        ready = time.monotonic() - began
        others = [(await _ask(client, probe, ANSWER_SECONDS))[0] for probe in probes[1:]]
    return ProbeRun(ready, (answer, *others))


def when_done(*futures: Future[Any]) -> asyncio.Event:
    """An event of the running loop that is set as soon as one of the futures is done."""
    loop = asyncio.get_running_loop()
    event = asyncio.Event()

    def tell(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop has ended before: nobody waits any more
            loop.call_soon_threadsafe(event.set)

    for future in futures:
        future.add_done_callback(tell)
    return event


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set, at most so long."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


async def _ask(
    client: httpx.AsyncClient, probe: Probe, seconds: float
) -> tuple[HttpResponse, bool]:
    """One request; the second value is True where there was no connection at all."""
    began = time.monotonic()
    status: int | None = None
    body = bytearray()
    error = ""
    refused = False
    try:
        async with (
            asyncio.timeout(max(seconds, 0.05)),
            client.stream(
                probe.method,
                probe.path,
                content=probe.body.encode() or None,
                headers=_PLAIN | (_JSON if probe.body else {}),
            ) as response,
        ):
            status = response.status_code
            async for chunk in response.aiter_raw():
                body += chunk[: MAX_READ - len(body)]
                if len(body) >= MAX_READ:
                    break
    except TimeoutError:
        error = f"no complete answer within {seconds:.1f} s"
    except httpx.ConnectError:
        error, refused = "no connection", True
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        error = printable(str(problem) or type(problem).__name__, 200)
    return (
        HttpResponse(
            method=probe.method,
            path=probe.path,
            status=status,
            body=printable(bytes(body[:MAX_KEPT]).decode("utf-8", "replace")),
            seconds=time.monotonic() - began,
            error=error,
        ),
        refused,
    )
