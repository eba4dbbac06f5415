"""Layers read from the blobs of an engine's containerd image store, without ``docker save``.

Such an engine keeps manifests, configs and layers as they came, each in a file named by its digest.
Only the layers that are wanted are read. Manifest and config are checked by their digests.

Sources: https://docs.docker.com/engine/storage/containerd/ and
https://github.com/containerd/containerd/blob/main/docs/content-flow.md
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from helpers.observe.byte_source import ByteSource
from helpers.observe.compression import bounded, compression_of, gunzip, unzstd
from helpers.observe.engine_files import EngineFiles, NotInStore
from helpers.observe.layer_look import LayerLook
from helpers.observe.layer_tar import LayerContents, read_layer
from helpers.observe.system_files import KEPT
from helpers.observe.tar_members import BLOCK, read_members

_SNAPSHOTTER = "io.containerd.snapshotter.v1"
_BLOBS = "io.containerd.content.v1.content/blobs/sha256"
_LARGEST_DOCUMENT = 16_000_000
_DEEPEST_INDEX = 4
#: The name under which the folder of blobs is opened.
BLOBS = "blobs"


def blobs_folder(info: Mapping[str, Any]) -> str:
    """Where an engine keeps its blobs, by its answer to ``GET /info``.

    Raises:
        NotInStore: if it has no containerd image store.
    """
    status = [list(pair) for pair in info.get("DriverStatus") or ()]
    root = str(info.get("DockerRootDir") or "")
    if ["driver-type", _SNAPSHOTTER] not in status or not root.startswith("/"):
        raise NotInStore("the engine has no containerd image store")
    address = str((info.get("Containerd") or {}).get("Address") or "")
    # The system's own containerd, or the one that the engine has started for itself.
    own = address.removeprefix("/var").startswith("/run/containerd/")
    return f"{'/var/lib/containerd' if own else f'{root}/containerd/daemon'}/{_BLOBS}"


class ContentStore:
    """The blobs of an engine, open for one image.

    Args:
        files: the engine's folder of blobs, opened as :data:`BLOBS`.
        about: the engine's answer to ``GET /images/ID/json``.
    """

    def __init__(self, files: EngineFiles, about: Mapping[str, Any]) -> None:
        self._files = files
        self._platform = (about.get("Os"), about.get("Architecture"), about.get("Variant") or "")
        manifest = self._manifest(str(about["Id"]), _DEEPEST_INDEX)
        try:
            self._config = str(manifest["config"]["digest"])
            self.layers = tuple(str(layer["digest"]) for layer in manifest["layers"])
        except (KeyError, TypeError) as error:
            raise NotInStore("a manifest of another kind") from error

    def config(self) -> dict[str, Any]:
        """The image's config.

        Raises:
            NotInStore: if it is not there, or another one.
        """
        return self._document(self._config)

    def read(self, digest: str, look: LayerLook) -> LayerContents:
        """The entries of a layer, and a look into its files.

        Args:
            digest: of its blob.
            look: what looks.

        Raises:
            NotInStore: if it is not there.
            ImageUnreadable: if it is damaged.
        """
        with closing(self._files.archive(f"{BLOBS}/{_hex(digest)}")) as pieces:
            source = ByteSource(pieces)
            for member in read_members(source):
                if member.kind != "file":
                    continue
                compression = compression_of(source.peek(min(BLOCK, member.stored)))
                if compression is None:
                    return read_layer(source, member.stored, KEPT, look.visit)
                unpack = gunzip if compression == "gzip" else unzstd
                unpacked = ByteSource(bounded(unpack(source.take(member.stored))))
                return read_layer(unpacked, None, KEPT, look.visit)
        raise NotInStore(f"the store lacks the blob {digest}")

    def _manifest(self, digest: str, depth: int) -> dict[str, Any]:
        """The manifest of the image, perhaps through an index, for the image's own platform."""
        document = self._document(digest)
        if "manifests" not in document:
            return document
        if depth == 0:
            raise NotInStore("indexes are nested too deep")
        for descriptor in document["manifests"]:
            platform = descriptor.get("platform") or {}
            found = (platform.get("os"), platform.get("architecture"), platform.get("variant"))
            if (found[0], found[1], found[2] or "") == self._platform:
                return self._manifest(str(descriptor["digest"]), depth - 1)
        raise NotInStore("no manifest of the image's platform")

    def _document(self, digest: str) -> dict[str, Any]:
        data = self._files.content(f"{BLOBS}/{_hex(digest)}", _LARGEST_DOCUMENT)
        if data is None or f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
            raise NotInStore(f"the store has another blob than {digest}")
        document = json.loads(data)
        if not isinstance(document, dict):
            raise NotInStore("a document of another kind")
        return document


def _hex(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    if algorithm != "sha256" or not value.isalnum():
        raise NotInStore(f"no digest: {digest!r}")
    return value
