"""Reports as plain text: for pipes, for notebooks' ``text/plain`` and for screen readers."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO

from helpers.report.blocks import Block
from helpers.report.describe import Reportable, describe


def to_text(
    value: Reportable,
    hints: int | Mapping[str, int] | None = 1,
    *,
    width: int = 100,
    folds: bool = False,
) -> str:
    """The value as text without colour or control characters.

    Args:
        value: what to show.
        hints: how many hints to show for each check that did not pass; None for all.
        width: columns; longer lines are wrapped.
        folds: True to show what an HTML report folds away (the build, the config, most of the
            evidence).

    Returns:
        Lines without trailing blanks; the same for the same value, wherever it runs.
    """
    return blocks_text(describe(value, hints), width=width, folds=folds)


def blocks_text(blocks: tuple[Block, ...], *, width: int = 100, folds: bool = False) -> str:
    """Blocks as text; arguments and result as in :func:`to_text`."""
    from rich.console import Console  # costs a quarter of a second

    from helpers.report.terminal import blocks_renderable

    out = StringIO()
    # Everything that rich would look up in the environment is given here.
    console = Console(
        file=out,
        width=width,
        color_system=None,
        force_terminal=False,
        force_jupyter=False,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
        _environ={},
    )
    console.print(blocks_renderable(blocks, folds=folds))
    lines = [line.rstrip() for line in out.getvalue().split("\n")]
    return "\n".join(lines).rstrip("\n")
