"""The attack list, run on the images of a lesson."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for
from helpers.observe.attack.actions import ACTIONS, ALL_IDS, BY_ID, Group
from helpers.observe.attack.facts import AttackFacts, AttackMatrix, AttackMatrixRequest
from helpers.observe.attack.hardening import Hardening
from helpers.observe.attack.run_attack import observe_matrix
from helpers.observe.attack.tool import COMPILER
from helpers.observe.subject import Subject


def attack(
    engine: Engine,
    image: str,
    *hardenings: Hardening,
    actions: Iterable[str] = ALL_IDS,
    name: str = "",
) -> AttackMatrix:
    """Attack a container of the image under each hardening.

    Args:
        engine: where.
        image: name or id.
        hardenings: how it is confined, one container each.
        actions: ids of what is tried in each.
        name: what reports call the image; empty for ``image``.

    Raises:
        BadInput, NoBaseImage, ObservationFailed, NoEngine: as
            :func:`helpers.observe.attack.run_attack.observe_matrix`.
    """
    ensure_for(engine, (COMPILER,))
    request = AttackMatrixRequest(hardenings, tuple(actions))
    matrix = observe_matrix(Subject(engine.client, image), request)
    return replace(matrix, image=name or image)


def outcome_rows(facts: AttackFacts, *groups: Group) -> list[tuple[object, ...]]:
    """Rows of a table: what was tried, how it came out, and what was seen.

    Args:
        facts: one attack.
        groups: which actions; none for all.
    """
    rows: list[tuple[object, ...]] = []
    for action in ACTIONS:
        outcome = facts.outcome(action.id)
        if outcome is None or (groups and action.group not in groups):
            continue
        said = "works" if outcome.possible else outcome.result
        code = f" ({outcome.errno})" if outcome.errno else ""
        rows.append((action.title, said, f"{outcome.detail}{code}"))
    return rows


def possible(facts: AttackFacts) -> tuple[str, ...]:
    """Ids of the actions that an intruder can do."""
    return tuple(outcome.action for outcome in facts.possible)


def stopped(before: AttackFacts, after: AttackFacts) -> tuple[str, ...]:
    """Ids of the actions that were possible, and are refused now."""
    return tuple(
        outcome.action
        for outcome in after.outcomes
        if outcome.result == "refused" and outcome.action in possible(before)
    )


def titles(actions: Iterable[str]) -> str:
    """Actions in words, for a sentence."""
    return ", ".join(BY_ID[action].title for action in actions)
