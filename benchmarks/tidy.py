"""What a benchmark leaves on the engine is removed again: images, and the cache of its builds."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from docker.errors import ImageNotFound

from helpers.engine.connect import Engine

#: How long to try without success; what somebody uses by then is left to the engine's own clean-up.
_IN_USE_SECONDS = 10.0
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class CacheRecord:
    """One record of the engine's build cache.

    Attributes:
        id: what the engine calls it.
        kind: ``regular``, ``source.local`` or ``exec.cachemount``.
        description: the step that made it, for example ``[2/2] COPY . /``.
        size: bytes.
    """

    id: str
    kind: str
    description: str
    size: int


def made_by(steps: Collection[str], sent: Collection[int]) -> Callable[[CacheRecord], bool]:
    """Tells the cache of one's own builds.

    Args:
        steps: what is in the descriptions of their steps, and of no others.
        sent: sizes of what they send, in bytes; nothing else tells whose files they are. Where
            somebody else's have the same size and go as well, they are sent once more.
    """

    def mine(record: CacheRecord) -> bool:
        if record.kind == "source.local":
            return record.size in sent or not record.size
        return any(step in record.description for step in steps)

    return mine


def remove_images(engine: Engine, *tags: str) -> None:
    """Remove images by name, with the untagged ones that they alone were made from."""
    for tag in tags:
        try:
            engine.client.api.remove_image(tag, force=True)
        except ImageNotFound:
            continue  # it was not made


@contextmanager
def images_removed(engine: Engine, *tags: str) -> Iterator[None]:
    """Remove images at the end of a block, however it ends."""
    try:
        yield
    finally:
        remove_images(engine, *tags)


@contextmanager
def cache_removed(engine: Engine, mine: Callable[[CacheRecord], bool]) -> Iterator[None]:
    """Remove the cache that a block adds, however it ends.

    Args:
        engine: where.
        mine: tells the block's records from those of others who build on the same engine meanwhile.
    """
    before = {record.id for record in _records(engine)}
    try:
        yield
    finally:
        left = [r for r in _records(engine) if r.id not in before and mine(r)]
        _remove_cache(engine, left)


def _remove_cache(engine: Engine, left: list[CacheRecord]) -> None:
    api: Any = engine.client.api  # its type stubs know two filters only
    end = time.monotonic() + _IN_USE_SECONDS
    while left:
        for begin in range(0, len(left), _AT_ONCE):
            some = "|".join(record.id for record in left[begin : begin + _AT_ONCE])
            # One call an id takes minutes. The engine reads this as a regular expression.
            api.prune_builds(filters={"id": [f'"^({some})$"']}, all=True)
        found = {record.id for record in _records(engine)}
        remaining = [record for record in left if record.id in found]
        # A record stays while another one was made from it, or while a build that was ended has not
        # let go of it; nothing tells when it has.
        if len(remaining) < len(left):
            end = time.monotonic() + _IN_USE_SECONDS
        elif time.monotonic() > end:
            return
        else:
            time.sleep(0.2)
        left = remaining


def _records(engine: Engine) -> list[CacheRecord]:
    api: Any = engine.client.api
    answer = api._result(  # noqa: SLF001  # docker-py's df() cannot leave out the rest
        api._get(api._url("/system/df"), params={"type": "build-cache"}),  # noqa: SLF001
        json=True,
    )
    return [
        CacheRecord(raw["ID"], raw["Type"], raw["Description"], raw["Size"])
        for raw in answer.get("BuildCache") or ()
    ]
