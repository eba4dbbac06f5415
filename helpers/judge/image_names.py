"""Names of images: what they pin.

Source: https://github.com/distribution/reference/blob/main/reference.go
"""

from __future__ import annotations

import re

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
#: Tags that are moved on by their makers all the time.
_MOVING = frozenset({"latest", "stable", "edge", "main", "master", "dev", "nightly", "current"})


def why_not_pinned(name: str, *, digest: bool) -> str:
    """Why an image name does not say which image it is; empty where it does.

    Args:
        name: for example ``postgres:17.2``.
        digest: whether nothing but a digest pins it.
    """
    if _DIGEST.search(name):
        return ""
    if digest:
        return "has no digest"
    last = name.rpartition("/")[2].partition("@")[0]
    _, colon, tag = last.partition(":")
    if not colon or not tag:
        return "has no tag, which means `latest`"
    if tag in _MOVING:
        return f"has the tag `{tag}`, which moves"
    return ""


def repository(name: str) -> str:
    """The last part of the repository, for example ``postgres`` of ``docker.io/postgres:17``."""
    return name.partition("@")[0].rpartition("/")[2].partition(":")[0]
