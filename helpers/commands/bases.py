"""``workbook bases``."""

from __future__ import annotations

from collections.abc import Iterable

from helpers.commands.output import say, show
from helpers.engine.bases import BaseStatus, catalogue, status
from helpers.engine.connect import Engine, connect
from helpers.engine.ensure import ensure_for
from helpers.report.blocks import Column, Table
from helpers.views.base_progress import BaseProgress


def run(*, ensure: bool, stand_ins: bool, as_json: bool) -> int:
    """List the base images; get what is missing where that is asked for."""
    with connect(say=say) as engine:
        if ensure or stand_ins:
            names = (base.name for base in catalogue())
            found = ensure_bases(engine, names, stand_ins=stand_ins)
        else:
            found = status(engine.client)
        show(bases_table(engine, found), as_json=as_json)
    return 0


def ensure_bases(
    engine: Engine, names: Iterable[str], *, stand_ins: bool = False
) -> tuple[BaseStatus, ...]:
    """Get what is missing, with progress on standard error."""
    return ensure_for(engine, names, BaseProgress(), stand_ins=stand_ins)


def bases_table(engine: Engine, found: Iterable[BaseStatus]) -> Table:
    """The base images of an engine as a table."""
    rows = tuple(
        (s.name, s.source, s.bytes if s.present else None, s.stand_in or s.base.title)
        for s in found
    )
    columns = (Column("image", "code"), "what it is", Column("unpacked", "bytes"), "made of")
    return Table(
        f"Base images on {engine.describe()}",
        columns,
        rows,
        note="A stand-in has an official name and is made of other parts; its size is its own."
        if any(s.stand_in for s in found)
        else "",
    )
