"""``workbook claims``."""

from __future__ import annotations

from helpers.claims.bench import Bench
from helpers.claims.claim import Claim
from helpers.claims.measure import chosen, ledger, measure
from helpers.claims.store import ledger_folder
from helpers.commands.output import say, show
from helpers.engine.connect import connect
from helpers.engine.ensure import ensure_for
from helpers.views.base_progress import BaseProgress


def run(names: tuple[str, ...], *, measure_now: bool, as_json: bool) -> int:
    """Show the ledger; measure some claims or all of them before, where that is asked for.

    Exit status 0.
    """
    claims = chosen(names)
    folder = ledger_folder()
    if measure_now:
        _measure(claims)
    show(ledger(folder), as_json=as_json)
    return 0


def _measure(claims: tuple[Claim, ...]) -> None:
    with connect() as engine:
        needed = tuple(dict.fromkeys(base for claim in claims for base in claim.bases))
        ensure_for(engine, needed, BaseProgress())
        measure(Bench(engine), claims, ledger_folder(), say)
