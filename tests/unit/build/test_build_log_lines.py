"""Chunks of output to lines that can be shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.build.log_lines import LINE_LIMIT, LineReader, clean


def read(*chunks: bytes) -> list[str]:
    reader = LineReader()
    return [line for chunk in chunks for line in reader.feed(chunk)] + reader.close()


def test_chunks_split_lines_and_characters() -> None:
    assert read(b"a", b"b\nc", b"\n") == ["ab", "c"]
    assert read("ü☃".encode()[:3], "ü☃".encode()[3:]) == ["ü☃"]
    assert read(b"\xff\n") == ["\ufffd"]


def test_every_split_of_the_same_bytes_gives_the_same_lines() -> None:
    raw = "a\r\n\x1b[31mré☃d\x1b[0m\n10%\r50%\r100%\nend".encode()
    for cut in range(len(raw)):
        assert read(raw[:cut], raw[cut:]) == ["a", "ré☃d", "100%", "end"]


def test_a_progress_bar_is_one_line() -> None:
    chunks = [f"\r{n}%".encode() for n in range(1000)]
    assert read(*chunks, b"\n") == ["999%"]
    assert read(*[f"{n}%\r".encode() for n in range(1000)]) == ["999%"]


def test_empty_lines_are_kept() -> None:
    assert read(b"a\n\nb\n") == ["a", "", "b"]


def test_a_line_without_end_is_cut_and_says_so() -> None:
    reader = LineReader()
    for _ in range(1000):
        assert reader.feed(b"x" * 10_000) == []
    (line,) = reader.close()
    assert line.startswith("x" * LINE_LIMIT + " … (")
    assert "9996000 more characters" in line


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b[2K\x1b[1Gdone", "done"),
        ("a\x08b\x00c\x7f", "abc"),
        ("a\tb", "a    b"),
        ("\x9b31mx", "x"),
        ("\u202egnp.exe", "gnp.exe"),
        ("\x1b(Bplain", "plain"),
        ("tail \x1b[", "tail"),
        ("trailing   ", "trailing"),
    ],
)
def test_control_sequences_are_taken_out(raw: str, shown: str) -> None:
    assert clean(raw) == shown


@given(st.lists(st.binary()))
def test_no_control_character_is_ever_left(chunks: list[bytes]) -> None:
    for line in read(*chunks):
        assert line.isprintable() or not any(
            ord(char) < 32 or 127 <= ord(char) < 160 for char in line
        )
