"""The ledger: claims as values, kept and told; verdicts follow from figures."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from helpers.claims import caching, images, rights, running, webassembly
from helpers.claims.claim import Figure, Finding, Holding, Ledger
from helpers.claims.claims import CLAIMS
from helpers.claims.measure import chosen, ledger
from helpers.claims.store import load, save, unmeasured
from helpers.course.paths import course_folders
from helpers.engine.catalogue import catalogue
from helpers.errors import BadInput
from helpers.report.json import from_json, to_json
from helpers.report.text import to_text
from helpers.units import MB

HOLDS, LIMIT, NOT = Holding.HOLDS, Holding.LIMIT, Holding.NOT_AS_SAID
FOUND = Finding(
    LIMIT,
    "It was so and so.",
    (Figure("time", 0.2, "seconds", 0.1, 0.4, 5), Figure("size", 2_000_000, "bytes")),
    simulated="the network",
)


def test_the_claims_are_eleven_in_order() -> None:
    assert [claim.id for claim in CLAIMS] == [f"C{n}" for n in range(1, 12)]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_a_claim_names_what_is_there(claim) -> None:  # type: ignore[no-untyped-def]
    module, _, function = claim.measured_by.partition(":")
    assert callable(getattr(import_module(module), function))
    assert (course_folders().notebooks / f"{claim.notebook}.ipynb").is_file()
    assert {base.name for base in catalogue()} >= set(claim.bases)
    assert claim.limit
    assert all(source.startswith("https://") for source in claim.sources)


def test_an_entry_that_was_kept_comes_back(tmp_path: Path) -> None:
    entry = replace(
        unmeasured(CLAIMS[0]),
        finding=FOUND,
        date="2026-11-24T10:00:00+00:00",
        engine="an engine",
        stand_ins=("node:26-trixie",),
        seconds=3.5,
    )
    save(tmp_path, entry)
    assert load(tmp_path, CLAIMS[0]) == entry
    assert ledger(tmp_path).measured == 1


@pytest.mark.parametrize("text", ["", "[]", '{"finding": {}}', "\x00"])
def test_a_damaged_entry_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "C1.json").write_text(text)
    assert load(tmp_path, CLAIMS[0]) == unmeasured(CLAIMS[0])


def test_the_ledger_says_what_it_stands_on() -> None:
    entry = replace(
        unmeasured(CLAIMS[0]), finding=FOUND, date="2026-11-24", stand_ins=("node:26-trixie",)
    )
    text = to_text(Ledger((entry, unmeasured(CLAIMS[1]))))
    assert "1 of 2 claims measured here" in text
    assert "holds with a limit" in text
    assert "100 ms to 400 ms in 5 runs" in text
    assert "Simulated: the network" in text
    assert "Stand-in base images: node:26-trixie" in text
    assert "workbook claims --run C2" in text


def test_the_ledger_as_json_loads_again() -> None:
    value = Ledger((replace(unmeasured(CLAIMS[0]), finding=FOUND),))
    assert from_json(to_json(value)) == value


def test_claims_are_chosen_by_their_ids() -> None:
    assert [claim.id for claim in chosen(["c9", "C1"])] == ["C1", "C9"]
    assert len(chosen([])) == len(CLAIMS)
    with pytest.raises(BadInput, match="no claim C12"):
        chosen(["C12"])


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (images.size_verdict(1000 * MB, 90 * MB), HOLDS),
        (images.size_verdict(1000 * MB, 180 * MB), LIMIT),
        (images.size_verdict(1000 * MB, 500 * MB), NOT),
        (images.surface_verdict(2000, 1, 30, 0), HOLDS),
        (images.surface_verdict(2000, 1, 30, 14), LIMIT),
        (images.surface_verdict(20, 20, 30, 14), NOT),
        (images.deployment_verdict(11, 10), HOLDS),
        (images.deployment_verdict(8, 40), LIMIT),
        (images.deployment_verdict(0.9, 2), NOT),
        (rights.root_verdict(0, 0, 0, escapes=True), LIMIT),
        (rights.root_verdict(0, 0, 2, escapes=False), HOLDS),
        (rights.root_verdict(0, 100_000, 0, escapes=False), NOT),
        (rights.root_verdict(1000, 1000, 0, escapes=True), NOT),
        (rights.read_only_verdict(11, 5, 3), LIMIT),
        (rights.read_only_verdict(11, 5, 0), HOLDS),
        (rights.read_only_verdict(11, 11, 11), NOT),
        (running.health_verdict(noticed=True, restarted=False), LIMIT),
        (running.health_verdict(noticed=True, restarted=True), HOLDS),
        (running.health_verdict(noticed=False, restarted=False), NOT),
        (running.shutdown_verdict(dropped=0, left=0, dropped_without=3), LIMIT),
        (running.shutdown_verdict(dropped=2, left=0, dropped_without=3), NOT),
        (running.shutdown_verdict(dropped=0, left=1, dropped_without=3), NOT),
        (caching.lines_verdict(lines=9, layers=9, below=3, ran=3), HOLDS),
        (caching.lines_verdict(lines=9, layers=4, below=3, ran=2), NOT),
        (caching.order_verdict(late=6.0, early=0.5, early_cold=6.0), LIMIT),
        (caching.order_verdict(late=6.0, early=0.5, early_cold=0.5), HOLDS),
        (caching.order_verdict(late=6.0, early=5.5, early_cold=6.0), NOT),
        (webassembly.tiny_verdict(50_000, 2_000_000, 40e-6, 0.3), LIMIT),
        (webassembly.tiny_verdict(50_000, 2_000_000, 40e-6, 0.0005), HOLDS),
        (webassembly.tiny_verdict(3_000_000, 2_000_000, 40e-6, 0.3), NOT),
        (webassembly.tiny_verdict(50_000, 2_000_000, 0.02, 0.3), NOT),
    ],
)
def test_a_verdict_follows_from_its_figures(verdict: Holding, expected: Holding) -> None:
    assert verdict is expected
