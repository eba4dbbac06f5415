"""What was measured, kept in the state folder: one file a claim, so that runs add up."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from helpers.claims.claim import Claim, Entry, Figure, Finding, Holding
from helpers.engine.state import state_folder
from helpers.files import write_in_one_piece


def ledger_folder() -> Path:
    """Where the entries are kept."""
    return state_folder().root / "claims"


def save(folder: Path, entry: Entry) -> None:
    """Keep one entry in the place of the older one."""
    folder.mkdir(parents=True, exist_ok=True)
    write_in_one_piece(folder / f"{entry.claim}.json", json.dumps(asdict(entry), indent=2))


def load(folder: Path, claim: Claim) -> Entry:
    """The latest entry of a claim; one without a finding where there is none that can be read.

    The words are the claim's own of today, whatever an older release had.
    """
    blank = unmeasured(claim)
    try:
        raw = json.loads((folder / f"{claim.id}.json").read_text(encoding="utf-8"))
        return _entry(blank, raw)
    except (OSError, ValueError, KeyError, TypeError):
        return blank


def unmeasured(claim: Claim) -> Entry:
    """A line of the ledger without figures."""
    return Entry(claim.id, claim.says, claim.notebook, claim.limit, claim.sources)


def _entry(blank: Entry, raw: dict[str, Any]) -> Entry:
    finding = raw["finding"]
    return Entry(
        blank.claim,
        blank.says,
        blank.notebook,
        blank.limit,
        blank.sources,
        None if finding is None else _finding(finding),
        str(raw["problem"]),
        str(raw["date"]),
        str(raw["engine"]),
        tuple(map(str, raw["stand_ins"])),
        float(raw["seconds"]),
    )


def _finding(raw: dict[str, Any]) -> Finding:
    figures = tuple(Figure(**figure) for figure in raw["figures"])
    return Finding(Holding(raw["verdict"]), str(raw["sentence"]), figures, str(raw["simulated"]))
