"""What the files of an image hold: packages, and strings that look like secrets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

from helpers.observe.layer_findings import LayerFindings, Package, SecretString
from helpers.observe.requests import Request


@dataclass(frozen=True, slots=True)
class SecretInLayer:
    """A string in a file of a layer that looks like a secret.

    Attributes:
        found: where, and what it looks like.
        layer: index of the layer that stores it.
        visible: True where a container sees the file, False where a later layer hides it.
    """

    found: SecretString
    layer: int
    visible: bool


@dataclass(frozen=True, slots=True)
class ImageContents:
    """What was found in the files of an image.

    Attributes:
        packages: those that a container sees, by kind and name.
        secrets: in all layers, lowest layer first, also in files that a later layer hides.
        scanned_files: how many files were searched for secrets.
        scanned_bytes: how many bytes these have.
        left_out: how many files should have been searched and were not, because there is more text
            than is searched.
    """

    packages: tuple[Package, ...] = ()
    secrets: tuple[SecretInLayer, ...] = ()
    scanned_files: int = 0
    scanned_bytes: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class ContentsRequest(Request[ImageContents]):
    """One look into the files of an image."""

    observer: ClassVar[str] = "helpers.observe.read_image:observe_contents"


def image_contents(
    layers: Sequence[LayerFindings | None], visible: Collection[tuple[str, int]]
) -> ImageContents:
    """What layers hold, put together.

    Args:
        layers: what was found in each, lowest first.
        visible: path and layer of each file of the final file system.
    """
    packages: list[Package] = []
    secrets: list[SecretInLayer] = []
    found = [(n, layer) for n, layer in enumerate(layers) if layer is not None]
    for index, layer in found:
        packages += (p for p in layer.packages if (p.path, index) in visible)
        secrets += (SecretInLayer(s, index, (s.path, index) in visible) for s in layer.secrets)
    return ImageContents(
        tuple(sorted(packages, key=lambda p: (p.kind, p.name, p.version, p.path))),
        tuple(secrets),
        sum(layer.scanned_files for _, layer in found),
        sum(layer.scanned_bytes for _, layer in found),
        sum(layer.left_out for _, layer in found),
    )
