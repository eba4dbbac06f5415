"""Who the service runs as, and what that user may write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from helpers.observe.image_facts import FileFact, ImageFacts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ServiceUser:
    """The user that a container of the image starts as.

    Attributes:
        uid: its number.
        gid: number of its main group; None where the image does not tell.
    """

    uid: int
    gid: int | None

    def may_write(self, fact: FileFact) -> bool:
        """True where the permission bits let this user write; root may write everything."""
        if self.uid == 0:
            return True
        if fact.uid == self.uid:
            return bool(fact.mode & 0o200)
        if self.gid is not None and fact.gid == self.gid:
            return bool(fact.mode & 0o020)
        return bool(fact.mode & 0o002)


def service_user(image: ImageFacts) -> ServiceUser | None:
    """The user of ``USER``, looked up as the engine does it; None where its name is not known.

    Source: https://docs.docker.com/reference/dockerfile/#user
    """
    user, _, group = image.config.user.partition(":")
    uid = _number(user or "0", image.accounts)
    if uid is None:
        return None
    gid = _number(group, image.groups) if group else _first(image.main_groups, uid)
    if not group and gid is None:
        gid = 0  # a user that passwd does not know is in root's group
    return ServiceUser(uid, gid)


def _number(name: str, known: Iterable[tuple[str, int]]) -> int | None:
    return int(name) if name.isdecimal() else _first(known, name)


def _first(known: Iterable[tuple[T, int]], wanted: T) -> int | None:
    """Of several entries the engine takes the first."""
    return next((number for key, number in known if key == wanted), None)
