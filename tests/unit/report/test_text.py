from __future__ import annotations

import dataclasses

import pytest

from helpers.build.events import Step
from helpers.build.record import BuildRecord, StepRecord
from helpers.judge.verdict import Evidence, Outcome, Verdict
from helpers.report.blocks import Column, Table
from helpers.report.result import CheckOutcome
from helpers.report.text import to_text
from helpers.units import format_bytes
from report.samples import (
    broken_result,
    build_record,
    distroless_image,
    failing_result,
    naive_image,
    passing_result,
)


def test_a_failing_check_shows_its_reason_its_figures_and_one_hint() -> None:
    text = to_text(failing_result())
    assert "✗ fail  The image is at most 200 MB" in text
    assert "The image is 1.2 GB, wanted are at most 200.0 MB." in text
    assert "· /usr/lib/gcc takes 291.0 MB" in text
    assert "Hint 1 of 4: What in this image" in text
    assert "Hint 2 of 4" not in text
    assert "(3 more hints)" in text
    assert "20 of 100 points" in text


def test_of_much_evidence_the_first_lines_are_shown_and_the_rest_is_counted() -> None:
    evidence = tuple(Evidence("x", f"Seen: file-{n}.") for n in range(1, 16))
    check = CheckOutcome("c", "It is so", 1, Verdict(Outcome.FAIL, "No.", evidence), ("Try it.",))
    result = dataclasses.replace(failing_result(), checks=(check,))
    text = to_text(result)
    assert "file-3." in text
    assert "file-4." not in text
    assert "… and 12 more (workbook check 01-multi-stage --json shows all)" in text
    assert text.index("and 12 more") < text.index("Hint 1 of 1")
    assert "file-15." in to_text(result, folds=True)
    assert "more (" not in to_text(result, folds=True)


def test_could_not_tell_is_said_in_words_and_is_no_pass() -> None:
    text = to_text(failing_result())
    assert "? could not tell  There is no shell in the image" in text
    assert "✗ 1 of 4 checks pass · 1 could not be judged" in text


def test_hints_are_counted_by_check() -> None:
    text = to_text(failing_result(), hints={"size": 3})
    assert "Hint 3 of 4" in text
    assert "Hint 1 of 2" not in text
    assert "(2 hints)" in text
    assert to_text(failing_result(), hints=None).count("Hint ") == 7


def test_a_passing_result_shows_no_hint_and_no_failure() -> None:
    text = to_text(passing_result())
    assert "✓ 4 of 4 checks pass · 100 of 100 points" in text
    assert "Hint" not in text
    assert "✗" not in text


def test_where_the_build_failed_the_step_its_line_and_its_last_lines_stand() -> None:
    text = to_text(broken_result())
    assert "✗ Nothing could be judged" in text
    assert "What to do: Read the last lines" in text
    assert "Failed (Dockerfile line 6): RUN npm run build" in text
    assert "error TS2322" in text


def test_stand_ins_are_named() -> None:
    assert "stand-in base images: node:24-bookworm" in to_text(failing_result()).replace("\n", " ")
    assert "Stand-in: made from Debian packages" in to_text(naive_image())
    assert "Stand-in" not in to_text(distroless_image())


def test_an_image_shows_its_sizes_layers_and_waste() -> None:
    facts = naive_image()
    text = to_text(facts)
    for size in (facts.unpacked_bytes, facts.content_bytes, facts.visible_bytes):
        assert f"{size:,}" in text
    assert "9 layers from 11 instructions" in text
    assert "metadata" in text
    assert f"Waste: {format_bytes(facts.wasted_bytes)}" in text
    assert "layer 9, deleted" in text


def test_an_image_without_waste_says_so() -> None:
    assert "No waste" in to_text(distroless_image())


def test_layers_that_the_history_does_not_tell_of_are_shown() -> None:
    facts = dataclasses.replace(naive_image(), history=())
    text = to_text(facts)
    assert "587.0 MB" in text
    assert "9 layers from 0 instructions" in text


def test_a_build_shows_steps_by_stage_cached_or_executed() -> None:
    text = to_text(build_record())
    assert "5 executed, 4 cached" in text
    assert text.index("Stage build") < text.index("Stage runner") < text.index("BuildKit's own")
    assert "↺ cached" in text
    assert "14.7 s" in text
    assert "FromAsCasing" in text


def test_a_long_log_keeps_its_end_and_counts_the_rest() -> None:
    step = Step("d", "[a 1/1] RUN x", stage="a", number=1, total=1, instruction="RUN x", line=2)
    log = tuple(f"line {i}" for i in range(100))
    record = BuildRecord((StepRecord(step, started=0, completed=1, error="boom", log=log),))
    text = to_text(record)
    assert "line 99" in text
    assert "line 79" not in text
    assert "line 0" in to_text(record, folds=True)


def test_tables_format_values_by_their_column() -> None:
    table = Table(
        "Bases",
        ("name", Column("size", "bytes"), Column("time", "seconds"), Column("part", "share")),
        (("node:24", 1_100_000_000, 3.2, 0.5), ("none", None, None, None)),
        "measured here",
    )
    text = to_text(table)
    assert "1.1 GB" in text
    assert "3.2 s" in text
    assert "50 %  ██████" in text
    assert "–" in text
    assert text.endswith("measured here")
    assert "(none)" in to_text(Table("Empty", ("a",), ()))


def test_a_row_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="2 cells for 1 columns"):
        Table("T", ("a",), (("x", "y"),))


def test_hostile_text_stays_text() -> None:
    table = Table("[red]T[/red]", ("a",), (("\x1b[2J[bold]x[/bold]\u202e",), ("a\nb",)))
    text = to_text(table)
    assert "[red]T[/red]" in text
    assert "[bold]x[/bold]" in text
    assert "a b" in text
    assert not any(ord(c) < 32 and c != "\n" for c in text)


def test_no_line_is_wider_than_asked_for() -> None:
    long = "x" * 5000
    table = Table("T", (Column("a", "code"), "b"), ((long, "y"),))
    for width in (60, 100):
        assert max(map(len, to_text(table, width=width).split("\n"))) <= width
        assert max(map(len, to_text(failing_result(), width=width).split("\n"))) <= width


@pytest.mark.parametrize("value", [failing_result(), broken_result(), naive_image()])
def test_the_text_does_not_depend_on_the_terminal(
    value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = to_text(value)  # type: ignore[arg-type]
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    assert to_text(value) == before  # type: ignore[arg-type]
    assert all(line == line.rstrip() for line in before.split("\n"))
