"""Many at once: what one more container, and one more instance of a module, holds of memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace

from helpers.engine.connect import Engine
from helpers.engine.labels import LESSON
from helpers.errors import WorkbookError
from helpers.experiments.site import wait_for_line
from helpers.experiments.wasm_docker import Image, spec_of
from helpers.observe.beside import TOOLS
from helpers.observe.containers import ContainerSpec, running_container
from helpers.observe.errors import engine_errors
from helpers.observe.stats import read_usage

_SECONDS = 60.0
#: Private memory of every shim, one a line, in kB of 1,024 bytes. One shim runs for a container.
_SHIMS = (
    "for p in /proc/[0-9]*; do "
    'case "$(cat $p/comm 2>/dev/null)" in containerd-shim*) '
    "sed -n 's/^RssAnon:[^0-9]*\\([0-9]*\\).*/\\1/p' $p/status;; esac; done"
)
#: A process of its own: its resident size before and after. Where the system does not tell that,
#: the largest so far.
_CHILD = """
import os, resource, sys
from helpers.experiments.wasm_embedded import Embedded
wasm, count = open(sys.argv[1], "rb").read(), int(sys.argv[2])
module = Embedded(wasm)
def resident():
    if os.path.exists("/proc/self/statm"):
        return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024
kept = [module.kept(sys.argv[3:]) for _ in range(10)]
before = resident()
kept += [module.kept(sys.argv[3:]) for _ in range(count)]
print(before, resident())
"""


class NoFigure(WorkbookError):
    """The measurement did not come about."""


@dataclass(frozen=True, slots=True)
class Density:
    """One kind of thing, many of them at once.

    Attributes:
        label: what it is.
        count: how many were there at once.
        each_bytes: what one holds by itself: its control group, or its share of the process.
        beside_bytes: what runs beside it for it alone: its shim; 0 where nothing does.
    """

    label: str
    count: int
    each_bytes: int
    beside_bytes: int = 0

    @property
    def whole_bytes(self) -> int:
        """What one more costs."""
        return self.each_bytes + self.beside_bytes


def containers_at_once(engine: Engine, image: Image, *args: str, count: int = 10) -> Density:
    """Start several containers that hold still, and read what they use while all of them run.

    Args:
        engine: where they run.
        image: what is started; it prints ``holding`` and waits.
        args: its arguments.
        count: how many.

    Raises:
        CannotStart, ObservationFailed, SiteFailed, NoEngine: where one of them does not come up.
    """
    shims_before = _shims(engine)
    with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        spec = replace(spec_of(image, args), memory_mb=128)
        managers = [running_container(engine.client, spec) for _ in range(count)]
        started = [stack.enter_context(manager) for manager in managers]
        for container in started:
            wait_for_line(engine, container.id, b"holding")
        usages = list(pool.map(lambda c: read_usage(engine.client.api, c.id), started))
        shims = _shims(engine)
    new = max(len(shims) - len(shims_before), 1)
    beside = max(sum(shims) - sum(shims_before), 0) // new
    each = sorted(usage.memory_bytes for usage in usages)[count // 2]
    return Density(image.label, count, each, beside)


def instances_at_once(label: str, path: str, *args: str, count: int = 100) -> Density:
    """Instances of one module in one process, each of which has run, all kept.

    Args:
        label: what it is called.
        path: of the module on this machine.
        args: for each run.
        count: how many.

    Raises:
        NoFigure: where the process fails.
    """
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, path, str(count), *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise NoFigure(f"The process with the instances failed: {last}", remedy="Run it again.")
    before, after = (int(word) for word in done.stdout.split())
    return Density(label, count, max(after - before, 0) // count)


def _shims(engine: Engine) -> list[int]:
    """Bytes of private memory of each shim on the engine's machine."""
    return [int(line) * 1024 for line in _on_the_machine(engine, _SHIMS) if line.isdigit()]


def _on_the_machine(engine: Engine, script: str) -> Iterator[str]:
    spec = ContainerSpec(
        TOOLS,
        command=("sh", "-c", script),
        host_pids=True,
        network="none",
        role=LESSON,
        memory_mb=64,
    )
    with running_container(engine.client, spec) as container:
        container.exited.result(timeout=_SECONDS)
        with engine_errors("reading what the shims use"):
            log = engine.client.api.logs(container.id, stdout=True, stderr=False)
    yield from bytes(log).decode(errors="replace").splitlines()
