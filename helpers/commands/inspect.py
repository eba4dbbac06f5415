"""``workbook inspect``."""

from __future__ import annotations

from helpers.commands.output import say, show
from helpers.engine.connect import connect
from helpers.observe.read_image import read_image


def run(image: str, *, as_json: bool) -> int:
    """Show what an image is made of."""
    with connect(say=say) as engine:
        facts = read_image(engine.client.api, image)
    show(facts, as_json=as_json)
    return 0
