"""Layers read from the engine's own store, without ``docker save``.

``docker save`` always writes all layers, most engines to their disk first. Where the engine keeps
its layers with the overlay2 driver, its folders can be read one by one
(:mod:`helpers.observe.engine_files`). ``tar-split.json.gz`` of a layer holds its archive
without the contents of the files (that is how ``docker save`` gives back the very same bytes), so
names, owners, modes, extended attributes and whiteouts are those of the original archive, whatever
its size.

What is read is checked: the config by its digest, each layer's record by the digest in
it. Where anything is not as expected the caller uses ``docker save``, which gives the same facts.

Sources: https://github.com/moby/moby/blob/master/layer/filestore.go (the records of layers)
and https://github.com/vbatts/tar-split (tar-split.json.gz)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import docker
import docker.errors

from helpers.observe.byte_source import ByteSource
from helpers.observe.compression import bounded, gunzip
from helpers.observe.engine_files import EngineFiles, NotInStore, open_engine_files
from helpers.observe.layer_look import LayerLook, TimeBudget, wanted
from helpers.observe.layer_tar import MAX_KEPT, LayerContents, read_layer
from helpers.observe.tar_members import Member, read_members

_DRIVER = "overlay2"
_ZEROS = bytes(1 << 20)
_LONGEST_LINE = 4 << 20
_LARGEST_CONFIG = 16_000_000
#: A file of its own costs a request; a whole layer costs its bytes. Measured on a small machine:
#: a request takes about as long as this many bytes of a layer.
_REQUEST_BYTES = 2_000_000
#: From so many requests on one for all open layers may be quicker: each request mounts all folders.
_MOST_REQUESTS = 8
_MANY_FOLDERS_BYTES = 10_000_000
_RECORDS, _FILES = "records", "files"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """Where the engine keeps one layer.

    Attributes:
        diff_id: its digest.
        record: the engine's folder with its record.
        files: the engine's folder with its files.
    """

    diff_id: str
    record: str
    files: str


@dataclass(frozen=True, slots=True)
class StoredImage:
    """Where the engine keeps an image.

    Attributes:
        id: ``sha256:…``.
        config: the engine's file with the config.
        layers: lowest first.
    """

    id: str
    config: str
    layers: tuple[StoredLayer, ...]


def stored_image(info: Mapping[str, Any], about: Mapping[str, Any]) -> StoredImage:
    """Where an engine keeps an image, by what it says of itself and of the image.

    Args:
        info: the engine's answer to ``GET /info``.
        about: its answer to ``GET /images/ID/json``.

    Raises:
        NotInStore: if it does not keep its images in layers of the overlay2 driver.
    """
    root = str(info.get("DockerRootDir") or "")
    driver = about.get("GraphDriver") or {}
    data = driver.get("Data") or {}
    diff_ids = [str(digest) for digest in (about.get("RootFS") or {}).get("Layers") or ()]
    if info.get("Driver") != _DRIVER or driver.get("Name") != _DRIVER or not root.startswith("/"):
        raise NotInStore("the engine does not use the overlay2 driver")
    folders = [data.get("UpperDir"), *str(data.get("LowerDir") or "").split(":")]
    files = [str(folder) for folder in folders if folder][::-1]
    if len(files) != len(diff_ids) or not all(f.startswith(f"{root}/{_DRIVER}/") for f in files):
        raise NotInStore("the engine names other folders than layers")
    images = f"{root}/image/{_DRIVER}"
    return StoredImage(
        str(about["Id"]),
        f"{images}/imagedb/content/{_as_path(about['Id'])}",
        tuple(
            StoredLayer(diff_id, f"{images}/layerdb/{_as_path(chain)}", folder)
            for diff_id, chain, folder in zip(diff_ids, chain_ids(diff_ids), files, strict=True)
        ),
    )


def chain_ids(diff_ids: Iterable[str]) -> Iterator[str]:
    """The digest of each layer together with all layers below it.

    Source: https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid
    """
    chain = ""
    for diff_id in diff_ids:
        chain = _sha256(f"{chain} {diff_id}".encode()) if chain else diff_id
        yield chain


class LayerStore:
    """The store of an engine, open for one image; see :func:`open_store`.

    Args:
        files: the engine's folders, opened under the names that :func:`open_store` gives them.
        image: the image.
    """

    def __init__(self, files: EngineFiles, image: StoredImage) -> None:
        self._files = files
        self._image = image

    def config(self) -> dict[str, Any]:
        """The image's config, checked against the image id.

        Raises:
            NotInStore: if it is not there, or another one.
        """
        data = self._files.content("config", _LARGEST_CONFIG)
        if data is None or _sha256(data) != self._image.id:
            raise NotInStore("the config has another digest than the image")
        config = json.loads(data)
        if not isinstance(config, dict):
            raise NotInStore("the config is no JSON object")
        return config

    def contents(self, indexes: Iterable[int], keep: Iterable[str]) -> dict[int, LayerContents]:
        """The entries of layers, and the content of some files, by the layers' indexes.

        Args:
            indexes: of the layers.
            keep: absolute paths whose content is wanted.

        Raises:
            NotInStore: if the engine's record is of another layer, or is not understood.
            ImageUnreadable: if a layer itself is damaged.
        """
        layers = self._records()
        return {n: self._with_kept(n, layers[n], keep) for n in indexes if self._is_read(n, layers)}

    def look(self, layers: Mapping[int, LayerContents], budget: TimeBudget) -> dict[int, LayerLook]:
        """Look into the files of layers.

        A request costs more the more folders are open, so many small layers are read in one.

        Args:
            layers: their entries, by index.
            budget: seconds that are left for the image.

        Raises:
            NotInStore: if the files cannot be read.
        """
        looks = {index: LayerLook(budget) for index in layers}
        requests: list[tuple[int, str]] = []
        for index, layer in layers.items():
            requests += ((index, path) for path in _requests(layer))
        total = sum(layer.tar_bytes for layer in layers.values())
        if len(requests) > _MOST_REQUESTS and total <= len(requests) * _MANY_FOLDERS_BYTES:
            self._visit_all(looks)
        else:
            for index, path in requests:
                self._visit(index, path, looks[index])
        return looks

    def _records(self) -> dict[int, LayerContents]:
        """What the engine's records say, all in one request."""
        layers: dict[int, LayerContents] = {}
        diff_ids: dict[int, bytes] = {}
        with closing(self._files.archive(_RECORDS)) as pieces:
            source = ByteSource(pieces)
            for member in read_members(source):
                _, _, inside = member.name.decode("utf-8", "replace").partition("/")
                number, _, name = inside.partition("/")
                if name == "diff":
                    diff_ids[int(number)] = source.read(min(member.stored, 200))
                elif name == "tar-split.json.gz":
                    record = bounded(gunzip(source.take(member.stored)))
                    layers[int(number)] = read_layer(ByteSource(bounded(_without_contents(record))))
        stored = self._image.layers
        right = {n for n, d in diff_ids.items() if stored[n].diff_id.encode() == d}
        return {n: layer for n, layer in layers.items() if n in right}

    def _is_read(self, index: int, layers: Mapping[int, LayerContents]) -> bool:
        if index not in layers:
            raise NotInStore(f"the record of layer {index} is of another layer")
        return True

    def _with_kept(self, index: int, layer: LayerContents, keep: Iterable[str]) -> LayerContents:
        for path in keep:
            entry = layer.entries.get(path)
            if entry is not None and entry.kind == "file" and entry.size <= MAX_KEPT:
                data = self._files.content(f"{_FILES}/{index}{path}", MAX_KEPT)
                if data is None or len(data) != entry.size:
                    raise NotInStore(f"layer {index} lacks {path}")
                layer.kept[path] = data
        return layer

    def _visit(self, index: int, path: str, look: LayerLook) -> None:
        """Look into a file, or into the whole layer where the path is empty."""
        parent = path.rpartition("/")[0]
        with closing(self._files.archive(f"{_FILES}/{index}{path}")) as pieces:
            source = ByteSource(pieces)
            for name, member in _files_of(source):
                # The archive calls the folder by its own name, a file by its last part.
                look.visit(f"{parent}/{name}" if path else _below(name), member, source)

    def _visit_all(self, looks: Mapping[int, LayerLook]) -> None:
        """Look into all open layers in one request."""
        with closing(self._files.archive(_FILES)) as pieces:
            source = ByteSource(pieces)
            for name, member in _files_of(source):
                number, _, path = name.partition("/")[2].partition("/")
                if number.isdecimal() and int(number) in looks:
                    looks[int(number)].visit(f"/{path}", member, source)


