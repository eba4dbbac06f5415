"""One JSON object a line."""

from __future__ import annotations

import io
import json

from worker.log import make_log


def test_a_line_has_level_time_message_and_what_was_added() -> None:
    stream = io.StringIO()
    make_log("info", stream).info("took\na job", extra={"job": 7})
    (line,) = stream.getvalue().splitlines()
    found = json.loads(line)
    assert found.pop("time").endswith("+00:00")
    assert found == {"level": "info", "msg": "took\na job", "job": 7}


def test_an_error_carries_its_traceback_on_the_same_line() -> None:
    stream = io.StringIO()
    log = make_log("info", stream)
    try:
        raise ValueError("broken")
    except ValueError:
        log.exception("the job failed")
    (line,) = stream.getvalue().splitlines()
    assert "ValueError: broken" in json.loads(line)["err"]


def test_what_is_below_the_level_is_left_out() -> None:
    stream = io.StringIO()
    make_log("error", stream).info("quiet")
    assert not stream.getvalue()
