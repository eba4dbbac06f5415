"""What a report leads with."""

from audit_samples import PASS, UNKNOWN, fail, finding

from helpers.audit.rank import certainty, most_useful
from helpers.judge.verdict import Evidence

ON_LINE_3 = Evidence("bad", "x", line=3)
ON_LINE_5 = Evidence("bad", "x", line=5)


def ids(*findings):
    return [change.finding.id for change in most_useful(findings)]


def test_the_heaviest_comes_first_and_there_are_three():
    found = [finding(f"p{w}", fail(), weight=w) for w in (1, 5, 2, 4, 3)]
    assert ids(*found) == ["p5", "p4", "p3"]


def test_only_failures_that_count_are_told():
    found = [
        finding("passed", PASS, weight=5),
        finding("unknown", UNKNOWN, weight=5),
        finding("ignored", fail(), weight=5, ignored="because"),
        finding("failed", fail(), weight=1),
    ]
    assert ids(*found) == ["failed"]


def test_a_place_that_is_known_makes_it_surer():
    assert certainty(fail(ON_LINE_3)) == 1.0
    assert certainty(fail(Evidence("bad", "x", path="/x"))) == 0.95
    assert certainty(fail(Evidence("bad", "x"))) == 0.9
    assert certainty(PASS) == certainty(UNKNOWN) == 0.0
    assert ids(finding("vague", fail()), finding("placed", fail(ON_LINE_3))) == ["placed", "vague"]


def test_weight_beats_certainty_by_their_product():
    assert ids(finding("light", fail(ON_LINE_3), weight=3), finding("heavy", fail(), weight=4)) == [
        "heavy",
        "light",
    ]  # 3 × 1.0 against 4 × 0.8


def test_a_change_that_mends_others_comes_before_its_equals_and_tells_them_once():
    changes = most_useful(
        [
            finding("alone", fail(ON_LINE_5)),
            finding("one", fail(ON_LINE_3)),
            finding("two", fail(ON_LINE_3)),
            finding("three", fail(ON_LINE_3, ON_LINE_5)),
        ]
    )
    assert [c.finding.id for c in changes] == ["one", "alone", "three"]
    assert [f.id for f in changes[0].also] == ["two"]


def test_the_same_remedy_is_the_same_change():
    found = [finding(n, fail(), remedy="Take a smaller base.") for n in ("shell", "compiler")]
    (change,) = most_useful(found)
    assert [f.id for f in change.also] == ["compiler"]


def test_among_equals_the_one_that_frees_more_bytes_comes_first():
    small = finding("small", fail(Evidence("bad", "x", bytes=1)))
    large = finding("large", fail(Evidence("bad", "x", bytes=2)))
    assert ids(small, large) == ["large", "small"]


def test_so_is_the_same_reason_and_the_same_checkpoint_of_another_tool():
    found = [
        finding("healthy", fail(why="No HEALTHCHECK."), weight=4, covers=("dockle CIS-DI-0006",)),
        finding("hangs", fail(why="No HEALTHCHECK.")),
        finding("declared", fail(), covers=("dockle CIS-DI-0006", "docker-bench 4.6")),
        finding("other", fail(), covers=("dockle CIS-DI-0001",)),
    ]
    first, second = most_useful(found)
    assert (first.finding.id, [f.id for f in first.also]) == ("healthy", ["hangs", "declared"])
    assert second.finding.id == "other"


def test_what_mends_much_comes_before_what_is_a_little_heavier():
    many = [finding(f"p{n}", fail(), weight=3, remedy="Take a stage.") for n in range(6)]
    assert ids(finding("heavy", fail(), weight=4), *many) == ["p0", "heavy"]


def test_what_is_not_there_is_told_by_the_property_that_asks_for_it():
    found = [
        finding("healthy", fail(why="No HEALTHCHECK."), weight=4),
        finding("declared", fail(why="No HEALTHCHECK."), weight=3, covers=("dockle 6",)),
    ]
    (change,) = most_useful(found)
    assert (change.finding.id, [f.id for f in change.also]) == ("declared", ["healthy"])
