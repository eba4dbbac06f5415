"""Where an image stores given values: in the files of every layer, in its history, in its config.

What is searched for is known, unlike in :mod:`helpers.observe.secret_strings`: the very values that
a build was given as secrets. They are found as they are, in Base64, in hex and percent-encoded;
not where they are encrypted or compressed. An answer holds names and places, never a value.

Source: https://github.com/opencontainers/image-spec/blob/main/config.md
"""

from __future__ import annotations

import base64
import json
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal
from urllib.parse import quote_from_bytes

import docker

from helpers.build.log_lines import clean
from helpers.build.record import BuildRecord
from helpers.build.session.masking import MASK
from helpers.observe.byte_source import ByteSource
from helpers.observe.compression import bounded, compression_of, gunzip, unzstd
from helpers.observe.errors import ImageUnreadable, ObservationFailed, Stopped, engine_errors
from helpers.observe.history import read_history
from helpers.observe.layer_tar import LayerContents, read_layer
from helpers.observe.merge import merge
from helpers.observe.requests import Request
from helpers.observe.subject import Subject
from helpers.observe.tar_members import BLOCK, Member, is_tar_header, read_members
from helpers.observe.text import printable

Where = Literal["file", "name", "history", "config"]
Form = Literal["as it is", "in Base64", "in hex", "percent-encoded"]

#: A shorter value would be found by chance.
SHORTEST_BYTES = 8
_PIECE = 1 << 20
_MAX_DOCUMENT = 16_000_000
_MOST = 100
_LONGEST = 300
_SECRET_MOUNT = re.compile(r"--mount=\S*\btype=secret\b")


@dataclass(frozen=True, slots=True)
class StoredValue:
    """One place of an image that stores a value.

    Attributes:
        name: whose value it is.
        where: in a ``file`` of a layer, in the ``name`` of one, in the ``history`` or ``config``.
        form: how it is written there.
        layer: index of the layer; None where it is in none.
        path: of the file; empty where it is in none.
        visible: False where a later layer hides the file.
        instruction: what made the layer or the entry, the value taken out; empty where that cannot
            be told.
    """

    name: str
    where: Where
    form: Form
    layer: int | None = None
    path: str = ""
    visible: bool = True
    instruction: str = ""


@dataclass(frozen=True, slots=True)
class StoredValues:
    """What a search through an image found.

    Attributes:
        names: of the values that were searched for.
        found: where they are, at most a hundred places.
        layers: how many layers were searched.
        files: how many files in them.
        bytes: how many bytes these have.
        printed: steps of the build that printed a value, by name.
    """

    names: tuple[str, ...]
    found: tuple[StoredValue, ...] = ()
    layers: int = 0
    files: int = 0
    bytes: int = 0
    printed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GivenSecretsRequest(Request[StoredValues]):
    """Search the image for the secrets that its build was given."""

    observer: ClassVar[str] = "helpers.observe.stored_values:observe_given_secrets"


def observe_given_secrets(subject: Subject, request: GivenSecretsRequest) -> StoredValues:  # noqa: ARG001
    """Search the subject for the secrets of its own build.

    Raises:
        ObservationFailed: where it is not known what the build was given, or the engine refuses.
        ImageUnreadable: if the archive is damaged.
        NoEngine: if the engine stops answering.
    """
    if subject.request is None:
        raise ObservationFailed(
            "It is not known which secrets the build was given.",
            remedy="Name the folder with the Dockerfile instead of the image.",
        )
    values = {s.id: s.value() for s in subject.request.secrets}
    short = [name for name, value in values.items() if len(value.strip()) < SHORTEST_BYTES]
    if short:
        raise ObservationFailed(
            f"The secret {printable(short[0], 60)} has fewer than {SHORTEST_BYTES} bytes: it would "
            "be found by chance.",
            remedy="Build with a longer value.",
        )
    api = subject.client.api
    seen = search_image(api, subject.image_id, values, stopped=subject.stop.done)
    printed = printed_secrets(subject.build) if subject.build and values else ()
    return StoredValues(seen.names, seen.found, seen.layers, seen.files, seen.bytes, printed)


