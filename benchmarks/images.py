"""The facts of an image, against ``docker save`` and against dive."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.pairs import PAIRS, paired
from benchmarks.peers import DockerCli, silent
from benchmarks.table import Row, ratio_row
from helpers.engine.connect import Engine
from helpers.observe.read_image import read_image

_SAVE_TARGET = 1.3
_DIVE_TARGET = 0.7
_LARGE_BYTES = 500_000_000
_LARGE_PAIRS = 3
_DIVE_BEHIND = "behind: both wait for the engine to write the image, as the row above shows"
# dive fails an image by rules of its own taste; here it only has to read it.
_NO_RULES = ("--lowestEfficiency=0", "--highestUserWastedPercent=disabled")


def rows(engine: Engine, cli: DockerCli, images: dict[str, str]) -> list[Row]:
    """Two rows an image.

    Args:
        engine: where the images are.
        cli: its docker command line.
        images: what to call it in the table, and its name on the engine.
    """
    return [
        row
        for title, image in images.items()
        for row in (_save(engine, cli, title, image), _dive(engine, title, image))
    ]


def _pairs(engine: Engine, image: str) -> int:
    """Fewer for an image that takes seconds to read."""
    large = engine.client.api.inspect_image(image)["Size"] > _LARGE_BYTES
    return _LARGE_PAIRS if large else PAIRS


def _note(pairs: int) -> str:
    return "" if pairs == PAIRS else f"median of {pairs} pairs"


def _save(engine: Engine, cli: DockerCli, title: str, image: str) -> Row:
    name = f"Image facts / `docker save` to /dev/null, {title}"
    if cli.missing:
        return Row(name, None, target=_SAVE_TARGET, detail=cli.missing)
    count = _pairs(engine, image)
    pairs = paired(
        lambda: read_image(engine.client.api, image),
        lambda: cli.run("save", image),
        pairs=count,
    )
    return ratio_row(name, pairs, _SAVE_TARGET, note=_note(count))


def _dive(engine: Engine, title: str, image: str) -> Row:
    name = f"Image facts / `dive --ci`, {title}"
    dive = Path(sys.executable).with_name("dive")
    if not dive.exists():
        return Row(name, None, target=_DIVE_TARGET, detail="dive is not installed")
    command = [str(dive), "--ci", *_NO_RULES, image]
    count = _pairs(engine, image)
    pairs = paired(
        lambda: read_image(engine.client.api, image),
        lambda: silent(command, DOCKER_HOST=engine.endpoint.url),
        pairs=count,
    )
    return ratio_row(name, pairs, _DIVE_TARGET, note=_note(count), behind=_DIVE_BEHIND)