def _files_of(source: ByteSource) -> Iterator[tuple[str, Member]]:
    for member in read_members(source):
        if member.kind == "file" and member.stored:
            yield member.name.decode("utf-8", "surrogateescape"), member


@contextmanager
def open_store(
    api: docker.APIClient,
    image: StoredImage,
    indexes: Sequence[int],
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[LayerStore]:
    """Open an engine's store for some layers of an image.

    Args:
        api: a connection to the engine.
        image: the image.
        indexes: of the layers that are wanted.
        stopped: asked while reading; True ends it.

    Raises:
        NotInStore: if the engine does not let its store be read.
        Stopped: where ``stopped`` said so.
    """
    sources = {"config": image.config}
    for index in indexes:
        sources[f"{_RECORDS}/{index}"] = image.layers[index].record
        sources[f"{_FILES}/{index}"] = image.layers[index].files
    with open_engine_files(api, image.id, sources, stopped=stopped) as files:
        yield LayerStore(files, image)


def _requests(layer: LayerContents) -> list[str]:
    """The files of a layer to be asked for; one empty path for all of them at once."""
    paths = [
        path
        for path, entry in layer.entries.items()
        if entry.kind == "file" and entry.size and wanted(path, entry.size, entry.mode) is not None
    ]
    total = sum(layer.entries[path].size for path in paths)
    nameable = all(path.isascii() or _is_utf8(path) for path in paths)
    whole = not nameable or total + len(paths) * _REQUEST_BYTES >= layer.tar_bytes
    return [""] if paths and whole else paths


def _is_utf8(path: str) -> bool:
    """False for a path that no request can name."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _below(name: str) -> str:
    """The path in a layer of an entry of the archive of the layer's folder."""
    return "/" + name.partition("/")[2]


def _without_contents(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A layer's archive from its tar-split record, with zeros for the contents of files.

    Raises:
        NotInStore: if the record is not understood.
    """
    for line in _lines(pieces):
        try:
            record = json.loads(line)
            if record["type"] == 2:
                yield base64.b64decode(record["payload"], validate=True)
                continue
            left = int(record.get("size") or 0)
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
            raise NotInStore("a tar-split record of another kind") from error
        while left > 0:
            yield _ZEROS if left >= len(_ZEROS) else _ZEROS[:left]
            left -= len(_ZEROS)


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
        if len(rest) > _LONGEST_LINE:
            raise NotInStore("a tar-split record that is longer than any header")
    if rest.strip():
        yield rest


def _sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _as_path(digest: Any) -> str:
    algorithm, found, value = str(digest).partition(":")
    if not found or not value.isalnum() or not algorithm.isalnum():
        raise NotInStore(f"no digest: {digest!r}")
    return f"{algorithm}/{value}"
