"""A review of an image or a folder: every property that applies, as in ``workbook audit``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from helpers.audit.audit import AuditOptions, audit
from helpers.audit.result import AuditResult
from helpers.audit.settings import SettingsFile, find_settings
from helpers.audit.subject import BuildOptions, bases_in, built_image, named_image
from helpers.build.context import Context
from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for
from helpers.judge.registry import all_properties
from helpers.judge.verdict import Outcome
from helpers.views.live_build import progress_for


def review_image(
    engine: Engine, image: str, dockerfile: Path | None = None, *, name: str = ""
) -> AuditResult:
    """Judge an image of the engine.

    Args:
        engine: where it is.
        image: name or id.
        dockerfile: what it was built from; evidence then names its lines.
        name: what the report calls it; empty for ``image``.

    Raises:
        BadInput: where there is no such image.
        NoEngine: where the engine stops answering.
    """
    audited = named_image(engine, image, dockerfile)
    audited = replace(audited, name=name or image)
    return audit(engine, audited, all_properties().values(), AuditOptions(SettingsFile()))


def review_folder(engine: Engine, folder: Path) -> AuditResult:
    """Build a folder that has a Dockerfile, judge the image, and remove it.

    Its ``.workbook-audit.toml`` counts, where it has one.

    Raises:
        BadInput: where there is no Dockerfile, or the settings are wrong.
        BuildError: where it does not build.
        NoEngine: where the engine stops answering.
    """

    def before(context: Context) -> None:
        ensure_for(engine, bases_in(context))

    with progress_for() as live:
        options = BuildOptions(on_event=live.on_event, before=before)
        with built_image(engine, folder, options) as audited:
            settings = AuditOptions(find_settings(folder))
            return audit(engine, audited, all_properties().values(), settings)


def family_rows(results: Iterable[tuple[str, AuditResult]]) -> list[tuple[object, ...]]:
    """Rows of a table: a family of properties, and how many of it fail in each review.

    Families in which nothing fails are left out.
    """
    reviews = list(results)
    failures = [[f.family for f in review.outcomes(Outcome.FAIL)] for _, review in reviews]
    families = sorted({family for failed in failures for family in failed})
    return [(family, *(failed.count(family) for failed in failures)) for family in families]
