"""Attacks as blocks: what an intruder can do under each hardening, and what stopped it."""

from __future__ import annotations

from collections.abc import Mapping

from helpers.observe.attack.actions import BY_ID
from helpers.observe.attack.facts import ActionOutcome, AttackFacts, AttackMatrix, Result
from helpers.report.blocks import Block, Cell, Column, Facts, Fold, Heading, Line, Table, Tone
from helpers.report.hardening import docker_options, run_options, spellings
from helpers.units import format_count, format_seconds

#: The sign of a result; words say the same where there is room.
SIGNS: Mapping[Result, str] = {"succeeded": "●", "refused": "○", "no limit": "◆", "not tried": "?"}
WORDS: Mapping[Result, str] = {
    "succeeded": "worked",
    "refused": "refused",
    "no limit": "not tried: nothing would have stopped it",
    "not tried": "not tried",
}
_TONES: Mapping[Result, Tone] = {
    "succeeded": "fail",
    "refused": "pass",
    "no limit": "fail",
    "not tried": "unknown",
}
LEGEND = " · ".join(f"{SIGNS[r]} {WORDS[r]}" for r in SIGNS)


def describe_matrix(matrix: AttackMatrix) -> tuple[Block, ...]:
    """Blocks of the same attack under one hardening after another."""
    blocks: list[Block] = [Heading(f"What an intruder can do in {matrix.image}", 1)]
    remapped = (
        "uid 0 in a container is an unprivileged user of the host (user-namespace remapping)"
        if matrix.userns_remap
        else "uid 0 in a container is uid 0 of the host, too (no user-namespace remapping)"
    )
    took = f"took {format_seconds(matrix.seconds)}"
    blocks.append(Line(f"{format_count(len(matrix.runs), 'container')}, {took}; {remapped}."))
    blocks.append(Facts(tuple(_steps(matrix))))
    blocks.append(_table(matrix))
    for number, run in enumerate(matrix.runs, 1):
        if not run.started:
            blocks.append(Line(f"? Step {number} could not be started: {run.start_error}"))
    if matrix.runs:
        blocks.append(Fold("What stops each action", (_reasons(matrix),)))
        last = matrix.runs[-1]
        blocks.append(
            Fold(f"The last step ({last.hardening.name}), action by action", (_each(last),))
        )
        blocks.append(Fold("The same in Compose and Kubernetes", (_spelled(last),)))
    return tuple(blocks)


def describe_attack(facts: AttackFacts) -> tuple[Block, ...]:
    """Blocks of one attack."""
    name = facts.hardening.name or "as it is"
    blocks: list[Block] = [Heading(f"An intruder in a container, {name}", 1)]
    options = docker_options(facts.hardening)
    blocks.append(Facts((("docker run", options or "no options"),)))
    if not facts.started:
        blocks.append(Line(f"? The container could not be started: {facts.start_error}", "unknown"))
        return tuple(blocks)
    count = f"{len(facts.possible)} of {len(facts.outcomes)} actions are possible"
    blocks.append(Line(f"{count}.", "strong"))
    blocks.append(_each(facts))
    return tuple(blocks)


def stopped_at(matrix: AttackMatrix, action: str) -> int | None:
    """The step (from 0) from which on an action is refused; None where none stops it for good.

    A step that could not tell (not started, not tried) does not count as one that stops.
    """
    first: int | None = None
    for index, run in enumerate(matrix.runs):
        outcome = run.outcome(action)
        if outcome is not None and outcome.result == "refused":
            first = index if first is None else first
        else:
            first = None
    return first


def outcomes_of(matrix: AttackMatrix, action: str) -> tuple[ActionOutcome | None, ...]:
    """How an action came out, one a step; None where it was not asked for or nothing started."""
    return tuple(run.outcome(action) for run in matrix.runs)


def actions_of(matrix: AttackMatrix) -> tuple[str, ...]:
    """Ids of what was tried anywhere, in the catalogue's order."""
    tried = {o.action for run in matrix.runs for o in run.outcomes}
    return tuple(a for a in BY_ID if a in tried)


def _steps(matrix: AttackMatrix) -> list[tuple[str, str]]:
    """The options of each step; of a step that only adds some, those that are new."""
    steps = []
    before: tuple[str, ...] = ()
    for number, run in enumerate(matrix.runs, 1):
        options = run_options(run.hardening)
        new = tuple(o for o in options if o not in before)
        words = " ".join(options) or "docker run without options"
        if before and set(_kinds(before)) <= set(_kinds(options)):
            words = f"+ {' '.join(new)}" if new else "the same"
        steps.append((f"{number} {run.hardening.name}", words))
        before = options
    return steps


def _kinds(options: tuple[str, ...]) -> list[str]:
    return [option.split()[0] for option in options]


def _table(matrix: AttackMatrix) -> Table:
    columns: list[Column | str] = ["", "action", *(str(n + 1) for n in range(len(matrix.runs)))]
    rows: list[tuple[Cell | str | None, ...]] = []
    group = ""
    for action in actions_of(matrix):
        about = BY_ID[action]
        shown = "" if about.group == group else about.group
        group = about.group
        marks = (_mark(outcome) for outcome in outcomes_of(matrix, action))
        rows.append((Cell(shown, "strong"), about.title, *marks))
    totals = (str(len(run.possible)) if run.started else "?" for run in matrix.runs)
    rows.append((Cell("possible", "strong"), "", *totals))
    return Table("", tuple(columns), tuple(rows), LEGEND)


def _mark(outcome: ActionOutcome | None) -> Cell:
    if outcome is None:
        return Cell(SIGNS["not tried"], "unknown")
    return Cell(SIGNS[outcome.result], _TONES[outcome.result])


def _reasons(matrix: AttackMatrix) -> Table:
    rows = []
    for action in actions_of(matrix):
        step = stopped_at(matrix, action)
        here = "nothing here" if step is None else f"{step + 1} {matrix.runs[step].hardening.name}"
        if step == 0:
            here = "the engine's defaults, or the image"
        rows.append((BY_ID[action].title, here, BY_ID[action].stopped_by))
    return Table("", ("action", "stopped here by", "what stops it in general"), tuple(rows))


def _each(facts: AttackFacts) -> Table:
    rows = tuple(
        (
            BY_ID[o.action].title,
            Cell(f"{SIGNS[o.result]} {WORDS[o.result]}", _TONES[o.result]),
            o.errno or None,
            o.detail,
        )
        for o in facts.outcomes
    )
    return Table("", ("action", "result", Column("errno", "code"), "what was seen"), rows)


def _spelled(facts: AttackFacts) -> Table:
    return Table(
        "",
        (
            "measure",
            Column("docker run", "code"),
            Column("Compose", "code"),
            Column("Kubernetes", "code"),
        ),
        tuple((s.measure, s.docker, s.compose, s.kubernetes) for s in spellings(facts.hardening)),
    )
