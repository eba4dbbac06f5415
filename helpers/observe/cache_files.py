"""Small files that may be lost at any time: what was read once and need not be read again.

Safe against two writers and a crash: a file is written beside its place and moved there whole, so a
reader sees the old one, the new one or none. What cannot be read is as good as not there.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
import zlib
from contextlib import suppress
from pathlib import Path

#: Files of another version are not looked at and are removed.
VERSION = "v1"
#: All files together, in bytes; the ones that were not used for longest go first.
LIMIT = 256 * 1000 * 1000
#: The largest file that is read, unpacked, in bytes.
_LARGEST = 512 * 1000 * 1000
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,150}")
_UNFINISHED = "tmp-"
_HOUR = 3600


class CacheFiles:
    """A folder of small files by name.

    Args:
        root: the folder; made when the first file is written.
        limit: most bytes of all files together.
    """

    def __init__(self, root: Path, limit: int = LIMIT) -> None:
        self._root = root
        self._folder = root / VERSION
        self._limit = limit

    def get(self, name: str) -> bytes | None:
        """What was put under the name; None where nothing is, or where it is damaged."""
        path = self._path(name)
        try:
            packed = path.read_bytes()
        except OSError:
            return None
        decoder = zlib.decompressobj()
        try:
            data = decoder.decompress(packed, _LARGEST)
        except zlib.error:
            data = b""
        if not decoder.eof:  # its checksum was not reached: cut off, damaged or far too large
            with suppress(OSError):
                path.unlink()
            return None
        with suppress(OSError):
            os.utime(path)
        return data

    def put(self, name: str, data: bytes) -> None:
        """Keep the bytes under the name. A folder that cannot be written to keeps nothing."""
        path = self._path(name)
        with suppress(OSError):  # a full or read-only disk costs time later and nothing else
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, unfinished = tempfile.mkstemp(dir=self._folder, prefix=_UNFINISHED)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(zlib.compress(data, 1))
                Path(unfinished).replace(path)
            except BaseException:
                Path(unfinished).unlink(missing_ok=True)
                raise

    def prune(self) -> None:
        """Remove what is of another version, unfinished since an hour, or beyond the limit."""
        with suppress(OSError):
            self._prune_versions()
            files = []
            for entry in os.scandir(self._folder):
                with suppress(FileNotFoundError):  # another process prunes, too
                    about = entry.stat()
                    if entry.name.startswith(_UNFINISHED):
                        if time.time() - about.st_mtime > _HOUR:
                            Path(entry.path).unlink()
                    else:
                        files.append((about.st_mtime, about.st_size, entry.path))
            left = sum(size for _, size, _ in files) - self._limit
            for _, size, path in sorted(files):
                if left <= 0:
                    break
                Path(path).unlink(missing_ok=True)
                left -= size

    def _prune_versions(self) -> None:
        for other in self._root.iterdir():
            if other.name != VERSION and re.fullmatch(r"v\d+", other.name):
                for file in other.iterdir():
                    file.unlink(missing_ok=True)
                other.rmdir()

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"no name for a cached file: {name!r}")
        return self._folder / name
