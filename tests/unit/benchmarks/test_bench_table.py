import pytest

from benchmarks.pairs import Pairs, Summary
from benchmarks.table import BEGIN, END, Row, insert, ratio_row, render


def line(row: Row) -> str:
    return render([row], "caption").splitlines()[-1]


@pytest.mark.parametrize(
    ("median", "exclusive", "met"),
    [(0.25, False, True), (0.2501, False, False), (0.25, True, False), (0.2499, True, True)],
)
def test_the_unrounded_median_decides(median, exclusive, met):
    row = Row("x", Summary(median, 0, 1), target=0.25, exclusive=exclusive)
    assert row.met is met
    assert ("**missed**" in line(row)) is not met


def test_a_row_shows_median_range_target_and_seconds():
    row = ratio_row("Ours / theirs", Pairs((0.1, 0.2, 0.3), (1, 1, 1)), 1.3)
    assert line(row) == (
        "| Ours / theirs | 0.20 × (0.10–0.30) | ≤ 1.3 × | met | 200 ms against 1.00 s |"
    )


def test_what_was_not_measured_says_why_and_is_neither_met_nor_missed():
    row = Row("x", None, target=1, detail="there is no buildx")
    assert row.met is None
    assert line(row) == "| x | not measured | ≤ 1 × |  | there is no buildx |"


def test_no_target_is_no_verdict():
    assert line(Row("x", Summary(9, 9, 9), "s")) == "| x | 9.00 s | none |  |  |"


def test_text_cannot_break_the_table():
    assert line(Row("a|b\nc", None)).startswith("| a\\|b c |")


def test_insert_replaces_only_what_is_between_the_markers():
    document = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = insert(document, "new\n")
    assert once == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    assert insert(once, "new\n") == once


@pytest.mark.parametrize("document", ["", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def test_a_document_without_its_place_is_refused(document):
    with pytest.raises(ValueError, match="<!--"):
        insert(document, "new\n")
