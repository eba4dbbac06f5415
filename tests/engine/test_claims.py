"""The ledger's measurements run on the engine and come to a verdict.

C3 and C9 take minutes; the notebooks 01 and 07 run the same experiments.
"""

from __future__ import annotations

import pytest

from helpers.claims.bench import Bench
from helpers.claims.claim import Claim, Holding
from helpers.claims.claims import CLAIMS
from helpers.claims.measure import measured
from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for

LONG = {"C3", "C9"}


@pytest.fixture(scope="module")
def bench(engine: Engine) -> Bench:
    return Bench(engine)


@pytest.mark.parametrize("claim", [c for c in CLAIMS if c.id not in LONG], ids=lambda c: c.id)
def test_a_claim_comes_to_a_verdict(bench: Bench, claim: Claim) -> None:
    ensure_for(bench.engine, claim.bases)
    entry = measured(bench, claim)
    assert entry.finding is not None, entry.problem
    assert entry.finding.verdict in (Holding.HOLDS, Holding.LIMIT, Holding.NOT_AS_SAID)
    assert entry.finding.figures
    assert entry.finding.sentence
    assert entry.engine == bench.engine.describe()
