"""From what the intruder's program prints to outcomes. Nothing in it is trusted."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, get_args

from helpers.observe.attack.facts import ActionOutcome, Result
from helpers.observe.text import printable

_RESULTS: Mapping[Any, Result] = {result: result for result in get_args(Result)}
_LONGEST_DETAIL = 300
_LONGEST_PATH = 200


def parse_outcomes(
    output: bytes, wanted: Collection[str]
) -> tuple[Mapping[str, ActionOutcome], bool]:
    """The outcomes in the program's lines, and whether it came to its end.

    Args:
        output: one JSON object a line.
        wanted: ids that are to be taken; lines about others are ignored. The first line about an
            action counts.
    """
    found: dict[str, ActionOutcome] = {}
    for line in output.splitlines():
        raw = _object(line)
        action = raw.get("action")
        if action == "end":
            return found, True
        if action in wanted and action not in found:
            outcome = _outcome(str(action), raw)
            if outcome is not None:
                found[outcome.action] = outcome
    return found, False


def _object(line: bytes) -> Mapping[str, Any]:
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return raw if isinstance(raw, dict) else {}


def _outcome(action: str, raw: Mapping[str, Any]) -> ActionOutcome | None:
    said, seconds = raw.get("result"), raw.get("seconds")
    result = _RESULTS.get(said) if isinstance(said, str) else None
    if result is None:
        return None
    return ActionOutcome(
        action,
        result,
        errno=_text(raw, "errno", 40),
        means=_text(raw, "means", _LONGEST_PATH),
        detail=_text(raw, "detail", _LONGEST_DETAIL),
        seconds=round(float(seconds), 4) if isinstance(seconds, int | float) else 0.0,
    )


def _text(raw: Mapping[str, Any], name: str, limit: int) -> str:
    value = raw.get(name, "")
    return printable(value, limit) if isinstance(value, str) else ""
