from __future__ import annotations

import pytest

from helpers.experiments.start_time import StartTimes
from helpers.experiments.wasm_reach import Reach
from helpers.views.log_times import log_times
from helpers.views.reach_picture import reach_picture

TIMES = (
    StartTimes("container", (0.4, 0.5, 0.6)),
    StartTimes("instance", (0.000011, 0.000014, 0.002)),
)


def test_times_of_all_sizes_stand_on_one_axis_in_powers_of_ten() -> None:
    picture = log_times("Starts", TIMES)
    for words in ("Starts", "container", "500 ms (400 ms to 600 ms)", "14 µs (11 µs to 2 ms)"):
        assert words in picture.svg
    for tick in ("10 µs", "100 µs", "1 ms", "10 ms", "100 ms"):
        assert f">{tick}<" in picture.svg
    assert "14 µs" in picture.text
    assert "3" in picture.text.splitlines()[-1]


@pytest.mark.parametrize("times", [(), (StartTimes("none", (0.0, 1.0)),)])
def test_nothing_or_no_time_at_all_cannot_be_drawn(times: tuple[StartTimes, ...]) -> None:
    with pytest.raises(ValueError, match="no time to show"):
        log_times("Starts", times)


def test_what_is_reached_is_told_by_words_too() -> None:
    reaches = (
        Reach("container", {"read": True, "fork": True}, {"read": "127.0.0.1", "fork": "a child"}),
        Reach("embedded", {"read": False, "fork": False}, {"read": "No such file <b>"}),
    )
    picture = reach_picture(reaches)
    assert "2 of 2" in picture.svg
    assert "0 of 2" in picture.svg
    assert "container: read, fork; embedded: nothing" in picture.svg
    assert "<b>" not in picture.svg
    assert "yes: a child" in picture.text
    assert "no: No such file" in picture.text
    with pytest.raises(ValueError, match="nothing to show"):
        reach_picture(())
