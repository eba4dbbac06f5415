"""Start times as values, and their picture."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from helpers.experiments.start_time import StartTimes, engine_time
from helpers.views.start_times import start_picture

FAST = StartTimes("scratch", (0.31, 0.29, 0.35))
SLOW = StartTimes("full", (0.9, 0.7, 0.8))


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2026-11-24T15:36:19Z", 0),
        ("2026-11-24T15:36:19.5Z", 500_000),
        ("2026-11-24T15:36:19.123456789Z listening", 123_456),
    ],
)
def test_a_time_of_the_engine_is_read_with_all_its_digits(text: str, micros: int) -> None:
    assert engine_time(text) == datetime(2026, 11, 24, 15, 36, 19, micros, tzinfo=UTC)


def test_another_text_is_no_time() -> None:
    with pytest.raises(ValueError, match="no time"):
        engine_time("listening at 15:36")


def test_the_median_is_the_middle_one_whatever_the_order() -> None:
    assert (FAST.median, FAST.shortest, FAST.longest) == (0.31, 0.29, 0.35)


def test_the_picture_has_a_row_an_image_and_the_same_figures_in_its_text() -> None:
    picture = start_picture((FAST, SLOW))
    shown = [t.text or "" for t in ET.fromstring(picture.svg).iter() if t.tag.endswith("}text")]  # noqa: S314  # our own
    assert "310 ms (290 ms to 350 ms)" in shown
    assert "scratch" in shown
    for figure in ("310 ms", "290 ms", "350 ms", "800 ms", "scratch", "full"):
        assert figure in picture.text


def test_every_run_is_a_mark_in_the_picture() -> None:
    rings = [
        e
        for e in ET.fromstring(start_picture((FAST, SLOW)).svg).iter()  # noqa: S314  # our own
        if e.tag.endswith("}path") and "a4 4" in e.get("d", "")
    ]
    assert len(rings) == len(FAST.seconds) + len(SLOW.seconds)


def test_nothing_is_no_picture() -> None:
    with pytest.raises(ValueError, match="no start time"):
        start_picture(())
