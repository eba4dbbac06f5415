"""Stops as values, and their picture."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from helpers.experiments.stops import Stop
from helpers.observe.database import Sessions
from helpers.observe.load import NewRequest
from helpers.views.stop_picture import stop_picture

BEFORE = tuple(NewRequest(-0.95 + 0.01 * n, 0.005, answered=True) for n in range(90))
REFUSED = tuple(NewRequest(0.01 * n + 0.05, 0.001, answered=False) for n in range(100))
GOOD = Stop(
    label="drains",
    signal="SIGTERM",
    first="node dist/server.js",
    processes=1,
    seconds=1.2,
    grace_seconds=3.0,
    killed=False,
    exit_code=0,
    in_flight=4,
    answered=4,
    stored=4,
    sessions=Sessions(8, 8, 0, 0),
    requests=(*BEFORE, NewRequest(0.02, 0.004, answered=True), *REFUSED),
)
KILLED = replace(GOOD, label="ignores it", seconds=3.1, killed=True, exit_code=137, answered=1)


def shown(*stops: Stop) -> list[str]:
    root = ET.fromstring(stop_picture(stops).svg)  # noqa: S314  # our own
    return [t.text or "" for t in root.iter() if t.tag.endswith("}text")]


def test_a_stop_knows_what_was_dropped_and_how_long_it_served() -> None:
    assert (GOOD.dropped, KILLED.dropped) == (0, 3)
    assert GOOD.drained
    assert not KILLED.drained
    assert not replace(KILLED, answered=4).drained
    assert GOOD.per_second == 90
    assert GOOD.last_served == 0.02
    assert replace(GOOD, requests=REFUSED).last_served is None


def test_the_picture_has_a_row_a_run_and_the_same_figures_in_its_text() -> None:
    words = shown(GOOD, KILLED)
    assert "drains" in words
    assert "4 of 4 orders answered" in words
    assert "1 of 4 orders answered" in words
    assert "ended after 3.1 s, killed, status 137" in words
    text = stop_picture((GOOD, KILLED)).text
    for figure in ("drains", "ignores it", "4 of 4", "1 of 4", "1.2 s", "killed, status 137"):
        assert figure in text


def test_what_got_no_answer_is_marked_and_nothing_else() -> None:
    def hatched(stop: Stop) -> int:
        return stop_picture((stop,)).svg.count('url(#wbp-rise)"/>')

    assert hatched(replace(GOOD, requests=BEFORE)) == 0
    assert hatched(GOOD) == 11  # tenths of a second, from 0.05 to 1.05


def test_nothing_is_no_picture() -> None:
    with pytest.raises(ValueError, match="no stop"):
        stop_picture(())
