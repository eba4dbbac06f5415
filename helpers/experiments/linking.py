"""What a program asks the kernel and its loader for: read from its own ELF headers.

Source: https://man7.org/linux/man-pages/man5/elf.5.html
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import docker

from helpers.errors import BadInput
from helpers.experiments.image_file import read_file

_MAGIC = b"\x7fELF"
_CLASS_64, _LITTLE_ENDIAN = 2, 1
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NEEDED, _DT_STRTAB, _DT_NULL = 1, 5, 0


@dataclass(frozen=True, slots=True)
class Linking:
    """How a program is linked.

    Attributes:
        bytes: its size.
        loader: path of the program that the kernel starts first, to load the libraries; empty for
            a static program.
        libraries: names of the libraries that it asks the loader for.
    """

    bytes: int
    loader: str
    libraries: tuple[str, ...]

    @property
    def static(self) -> bool:
        """Whether it needs nothing but the kernel."""
        return not self.loader


@dataclass(frozen=True, slots=True)
class _Segment:
    kind: int
    offset: int
    address: int
    size: int


def linking(client: docker.DockerClient, image: str, path: str) -> Linking:
    """How a program of an image is linked; the image is not run.

    Raises:
        BadInput: where there is no such file, or it is no program.
        ObservationFailed, NoEngine: where the engine refuses, or stops answering.
    """
    return read_linking(read_file(client, image, path))


def read_linking(content: bytes) -> Linking:
    """How a program is linked.

    Raises:
        BadInput: where it is no 64-bit little-endian ELF file, or a broken one.
    """
    if content[:6] != _MAGIC + bytes((_CLASS_64, _LITTLE_ENDIAN)):
        raise BadInput(
            "That is no ELF program for a 64-bit machine.",
            remedy="Name a program, not a script or a link to one.",
        )
    try:
        segments = _segments(content)
        loader = next((_bytes(content, s) for s in segments if s.kind == _PT_INTERP), b"")
        dynamic = next((s for s in segments if s.kind == _PT_DYNAMIC), None)
        names = _needed(content, segments, dynamic) if dynamic else ()
    except (struct.error, IndexError, ValueError) as error:
        raise BadInput(
            f"The ELF headers of the program are broken ({error}).",
            remedy="Build it again.",
        ) from error
    return Linking(len(content), loader.rstrip(b"\0").decode(), names)


def _segments(content: bytes) -> tuple[_Segment, ...]:
    (start,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    found = []
    for index in range(count):
        kind, _, offset, address, _, stored = struct.unpack_from(
            "<IIQQQQ", content, start + index * size
        )
        found.append(_Segment(kind, offset, address, stored))
    return tuple(found)


def _bytes(content: bytes, segment: _Segment) -> bytes:
    if segment.offset + segment.size > len(content):
        raise ValueError("a segment ends behind the file")
    return content[segment.offset : segment.offset + segment.size]


def _needed(content: bytes, segments: tuple[_Segment, ...], dynamic: _Segment) -> tuple[str, ...]:
    entries = list(struct.iter_unpack("<qQ", _bytes(content, dynamic)))
    end = next((i for i, (tag, _) in enumerate(entries) if tag == _DT_NULL), len(entries))
    entries = entries[:end]
    table = next((value for tag, value in entries if tag == _DT_STRTAB), None)
    if table is None:
        return ()
    strings = _file_offset(segments, table)
    names = []
    for tag, value in entries:
        if tag == _DT_NEEDED:
            at = strings + value
            names.append(content[at : content.index(b"\0", at)].decode())
    return tuple(names)


def _file_offset(segments: tuple[_Segment, ...], address: int) -> int:
    """Where in the file an address of the running program comes from."""
    for segment in segments:
        if segment.kind == _PT_LOAD and 0 <= address - segment.address < segment.size:
            return segment.offset + address - segment.address
    raise ValueError(f"address {address:#x} is in no segment")
