"""``workbook clean``."""

from __future__ import annotations

from helpers.commands.output import say
from helpers.engine import private
from helpers.engine.clean import clean
from helpers.engine.connect import connect
from helpers.engine.find import candidates
from helpers.engine.state import state_folder
from helpers.units import format_bytes, format_count


def run(*, keep_bases: bool) -> int:
    """Remove what carries the workbook's label. Exit status 1 where something had to stay."""
    known = private.status(state_folder())
    if known.state in {"stopped", "never started"} and not list(candidates()):
        print("No engine runs, so there is nothing to remove.")
        if known.state == "stopped":
            print("The private engine's files: workbook engine stop --purge")
        return 0
    with connect(say=say) as engine:
        removed = clean(engine, bases=not keep_bases)
    counts = (
        format_count(removed.containers, "container"),
        format_count(removed.images, "image"),
        format_count(removed.volumes, "volume"),
        format_count(removed.networks, "network"),
    )
    print(f"Removed {', '.join(counts)}.")
    if removed.cache_bytes:
        print(f"Removed {format_bytes(removed.cache_bytes)} of build cache.")
    elif not engine.private:
        print("The engine's build cache is shared with your own builds and stays.")
    for left in removed.kept:
        print(f"Still there: {left}")
    return 1 if removed.kept else 0
