"""Values of secrets in what a build prints."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.build.control_pb2 import StatusResponse
from helpers.build.decode import Decoder
from helpers.build.dockerfile import parse_dockerfile
from helpers.build.events import (
    BuildWarning,
    ImageBuilt,
    LogLine,
    Step,
    StepFailed,
    StepStarted,
    Transfer,
)
from helpers.build.log_lines import LINE_LIMIT, LineReader
from helpers.build.session.masking import MASK, Masker
from helpers.build.session.secrets import Secret

STEP = Step("sha256:x", "[1/1] RUN x")


def masker(*values: bytes | str) -> Masker:
    return Masker([Secret.of(f"s{n}", value) for n, value in enumerate(values)])


def printed(mask: Masker, *chunks: bytes) -> list[str]:
    """The lines that chunks of output are shown as."""
    decoder = Decoder(parse_dockerfile("FROM scratch\n"))
    vertex = {"digest": "sha256:x", "name": "[1/1] RUN x"}
    messages = [StatusResponse(vertexes=[vertex])]  # type: ignore[list-item]
    messages += [
        StatusResponse(logs=[{"vertex": "sha256:x", "stream": 1, "msg": chunk}])  # type: ignore[list-item]
        for chunk in chunks
    ]
    events = [e for m in messages for e in decoder.message(m.SerializeToString())]
    masked = [mask.event(event) for event in [*events, *decoder.close()]]
    return [event.text for event in masked if isinstance(event, LogLine)]


@pytest.mark.parametrize(
    ("value", "line", "shown"),
    [
        ("hunter2", "pw=hunter2;hunter2", "pw=***;***"),
        ("hunter2\n", "pw=hunter2", "pw=***"),
        ("hunter2\r\n", "pw=hunter2", "pw=***"),
        ("a.b*c", "a.b*c axbbc", "*** axbbc"),
        ("(x|[y]\\z$", "(x|[y]\\z$ x", "*** x"),
        ("^$", "a^$b", "a***b"),
        ("ab", "cab", "c***"),
        ("x", "axb", "a***b"),
        ("pass word", "pass word", "***"),
        ("  padded  ", "[padded]", "[***]"),
        ("tab\there", "tab\there", "***"),
        ("ünï☃", "<ünï☃>", "<***>"),
        (b"\xff\xfebinary", b"\xff\xfebinary", "***"),
        ("red\x1b[1mgreen", "red\x1b[1mgreen", "***"),
        ("one\x1ctwo", "one\x1ctwo", "***"),
        ("a\u2028bcdefgh", "a\u2028bcdefgh", "***"),
        ("a\x85b", "<a\x85b>", "<***>"),
        ("nul\0l", "nul\0l", "***"),
        ("other", "hunter2", "hunter2"),
        ("", "anything", "anything"),
        ("\n", "anything", "anything"),
        ("***", "*** a", "*** a"),
    ],
)
def test_values_are_masked(value: str | bytes, line: str | bytes, shown: str) -> None:
    raw = line.encode() if isinstance(line, str) else line
    assert printed(masker(value), raw + b"\n") == [shown]


def test_a_value_of_several_lines_is_masked_line_by_line() -> None:
    key = "-----BEGIN KEY-----\nMIIEabcdef\n  indented\nab\n-----END KEY-----\n"
    shown = printed(masker(key), key.encode(), b"MIIEabcdef\nx ab y\n")
    assert shown == ["***", "***", "  ***", "ab", "***", "***", "x ab y"]
    assert masker(key).text(f"failed: {key}") == "failed: ***\n***\n  ***\nab\n***\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_they_are_printed(end: str) -> None:
    mask = masker(end.join(["first-line", "second-line"]))
    assert mask.text("first-line second-line") == "*** ***"


def test_a_value_may_come_in_chunks() -> None:
    raw = "the pässword is here\n".encode()
    for cut in range(len(raw)):
        assert printed(masker("pässword"), raw[:cut], raw[cut:]) == ["the *** is here"]


def test_the_longer_of_two_values_is_masked_whole() -> None:
    assert masker("secret", "secret-key").text("secret-key secret") == "*** ***"
    assert masker("secret-key", "secret").text("secret-key secret") == "*** ***"


def test_without_secrets_nothing_changes() -> None:
    event = LogLine(STEP, 1, "hunter2")
    assert masker().event(event) is event
    assert masker("").event(event) == event
    assert masker().text("x") == "x"


def test_every_event_that_carries_words_is_masked() -> None:
    mask = masker("hunter2")
    for event in (
        LogLine(STEP, 1, "hunter2"),
        StepFailed(Step("sha256:x", "RUN echo hunter2"), 0, 1, "hunter2: not found"),
        Transfer(STEP, "hunter2", 1, 2),
        BuildWarning(None, "hunter2", ("a", "hunter2")),
    ):
        assert "hunter2" in repr(event)
        assert "hunter2" not in repr(mask.event(event))
        assert MASK in repr(mask.event(event))
    for event in (StepStarted(STEP, 0), ImageBuilt("sha256:x")):
        assert mask.event(event) is event


@pytest.mark.parametrize("reach", [1, 5, 19])
def test_what_the_cut_of_a_long_line_leaves_of_a_value_is_masked(reach: int) -> None:
    value = "s3cr3t-value-of-20-c"
    line = b"." * (LINE_LIMIT - reach) + value.encode() + b"." * 500
    (shown,) = printed(masker(value), line + b"\n")
    assert shown.startswith("." * (LINE_LIMIT - reach) + "*** … (")
    assert "s3" not in shown


def test_a_value_that_ends_at_the_cut_is_masked_whole() -> None:
    value = "s3cr3t-value"
    line = b"." * (LINE_LIMIT - len(value)) + value.encode() + b"." * 500
    (shown,) = printed(masker(value), line)
    assert shown == "." * (LINE_LIMIT - len(value)) + "*** … (500 more characters)"


def test_a_value_that_is_longer_than_a_line_leaves_nothing() -> None:
    value = "".join(f"{n:05d}" for n in range(3000))
    for raw in (value, "x=" + value, value + "tail"):
        (shown,) = printed(masker(value), raw.encode())
        assert re.fullmatch(r"(x=)?\*\*\* … \(\d+ more characters\)", shown), shown[:50]


def test_a_value_that_is_cut_in_a_coloured_line_leaves_nothing() -> None:
    value = "s3cr3t-value-with-many-characters"
    colours = b"\x1b[31m.\x1b[0m" * 2000
    for shift in range(0, 40, 3):
        (shown,) = printed(masker(value), colours[: 2 * LINE_LIMIT - shift] + value.encode() * 3)
        assert "s3c" not in shown
        assert value[:3] not in shown


def test_a_cut_line_without_a_value_keeps_its_words() -> None:
    raw = b"x" * (LINE_LIMIT + 10)
    assert printed(masker("hunter2"), raw) == printed(masker(), raw)


def test_words_that_look_like_a_cut_are_kept() -> None:
    text = "and so on … (5 more characters)"
    assert masker("hunter2").line(text) == text


@settings(deadline=None)
@given(
    st.text("ab\t\x1b[m\x1c\u2028é ", min_size=3, max_size=12).filter(lambda s: len(s.strip()) > 2),
    st.lists(st.integers(0, 40), max_size=4),
)
def test_no_way_to_cut_the_chunks_shows_the_value(value: str, cuts: list[int]) -> None:
    raw = f"<{value}>\n".encode()
    places = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    chunks = [raw[a:b] for a, b in pairwise(places)]
    reader = LineReader()
    whole = [line for chunk in chunks for line in reader.feed(chunk)] + reader.close()
    shown = printed(masker(value), *chunks)
    assert len(whole) == len(shown) == 1
    plain = whole[0].removeprefix("<").removesuffix(">").strip()
    if len(plain) > 2 and "*" not in plain:
        assert plain not in shown[0]
