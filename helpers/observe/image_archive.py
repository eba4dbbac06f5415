"""An image archive, read in one pass: what ``docker save`` writes, or an OCI image layout.

Three layouts exist. Up to Engine 24 each layer is ``ID/layer.tar``; from 25 on the archive is an
OCI image layout with ``blobs/sha256/…``. Both hold ``manifest.json``, which names config and
layers. A plain OCI layout has ``index.json`` only. All of these may come after what they name: so
every blob that is a layer archive is read as one when it passes by, and put in its place at the
end.

Sources: https://github.com/moby/docker-image-spec/blob/main/spec.md and
https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from helpers.observe.byte_source import ByteSource
from helpers.observe.compression import compression_of, gunzip, unzstd
from helpers.observe.errors import ImageUnreadable
from helpers.observe.layer_findings import LayerFindings
from helpers.observe.layer_look import LayerLook, TimeBudget
from helpers.observe.layer_tar import MAX_ENTRIES, LayerContents, read_layer
from helpers.observe.tar_members import BLOCK, Member, is_tar_header, read_members

#: Largest JSON document that is kept, and all of them together, in bytes.
_MAX_DOCUMENT = 16_000_000
_MAX_DOCUMENTS = 64_000_000
#: Most blobs of one archive that are layers.
_MAX_LAYERS = 1000
#: Most bytes that compressed layers unpack to: a bomb is refused before it takes hours.
_MAX_UNPACKED = 64 * 1000**3
_BLOB = re.compile(r"blobs/(sha256)/([0-9a-f]{64})")
_DEEPEST_INDEX = 4
#: Media types of OCI are known by these endings; what else is listed (signatures) is left out.
_INDEXES = ("image.index.v1+json", "manifest.list.v2+json")


@dataclass(frozen=True, slots=True)
class ArchivedLayer:
    """One layer.

    Attributes:
        contents: its entries.
        findings: what was found in its files; None where nobody looked or there was no time.
        digest: of the blob as it is stored, where the archive tells it.
        read: False where it was known before.
        in_time: False where the time for looking was used up before its end.
    """

    contents: LayerContents
    findings: LayerFindings | None = None
    digest: str | None = None
    read: bool = True
    in_time: bool = True


@dataclass(frozen=True, slots=True)
class ImageArchive:
    """One image as its archive holds it.

    Attributes:
        config: the config as JSON.
        archived: its layers, lowest first.
    """

    config: dict[str, Any]
    archived: tuple[ArchivedLayer, ...]

    @property
    def layers(self) -> tuple[LayerContents, ...]:
        """The entries of its layers, lowest first."""
        return tuple(layer.contents for layer in self.archived)


#: Gives a layer that is known by the digest of its blob, or None.
Known = Callable[[str], ArchivedLayer | None]


def read_archive(
    pieces: Iterable[bytes],
    *,
    image_id: str | None = None,
    keep: Collection[str] = (),
    look: bool = False,
    known: Known = lambda _: None,
) -> ImageArchive:
    """Read an image archive from a stream, in memory that does not grow with the image's bytes.

    Args:
        pieces: the archive in pieces of any length.
        image_id: ``sha256:…``, to choose where the archive holds several images.
        keep: absolute paths of files whose content is wanted.
        look: whether to look into the files for packages and secrets.
        known: asked for each blob; one that is known is passed over.

    Raises:
        ImageUnreadable: if it is no image archive, damaged, cut off, or compressed in a way that
            this Python cannot read.
    """
    found = _Found(keep, TimeBudget() if look else None, known)
    source = ByteSource(pieces)
    for member in read_members(source):
        name = posixpath.normpath(member.name.decode("utf-8", "surrogateescape"))
        if member.kind == "symlink":  # old archives hold equal layers once
            target = member.link.decode("utf-8", "surrogateescape")
            found.links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        elif member.kind == "file" and member.stored:
            _read_blob(source, name, member, found)
    return _assemble(found, image_id)


@dataclass(slots=True)
class _Found:
    """What has passed by, by its name in the archive."""

    keep: Collection[str]
    budget: TimeBudget | None
    known: Known
    layers: dict[str, ArchivedLayer] = field(default_factory=dict)
    documents: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    problems: dict[str, ImageUnreadable] = field(default_factory=dict)
    entries: int = 0
    unpacked: int = 0

    def resolve(self, name: str) -> str:
        return self.links.get(name, name)

    def bounded(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self.unpacked += len(piece)
            if self.unpacked > _MAX_UNPACKED:
                raise ImageUnreadable(
                    f"The image archive's layers unpack to more than {_MAX_UNPACKED:,} bytes."
                )
            yield piece

    def add(self, name: str, layer: ArchivedLayer) -> None:
        self.layers[name] = layer
        self.entries += len(layer.contents.entries)
        if len(self.layers) > _MAX_LAYERS or self.entries > 2 * MAX_ENTRIES:
            raise ImageUnreadable(
                f"The image archive has more than {_MAX_LAYERS:,} layers or {2 * MAX_ENTRIES:,} "
                "entries."
            )


def _read_blob(source: ByteSource, name: str, member: Member, found: _Found) -> None:
    blob = _BLOB.fullmatch(name)
    digest = f"{blob[1]}:{blob[2]}" if blob else None
    start = source.peek(min(BLOCK, member.stored))
    compression = compression_of(start)
    is_layer = compression is not None or is_tar_header(start) or start == bytes(BLOCK)
    if is_layer and digest is not None and (known := found.known(digest)) is not None:
        found.add(name, known)
    elif compression is not None:
        # What fails here may belong to another platform's image: told only if it is needed.
        unpack = gunzip if compression == "gzip" else unzstd
        try:
            unpacked = ByteSource(found.bounded(unpack(source.take(member.stored))))
            found.add(name, _read_layer(unpacked, None, digest, found))
        except ImageUnreadable as problem:
            found.problems[name] = problem
    elif is_layer:
        found.add(name, _read_layer(source, member.stored, digest, found))
    elif member.stored <= _MAX_DOCUMENT:
        found.documents[name] = source.read(member.stored)
        if sum(map(len, found.documents.values())) > _MAX_DOCUMENTS:
            raise ImageUnreadable("The image archive holds more metadata than any image has.")


def _read_layer(
    source: ByteSource, size: int | None, digest: str | None, found: _Found
) -> ArchivedLayer:
    if found.budget is None:
        return ArchivedLayer(read_layer(source, size, found.keep), digest=digest)
    look = LayerLook(found.budget)
    contents = read_layer(source, size, found.keep, look.visit)
    return ArchivedLayer(contents, look.findings(), digest, in_time=look.in_time)


def _assemble(found: _Found, image_id: str | None) -> ImageArchive:
    if found.resolve("manifest.json") in found.documents:
        config_name, names = _from_docker(found, image_id)
    elif "index.json" in found.documents:
        config_name, names = _from_oci(found, image_id)
    else:
        raise ImageUnreadable(
            "The image archive has no manifest.json and no index.json: it is neither what `docker "
            "save` writes nor an OCI image layout."
        )
    config = _json(found, config_name)
    if not isinstance(config, dict):
        raise ImageUnreadable("The image archive's config is no JSON object.")
    return ImageArchive(config, tuple(_layer(found, name) for name in names))


def _from_docker(found: _Found, image_id: str | None) -> tuple[str, list[str]]:
    manifests = _json(found, "manifest.json")
    if not isinstance(manifests, list) or not manifests:
        raise ImageUnreadable("The image archive's manifest.json names no image.")
    manifest = _choose(manifests, image_id)
    try:
        return str(manifest["Config"]), [str(name) for name in manifest["Layers"] or ()]
    except (KeyError, TypeError) as error:
        raise ImageUnreadable("The image archive's manifest.json is incomplete.") from error


def _choose(manifests: list[Any], image_id: str | None) -> Any:
    if image_id:
        digest = image_id.removeprefix("sha256:")
        for manifest in manifests:
            if isinstance(manifest, dict) and digest in str(manifest.get("Config")):
                return manifest
    return manifests[0]


def _from_oci(found: _Found, image_id: str | None) -> tuple[str, list[str]]:
    """Config and layers of the first image of an OCI index, or of the one with that digest."""
    manifests = _oci_manifests(found, "index.json", _DEEPEST_INDEX)
    wanted = [m for digest, m in manifests if image_id == digest or m["config"] == image_id]
    if not manifests:
        raise ImageUnreadable("The image layout's index.json names no image that it holds.")
    manifest = wanted[0] if wanted else manifests[0][1]
    return _blob_name(manifest["config"]), [_blob_name(digest) for digest in manifest["layers"]]


def _oci_manifests(found: _Found, name: str, depth: int) -> list[tuple[str, dict[str, Any]]]:
    """The image manifests that an index leads to and that are there."""
    if depth == 0:
        raise ImageUnreadable("The image layout's indexes are nested too deep.")
    manifests: list[tuple[str, dict[str, Any]]] = []
    try:
        for descriptor in _json(found, name)["manifests"][:_MAX_LAYERS]:
            digest = str(descriptor["digest"])
            platform = descriptor.get("platform") or {}
            blob = _blob_name(digest)
            if platform.get("os") == "unknown" or blob not in found.documents:
                continue  # an attestation, or another platform that was not saved
            if str(descriptor.get("mediaType")).endswith(_INDEXES):
                manifests += _oci_manifests(found, blob, depth - 1)
                continue
            manifest = _json(found, blob)
            layers = [str(layer["digest"]) for layer in manifest["layers"]]
            config = str(manifest["config"]["digest"])
            manifests.append((digest, {"config": config, "layers": layers}))
    except (KeyError, TypeError, AttributeError) as error:
        raise ImageUnreadable("The image layout's index or manifest is incomplete.") from error
    return manifests


def _blob_name(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/', 1)}"


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


def _layer(found: _Found, name: str) -> ArchivedLayer:
    place = found.resolve(name)
    if place in found.problems:
        raise found.problems[place]
    if place not in found.layers:
        raise ImageUnreadable(f"The image archive lacks the layer {name}.")
    return found.layers[place]
