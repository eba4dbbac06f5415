"""Which images and containers are the workbook's own, and what clean-up removes of them.

Labels alone cannot tell: see :mod:`helpers.engine.labels`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from docker import APIClient

from helpers.engine.labels import BUILT, CONTAINER, MARK, NAMESPACE, ROLE

_KEPT = f"{BUILT}built"


def mark(name: str) -> str:
    """The tag by which the workbook knows a base image again that it pulled or made.

    Images built on a base inherit its labels, so a label cannot tell the base from a learner's own
    image. A tag is never inherited.
    """
    return f"{MARK}:{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}"


def is_base(image: Mapping[str, Any]) -> bool:
    """Whether an image is a base (or a part of one) that the workbook pulled or made."""
    return any(tag.startswith(NAMESPACE) for tag in image.get("RepoTags") or ())


def created_by_workbook(image: Mapping[str, Any]) -> bool:
    """Whether clean-up may remove something of this image: see :func:`references`.

    Args:
        image: from the engine's list (``GET /images/json``) or its inspection.
    """
    return is_base(image) or bool(_built(image))


def owns_container(container: Mapping[str, Any]) -> bool:
    """Whether the workbook started this container.

    Args:
        container: from the engine's list (``GET /containers/json``).
    """
    names = {name.removeprefix("/") for name in container.get("Names") or ()}
    return (container.get("Labels") or {}).get(CONTAINER) in names


def keep_track(api: APIClient, image_id: str) -> None:
    """Give an image that the workbook has just built a name that stays with it.

    The next build takes the other name away. Without any, the image could not be told from one
    that a learner built on it.

    Args:
        api: the engine.
        image_id: ``sha256:…``.
    """
    api.tag(image_id, _KEPT, image_id.removeprefix("sha256:")[:12], force=True)


def is_superseded(image: Mapping[str, Any]) -> bool:
    """Whether a later build took the name of an image that the workbook built.

    Args:
        image: from the engine's list or its inspection.
    """
    tags = _tags(image)
    return ROLE in _labels(image) and all(tag.startswith(f"{_KEPT}:") for tag in tags)


def references(image: Mapping[str, Any]) -> tuple[str, ...]:
    """What clean-up removes of an image: the names that the workbook gave it.

    Of a base these are the mark, and the name that it was made for. A name that somebody else gave
    the same image stays, and with it the image.

    Args:
        image: from the engine's list or its inspection.
    """
    tags = _tags(image)
    if is_base(image):
        return tuple(t for t in tags if t.startswith(NAMESPACE) or mark(t) in tags)
    return _built(image)


def _built(image: Mapping[str, Any]) -> tuple[str, ...]:
    """Names under which the workbook built the image."""
    if ROLE not in _labels(image):
        return ()
    return tuple(tag for tag in _tags(image) if tag.startswith(BUILT))


def _tags(image: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(tag for tag in image.get("RepoTags") or () if tag != "<none>:<none>")


def _labels(image: Mapping[str, Any]) -> Mapping[str, str]:
    return image.get("Labels") or (image.get("Config") or {}).get("Labels") or {}
