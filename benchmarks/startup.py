"""How long the command line and the package need to start."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from benchmarks.pairs import repeated
from benchmarks.peers import silent
from benchmarks.table import Row

_TARGET = 0.3


def rows() -> list[Row]:
    """Two rows, in seconds of wall-clock time for the whole process."""
    workbook = str(Path(sys.executable).with_name("workbook"))
    commands = {
        "`workbook --help`": [workbook, "--help"],
        "`python -c 'import helpers'`": [sys.executable, "-c", "import helpers"],
    }
    return [
        Row(name, repeated(partial(silent, command)), "s", _TARGET, exclusive=True)
        for name, command in commands.items()
    ]
