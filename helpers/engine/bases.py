"""The base images of the course: which there are, which an engine has, and how it gets them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from docker import DockerClient

from helpers.engine import pull
from helpers.engine.catalogue import Base, Kind, base, catalogue
from helpers.engine.labels import STAND_IN
from helpers.engine.ownership import created_by_workbook, is_base, mark, references
from helpers.engine.pull import OutOfReach, Progress, RegistryRefused
from helpers.engine.standins.recipes import closure
from helpers.errors import WorkbookError

__all__ = [
    "Base",
    "BaseStatus",
    "Kind",
    "NoBaseImage",
    "OutOfReach",
    "Progress",
    "RegistryRefused",
    "Source",
    "base",
    "catalogue",
    "created_by_workbook",
    "ensure",
    "is_base",
    "mark",
    "references",
    "status",
    "status_of",
]

Source = Literal["missing", "official", "stand-in", "foreign"]


class NoBaseImage(WorkbookError):
    """A base image is not on the engine and cannot be had."""

    exit_status = 3


@dataclass(frozen=True, slots=True)
class BaseStatus:
    """What an engine has under the name of a base image.

    Attributes:
        base: the base image.
        source: ``official`` where it came from a registry under this name; ``stand-in`` where the
            workbook made it; ``foreign`` where somebody else gave another image this name.
        image_id: ``sha256:…``; empty where it is missing.
        bytes: its unpacked size as the engine reports it; 0 where it is missing.
        digest: digest of the official image in its registry, ``sha256:…``, else None.
        stand_in: what the stand-in, or the stand-in that a foreign image was built on, is made of.
    """

    base: Base
    source: Source
    image_id: str = ""
    bytes: int = 0
    digest: str | None = None
    stand_in: str | None = None

    @property
    def name(self) -> str:
        """The base image's name."""
        return self.base.name

    @property
    def present(self) -> bool:
        """Whether the engine has an image of this name."""
        return self.source != "missing"


def status(client: DockerClient, names: Iterable[str] | None = None) -> tuple[BaseStatus, ...]:
    """What an engine has under the names of the base images: one call of its API.

    Args:
        client: the engine.
        names: which ones; all of the catalogue by default.

    Raises:
        BadInput: where a name is not in the catalogue.
    """
    wanted = catalogue() if names is None else tuple(base(name) for name in names)
    images = {
        tag: image for image in client.api.images() for tag in image.get("RepoTags") or () if tag
    }
    return tuple(status_of(found, images.get(found.name)) for found in wanted)


def status_of(found: Base, image: Mapping[str, Any] | None) -> BaseStatus:
    """What an image is that stands under a base image's name.

    Args:
        found: the base image.
        image: the engine's list entry (``GET /images/json``), or None.
    """
    if image is None:
        return BaseStatus(found, "missing")
    stand_in = (image.get("Labels") or {}).get(STAND_IN)
    digest = _digest(found.name, image.get("RepoDigests") or ())
    source: Source = "foreign"
    if stand_in is not None:
        # An image that somebody built on a stand-in has its label, but never its mark.
        source = "stand-in" if mark(found.name) in (image.get("RepoTags") or ()) else "foreign"
    elif digest is not None:
        source = "official"
    return BaseStatus(
        found,
        source,
        image_id=image["Id"],
        bytes=int(image["Size"]),
        digest=digest if source == "official" else None,
        stand_in=stand_in,
    )


