"""Layers that a containerd image store hands out compressed.

Source: https://github.com/opencontainers/image-spec/blob/main/layer.md#gzip-media-types
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, Literal

from helpers.observe.errors import ImageUnreadable

Compression = Literal["gzip", "zstd"]

_MAGIC: tuple[tuple[bytes, Compression], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
_PIECE = 1 << 20
#: Most bytes that one layer unpacks to: a bomb is refused before it takes hours.
MOST_UNPACKED = 64 * 1000**3


def compression_of(start: bytes) -> Compression | None:
    """What the first bytes say about the compression; None where there is none."""
    return next((name for magic, name in _MAGIC if start.startswith(magic)), None)


def bounded(pieces: Iterable[bytes], most: int = MOST_UNPACKED) -> Iterator[bytes]:
    """The pieces, as long as they have no more than ``most`` bytes together.

    Raises:
        ImageUnreadable: if they have more.
    """
    count = 0
    for piece in pieces:
        count += len(piece)
        if count > most:
            raise ImageUnreadable(f"A layer unpacks to more than {most:,} bytes.")
        yield piece


def gunzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The content of a gzip stream (also of several in a row), at most 1 MiB at a time.

    Raises:
        ImageUnreadable: if the stream is damaged or cut off.
    """
    decoder = zlib.decompressobj(wbits=31)
    try:
        for piece in pieces:
            data = piece
            while data:
                if decoder.eof:
                    if not data.strip(b"\0"):
                        break  # padding
                    decoder = zlib.decompressobj(wbits=31)
                out = decoder.decompress(data, _PIECE)
                data = decoder.unconsumed_tail or decoder.unused_data
                if out:
                    yield out
    except zlib.error as error:
        raise ImageUnreadable(f"A compressed layer is damaged ({error}).") from error
    if not decoder.eof:
        raise ImageUnreadable("A compressed layer is cut off.")


def unzstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The content of a zstd stream.

    Raises:
        ImageUnreadable: if this Python has no zstd (it came with 3.14), or the stream is damaged.
    """
    try:
        zstd: Any = import_module("compression.zstd")
    except ImportError as error:
        raise ImageUnreadable(
            "A layer is compressed with zstd, which this Python cannot read.",
            remedy="Use Python 3.14 or later, or build the image with gzip layers "
            "(`--output type=image,compression=gzip,force-compression=true`).",
        ) from error
    decoder = zstd.ZstdDecompressor()
    try:
        for piece in pieces:
            data = piece
            while data or not (decoder.needs_input or decoder.eof):
                if decoder.eof:
                    decoder = zstd.ZstdDecompressor()
                out = decoder.decompress(data, _PIECE)
                data = decoder.unused_data if decoder.eof else b""
                if out:
                    yield out
    except zstd.ZstdError as error:
        raise ImageUnreadable(f"A compressed layer is damaged ({error}).") from error
    if not decoder.eof:
        raise ImageUnreadable("A compressed layer is cut off.")
