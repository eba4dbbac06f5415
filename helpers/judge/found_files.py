"""The common shape of properties that look for files: some were found, or none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import Field

from helpers.judge.globs import Glob, compile_globs
from helpers.judge.property import Params
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    at_most,
    counted,
    evidence_on_layer,
    failed,
    layer_name,
    passed,
    shown_path,
)
from helpers.observe.image_facts import FileFact, ImageFacts
from helpers.observe.requests import ImageRequest, Observations


class AllowParams(Params):
    """Parameters of a property about files."""

    allow: tuple[Glob, ...] = Field((), description="Files that may stay, as globs. No unit.")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that should not be there, or not like this.

    Attributes:
        fact: the file.
        code: of the evidence.
        what: what is wrong, as in "PATH is WHAT".
    """

    fact: FileFact
    code: str
    what: str


def judge_found(
    found: Iterable[FoundFile],
    image: ImageFacts,
    observations: Observations,
    *,
    allow: tuple[str, ...] = (),
    one: str,
    many: str,
) -> Verdict:
    """A pass where nothing was found but what may stay.

    Args:
        found: what should not be there.
        image: the image.
        observations: for the line of the Dockerfile.
        allow: globs of files that may stay.
        one: what was found, as in "No ONE in the image", for example ``device file``.
        many: the same of several.
    """
    allowed = compile_globs(allow)
    left = [f for f in found if not allowed.search(f.fact.path)]
    if not left:
        return passed(f"No {one} in the image.")
    evidence = [_evidence(f, image, observations) for f in left]
    return failed(
        f"{counted(len(left), one, many)} in the image.",
        at_most(one_of_each_code_first(evidence), "file"),
    )


def one_of_each_code_first(evidence: Iterable[Evidence]) -> list[Evidence]:
    """However many there are of one kind, no kind is left out of the evidence."""
    seen: set[str] = set()
    first: list[Evidence] = []
    rest: list[Evidence] = []
    for entry in evidence:
        (rest if entry.code in seen else first).append(entry)
        seen.add(entry.code)
    return first + rest


def needs_image(_: Params) -> tuple[ImageRequest, ...]:
    """The image at rest."""
    return (ImageRequest(),)


def _evidence(found: FoundFile, image: ImageFacts, observations: Observations) -> Evidence:
    fact = found.fact
    return evidence_on_layer(
        found.code,
        f"`{shown_path(fact.path)}` is {found.what}; it comes from "
        f"{layer_name(image, fact.layer)}.",
        image,
        fact.layer,
        observations.dockerfile,
        path=fact.path,
        size=fact.size or None,
    )
