"""`python -m worker.alive`: whether the worker's rounds go on, for a health check.

A worker has no port that could be asked. It touches a file in every round instead; a worker that
hangs does not. A job that takes longer than the limit looks like a hang: set it accordingly.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

DEFAULT_SECONDS = 30.0


def touch(alive_file: str) -> None:
    """Nothing where no file is named."""
    if alive_file:
        Path(alive_file).touch()


def is_alive(alive_file: str, within_seconds: float) -> bool:
    """True where the file was touched so recently; False where none is named."""
    if not alive_file:
        return False
    try:
        touched = Path(alive_file).stat().st_mtime
    except OSError:
        return False
    return time.time() - touched <= within_seconds


def main() -> int:
    """Exit status 0 or 1, as HEALTHCHECK takes it."""
    within = float(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_SECONDS
    return 0 if is_alive(os.environ.get("ALIVE_FILE", ""), within) else 1


if __name__ == "__main__":
    sys.exit(main())
