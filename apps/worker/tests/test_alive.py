"""The file that tells whether the rounds go on."""

from __future__ import annotations

import os
import time
from pathlib import Path

from worker.alive import is_alive, touch


def test_a_file_that_was_touched_just_now_is_alive_and_an_old_or_missing_one_is_not(
    tmp_path: Path,
) -> None:
    path = str(tmp_path / "alive")
    assert not is_alive(path, 5)
    touch(path)
    assert is_alive(path, 5)
    os.utime(path, (time.time() - 60,) * 2)
    assert not is_alive(path, 5)
    assert is_alive(path, 90)


def test_without_a_name_nothing_is_touched_and_nothing_is_alive() -> None:
    touch("")
    assert not is_alive("", 1e9)
