"""The WebAssembly file that an image starts, read from the image without running anything."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import ClassVar

import docker
import docker.errors

from helpers.errors import BadInput
from helpers.observe.byte_source import ByteSource
from helpers.observe.containers import unstarted
from helpers.observe.errors import ImageUnreadable, Stopped, engine_errors
from helpers.observe.requests import Request
from helpers.observe.subject import Subject
from helpers.observe.tar_members import read_members
from helpers.observe.text import printable
from helpers.observe.wasm_binary import MAGIC, NotWasm, WasmBinary, read_wasm

#: Largest file that is read, in bytes: a component with a whole Python in it has 40 MB.
MAX_BYTES = 256_000_000
_MOST_LINKS = 16


@dataclass(frozen=True, slots=True)
class WasmFacts:
    """What is known of the file that an image starts.

    Attributes:
        path: in the image, links followed.
        bytes: its size.
        binary: what it holds; None where it is no WebAssembly.
        why_not: why it is none; empty where it is.
        platform: operating system and architecture that the image says it is for.
        has_magic: whether it begins like WebAssembly, however damaged the rest may be.
    """

    path: str
    bytes: int
    binary: WasmBinary | None
    why_not: str
    platform: str
    has_magic: bool = False


@dataclass(frozen=True, slots=True)
class WasmRequest(Request[WasmFacts]):
    """Read a WebAssembly file of the image.

    Attributes:
        path: absolute, in the image; empty for the program that a container would start.
    """

    path: str = ""

    observer: ClassVar[str] = "helpers.observe.wasm:observe_wasm"


def observe_wasm(subject: Subject, request: WasmRequest) -> WasmFacts:
    """The subject's WebAssembly file.

    Raises:
        BadInput: if the engine has no such image, or the image starts nothing or has no such file.
        ImageUnreadable: if the file is larger than 256 MB.
        ObservationFailed: if the engine refuses.
        NoEngine: if the engine stops answering.
        Stopped: where the observation is not wanted any more.
    """
    api = subject.client.api
    with engine_errors("reading the image's program"):
        about = api.inspect_image(subject.image_id)
    config = about.get("Config") or {}
    paths = [request.path] if request.path else list(_program_paths(config))
    if not paths:
        raise BadInput(
            "The image does not say what to start.",
            remedy="Set ENTRYPOINT to the WebAssembly file.",
        )
    platform = "/".join(str(about[k]) for k in ("Os", "Architecture", "Variant") if about.get(k))
    with unstarted(api, about["Id"], doing="reading the image's program") as container:
        for path in paths:
            found = _read(api, container, path, subject)
            if found is not None:
                return _facts(*found, platform)
    raise BadInput(
        f"The image has no file {printable(paths[0], 200)}.",
        remedy="COPY the WebAssembly file there, and name it in ENTRYPOINT.",
    )


def _facts(path: str, size: int, data: bytes, platform: str) -> WasmFacts:
    has_magic = data.startswith(MAGIC)
    try:
        return WasmFacts(path, size, read_wasm(data), "", platform, has_magic)
    except NotWasm as reason:
        return WasmFacts(path, size, None, str(reason), platform, has_magic)


def _program_paths(config: dict[str, list[str] | str]) -> Iterator[str]:
    """Where the program of a container can be, as the runtime looks it up."""
    words = [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]
    workdir = str(config.get("WorkingDir") or "/")
    if not words:
        return
    if "/" in words[0]:
        yield posixpath.normpath(posixpath.join("/", workdir, words[0]))
        return
    variables = dict(str(pair).partition("=")[::2] for pair in config.get("Env") or ())
    for folder in (variables.get("PATH") or "/usr/bin:/bin").split(":"):
        yield posixpath.normpath(posixpath.join("/", folder, words[0]))
    yield posixpath.normpath(posixpath.join("/", workdir, words[0]))


def _read(
    api: docker.APIClient, container: str, path: str, subject: Subject
) -> tuple[str, int, bytes] | None:
    """Path, size and content, links followed; the first bytes only where it is no WebAssembly."""
    for _ in range(_MOST_LINKS):
        with engine_errors("reading the image's program"):
            try:
                pieces, _stat = api.get_archive(container, path)
            except docker.errors.NotFound:
                return None
            with closing(pieces):
                link, size, data = _first_member(_until(subject, pieces))
        if link is None:
            return path, size, data
        path = posixpath.normpath(posixpath.join("/", posixpath.dirname(path), link))
    raise BadInput(
        f"{printable(path, 200)} is a link that leads in a circle.",
        remedy="COPY the WebAssembly file itself there.",
    )


def _first_member(pieces: Iterable[bytes]) -> tuple[str | None, int, bytes]:
    """Link, size and content of what the archive holds."""
    source = ByteSource(pieces)
    for member in read_members(source):
        if member.kind == "symlink":
            return member.link.decode("utf-8", "surrogateescape"), 0, b""
        if member.kind != "file":
            return None, 0, b""
        start = source.peek(min(len(MAGIC), member.stored))
        if start != MAGIC:
            return None, member.stored, bytes(start)
        if member.stored > MAX_BYTES:
            raise ImageUnreadable(f"The WebAssembly file has {member.stored / 1e6:,.0f} MB.")
        return None, member.stored, source.read(member.stored)
    return None, 0, b""


def _until(subject: Subject, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if subject.stop.done():
            raise Stopped
        yield piece
