"""Run a notebook from top to bottom in a fresh kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from helpers.errors import BadInput

_CELL_SECONDS = 900


def execute(path: Path) -> Any:
    """The notebook with the outputs of a run in its own folder.

    Raises:
        BadInput: where a cell fails; the cell and its error are named.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=_CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise BadInput(
            f"{path.name} does not run through: {error.ename}: {error.evalue}",
            remedy="Open it in JupyterLab, run it up to that cell, and mend it.",
        ) from error
    return notebook
