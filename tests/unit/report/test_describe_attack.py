from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from xml.dom.minidom import Document, Element, Text, parseString

import pytest

from helpers.observe.attack.actions import ACTIONS
from helpers.observe.attack.facts import (
    AttackFacts,
    AttackMatrix,
    AttackMatrixRequest,
    AttackRequest,
)
from helpers.observe.attack.hardening import HARDENED, Hardening, hardening_steps
from helpers.observe.replay import facts_from_json
from helpers.report.describe_attack import describe_attack, describe_matrix, stopped_at
from helpers.report.hardening import docker_options, spellings
from helpers.report.json import from_json, to_json
from helpers.report.text import blocks_text
from helpers.views.attack_matrix import attack_matrix
from helpers.views.show import show

SAVED = Path(__file__).parents[1] / "judge" / "attacks"


@cache
def saved(name: str) -> AttackMatrix:
    observations = facts_from_json((SAVED / f"{name}.json").read_text())
    matrix = observations.answer(AttackMatrixRequest())
    assert matrix is not None
    return matrix


def parsed(svg: str) -> Document:
    return parseString(svg)  # noqa: S318 - our own picture


def text_of(node: Element) -> str:
    return "".join(child.data for child in node.childNodes if isinstance(child, Text))


def step(matrix: AttackMatrix, action: str) -> str | None:
    at = stopped_at(matrix, action)
    return None if at is None else matrix.runs[at].hardening.name


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("write-system", "non-root"),
        ("setuid-root", "no new privileges"),
        ("run-dropped", "tmpfs noexec"),
        ("fork-bomb", "limits"),
        ("reach-neighbour", "own network"),
        ("mount", "root"),  # the engine's defaults stop it
        ("write-shm", None),
        ("run-from-memory", None),
        ("read-environment", None),
    ],
)
def test_which_step_stops_an_action(action: str, name: str | None) -> None:
    assert step(saved("orders-multi-stage"), action) == name


def test_a_step_that_could_not_tell_stops_nothing() -> None:
    matrix = saved("orders-multi-stage")
    *others, last = matrix.runs
    unknown = replace(matrix, runs=(*others, AttackFacts(last.hardening, started=False)))
    assert step(unknown, "write-system") is None


def test_the_matrix_as_text() -> None:
    matrix = saved("orders-naive")
    text = blocks_text(describe_matrix(matrix))
    lines = text.splitlines()
    for action in ACTIONS:
        assert any(action.title in line for line in lines), action.id
    row = next(line for line in lines if "write into system folders" in line)
    assert row.count("●") == 1
    assert row.count("○") == len(matrix.runs) - 1
    assert next(line for line in lines if "fork without end" in line).count("◆") == 6
    assert "+ --cap-drop ALL" in text
    assert all(ord(c) >= 32 or c == "\n" for c in text)
    totals = next(line for line in lines if line.startswith("possible"))
    assert totals.split()[1:] == [str(len(run.possible)) for run in matrix.runs]


def test_what_stops_it_and_what_it_is_called_elsewhere_open_on_demand() -> None:
    text = blocks_text(describe_matrix(saved("orders-naive")), folds=True, width=160)
    assert "readOnlyRootFilesystem: true" in text
    assert "read_only: true" in text
    assert "stopped here by" in text


def test_one_attack_as_text() -> None:
    observations = facts_from_json((SAVED / "orders-naive.json").read_text())
    facts = observations.answer(AttackRequest())
    assert facts is not None
    text = blocks_text(describe_attack(facts), width=160)
    assert f"{len(facts.possible)} of {len(ACTIONS)} actions are possible." in text
    assert "ENOSPC" in text
    failed = AttackFacts(HARDENED, started=False, start_error="no such user")
    assert "no such user" in blocks_text(describe_attack(failed))


def test_the_picture_shows_every_result_by_more_than_colour() -> None:
    matrix = saved("orders-multi-stage")
    picture = attack_matrix(matrix)
    titles = [text_of(t) for t in parsed(picture.svg).getElementsByTagName("title")]
    outcomes = [o for run in matrix.runs for o in run.outcomes]
    worked = sum(o.result == "succeeded" for o in outcomes)
    assert sum(t.startswith("worked") for t in titles) == worked + 1  # and one in the legend
    # A pattern lies over each, besides its colour.
    assert picture.svg.count("url(#wbp-fall)") == worked + 1
    unlimited = sum(o.result == "no limit" for o in outcomes)
    assert picture.svg.count("stroke-dasharray") == unlimited + 1
    assert "prefers-color-scheme:dark" in picture.svg
    assert picture.text == blocks_text(describe_matrix(matrix))
    assert f"step 1, root: {len(matrix.runs[0].possible)} possible" in picture.svg


def test_hostile_names_stay_text() -> None:
    matrix = saved("orders-multi-stage")
    hostile = Hardening(name="</svg><script>\x1b[2J long long long long long")
    run = replace(matrix.runs[0], hardening=hostile)
    picture = attack_matrix(AttackMatrix("<b>\x07&", (run,)))
    parsed(picture.svg)
    assert "<script" not in picture.svg
    assert "\x1b" not in picture.svg + picture.text


def test_nothing_that_started_is_a_picture_too() -> None:
    run = AttackFacts(HARDENED, started=False, start_error="no such user")
    picture = attack_matrix(AttackMatrix("shop:1", (run,)))
    parsed(picture.svg)
    assert "no such user" in picture.text
    parsed(attack_matrix(AttackMatrix("shop:1", ())).svg)


def test_the_options_of_docker_run() -> None:
    root, *_, last = hardening_steps()
    assert docker_options(root) == "--user 0:0"
    options = docker_options(last)
    for wanted in (
        "--user 65532:65532",
        "--read-only",
        "--cap-drop ALL",
        "--security-opt no-new-privileges",
        "--tmpfs /tmp:noexec,size=16m",
        "--pids-limit 128",
        "--memory 256000000b",
    ):
        assert wanted in options
    assert docker_options(Hardening()) == ""
    assert "--network none" in docker_options(Hardening(network="none"))
    assert {s.measure for s in spellings(last)} >= {"non-root user", "limit of processes"}
    assert all(s.compose and s.kubernetes for s in spellings(last))


def test_a_matrix_is_shown_and_saved_as_any_other_value() -> None:
    matrix = saved("orders-multi-stage")
    shown = show(matrix)
    assert repr(shown) == blocks_text(describe_matrix(matrix))
    assert from_json(to_json(matrix)) == matrix
    (first, *_) = matrix.runs
    assert "actions are possible" in repr(show(first))
    assert from_json(to_json(first)) == first
