"""An attack as rows of a table, from one that was saved."""

from __future__ import annotations

from pathlib import Path

from helpers.experiments.attacks import outcome_rows, possible, stopped, titles
from helpers.observe.attack.actions import ACTIONS
from helpers.observe.attack.facts import AttackFacts, AttackMatrixRequest
from helpers.observe.replay import facts_from_json

SAVED = Path(__file__).parents[1] / "judge" / "attacks" / "orders-naive.json"


def as_root() -> AttackFacts:
    matrix = facts_from_json(SAVED.read_text()).answer(AttackMatrixRequest())
    assert matrix is not None
    return matrix.runs[0]


def test_every_action_has_a_row_with_its_result_and_the_kernels_refusal() -> None:
    rows = {str(row[0]): row for row in outcome_rows(as_root())}
    assert len(rows) == len(ACTIONS)
    assert rows["write into the app's folder"][1] == "works"
    assert rows["fork without end"][1] == "works"  # nothing would have stopped it
    mount = rows["mount a file system"]
    assert mount[1] == "refused"
    assert "EPERM" in str(mount[2])


def test_rows_of_some_groups_only() -> None:
    shown = [str(row[0]) for row in outcome_rows(as_root(), "kernel and host")]
    assert shown == [a.title for a in ACTIONS if a.group == "kernel and host"]


def test_possible_actions_in_words() -> None:
    found = possible(as_root())
    assert "write-app" in found
    assert "mount" not in found
    assert titles(found[:2]) == "write into the app's folder, change a file of the app"


def test_what_a_measure_stops_is_what_was_possible_and_is_refused() -> None:
    matrix = facts_from_json(SAVED.read_text()).answer(AttackMatrixRequest())
    assert matrix is not None
    root, person, *_ = matrix.runs
    assert "write-app" in stopped(root, person)
    assert "mount" not in stopped(root, person)  # it was refused before
    assert stopped(root, root) == ()
