"""Bring an executed notebook into the one form in which it is stored.

A stored output is kept where the new one differs only in what differs from run to run: so two runs
give the same bytes. Cells tagged ``nbval-ignore-output`` keep theirs as long as their source is the
same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

IGNORE = "nbval-ignore-output"
_KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_WIDGET = "application/vnd.jupyter.widget-view+json"


def normalize(
    new: Any, stored: Any, sanitize: Callable[[str], str], *, refresh: bool = False
) -> Any:
    """The executed notebook in stored form. Changes ``new`` in place and gives it back.

    Args:
        new: the notebook after a run.
        stored: the notebook as it is in version control.
        sanitize: replaces what differs from run to run.
        refresh: take the new outputs, whatever was stored.
    """
    old_cells = {_key(cell): cell for cell in stored.cells}
    for number, cell in enumerate(new.cells):
        cell.id = f"cell-{number:02d}"
        cell.metadata = {k: v for k, v in cell.metadata.items() if k == "tags"}
        if cell.cell_type != "code":
            continue
        cell.outputs = [_clean(output) for output in _joined(cell.outputs)]
        cell.execution_count = 1 + sum(c.cell_type == "code" for c in new.cells[:number])
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
        old = old_cells.get(_key(cell))
        if old is not None and not refresh and _keep(cell, old, sanitize):
            cell.outputs = old.outputs
    new.metadata = dict(_KERNEL)
    new.nbformat, new.nbformat_minor = 4, 5
    return new


def to_text(notebook: Any) -> str:
    """The notebook as it is written: one key a line, in a fixed order."""
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _key(cell: Any) -> str:
    return hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()


def _keep(new: Any, old: Any, sanitize: Callable[[str], str]) -> bool:
    if IGNORE in new.metadata.get("tags", ()):
        return bool(old.outputs)
    return _comparable(new.outputs, sanitize) == _comparable(old.outputs, sanitize)


def _comparable(outputs: Any, sanitize: Callable[[str], str]) -> list[str]:
    without_counts = [{k: v for k, v in o.items() if k != "execution_count"} for o in outputs]
    return [sanitize(json.dumps(o, sort_keys=True, ensure_ascii=False)) for o in without_counts]


def _joined(outputs: Any) -> list[Any]:
    """Neighbouring pieces of one stream made one: where they were cut is chance."""
    joined: list[Any] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if (
            last is not None
            and output.output_type == "stream" == last.output_type
            and output.name == last.name
        ):
            last.text += output.text
        else:
            joined.append(output)
    return joined


def _clean(output: Any) -> Any:
    """Without a link to a widget of a kernel that has ended: its text and HTML stay."""
    if "data" in output:
        output.data.pop(_WIDGET, None)
        output.metadata = {}
    return output
