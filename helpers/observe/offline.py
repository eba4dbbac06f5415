"""Whether the steps that need no network build without one.

RUN instructions get ``--network=none``, but for those that fetch something. What is built so is
thrown away.

Source: https://docs.docker.com/reference/dockerfile/#run---network
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from helpers.build.errors import StepFailedError
from helpers.observe.build_again import builds_again, with_dockerfile
from helpers.observe.errors import ObservationFailed
from helpers.observe.requests import Request
from helpers.observe.subject import Subject
from helpers.observe.text import printable


@dataclass(frozen=True, slots=True)
class OfflineFacts:
    """A build whose steps had no network, but for some.

    Attributes:
        offline: lines of the Dockerfile whose RUN had no network.
        failed_line: the line that failed; None where all of them ran, or it is not known.
        failed: the instruction that failed; empty where all of them ran.
        output: its last lines.
    """

    offline: tuple[int, ...]
    failed_line: int | None = None
    failed: str = ""
    output: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OfflineRequest(Request[OfflineFacts]):
    """Build with RUN instructions cut off from the network.

    Attributes:
        online: regular expression; a RUN instruction in which it is found keeps the network.
        seconds: how long the build may take.
    """

    online: str
    seconds: float = 900.0

    observer: ClassVar[str] = "helpers.observe.offline:observe_offline"
    builds_again: ClassVar[bool] = True


def observe_offline(subject: Subject, request: OfflineRequest) -> OfflineFacts:
    """Build the subject with most of its RUN instructions offline.

    Raises:
        ObservationFailed: where it is not known how the image was built, or it does not build.
        NoEngine: if the engine stops answering.
    """
    dockerfile = subject.dockerfile
    if dockerfile is None:
        raise ObservationFailed(
            "There is no Dockerfile to build from.",
            remedy="Name the folder with the Dockerfile instead of the image.",
        )
    lines = dockerfile.text.split("\n")
    online = re.compile(request.online)
    offline = [
        i.line
        for stage in dockerfile.stages
        for i in stage.instructions
        if i.keyword == "RUN"
        and i.flag("network") is None
        and not online.search("\n".join(lines[i.line - 1 : i.end_line]))
    ]
    with builds_again(subject, request.seconds) as again:
        if not offline:
            return OfflineFacts(())
        again.build()  # what fetches something comes from the cache after this
        try:
            again.build(with_dockerfile(again.context, cut_off(lines, offline)))
        except StepFailedError as error:
            return OfflineFacts(
                tuple(offline),
                error.line,
                printable(error.instruction, 200),
                tuple(printable(line, 200) for line in error.output[-5:]),
            )
    return OfflineFacts(tuple(offline))


def cut_off(lines: list[str], at: Iterable[int]) -> str:
    """The Dockerfile with ``--network=none`` in the RUN instructions that begin at these lines."""
    changed = list(lines)
    for line in at:
        changed[line - 1] = re.sub(
            r"^(\s*run)\b", r"\1 --network=none", changed[line - 1], flags=re.IGNORECASE
        )
    return "\n".join(changed)
