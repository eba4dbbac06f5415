"""Remove what the workbook created on an engine, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError, NotFound

from helpers.engine.connect import Engine
from helpers.engine.labels import CONTAINER, filters
from helpers.engine.ownership import created_by_workbook, is_base, owns_container, references


@dataclass(frozen=True, slots=True)
class Removed:
    """What a clean-up removed.

    Attributes:
        containers: how many.
        images: how many.
        volumes: how many.
        networks: how many.
        cache_bytes: how much build cache; only the private engine's is known to be the workbook's.
        kept: what could not be removed, with the engine's reason.
    """

    containers: int = 0
    images: int = 0
    volumes: int = 0
    networks: int = 0
    cache_bytes: int = 0
    kept: tuple[str, ...] = ()


def clean(engine: Engine, *, bases: bool = True) -> Removed:
    """Remove every container, image, network and volume that the workbook created.

    What somebody made from an image of the workbook stays, and so does an image that it needs; the
    engine's reason is told.

    Args:
        engine: where.
        bases: whether base images that the workbook pulled or made go, too.
    """
    client = engine.client
    kept: list[str] = []
    containers = sum(
        _try(
            lambda c=c: client.api.remove_container(c["Id"], force=True, v=True),
            f"container {c['Names'][0].removeprefix('/')}",
            kept,
        )
        for c in client.api.containers(all=True, filters=filters(CONTAINER))
        if owns_container(c)
    )
    networks = sum(
        _try(n.remove, f"network {n.name}", kept) for n in client.networks.list(filters=filters())
    )
    volumes = sum(
        _try(v.remove, f"volume {v.name}", kept) for v in client.volumes.list(filters=filters())
    )
    images = sum(
        _try(
            lambda ref=ref: client.api.remove_image(ref),
            f"image {ref}",
            kept,
        )
        for ref in _images(engine, bases=bases)
    )
    cache = 0
    if engine.private and bases:
        cache = int(client.api.prune_builds(all=True).get("SpaceReclaimed") or 0)
    return Removed(containers, images, volumes, networks, cache, tuple(kept))


def _images(engine: Engine, *, bases: bool) -> Iterator[str]:
    """References to remove; bases last, for what was built on them goes first."""
    images = engine.client.api.images()
    own = [i for i in images if created_by_workbook(i)]
    for image in sorted(own, key=is_base):
        if bases or not is_base(image):
            yield from references(image)


def _try(remove: Any, what: str, kept: list[str]) -> bool:
    try:
        remove()
    except NotFound:
        return False
    except APIError as error:
        kept.append(f"{what}: {error.explanation or error}")
        return False
    return True
