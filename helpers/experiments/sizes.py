"""The three sizes of an image: unpacked on the disk, as content, and as a registry transfers it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from helpers.observe.image_facts import ImageFacts


@dataclass(frozen=True, slots=True)
class Sizes:
    """One image's sizes in bytes.

    Attributes:
        label: the image's name in tables.
        unpacked: all files of all layers.
        content: the layers as archives, uncompressed.
        transferred: what a first push into an empty registry moved; None where it was not measured.
        stand_in: True where the base is a stand-in.
    """

    label: str
    unpacked: int
    content: int
    transferred: int | None
    stand_in: bool


def sizes(
    images: Iterable[tuple[str, ImageFacts]], transferred: dict[str, int] | None = None
) -> tuple[Sizes, ...]:
    """The sizes of several images.

    Args:
        images: label and facts.
        transferred: bytes of a first push, by label.
    """
    pushed = transferred or {}
    return tuple(
        Sizes(
            label,
            facts.unpacked_bytes,
            facts.content_bytes,
            pushed.get(label),
            facts.stand_in is not None,
        )
        for label, facts in images
    )
