from __future__ import annotations

import threading
from pathlib import Path

import pytest

from helpers.files import write_in_one_piece


@pytest.mark.parametrize("content", ["naïve\n", "naïve\n".encode()])
def test_text_and_bytes_are_written_as_they_are(tmp_path: Path, content: str | bytes) -> None:
    write_in_one_piece(tmp_path / "file", content)
    assert (tmp_path / "file").read_bytes() == "naïve\n".encode()
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_the_old_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "run.sh"
    path.write_text("old")
    path.chmod(0o750)
    write_in_one_piece(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o750


def test_what_cannot_be_written_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_in_one_piece(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_reader_never_meets_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    versions = [letter * 200_000 for letter in "abc"]
    write_in_one_piece(path, versions[0])
    writers = [
        threading.Thread(target=lambda v=v: [write_in_one_piece(path, v) for _ in range(20)])
        for v in versions
    ]
    for writer in writers:
        writer.start()
    seen = {path.read_text() for _ in range(200)}
    for writer in writers:
        writer.join()
    assert seen <= set(versions)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
