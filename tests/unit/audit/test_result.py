"""Score and exit status."""

import pytest
from audit_samples import PASS, UNKNOWN, fail, finding, result

from helpers.audit.result import exit_status


def test_the_score_is_the_weight_of_what_passes():
    assert result(finding("a", PASS, weight=3), finding("b", fail(), weight=1)).score == 75
    assert result(finding("a", PASS), finding("b", UNKNOWN)).score == 100
    assert result(finding("a", PASS), finding("b", fail(), ignored="why")).score == 100
    assert result(finding("b", UNKNOWN)).score == 0


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        ({}, 1),
        ({"fail_on": 2}, 1),
        ({"fail_on": 3}, 0),
        ({"fail_below": 75}, 0),
        ({"fail_below": 76}, 1),
        ({"fail_below": 10, "fail_on": 2}, 1),
        ({"fail_below": 10, "fail_on": 5}, 0),
    ],
)
def test_what_is_too_bad(limits, status):
    found = result(finding("a", PASS, weight=3), finding("b", PASS, weight=3), finding("c", fail()))
    assert found.score == 75
    assert exit_status(found, **{"fail_on": None, "fail_below": None, **limits}) == status


def test_what_is_ignored_or_unknown_does_not_fail():
    found = result(finding("a", PASS), finding("b", fail(), ignored="x"), finding("c", UNKNOWN))
    assert exit_status(found, fail_on=None, fail_below=None) == 0


def test_nothing_told_is_never_good_enough():
    assert exit_status(result(finding("c", UNKNOWN)), fail_on=5, fail_below=0) == 1
