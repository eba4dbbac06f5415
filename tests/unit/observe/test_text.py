from __future__ import annotations

import pytest

from helpers.observe.text import printable, without_escapes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("naïve – 日本", "naïve – 日本"),
        ("a\nb\tc", "a b c"),
        ("bell\x07", "bell\\x07"),
        ("caf\udce9", "caf\\xe9"),
        ("\ud800", "\\ud800"),
        ("right\u202eleft", "right\\u202eleft"),
        ("\x1b[2J", "\\x1b[2J"),
    ],
)
def test_nothing_unprintable_is_left(text: str, expected: str) -> None:
    assert printable(text) == expected
    assert printable(text).isprintable()


def test_a_long_text_is_cut() -> None:
    assert printable("x" * 100, 10) == "x" * 9 + "…"


def test_terminal_sequences_go_away_as_a_whole() -> None:
    assert without_escapes("\x1b[1;31mred\x1b[0m \x1b]0;title\x07done") == "red done"
    assert without_escapes("\x1bP1$r0m\x1b\\shown \x1b(Bplain") == "shown plain"


def test_a_sequence_that_never_ends_hides_no_other_line() -> None:
    assert without_escapes("a\x1b]0;title\nb\x1b") == "a\nb"