def ensure(
    client: DockerClient,
    names: Iterable[str],
    *,
    allow_stand_ins: bool,
    on_progress: Callable[[Progress], None] | None = None,
    try_registry: bool = True,
) -> tuple[BaseStatus, ...]:
    """Get base images onto an engine that lacks them; quick where it has them.

    The registry is asked first. Where none answers, a stand-in is made if that is allowed. What is
    there already, official or not, is left as it is. After an interruption, run it again: finished
    steps are kept.

    Args:
        client: the engine.
        names: names from the catalogue.
        allow_stand_ins: whether images may be made that are not the official ones.
        on_progress: told what is being done, from one thread at a time.
        try_registry: False makes stand-ins without asking a registry.

    Returns:
        What is there now, in the order of ``names``.

    Raises:
        BadInput: where a name is not in the catalogue.
        NoBaseImage: where an image cannot be had: no registry answers and no stand-in is allowed
            or possible.
        RegistryRefused: where the registry answers, but does not give the image.
    """
    names = tuple(dict.fromkeys(names))
    say = on_progress or _silent
    found = status(client, names)
    missing = tuple(s.base for s in found if not s.present)
    if not missing:
        return found
    unreachable: dict[str, OutOfReach] = {}
    if try_registry:
        missing = _pull_missing(client, missing, unreachable, say)
    if missing:
        if not allow_stand_ins:
            raise _no_registry(missing, unreachable)
        _stand_in(client, missing, unreachable, say, try_registry=try_registry)
    return status(client, names)


def _digest(name: str, digests: Iterable[str]) -> str | None:
    """The digest under which the image's own repository knows it."""
    repository = name.rpartition(":")[0]
    for entry in digests:
        before, _, digest = entry.partition("@")
        if before == repository:
            return digest
    return None


def _silent(_: Progress) -> None:
    return


def _pull_missing(
    client: DockerClient,
    missing: tuple[Base, ...],
    unreachable: dict[str, OutOfReach],
    say: Callable[[Progress], None],
) -> tuple[Base, ...]:
    """Pull what a registry has.

    Args:
        client: the engine.
        missing: what is wanted.
        unreachable: registries that did not answer in this run; more are added.
        say: told what is being done.

    Returns:
        What no registry could be asked for.
    """
    left = []
    for wanted in missing:
        registry = pull.registry_of(wanted.name)
        if registry in unreachable:
            left.append(wanted)
            continue
        try:
            pull.pull(client.api, wanted.name, say)
        except OutOfReach as error:
            unreachable[registry] = error
            left.append(wanted)
            continue
        repository, tag = pull.split_tag(mark(wanted.name))
        client.api.tag(wanted.name, repository, tag)
        say(Progress(wanted.name, "done", "official image"))
    return tuple(left)


def _stand_in(
    client: DockerClient,
    missing: tuple[Base, ...],
    unreachable: dict[str, OutOfReach],
    say: Callable[[Progress], None],
    *,
    try_registry: bool,
) -> None:
    """Make stand-ins, on official images where a registry gives those that they need."""
    # Imported here: it needs the build package, which stands to the right of this one.
    from helpers.engine.standins.make import make_stand_ins

    known = {b.name: b for b in catalogue()}
    recipes = closure(tuple(b.name for b in missing))
    needed = tuple(r.name for r in recipes if r.name in known)
    there = {s.name: s for s in status(client, needed)}
    for found in there.values():
        if found.source == "foreign":
            raise NoBaseImage(
                f"Stand-ins would be built on {found.name}, but the image of that name on this "
                "engine is neither the official one nor the workbook's.",
                remedy=f"Give it another name (docker tag {found.name} NAME, then docker rmi "
                f"{found.name}) and try again.",
            )
    absent = tuple(known[name] for name in needed if not there[name].present)
    extra = tuple(b for b in absent if b not in missing)
    if try_registry and extra:
        left = _pull_missing(client, extra, unreachable, say)
        absent = tuple(b for b in absent if b in missing or b in left)
    wanted = {b.name for b in absent}
    make_stand_ins(
        client, tuple(r for r in recipes if r.name in wanted or r.name not in known), say
    )


def _no_registry(missing: tuple[Base, ...], unreachable: Mapping[str, OutOfReach]) -> NoBaseImage:
    names = ", ".join(b.name for b in missing)
    why = " ".join(error.message for error in unreachable.values())
    return NoBaseImage(
        f"Not on this engine, and not to be had: {names}. {why}".strip(),
        remedy="Connect to a network in which the registry can be reached, or ask for stand-ins "
        "made from Debian packages: workbook bases --stand-ins (from Python: "
        "ensure(…, allow_stand_ins=True)).",
    )
