"""The facts of an image, against ``docker save`` and against dive.

Layers are cached by their digest. So there are three cases: nothing is known, only the base image's
layers are, or everything is (as a new process finds it on disk).
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.pairs import PAIRS, paired
from benchmarks.peers import DockerCli, silent
from benchmarks.table import Row, ratio_row
from helpers.engine.connect import Engine
from helpers.observe.cache_files import CacheFiles
from helpers.observe.layer_cache import LayerCache
from helpers.observe.read_image import read_image

_LARGE_BYTES = 500_000_000
_LARGE_PAIRS = 3
_DIVE_TARGET = 0.6
_DIVE_BEHIND = "behind: reading its layers took as long as dive's own reading"
#: What is known before an image is read, and the target against ``docker save``.
_KNOWN = {"nothing known": 1.15, "its base known": 0.3, "unchanged": 0.02}
# dive fails an image by rules of its own taste; here it only has to read it.
_NO_RULES = ("--lowestEfficiency=0", "--highestUserWastedPercent=disabled")


def rows(engine: Engine, cli: DockerCli, images: dict[str, str], base: str) -> list[Row]:
    """Four rows an image.

    Args:
        engine: where the images are.
        cli: its docker command line.
        images: what to call it in the table, and its name on the engine.
        base: the image whose layers count as the base's.
    """
    found: list[Row] = []
    for title, image in images.items():
        with _reader(engine, image, "nothing known", base) as read:
            found.append(_dive(engine, title, image, read))
        for known, target in _KNOWN.items():
            with _reader(engine, image, known, base) as read:
                found.append(_save(engine, cli, f"{title}, {known}", image, read, target))
    return found


@contextmanager
def _reader(engine: Engine, image: str, known: str, base: str) -> Iterator[Callable[[], None]]:
    """Reads the image with a cache that holds just what is known before."""
    api = engine.client.api
    with TemporaryDirectory(prefix="workbook-bench-") as folder:
        before, now = Path(folder) / "before", Path(folder) / "now"
        before.mkdir()
        if known != "nothing known":
            read_image(api, image if known == "unchanged" else base, cache=_cache(before))

        def read() -> None:
            if known != "unchanged":
                shutil.rmtree(now, ignore_errors=True)
                shutil.copytree(before, now)
            read_image(api, image, cache=_cache(before if known == "unchanged" else now))

        yield read


def _cache(folder: Path) -> LayerCache:
    return LayerCache(CacheFiles(folder))


def _pairs(engine: Engine, image: str) -> int:
    """Fewer for an image that takes seconds to read."""
    large = engine.client.api.inspect_image(image)["Size"] > _LARGE_BYTES
    return _LARGE_PAIRS if large else PAIRS


def _note(pairs: int) -> str:
    return "" if pairs == PAIRS else f"median of {pairs} pairs"


def _save(
    engine: Engine,
    cli: DockerCli,
    title: str,
    image: str,
    read: Callable[[], None],
    target: float,
) -> Row:
    name = f"Image facts / `docker save` to /dev/null, {title}"
    if cli.missing:
        return Row(name, None, target=target, detail=cli.missing)
    count = _pairs(engine, image)
    pairs = paired(read, lambda: cli.run("save", image), pairs=count)
    return ratio_row(name, pairs, target, note=_note(count))


def _dive(engine: Engine, title: str, image: str, read: Callable[[], None]) -> Row:
    name = f"Image facts / `dive --ci`, {title}, nothing known"
    dive = Path(sys.executable).with_name("dive")
    if not dive.exists():
        return Row(name, None, target=_DIVE_TARGET, detail="dive is not installed")
    command = [str(dive), "--ci", *_NO_RULES, image]
    count = _pairs(engine, image)
    pairs = paired(read, lambda: silent(command, DOCKER_HOST=engine.endpoint.url), pairs=count)
    return ratio_row(name, pairs, _DIVE_TARGET, note=_note(count), behind=_DIVE_BEHIND)
