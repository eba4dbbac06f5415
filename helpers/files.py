"""Writing files so that nobody ever meets half of one."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path


def write_in_one_piece(path: Path, content: str | bytes) -> None:
    """Write a file beside its place, then put it there.

    Who reads the path meanwhile, and who comes after a crash, finds the old file or the new one.
    A file that is there keeps its permissions. Two writers at once do not disturb each other; the
    later one wins.

    Args:
        path: where it belongs; its folder exists.
        content: the whole file; text is written as UTF-8.

    Raises:
        OSError: where it cannot be written; the old file is as it was.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = path.with_name(f".{uuid.uuid4().hex[:12]}.new")
    try:
        temporary.write_bytes(data)
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
