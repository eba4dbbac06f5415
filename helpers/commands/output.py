"""How the verbs print: results to standard output, what goes on to standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.report.describe import Reportable


def say(text: str) -> None:
    """One line about what goes on; never mixed into results."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def show(value: Reportable, *, as_json: bool, **options: Any) -> None:
    """Print a value: as one JSON document, or for a person (with colour on a terminal only)."""
    if as_json:
        from helpers.report.json import to_json

        sys.stdout.write(to_json(value) + "\n")
        return
    if sys.stdout.isatty():
        from rich.console import Console

        from helpers.report.terminal import renderable

        Console().print(renderable(value, **options))
        return
    from helpers.report.text import to_text

    sys.stdout.write(to_text(value, **options).rstrip() + "\n")


def show_json(document: object) -> None:
    """Print one JSON document."""
    import json

    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=True) + "\n")
