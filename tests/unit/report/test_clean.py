from __future__ import annotations

import pytest

from helpers.report.clean import clean, one_line, shorten


@pytest.mark.parametrize(
    ("dirty", "shown"),
    [
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("title\x1b]0;evil\x07end", "titleend"),
        ("never ended \x1b]0;evil", "never ended "),
        ("a string \x1b]0;hides\nno other line", "a string \nno other line"),
        ("bell\x07 back\x08 del\x7f nul\x00", "bell back del nul"),
        ("c1 \x9b31m", "c1 31m"),
        ("right\u202eto left\u2066", "rightto left"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("windows\r\nline", "windows\nline"),
        (" 10%\r 50%\r100%", "100%"),
        ("done\r", "done"),
        ("name-\udcff", "name-\\xff"),
        ("lone \ud800", "lone \\ud800"),
        ("日本語 ✓", "日本語 ✓"),
    ],
)
def test_what_could_trick_a_reader_or_a_terminal_is_removed(dirty: str, shown: str) -> None:
    assert clean(dirty) == shown
    clean(dirty).encode("utf-8")


def test_one_line_has_no_line_breaks() -> None:
    assert one_line(" a\n b\t c ") == "a b c"


@pytest.mark.parametrize("limit", [1, 5, 8, 40])
def test_a_long_text_keeps_head_and_tail_within_the_limit(limit: int) -> None:
    text = "head" + "x" * 500 + "tail"
    short = shorten(text, limit)
    assert len(short) <= limit
    assert "…" in short
    if limit == 40:
        assert short.startswith("head")
        assert short.endswith("tail")


def test_a_short_text_stays_as_it_is() -> None:
    assert shorten("abc", 3) == "abc"
    assert shorten("x" * 900, 0) == "x" * 900
