"""Whether two builds of the same, nothing taken from the cache, give the same image.

Source: https://reproducible-builds.org/docs/source-date-epoch/ and
https://docs.docker.com/build/ci/github-actions/reproducible-builds/
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import docker

from helpers.build.session.files import MTIME
from helpers.observe.build_again import builds_again
from helpers.observe.byte_source import ByteSource
from helpers.observe.compression import compression_of, gunzip, unzstd
from helpers.observe.errors import ObservationFailed, Stopped, engine_errors
from helpers.observe.history import read_history
from helpers.observe.requests import Request
from helpers.observe.subject import Subject
from helpers.observe.tar_members import BLOCK, is_tar_header, read_members

#: Most entries of one image that are compared, and most differing files that are named.
MOST_ENTRIES = 400_000
MOST_FILES = 50
_LARGEST_DOCUMENT = 16_000_000
_PIECE = 1 << 20

What = Literal["content", "mode", "owner", "time", "kind", "link", "missing", "new", "order"]


@dataclass(frozen=True, slots=True)
class FileDifference:
    """One file that the two builds made differently.

    Attributes:
        path: absolute.
        layer: index of the layer.
        what: everything that differs about it.
    """

    path: str
    layer: int
    what: tuple[What, ...]


@dataclass(frozen=True, slots=True)
class LayerDifference:
    """One layer that the two builds made differently.

    Attributes:
        layer: its index.
        created_by: the instruction that made it.
        files: how many files differ.
        kinds: everything that differs about any of them, sorted.
    """

    layer: int
    created_by: str
    files: int
    kinds: tuple[What, ...]

    @property
    def only_time(self) -> bool:
        """True where nothing but times differs."""
        return set(self.kinds) <= {"time"}


@dataclass(frozen=True, slots=True)
class Reproduction:
    """Two builds of the same.

    Attributes:
        first: id of the first image.
        second: id of the second image.
        layers: the layers that differ.
        files: the first 50 files that differ, those that differ in more than time first.
        config: fields of the image config that differ, for example ``config.Env``.
        seconds: how long both builds took.
    """

    first: str
    second: str
    layers: tuple[LayerDifference, ...] = ()
    files: tuple[FileDifference, ...] = ()
    config: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def same(self) -> bool:
        """True where both have one digest."""
        return self.first == self.second


@dataclass(frozen=True, slots=True)
class ReproductionRequest(Request[Reproduction]):
    """Build twice without the cache. ``seconds`` is how long one build may take."""

    seconds: float = 900.0

    observer: ClassVar[str] = "helpers.observe.reproduce:observe_reproduction"
    builds_again: ClassVar[bool] = True


def observe_reproduction(subject: Subject, request: ReproductionRequest) -> Reproduction:
    """Build the subject twice without the cache.

    ``SOURCE_DATE_EPOCH`` gives what the builder itself writes one fixed time.

    Raises:
        ObservationFailed: where it is not known how the image was built, or a build fails.
        NoEngine: if the engine stops answering.
    """
    arguments = {"SOURCE_DATE_EPOCH": str(MTIME)}
    with builds_again(subject, request.seconds) as again:
        # The build before may have taken steps from the cache: both are made anew.
        records = [again.build(no_cache=True, build_args=arguments) for _ in range(2)]
        first, second = (str(record.image_id) for record in records)
        seconds = sum(record.seconds for record in records)
        if first == second:
            return Reproduction(first, second, seconds=seconds)
        api = subject.client.api
        with engine_errors("reading the image"):
            images = [read_contents(api, image, subject.stop.done) for image in (first, second)]
    return differences(first, second, *images, seconds=seconds)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is compared of one file; content as a digest."""

    kind: bytes
    mode: int
    owner: tuple[int, int]
    time: float
    link: str
    content: bytes


@dataclass(slots=True)
class Contents:
    """An image: its config, and the entries of each layer by path, in their order."""

    config: dict[str, Any] = field(default_factory=dict)
    layers: list[dict[str, _Entry]] = field(default_factory=list)


def read_contents(
    api: docker.APIClient, image: str, stopped: Callable[[], bool] = lambda: False
) -> Contents:
    """Config and files of an image, from what ``docker save`` would write.

    Raises:
        ObservationFailed: where it has more than 400,000 entries, or the archive is damaged.
        Stopped: where ``stopped`` said so.
    """
    with closing(api.get_image(image)) as pieces:
        try:
            return _contents(ByteSource(_until(stopped, pieces)))
        except (tarfile.TarError, LookupError, TypeError, ValueError) as error:
            raise ObservationFailed(
                f"The archive of the image cannot be compared ({type(error).__name__}).",
                remedy="Build the image again.",
            ) from error


