"""What a container uses at one moment, as the engine reads it from its control group.

Source: https://docs.docker.com/reference/api/engine/ (GET /containers/{id}/stats)
"""

from __future__ import annotations

from dataclasses import dataclass

import docker

from helpers.observe.errors import engine_errors


@dataclass(frozen=True, slots=True)
class Usage:
    """Use of one container at one moment.

    Attributes:
        memory_bytes: what it holds, without the page cache that the kernel can take back, as
            ``docker stats`` shows it.
        peak_bytes: the most that it ever held, page cache included; None where the kernel does not
            tell the engine (control groups of version 2).
        pids: processes and threads.
        cpu_seconds: processor time since it was started.
    """

    memory_bytes: int
    pids: int
    cpu_seconds: float
    peak_bytes: int | None = None


def read_usage(api: docker.APIClient, container: str) -> Usage:
    """The use of a running container; all zero where it has ended.

    Raises:
        NoEngine: if the engine stops answering.
    """
    with engine_errors("reading what a container uses"):
        raw = api.stats(container, stream=False, one_shot=True)
    memory = raw.get("memory_stats") or {}
    details = memory.get("stats") or {}
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    cpu = ((raw.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage", 0)
    peak = memory.get("max_usage")
    return Usage(
        memory_bytes=max(0, int(memory.get("usage", 0)) - int(cache)),
        pids=int((raw.get("pids_stats") or {}).get("current", 0)),
        cpu_seconds=int(cpu) / 1e9,
        peak_bytes=int(peak) if peak else None,
    )
