"""What a benchmark leaves on the engine is removed again: images, and the cache of its builds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from docker.errors import ImageNotFound

from helpers.engine.connect import Engine


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


def made_by(*steps: str) -> Callable[[CacheRecord], bool]:
    """Tells the cache of builds by what is in their steps.

    Of what was sent to the engine nothing tells whose it is. Where another build's goes with it,
    that build only sends its files once more.
    """

    def mine(record: CacheRecord) -> bool:
        return record.kind == "source.local" or any(step in record.description for step in steps)

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
    api: Any = engine.client.api  # its type stubs know two filters only
    before = {record.id for record in _records(engine)}
    try:
        yield
    finally:
        left = [r for r in _records(engine) if r.id not in before and mine(r)]
        # A record stays while another one was made from it: those go first, whatever the order.
        while left:
            for record in left:
                api.prune_builds(filters={"id": [record.id]}, all=True)
            found = {record.id for record in _records(engine)}
            remaining = [record for record in left if record.id in found]
            if len(remaining) == len(left):
                break  # in use by somebody: the engine's own clean-up takes them
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
