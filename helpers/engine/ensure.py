"""The base images that a lesson or an exercise needs, by the workbook's rule for stand-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from helpers.engine.bases import BaseStatus, Progress, ensure
from helpers.engine.connect import Engine


def ensure_for(
    engine: Engine,
    names: Iterable[str],
    on_progress: Callable[[Progress], None] | None = None,
    *,
    stand_ins: bool = False,
) -> tuple[BaseStatus, ...]:
    """Get what is missing: from a registry, or as stand-ins on the workbook's own engine.

    Args:
        engine: where they have to be.
        names: names from the catalogue.
        on_progress: told what is being done.
        stand_ins: whether stand-ins may be made on an engine that is not the workbook's own, too.

    Raises:
        BadInput, NoBaseImage, RegistryRefused: as :func:`helpers.engine.bases.ensure`.
    """
    return ensure(
        engine.client,
        names,
        allow_stand_ins=engine.private or stand_ins,
        on_progress=on_progress,
    )
