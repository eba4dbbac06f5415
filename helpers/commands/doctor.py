"""``workbook doctor``."""

from __future__ import annotations

from dataclasses import asdict

from helpers.commands.output import show_json
from helpers.engine.doctor import diagnose
from helpers.errors import NoEngine

_SIGNS = {"ok": "✓", "note": "·", "missing": "✗"}


def run(*, as_json: bool) -> int:
    """Say what is here. Exit status 0 where the workbook can be used, 3 where not."""
    diagnosis = diagnose()
    status = 0 if diagnosis.usable else NoEngine.exit_status
    if as_json:
        show_json({"usable": diagnosis.usable, "findings": [asdict(f) for f in diagnosis.findings]})
        return status
    width = max(len(f.topic) for f in diagnosis.findings)
    for finding in diagnosis.findings:
        print(f"{_SIGNS[finding.level]} {finding.topic:<{width}}  {finding.text}")
        if finding.remedy:
            print(f"  {'':<{width}}  → {finding.remedy}")
    print("\nUsable." if diagnosis.usable else "\nNot usable yet: see the lines marked ✗.")
    return status
