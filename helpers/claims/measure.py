"""Measure claims on an engine, one after another, and keep what came out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from helpers.build.errors import BuildError
from helpers.claims.bench import Bench
from helpers.claims.claim import Claim, Entry, Finding, Ledger
from helpers.claims.claims import CLAIMS
from helpers.claims.store import load, save, unmeasured
from helpers.engine import bases
from helpers.errors import BadInput, NoEngine, WorkbookError


def chosen(names: Iterable[str]) -> tuple[Claim, ...]:
    """Claims by their ids, in the ledger's order; all of them where none is named.

    Raises:
        BadInput: where there is no such claim.
    """
    wanted = {name.upper() for name in names}
    unknown = sorted(wanted - {claim.id for claim in CLAIMS})
    if unknown:
        raise BadInput(
            f"There is no claim {unknown[0]}.",
            remedy=f"The claims are {', '.join(claim.id for claim in CLAIMS)}.",
        )
    return tuple(claim for claim in CLAIMS if not wanted or claim.id in wanted)


def ledger(folder: Path) -> Ledger:
    """What is known so far, without measuring anything."""
    return Ledger(tuple(load(folder, claim) for claim in CLAIMS))


def measure(
    bench: Bench, claims: Iterable[Claim], folder: Path, say: Callable[[str], None]
) -> None:
    """Measure some claims; each is kept as soon as it is there.

    A claim that cannot be measured on this engine says why, and the others go on.

    Args:
        bench: the engine and the course.
        claims: what to measure.
        folder: where the entries are kept.
        say: told in one line what is being measured, and what came out.

    Raises:
        NoEngine: where the engine stops answering.
    """
    for claim in claims:
        say(f"{claim.id}: {claim.says}")
        entry = measured(bench, claim)
        save(folder, entry)
        say(f"  {entry.finding.verdict if entry.finding else entry.problem}")


def measured(bench: Bench, claim: Claim) -> Entry:
    """One claim's entry.

    Raises:
        NoEngine: where the engine stops answering.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    finding: Finding | None = None
    problem = ""
    try:
        finding = _function(claim)(bench)
    except NoEngine:
        raise
    except (WorkbookError, BuildError) as error:
        problem = f"{error.message} {error.remedy}".strip()
    return replace(
        unmeasured(claim),
        finding=finding,
        problem=problem,
        date=started.isoformat(timespec="seconds"),
        engine=bench.engine.describe(),
        stand_ins=tuple(
            s.name for s in bases.status(bench.engine.client, claim.bases) if s.stand_in
        ),
        seconds=time.monotonic() - clock,
    )


def _function(claim: Claim) -> Callable[[Bench], Finding]:
    module, _, name = claim.measured_by.partition(":")
    function: Callable[[Bench], Finding] = getattr(import_module(module), name)
    return function
