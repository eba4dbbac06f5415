from __future__ import annotations

import pytest

from helpers.units import format_bytes, format_count, format_seconds, format_share


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (152_340_000, "152.3 MB"),
        (999_949, "999.9 kB"),
        (999_960, "1.0 MB"),
        (1_244_512_000, "1.2 GB"),
        (-3_200_000, "-3.2 MB"),
    ],
)
def test_sizes_are_decimal_with_one_figure_after_the_point(count: int, words: str) -> None:
    assert format_bytes(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.00034, "340 µs"),
        (0.02, "20 ms"),
        (0.9996, "1.0 s"),
        (3.44, "3.4 s"),
        (59.96, "1 min 0 s"),
        (72, "1 min 12 s"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations_keep_about_two_figures(seconds: float, words: str) -> None:
    assert format_seconds(seconds) == words


def test_a_small_share_is_never_shown_as_nothing() -> None:
    assert [format_share(s) for s in (0, 0.0001, 0.031, 0.0994, 0.42, 1)] == [
        "0 %",
        "<0.1 %",
        "3.1 %",
        "9.9 %",
        "42 %",
        "100 %",
    ]


def test_counts_agree_with_their_noun() -> None:
    assert format_count(1, "layer") == "1 layer"
    assert format_count(1200, "entry", "entries") == "1,200 entries"
