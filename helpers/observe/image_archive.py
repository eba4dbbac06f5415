"""The archive that ``docker save`` writes, read in one pass.

Two layouts exist. Up to Engine 24 each layer is ``ID/layer.tar``; from 25 on the archive is an OCI
image layout with ``blobs/sha256/…``. Both hold ``manifest.json``, which names config and layers,
and in both it may come after them: so every blob that is a layer archive is read as one when it
passes by, and put in its place at the end.

Sources: https://github.com/moby/docker-image-spec/blob/main/spec.md and
https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from helpers.observe.byte_source import ByteSource
from helpers.observe.compression import compression_of, gunzip, unzstd
from helpers.observe.errors import ImageUnreadable
from helpers.observe.layer_tar import LayerContents, read_layer
from helpers.observe.tar_members import BLOCK, Member, is_tar_header, read_members

#: Largest JSON document that is kept, and all of them together, in bytes.
_MAX_DOCUMENT = 16_000_000
_MAX_DOCUMENTS = 64_000_000


@dataclass(frozen=True, slots=True)
class ImageArchive:
    """One image as its archive holds it: the config as JSON, the layers lowest first."""

    config: dict[str, Any]
    layers: tuple[LayerContents, ...]


def read_archive(
    pieces: Iterable[bytes], *, image_id: str | None = None, keep: Collection[str] = ()
) -> ImageArchive:
    """Read an image archive from a stream, in memory that does not grow with the image's bytes.

    Args:
        pieces: the archive in pieces of any length.
        image_id: ``sha256:…``, to choose where the archive holds several images.
        keep: absolute paths of files whose content is wanted.

    Raises:
        ImageUnreadable: if it is no image archive, damaged, cut off, or compressed in a way that
            this Python cannot read.
    """
    found = _Found()
    source = ByteSource(pieces)
    for member in read_members(source):
        name = posixpath.normpath(member.name.decode("utf-8", "surrogateescape"))
        if member.kind == "symlink":  # old archives hold equal layers once
            target = member.link.decode("utf-8", "surrogateescape")
            found.links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        elif member.kind == "file" and member.stored:
            _read_blob(source, name, member, keep, found)
    return _assemble(found, image_id)


@dataclass(slots=True)
class _Found:
    """What has passed by, by its name in the archive."""

    layers: dict[str, LayerContents] = field(default_factory=dict)
    documents: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    problems: dict[str, ImageUnreadable] = field(default_factory=dict)

    def resolve(self, name: str) -> str:
        return self.links.get(name, name)


def _read_blob(
    source: ByteSource, name: str, member: Member, keep: Collection[str], found: _Found
) -> None:
    start = source.peek(min(BLOCK, member.stored))
    compression = compression_of(start)
    if is_tar_header(start) or start == bytes(BLOCK):
        found.layers[name] = read_layer(source, member.stored, keep)
    elif compression is not None:
        # What fails here may belong to another platform's image: told only if it is needed.
        unpack = gunzip if compression == "gzip" else unzstd
        try:
            found.layers[name] = read_layer(
                ByteSource(unpack(source.take(member.stored))), keep=keep
            )
        except ImageUnreadable as problem:
            found.problems[name] = problem
    elif member.stored <= _MAX_DOCUMENT:
        found.documents[name] = source.read(member.stored)
        if sum(map(len, found.documents.values())) > _MAX_DOCUMENTS:
            raise ImageUnreadable("The image archive holds more metadata than any image has.")


def _assemble(found: _Found, image_id: str | None) -> ImageArchive:
    manifests = _json(found, "manifest.json")
    if not isinstance(manifests, list) or not manifests:
        raise ImageUnreadable("The image archive's manifest.json names no image.")
    manifest = _choose(manifests, image_id)
    try:
        config = _json(found, str(manifest["Config"]))
        names = [str(name) for name in manifest["Layers"] or ()]
    except (KeyError, TypeError) as error:
        raise ImageUnreadable("The image archive's manifest.json is incomplete.") from error
    if not isinstance(config, dict):
        raise ImageUnreadable("The image archive's config is no JSON object.")
    return ImageArchive(config, tuple(_layer(found, name) for name in names))


def _choose(manifests: list[Any], image_id: str | None) -> Any:
    if image_id:
        digest = image_id.removeprefix("sha256:")
        for manifest in manifests:
            if isinstance(manifest, dict) and digest in str(manifest.get("Config")):
                return manifest
    return manifests[0]


def _json(found: _Found, name: str) -> Any:
    data = found.documents.get(found.resolve(name))
    if data is None:
        raise ImageUnreadable(
            f"The image archive has no {name}: it is not what `docker save` writes."
        )
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ImageUnreadable(f"{name} in the image archive is no JSON.") from error


def _layer(found: _Found, name: str) -> LayerContents:
    place = found.resolve(name)
    if place in found.problems:
        raise found.problems[place]
    if place not in found.layers:
        raise ImageUnreadable(f"The image archive lacks the layer {name}.")
    return found.layers[place]