def _until(stopped: Callable[[], bool], pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if stopped():
            raise Stopped
        yield piece


class _Pieces:
    """A stream in pieces as a file that can be read, for :mod:`tarfile`."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""

    def read(self, size: int) -> bytes:
        parts, have = [self._rest], len(self._rest)
        while have < size and (piece := next(self._pieces, None)) is not None:
            parts.append(piece)
            have += len(piece)
        whole = b"".join(parts)
        self._rest = whole[size:]
        return whole[:size]


def _contents(source: ByteSource) -> Contents:
    documents: dict[str, bytes] = {}
    layers: dict[str, dict[str, _Entry]] = {}
    links: dict[str, str] = {}
    left = MOST_ENTRIES
    for member in read_members(source):
        name = posixpath.normpath(member.name.decode("utf-8", "surrogateescape"))
        if member.kind == "symlink":  # old archives hold equal layers once
            target = member.link.decode("utf-8", "surrogateescape")
            links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        if member.kind != "file" or not member.stored:
            continue
        start = source.peek(min(BLOCK, member.stored))
        pieces = source.take(member.stored)
        if compression := compression_of(start):
            pieces = (gunzip if compression == "gzip" else unzstd)(pieces)
        if compression or is_tar_header(start) or start == bytes(BLOCK):
            layers[name] = _layer(pieces, left)
            left -= len(layers[name])
        elif member.stored <= _LARGEST_DOCUMENT:
            documents[name] = source.read(member.stored)
    manifest = json.loads(documents["manifest.json"])[0]
    names = [links.get(str(name), str(name)) for name in manifest["Layers"]]
    return Contents(json.loads(documents[str(manifest["Config"])]), [layers[n] for n in names])


def _layer(pieces: Iterable[bytes], most: int) -> dict[str, _Entry]:
    entries: dict[str, _Entry] = {}
    stream: Any = _Pieces(pieces)
    with tarfile.open(fileobj=stream, mode="r|", errors="surrogateescape") as archive:
        for member in archive:
            if len(entries) >= most:
                raise ObservationFailed(
                    f"The image has more than {MOST_ENTRIES:,} entries; they are not compared.",
                    remedy="Compare a smaller image.",
                )
            digest = hashlib.blake2b(digest_size=16)
            if member.isfile() and (file := archive.extractfile(member)) is not None:
                while data := file.read(_PIECE):
                    digest.update(data)
            entries[posixpath.normpath(f"/{member.name}")] = _Entry(
                member.type,
                member.mode,
                (member.uid, member.gid),
                float(member.mtime),
                member.linkname,
                digest.digest(),
            )
            archive.members = []  # type: ignore[attr-defined]  # it keeps all that it has passed
    return entries


def differences(
    first: str, second: str, one: Contents, other: Contents, *, seconds: float = 0.0
) -> Reproduction:
    """What differs between two images.

    Args:
        first: id of the one.
        second: id of the other.
        one: its contents.
        other: the other's contents.
        seconds: how long their builds took.
    """
    layers: list[LayerDifference] = []
    files: list[FileDifference] = []
    made_by = {
        entry.layer: entry.created_by
        for entry in read_history(one.config.get("history") or (), len(one.layers))
    }
    for index in range(max(len(one.layers), len(other.layers))):
        found = list(_of_layer(index, one, other))
        if not found:
            continue
        kinds = sorted({what for difference in found for what in difference.what})
        layers.append(LayerDifference(index, made_by.get(index, ""), len(found), tuple(kinds)))
        files += found
    files.sort(key=lambda d: (set(d.what) <= {"time"}, d.layer, d.path))
    return Reproduction(
        first,
        second,
        tuple(layers),
        tuple(files[:MOST_FILES]),
        tuple(_of_config(one.config, other.config)),
        seconds,
    )


def _of_layer(index: int, one: Contents, other: Contents) -> Iterator[FileDifference]:
    mine = one.layers[index] if index < len(one.layers) else {}
    theirs = other.layers[index] if index < len(other.layers) else {}
    if mine == theirs and list(mine) != list(theirs):
        yield FileDifference("/", index, ("order",))
    for path in sorted(mine.keys() | theirs.keys()):
        what = _what_differs(mine.get(path), theirs.get(path))
        if what:
            yield FileDifference(path, index, what)


def _what_differs(one: _Entry | None, other: _Entry | None) -> tuple[What, ...]:
    if one is None or other is None:
        return ("missing",) if other is None else ("new",)
    pairs: tuple[tuple[What, object, object], ...] = (
        ("kind", one.kind, other.kind),
        ("content", one.content, other.content),
        ("link", one.link, other.link),
        ("mode", one.mode, other.mode),
        ("owner", one.owner, other.owner),
        ("time", one.time, other.time),
    )
    return tuple(what for what, a, b in pairs if a != b)


def _of_config(one: dict[str, Any], other: dict[str, Any]) -> Iterator[str]:
    """Fields that differ; those that follow from the layers are left out."""
    for key in sorted((one.keys() | other.keys()) - {"rootfs", "config"}):
        if one.get(key) != other.get(key):
            yield key
    mine, theirs = one.get("config") or {}, other.get("config") or {}
    for key in sorted(mine.keys() | theirs.keys()):
        if mine.get(key) != theirs.get(key):
            yield f"config.{key}"
