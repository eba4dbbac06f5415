"""``workbook properties``."""

from __future__ import annotations

from helpers.commands.output import show_json
from helpers.judge.property import Property
from helpers.judge.registry import all_properties


def run(*, as_json: bool) -> int:
    """List every property."""
    properties = all_properties().values()
    if as_json:
        show_json([_document(p) for p in properties])
        return 0
    family = ""
    for found in properties:
        if found.family != family:
            family = found.family
            print(f"\n{family.upper()}")
        print(f"\n  {found.id}: {found.title}")
        print(f"    {found.meaning}")
        for name, field in found.params.model_fields.items():
            needed = "required" if field.is_required() else f"default {field.default!r}"
            print(f"    · {name}: {field.description} ({needed})")
        print(f"    source: {found.source}")
    return 0


def _document(found: Property) -> dict[str, object]:
    return {
        "id": found.id,
        "family": found.family,
        "title": found.title,
        "meaning": found.meaning,
        "source": found.source,
        "parameters": found.params.model_json_schema(),
        "findings": dict(found.codes),
    }
