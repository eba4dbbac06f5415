from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from helpers.build.events import Step
from helpers.build.record import BuildRecord, StepRecord
from helpers.judge.verdict import Evidence, Outcome, Verdict
from helpers.report.blocks import Column, Table
from helpers.report.html import to_html
from helpers.report.result import CheckOutcome, CheckResult
from helpers.report.text import to_text
from report.samples import (
    broken_result,
    build_record,
    distroless_image,
    failing_result,
    naive_image,
    passing_result,
)

VALUES = [
    failing_result(),
    passing_result(),
    broken_result(),
    naive_image(),
    distroless_image(),
    build_record(fail=True),
]
HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[2J\x00\u202e&\"'"
_VOID = {"br", "img", "col"}


class Page(HTMLParser):
    """Tags, attributes and text of a fragment; checks that it is well nested."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in _VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.stack:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.mark.parametrize("value", VALUES)
def test_it_is_well_formed_without_script_or_outside_resources(value: object) -> None:
    page = Page(to_html(value))  # type: ignore[arg-type]
    assert "script" not in page.tags
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert not any(name in ("src", "href", "id") for name, _ in page.attributes)


def hostile_values() -> list[object]:
    verdict = Verdict(
        Outcome.FAIL,
        HOSTILE,
        (Evidence(HOSTILE, HOSTILE, path=HOSTILE, instruction=HOSTILE + "!", line=3),),
    )
    step = Step("d", HOSTILE, stage=HOSTILE, number=1, total=1, instruction=HOSTILE)
    record = BuildRecord(
        (StepRecord(step, started=0, completed=1, error=HOSTILE, log=(HOSTILE,)),),
        target=HOSTILE,
    )
    result = dataclasses.replace(
        failing_result(),
        exercise=HOSTILE,
        title=HOSTILE,
        checks=(CheckOutcome("x", HOSTILE, 1, verdict, (HOSTILE, HOSTILE)),),
        problem=HOSTILE,
        remedy=HOSTILE,
        engine=HOSTILE,
        stand_ins=(HOSTILE,),
        notes=(HOSTILE,),
        build=record,
    )
    facts = naive_image()
    image = dataclasses.replace(
        facts,
        tags=(HOSTILE,),
        stand_in=HOSTILE,
        files=(dataclasses.replace(facts.files[0], path="/" + HOSTILE),),
        waste=(dataclasses.replace(facts.waste[0], path=HOSTILE),),
        config=dataclasses.replace(
            facts.config, user=HOSTILE, cmd=(HOSTILE,), labels={HOSTILE: HOSTILE}
        ),
        history=tuple(dataclasses.replace(h, created_by=HOSTILE) for h in facts.history),
    )
    columns = (HOSTILE, Column(HOSTILE, "code"))
    return [result, record, image, Table(HOSTILE, columns, ((HOSTILE, HOSTILE),), HOSTILE)]


@pytest.mark.parametrize("value", hostile_values())
def test_hostile_text_is_escaped_everywhere(value: object) -> None:
    html = to_html(value)  # type: ignore[arg-type]
    page = Page(html)
    assert not {"script", "img"} & set(page.tags)
    assert "alert(1)" in page.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", html)


def test_outcomes_are_told_by_sign_and_word_not_by_colour_alone() -> None:
    text = Page(to_html(failing_result())).text
    for words in ("✗ fail", "✓ pass", "? could not tell"):
        assert words in text


def test_hints_are_folded_into_each_other_so_that_they_open_one_by_one() -> None:
    html = to_html(failing_result())
    body = html[html.index("Hint 1 of 4") :]
    # Before the first hint's fold ends, the second one begins within it.
    assert body.index("Hint 2 of 4") < body.index("</details>")
    hints = re.findall(r'<details class="wb-hint"( open)?>', html)
    assert len(hints) == 7
    assert not any(hints)


def test_with_a_number_only_so_many_hints_are_in_the_page() -> None:
    html = to_html(failing_result(), hints={"size": 1})
    assert "Hint 1 of 4" in html
    assert "Hint 2 of 4" not in html
    assert "3 more hints" in html
    assert "A second FROM starts" not in html


def with_evidence(outcome: Outcome, count: int) -> CheckResult:
    evidence = tuple(Evidence("x", f"Line {n} is about `path-{n}`.") for n in range(1, count + 1))
    check = CheckOutcome("c", "It is so", 1, Verdict(outcome, "Because.", evidence), ("Try it.",))
    return dataclasses.replace(failing_result(), checks=(check,))


def test_evidence_of_a_failure_is_open_and_names_the_line() -> None:
    html = to_html(failing_result())
    assert '<div class="wb-evidence"><ul><li>/usr/lib/gcc takes 291.0 MB' in html
    assert "Dockerfile line 5 · <code>RUN npm ci</code>" in html


def test_an_instruction_that_the_evidence_quotes_in_part_is_not_repeated() -> None:
    run = "RUN apt-get update && apt-get install --yes gcc make git and much else"
    seen = Evidence("x", f"10 MB come from layer 2 (`{run[:50]}…`).", instruction=run, line=2)
    check = CheckOutcome("c", "It is so", 1, Verdict(Outcome.FAIL, "No.", (seen,)))
    html = to_html(dataclasses.replace(failing_result(), checks=(check,)))
    assert html.count("RUN apt-get update") == 1
    assert "Dockerfile line 2" in html


def test_code_in_evidence_is_marked() -> None:
    html = to_html(with_evidence(Outcome.FAIL, 1))
    assert "<li>Line 1 is about <code>path-1</code>.</li>" in html


def test_only_the_first_lines_of_evidence_are_open_and_the_hint_stands_below() -> None:
    html = to_html(with_evidence(Outcome.FAIL, 15))
    fold = html.index("<details><summary>and 12 more</summary>")
    assert html.index("path-3<") < fold < html.index("path-4<")
    assert html.index("path-15<") < html.index("Hint 1 of 1")
    assert "and 1 more" not in to_html(with_evidence(Outcome.FAIL, 4))


def test_a_pass_is_one_line_with_its_evidence_folded() -> None:
    html = to_html(with_evidence(Outcome.PASS, 2))
    assert re.search(
        r'<details class="wb-evidence"><summary>[^\n]*It is so[^\n]*Because\.[^\n]*</summary>', html
    )
    assert "path-2" in html


def test_tables_have_headings_with_a_scope() -> None:
    html = to_html(naive_image())
    assert '<th scope="col"' in html
    assert '<th scope="row"' in html
    assert "<caption>9 layers from 11 instructions</caption>" in html


@pytest.mark.parametrize("value", VALUES)
def test_html_and_text_carry_the_same_figures(value: object) -> None:
    figures = re.compile(r"\d[\d.,]* (?:[kMG]?B|ms|s|%)(?!\w)|\d+/\d+|\d+ of \d+")
    html = Page(to_html(value)).text  # type: ignore[arg-type]
    text = to_text(value, hints=None, folds=True)  # type: ignore[arg-type]
    # A figure can be wrapped over two lines of the text.
    assert set(figures.findall(html)) == set(figures.findall(" ".join(text.split())))


def test_the_same_value_gives_the_same_html() -> None:
    assert to_html(failing_result()) == to_html(failing_result())


def test_a_very_long_log_line_is_shortened() -> None:
    step = Step("d", "[a 1/1] RUN x", stage="a", number=1, total=1, instruction="RUN x")
    record = BuildRecord(
        (StepRecord(step, started=0, completed=1, error="e", log=("x" * 1_000_000,)),)
    )
    assert len(to_html(record)) < 20_000
