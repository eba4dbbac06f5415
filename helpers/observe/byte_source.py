"""Bytes that arrive in pieces, read in order, with no more than one piece in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from helpers.observe.errors import ImageUnreadable


class ByteSource:
    """A stream that can be read, peeked at and skipped.

    Args:
        pieces: the stream in pieces of any length.
    """

    __slots__ = ("_before", "_buffer", "_pieces", "_pos")

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._buffer = b""
        self._pos = 0
        self._before = 0  # bytes of all earlier buffers

    @property
    def position(self) -> int:
        """How many bytes were read or skipped so far."""
        return self._before + self._pos

    def read(self, count: int) -> bytes:
        """The next ``count`` bytes.

        Raises:
            ImageUnreadable: if the stream ends before.
        """
        start = self._pos
        end = start + count
        if end > len(self._buffer):
            self._fill(count)
            start, end = self._pos, self._pos + count
            if end > len(self._buffer):
                self._pos = len(self._buffer)
                raise self._cut_off()
        self._pos = end
        return self._buffer[start:end]

    def peek(self, count: int) -> bytes:
        """Up to ``count`` bytes without moving on; fewer where the stream ends before."""
        if self._pos + count > len(self._buffer):
            self._fill(count)
        return self._buffer[self._pos : self._pos + count]

    def skip(self, count: int) -> None:
        """Move on by ``count`` bytes.

        Raises:
            ImageUnreadable: if the stream ends before.
        """
        end = self._pos + count
        if end <= len(self._buffer):
            self._pos = end
            return
        for piece in self.take(count):
            del piece

    def take(self, count: int) -> Iterator[bytes]:
        """The next ``count`` bytes in pieces as they come.

        Raises:
            ImageUnreadable: if the stream ends before.
        """
        while count > 0:
            if self._pos == len(self._buffer) and not self._next_piece():
                raise self._cut_off()
            piece = self._buffer[self._pos : self._pos + count]
            self._pos += len(piece)
            count -= len(piece)
            yield piece

    def at_end(self) -> bool:
        """True where nothing is left."""
        return not self.peek(1)

    def _cut_off(self) -> ImageUnreadable:
        return ImageUnreadable(
            f"The image archive ends in the middle, after {self.position} bytes."
        )

    def _next_piece(self) -> bool:
        for piece in self._pieces:
            if piece:
                self._before += len(self._buffer)
                self._buffer = piece
                self._pos = 0
                return True
        return False

    def _fill(self, count: int) -> None:
        """Put at least ``count`` bytes into the buffer, or all that are left."""
        parts = [self._buffer[self._pos :]]
        have = len(parts[0])
        while have < count:
            piece = next(self._pieces, None)
            if piece is None:
                break
            parts.append(piece)
            have += len(piece)
        self._before += self._pos
        self._buffer = b"".join(parts)
        self._pos = 0
