"""What Docker saw of a health check, as values, as text and as a picture."""

from __future__ import annotations

import xml.dom.minidom

import pytest

from helpers.experiments.health_timeline import (
    GOES_ON,
    HANGS,
    Change,
    Check,
    HealthTimeline,
    Moment,
    TimedCheck,
    timelines_text,
)
from helpers.views.health_timeline import health_picture

CHECK = Check("asks", ("/bin/ask", 'it\'s "here"'), interval=1, timeout=2, retries=3)
HUNG = HealthTimeline(
    check=CHECK,
    checks=(
        TimedCheck(1.0, 0.1, 0),
        TimedCheck(2.1, 2.0, -1, "exceeded timeout"),
        TimedCheck(5.1, 0.2, 1, "<refused> & \x1b[31mred"),
    ),
    changes=(Change(0.0, "starting"), Change(1.1, "healthy"), Change(5.3, "unhealthy")),
    moments=(Moment(2.0, HANGS), Moment(6.0, GOES_ON)),
    until=7.0,
)
STEADY = HealthTimeline(
    check=Check("true", ("/bin/true",)),
    checks=(TimedCheck(1.0, 0.1, 0),),
    changes=(Change(0.0, "starting"), Change(1.1, "healthy")),
    moments=(Moment(2.0, HANGS),),
    until=7.0,
)


def test_the_longest_wait_is_the_sum_of_all_retries() -> None:
    assert CHECK.longest == 9


def test_the_instruction_is_in_exec_form_and_quoted() -> None:
    words = CHECK.instruction
    assert words.startswith("HEALTHCHECK --interval=1s --timeout=2s --retries=3")
    assert words.endswith('CMD ["/bin/ask", "it\'s \\"here\\""]\n')
    assert "--start-period=5s" in Check("a", ("b",), start_period=5).instruction


def test_when_a_hang_was_noticed() -> None:
    assert HUNG.noticed() == pytest.approx(3.3)
    assert STEADY.noticed() is None
    assert HealthTimeline(CHECK).noticed() is None


def test_what_was_unhealthy_before_does_not_count() -> None:
    early = (Change(0.0, "starting"), Change(1.0, "unhealthy"), Change(1.5, "healthy"))
    one = HealthTimeline(CHECK, changes=early, moments=(Moment(2.0, HANGS),), until=9.0)
    assert one.noticed() is None
    assert one.first("unhealthy") == 1.0


def test_failures_in_a_row_are_counted_up_to_the_change() -> None:
    assert HUNG.failures_before("unhealthy") == 2
    assert STEADY.failures_before("unhealthy") == 0
    assert HUNG.failures_before("healthy") == 0


def test_second_0_can_be_a_moment() -> None:
    moved = HUNG.since(HANGS)
    assert moved.moment(HANGS) == 0
    assert moved.changes[0].at == -2
    assert moved.noticed() == pytest.approx(HUNG.noticed())
    assert HUNG.since("no such moment") == HUNG


def test_the_text_tells_what_the_picture_shows() -> None:
    text = timelines_text([HUNG, STEADY])
    assert "asks (every 1 s, timeout 2 s, 3 retries)" in text
    assert "healthy at 1.1 s → [hangs] at 2.0 s → unhealthy at 5.3 s" in text
    assert "checks: ✓✗✗ (1 of 3 healthy); the hang is noticed after 3.3 s" in text
    assert "the hang is not noticed" in text


@pytest.mark.parametrize("since", ["", HANGS])
def test_the_picture_is_one_document_with_every_word(since: str) -> None:
    picture = health_picture([HUNG, STEADY], "One <hang>", since=since)
    words = picture.svg
    assert xml.dom.minidom.parseString(words).documentElement.tagName == "svg"  # noqa: S318
    for wanted in ("One &lt;hang&gt;", "asks", "starting", "healthy", "unhealthy", HANGS, GOES_ON):
        assert wanted in words
    assert "\x1b" not in picture.svg
    assert picture.text.startswith("One <hang>\n")
