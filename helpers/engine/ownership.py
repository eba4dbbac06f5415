"""Which images are the workbook's own, and what clean-up removes of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from helpers.engine.labels import MARK, NAMESPACE, ROLE


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
    return is_base(image) or ROLE in _labels(image)


def references(image: Mapping[str, Any]) -> tuple[str, ...]:
    """What clean-up removes of an image: names or, for an image without a name, its id.

    Of a base only the workbook's own names go: the mark, and the name that it was made for. A name
    that somebody else gave the same image stays, and with it the image.

    Args:
        image: from the engine's list or its inspection.
    """
    tags = tuple(tag for tag in image.get("RepoTags") or () if tag != "<none>:<none>")
    if is_base(image):
        return tuple(t for t in tags if t.startswith(NAMESPACE) or mark(t) in tags)
    if ROLE in _labels(image):
        return tags or (str(image["Id"]),)
    return ()


def _labels(image: Mapping[str, Any]) -> Mapping[str, str]:
    return image.get("Labels") or (image.get("Config") or {}).get("Labels") or {}