def printed_secrets(record: BuildRecord) -> tuple[str, ...]:
    """Steps with a secret mount in whose output a value was masked."""
    return tuple(
        printable(done.step.instruction or done.step.name, _LONGEST)
        for done in record.steps
        if _SECRET_MOUNT.search(done.step.name) and any(MASK in line for line in done.log)
    )


def search_image(
    api: docker.APIClient,
    ref: str,
    values: Mapping[str, bytes],
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> StoredValues:
    """Search all of an image for values.

    Args:
        api: a connection to the engine.
        ref: name or id of the image.
        values: what is searched for, by name, each of at least eight bytes.
        stopped: asked while reading; True ends it.

    Raises:
        ValueError: if a value is too short to be told from chance.
        BadInput: if the engine has no such image.
        ImageUnreadable: if the archive is damaged.
        ObservationFailed, NoEngine: if the engine refuses, or stops answering.
        Stopped: where ``stopped`` said so.
    """
    needles = tuple(needle for name, value in values.items() for needle in _needles(name, value))
    if not needles:
        return StoredValues(tuple(values))
    with engine_errors("reading the image"):
        image_id = str(api.inspect_image(ref)["Id"])
        with closing(api.get_image(image_id, chunk_size=_PIECE)) as pieces:
            archive = _read(ByteSource(_until(stopped, pieces)), needles)
    return _answer(tuple(values), needles, archive)


@dataclass(frozen=True, slots=True)
class _Needle:
    name: str
    form: Form
    text: bytes


def _needles(name: str, value: bytes) -> Iterator[_Needle]:
    """The forms of a value, the plainest first."""
    core = value.strip()
    if len(core) < SHORTEST_BYTES:
        raise ValueError(f"the value of {name} has fewer than {SHORTEST_BYTES} bytes")
    forms: list[tuple[Form, bytes]] = [("as it is", core)]
    forms += [("in Base64", text) for text in _base64_forms(core)]
    forms += [("in hex", core.hex().encode()), ("in hex", core.hex().upper().encode())]
    forms.append(("percent-encoded", quote_from_bytes(core, safe="").encode()))
    seen: set[bytes] = set()
    for form, text in forms:
        if text not in seen:
            seen.add(text)
            yield _Needle(name, form, text)


def _base64_forms(value: bytes) -> Iterator[bytes]:
    """Base64 of the value wherever it stands in a longer text: three ways to be cut into six bits.

    The characters at both ends also depend on what stands beside it, so they are left out.
    """
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + value)
        text = encoded[-(-before * 8 // 6) : (before + len(value)) * 8 // 6]
        yield text
        yield text.translate(bytes.maketrans(b"+/", b"-_"))


@dataclass(slots=True)
class _Layer:
    contents: LayerContents
    hits: list[tuple[str, _Needle]]
    files: int
    bytes: int


@dataclass(slots=True)
class _Archive:
    layers: dict[str, _Layer] = field(default_factory=dict)
    documents: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def resolve(self, name: str) -> str:
        return self.links.get(name, name)


def _read(source: ByteSource, needles: tuple[_Needle, ...]) -> _Archive:
    archive = _Archive()
    for member in read_members(source):
        name = posixpath.normpath(member.name.decode("utf-8", "surrogateescape"))
        if member.kind == "symlink":
            target = member.link.decode("utf-8", "surrogateescape")
            archive.links[name] = posixpath.normpath(
                posixpath.join(posixpath.dirname(name), target)
            )
        elif member.kind == "file" and member.stored:
            _read_blob(source, name, member, needles, archive)
    return archive


def _read_blob(
    source: ByteSource,
    name: str,
    member: Member,
    needles: tuple[_Needle, ...],
    archive: _Archive,
) -> None:
    start = source.peek(min(BLOCK, member.stored))
    compression = compression_of(start)
    if compression is not None:
        unpack = gunzip if compression == "gzip" else unzstd
        unpacked = ByteSource(bounded(unpack(source.take(member.stored))))
        archive.layers[name] = _search_layer(unpacked, None, needles)
    elif is_tar_header(start) or start == bytes(BLOCK):
        archive.layers[name] = _search_layer(source, member.stored, needles)
    elif member.stored <= _MAX_DOCUMENT:
        archive.documents[name] = source.read(member.stored)


def _search_layer(source: ByteSource, size: int | None, needles: tuple[_Needle, ...]) -> _Layer:
    hits: list[tuple[str, _Needle]] = []
    count = total = 0

    def visit(path: str, member: Member, content: ByteSource) -> None:
        nonlocal count, total
        count += 1
        total += member.stored
        hits.extend((path, n) for n in _within(content.take(member.stored), needles))

    return _Layer(read_layer(source, size, visit=visit), hits, count, total)


def _within(pieces: Iterable[bytes], needles: tuple[_Needle, ...]) -> tuple[_Needle, ...]:
    """The needles that are in a stream; the first form of each value is enough."""
    found: dict[str, _Needle] = {}
    overlap = max(len(n.text) for n in needles) - 1
    rest = b""
    for piece in pieces:
        window = rest + piece
        for needle in needles:
            if needle.name not in found and needle.text in window:
                found[needle.name] = needle
        rest = window[-overlap:]
    return tuple(found.values())


def _answer(
    names: tuple[str, ...], needles: tuple[_Needle, ...], archive: _Archive
) -> StoredValues:
    try:
        manifest = json.loads(archive.documents[archive.resolve("manifest.json")])[0]
        config = json.loads(archive.documents[archive.resolve(manifest["Config"])])
        layers = [archive.layers[archive.resolve(name)] for name in manifest["Layers"] or ()]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ImageUnreadable("The image archive is not what `docker save` writes.") from error
    found = [*_in_layers(layers, config, needles), *_in_config(config, needles)]
    return StoredValues(
        names,
        tuple(found[:_MOST]),
        len(layers),
        sum(layer.files for layer in layers),
        sum(layer.bytes for layer in layers),
    )


def _in_layers(
    layers: list[_Layer], config: dict[str, Any], needles: tuple[_Needle, ...]
) -> Iterator[StoredValue]:
    files, _ = merge([layer.contents for layer in layers])
    visible = {(fact.path, fact.layer) for fact in files}
    history = read_history(config.get("history") or (), len(layers))
    made_by = {e.layer: _without(e.created_by, needles) for e in history if e.layer is not None}
    for index, layer in enumerate(layers):
        places: list[tuple[Where, str, _Needle]] = [("file", p, n) for p, n in layer.hits]
        for path, entry in layer.contents.entries.items():
            text = f"{path}\n{entry.link or ''}".encode("utf-8", "surrogateescape")
            places += [("name", path, n) for n in _within((text,), needles)]
        for where, path, needle in places:
            yield StoredValue(
                needle.name,
                where,
                needle.form,
                index,
                printable(_without(path, needles), _LONGEST),
                (path, index) in visible,
                made_by.get(index, ""),
            )


def _in_config(config: dict[str, Any], needles: tuple[_Needle, ...]) -> Iterator[StoredValue]:
    for entry in config.get("history") or ():
        text = json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace")
        for needle in _within((text,), needles):
            said = _without(str(entry.get("created_by") or ""), needles)
            shown = printable(" ".join(said.split()), _LONGEST)
            yield StoredValue(needle.name, "history", needle.form, instruction=shown)
    rest = {key: value for key, value in config.items() if key != "history"}
    text = json.dumps(rest, ensure_ascii=False).encode("utf-8", "replace")
    for needle in _within((text,), needles):
        yield StoredValue(needle.name, "config", needle.form)


def _without(text: str, needles: tuple[_Needle, ...]) -> str:
    """A text with the values taken out."""
    for needle in needles:
        word = needle.text.decode("utf-8", "replace")
        text = text.replace(word, MASK).replace(clean(word), MASK)
    return text


def _until(stopped: Callable[[], bool], pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if stopped():
            raise Stopped
        yield piece
