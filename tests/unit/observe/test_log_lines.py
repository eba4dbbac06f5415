from __future__ import annotations

import json

from helpers.observe.log_lines import read_log

GOOD = b'{"level": "info", "time": 1, "msg": "up"}\n'


def test_every_line_is_counted_by_what_it_is() -> None:
    log = read_log(GOOD * 3 + b'{"msg": "no more"}\nplain\n\n[1]\n', GOOD + b'{"broken": \n', {})
    assert (log.stdout_lines, log.stderr_lines, log.lines) == (6, 2, 8)
    assert log.json_lines == 5
    assert (log.with_level, log.with_time) == (4, 4)
    assert log.not_json == ("plain", "[1]", '{"broken":')
    assert log.without_level == log.without_time == ('{"msg": "no more"}',)


def test_the_names_that_loggers_use_are_known() -> None:
    for level, when in (("severity", "@timestamp"), ("log.level", "ts"), ("LEVEL", "Timestamp")):
        log = read_log(json.dumps({level: "warn", when: "now"}).encode(), b"", {})
        assert (log.with_level, log.with_time) == (1, 1)


def test_a_secret_is_found_once_a_name_and_never_shown() -> None:
    log = read_log(b"token=abcdefgh\n" * 5, b"again abcdefgh, and ijklmnop\n", {
        "the variable A": "abcdefgh",
        "the variable B": "ijklmnop",
        "a short one": "again",
    })  # fmt: skip
    assert [(leak.secret, leak.stream) for leak in log.leaks] == [
        ("the variable A", "stdout"),
        ("the variable B", "stderr"),
    ]
    shown = repr(log)
    assert "abcdefgh" not in shown
    assert "ijklmnop" not in shown
    assert log.leaks[0].line == "token=***"


def test_lines_are_bounded_and_hold_no_control_characters() -> None:
    log = read_log(b"\x1b[31mred\x07 " + b"x" * 100_000 + b"\n" + b"[" * 50_000, b"", {})
    assert all(len(line) <= 310 and line.isprintable() for line in log.not_json)
    assert log.not_json[0].startswith("red\\x07")


def test_json_that_is_nested_without_end_is_no_json() -> None:
    assert read_log(b'{"a":' * 100_000, b"", {}).json_lines == 0
