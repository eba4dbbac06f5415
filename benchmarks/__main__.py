"""``python -m benchmarks [--lab]``: measure, print the table, store it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from docker.errors import ImageNotFound

from benchmarks import builds, course, images, lab, startup
from benchmarks.pairs import PAIRS, WARM_UP, Pairs, summary
from benchmarks.peers import DockerCli, docker_cli, entering
from benchmarks.table import Row, insert, render
from helpers.commands.bases import ensure_bases
from helpers.engine import bases
from helpers.engine.connect import Engine, connect
from helpers.errors import WorkbookError

ROOT = Path(__file__).parents[1]
_BASE = "node:26-trixie-slim"


def main() -> int:
    """Measure everything; a missed target is in the table and no error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--lab", action="store_true", help="also `make lab` in a clone (minutes)")
    options = parser.parse_args()
    try:
        with connect() as engine:
            table = _measure(engine, with_lab=options.lab)
    except WorkbookError as error:
        sys.stderr.write(f"{error.message}\n→ {error.remedy}\n")
        return error.exit_status
    readme = ROOT / "README.md"
    readme.write_text(insert(readme.read_text(), table))
    (ROOT / "benchmarks/RESULTS.md").write_text(f"# Benchmarks\n\n{table}")
    sys.stdout.write(table)
    return 0


def _measure(engine: Engine, *, with_lab: bool) -> str:
    before = os.getloadavg()[0]
    lesson, cli = course.lesson(), docker_cli(engine)
    ensure_bases(engine, lesson.exercise.bases)
    cost = entering(cli)
    with _removed_afterwards(engine, builds.TAG, course.SOLUTION, course.NAIVE):
        _say("images of the course")
        course.make_images(engine, lesson)
        found = _collect(engine, cli, lesson)
    if with_lab:
        _say("make lab")
        lab.save(lab.measure(ROOT, f"{os.cpu_count()} CPUs"))
    rows = [*found, *startup.rows(), *lab.rows()]
    stand_ins = any(s.stand_in for s in bases.status(engine.client, lesson.exercise.bases))
    load = (before, os.getloadavg()[0])
    return render(rows, _caption(engine, load, stand_ins=stand_ins, cost=cost))


def _collect(engine: Engine, cli: DockerCli, lesson: course.Lesson) -> list[Row]:
    _say("cached build")
    found = builds.rows(engine, cli, _BASE)
    _say("image facts")
    named = {"the solution's image": course.SOLUTION, "the naive image": course.NAIVE}
    found += images.rows(engine, cli, named)
    _say("warm check")
    return found + course.rows(engine, lesson)


def _caption(
    engine: Engine, load: tuple[float, float], *, stand_ins: bool, cost: Pairs | None
) -> str:
    how = (
        f"Measured {datetime.now(UTC).date().isoformat()} on {engine.describe()}, "
        f"{os.cpu_count()} CPUs, load average {load[0]:.1f} at the start and {load[1]:.1f} at "
        f"the end. Ratios: median of {PAIRS} pairs, run in turn after {WARM_UP} to warm up, "
        "the workbook in this process, the peer as the program that it is."
    )
    parts = [how]
    if stand_ins:
        parts.append("The images stand on stand-in base images.")
    if cost:
        extra = (summary(cost.ours).median - summary(cost.peer).median) * 1000
        parts.append(
            "The docker command line ran inside the private engine's mount namespace; its times "
            f"include entering it, {extra:.0f} ms."
        )
    return " ".join(parts)


@contextmanager
def _removed_afterwards(engine: Engine, *tags: str) -> Iterator[None]:
    try:
        yield
    finally:
        for tag in tags:
            try:
                engine.client.api.remove_image(tag)
            except ImageNotFound:
                continue  # it was not made


def _say(what: str) -> None:
    sys.stderr.write(f"measuring: {what} …\n")


if __name__ == "__main__":
    sys.exit(main())
