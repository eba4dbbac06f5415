"""``python -m benchmarks [--lab] [--only NAME]``: measure, print the table, store it."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from benchmarks import (
    audits,
    cached,
    course,
    first_event,
    images,
    lab,
    large,
    orders,
    sixteen,
    startup,
)
from benchmarks.pairs import PAIRS, WARM_UP, Pairs, summary
from benchmarks.peers import docker_cli, entering
from benchmarks.table import Row, insert, render
from benchmarks.tidy import images_removed
from helpers.commands.bases import ensure_bases
from helpers.engine import bases
from helpers.engine.connect import Engine, connect
from helpers.errors import WorkbookError

ROOT = Path(__file__).parents[1]
_BASE = "node:26-trixie-slim"
_INTERRUPTED = 130


class Bench:
    """What the measurements share, made when the first one needs it."""

    def __init__(self, engine: Engine, stack: ExitStack) -> None:
        self.engine = engine
        self.cli = docker_cli(engine)
        self.lesson = course.lesson()
        self._stack = stack

    @cached_property
    def course_images(self) -> dict[str, str]:
        """Images of the course, by what to call them."""
        self._stack.enter_context(images_removed(self.engine, course.SOLUTION, course.NAIVE))
        course.make_images(self.engine, self.lesson)
        return {"the solution's image": course.SOLUTION, "the naive image": course.NAIVE}


def _warm_check(bench: Bench) -> list[Row]:
    _ = bench.course_images
    return course.rows(bench.engine, bench.lesson)


def _audits(bench: Bench) -> list[Row]:
    _ = bench.course_images
    return audits.rows(bench.engine, bench.lesson)


#: In the order of the table.
MEASUREMENTS: Mapping[str, Callable[[Bench], list[Row]]] = {
    "cached": lambda b: cached.rows(b.engine, b.cli, _BASE),
    "first-event": lambda b: first_event.rows(b.engine, b.cli, _BASE),
    "sixteen": lambda b: sixteen.rows(b.engine, b.cli, _BASE),
    "orders": lambda b: orders.rows(b.engine, b.cli, b.lesson),
    "large": lambda b: large.rows(b.engine, b.cli),
    "images": lambda b: images.rows(
        b.engine, b.cli, {"the naive image": b.course_images["the naive image"]}, "node:26-trixie"
    ),
    "check": _warm_check,
    "audits": _audits,
    "startup": lambda _: startup.rows(),
    "lab": lambda _: lab.rows(),
}


def main() -> int:
    """Measure; a missed target is in the table and no error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--lab", action="store_true", help="also `make lab` in a clone (minutes)")
    parser.add_argument(
        "--only",
        action="append",
        choices=MEASUREMENTS,
        metavar="NAME",
        help=f"measure this alone, and store nothing; may be repeated: {', '.join(MEASUREMENTS)}",
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with connect() as engine, ExitStack() as stack:
            bench = Bench(engine, stack)
            table = _measure(bench, options.only or list(MEASUREMENTS), with_lab=options.lab)
    except WorkbookError as error:
        sys.stderr.write(f"{error.message}\n→ {error.remedy}\n")
        return error.exit_status
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"{error}\n{error.stderr}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing is left running, and nothing was stored\n")
        return _INTERRUPTED
    if not options.only:
        readme = ROOT / "README.md"
        readme.write_text(insert(readme.read_text(), table))
        (ROOT / "benchmarks/RESULTS.md").write_text(f"# Benchmarks\n\n{table}")
    sys.stdout.write(table)
    return 0


def _measure(bench: Bench, names: list[str], *, with_lab: bool) -> str:
    before = os.getloadavg()[0]
    engine = bench.engine
    needed = {*bench.lesson.exercise.bases, _BASE}
    ensure_bases(engine, needed)
    cost = entering(bench.cli)
    if with_lab:
        _say("make lab")
        lab.save(lab.measure(ROOT, f"{os.cpu_count()} CPUs"))
    rows: list[Row] = []
    for name in names:
        _say(name)
        rows += MEASUREMENTS[name](bench)
    stand_ins = any(s.stand_in for s in bases.status(engine.client, needed))
    load = (before, os.getloadavg()[0])
    return render(rows, _caption(engine, load, stand_ins=stand_ins, cost=cost))


def _caption(
    engine: Engine, load: tuple[float, float], *, stand_ins: bool, cost: Pairs | None
) -> str:
    how = (
        f"Measured {datetime.now(UTC).date().isoformat()} on {engine.describe()}, "
        f"{os.cpu_count()} CPUs, load average {load[0]:.1f} at the start and {load[1]:.1f} at "
        f"the end. Ratios: median of {PAIRS} pairs where nothing else is said, run in turn after "
        f"{WARM_UP} to warm up, the workbook in this process, the peer as the program that it is."
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


def _say(what: str) -> None:
    sys.stderr.write(f"measuring: {what} …\n")


if __name__ == "__main__":
    sys.exit(main())
