"""What the engine tells of one container while it runs: started, killed, ended, healthy or not.

Source: https://docs.docker.com/reference/api/engine/ (GET /events)
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import docker

from helpers.observe.errors import engine_errors
from helpers.observe.follow import Follower

HEALTH = "health_status: "
#: A command that the engine ran in the container has ended: here, a check.
CHECKED = "exec_die"
_ACTIONS = ["start", "kill", "die", "oom", "destroy", "health_status", "exec_die"]


@dataclass(frozen=True, slots=True)
class ContainerEvent:
    """One event.

    Attributes:
        at: seconds since the epoch, by the engine's clock.
        action: for example ``die`` or ``health_status: healthy``.
        detail: the signal's number of ``kill``; the exit code of ``die`` and ``exec_die``.
    """

    at: float
    action: str
    detail: str = ""


def follow_events(
    api: docker.APIClient, container: str, since: str, stop: Future[None]
) -> Follower[ContainerEvent]:
    """The container's events from its creation until it is removed.

    Args:
        api: a connection to the engine.
        container: the whole id.
        since: when it was created, as the engine writes it: what came before the call is told, too.
        stop: done where nobody wants to know any more.
    """
    with engine_errors("following the engine's events"):
        stream = api.events(
            since=_moment(since),
            filters={"container": container, "type": "container", "event": _ACTIONS},
            decode=True,
        )
    return Follower(_events(stream), stop, "following the engine's events")


def _moment(since: str) -> int:
    """Whole seconds since the epoch, rounded down: all that docker-py takes."""
    return int(datetime.fromisoformat(f"{since[:19]}+00:00").timestamp())


def _events(stream: Any) -> Iterator[ContainerEvent]:
    try:
        for raw in stream:
            about = (raw.get("Actor") or {}).get("Attributes") or {}
            action = str(raw.get("Action", ""))
            detail = about.get("signal") if action == "kill" else about.get("exitCode")
            yield ContainerEvent(int(raw.get("timeNano", 0)) / 1e9, action, str(detail or ""))
            if action == "destroy":
                return
    finally:
        stream.close()
