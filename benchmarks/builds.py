"""What the benchmarks of builds have in common: how both sides build a folder, and ten steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers import DockerCli, context_folder
from benchmarks.tidy import cache_removed, images_removed, made_by
from helpers.build.cancel import CancelToken
from helpers.build.client import build
from helpers.build.context import folder_context
from helpers.build.record import BuildRecord
from helpers.build.request import BuildRequest
from helpers.engine.connect import Engine
from helpers.engine.labels import NAMESPACE, TOOL, labels

OURS = f"{NAMESPACE}bench-ours:latest"
PEER = f"{NAMESPACE}bench-peer:latest"
LABELS = labels(TOOL)
STEPS = 10
#: Where the ten steps put their files; it tells their cache from that of others.
PARTS = "/workbook-bench-parts/"


def build_folder(
    engine: Engine,
    folder: Path,
    tag: str = OURS,
    *,
    no_cache: bool = False,
    cancel: CancelToken | None = None,
) -> BuildRecord:
    """Our side: reading the context, building, and every event decoded."""
    return build(engine.client.api, request(folder, tag, no_cache=no_cache), cancel=cancel)


def request(folder: Path, tag: str = OURS, *, no_cache: bool = False) -> BuildRequest:
    """The request for a folder."""
    return BuildRequest(folder_context(folder), tags=(tag,), labels=LABELS, no_cache=no_cache)


def buildx(cli: DockerCli, folder: Path, tag: str = PEER, options: Sequence[str] = ()) -> list[str]:
    """The peer's command line for the same build."""
    flags = [f"--label={key}={value}" for key, value in LABELS.items()]
    return cli.command("buildx", "build", "--tag", tag, *flags, *options, str(folder))


@contextmanager
def ten_steps(engine: Engine, cli: DockerCli, base: str, *tags: str) -> Iterator[Path]:
    """A folder with ten steps that the engine has in its cache; all is removed at the end."""
    with (
        cache_removed(engine, made_by(PARTS)),
        images_removed(engine, OURS, PEER, *tags),
        context_folder(cli) as folder,
    ):
        write_ten_steps(folder, base)
        build_folder(engine, folder)
        yield folder


def write_ten_steps(folder: Path, base: str, *more: str) -> None:
    """Five files, each copied and then used, on the base; and more instructions."""
    lines = [f"FROM {base}"]
    for number in range(STEPS // 2):
        name = f"part-{number}.txt"
        (folder / name).write_text(f"{number}\n" * 1000)
        lines += [f"COPY {name} {PARTS}", f"RUN sort {PARTS}{name} -o /tmp/s"]
    (folder / "Dockerfile").write_text("\n".join([*lines, *more]) + "\n")


def must_be_cached(record: BuildRecord, *, but: int = 0) -> None:
    """Refuse a measurement of something else.

    Args:
        record: the build.
        but: how many steps run all the same, beside the ten.

    Raises:
        RuntimeError: where another number of steps was cached or ran.
    """
    steps = [s for s in record.steps if s.step.instruction]
    steps = [s for s in steps if not str(s.step.instruction).startswith("FROM")]
    ran = [s.step.name for s in steps if not s.cached]
    if len(steps) != STEPS + but or len(ran) != but:
        print([(s.step.name, s.step.digest[:12],s.cached,s.started,s.completed) for s in record.steps]); raise RuntimeError(f"{len(steps)} steps, not from the cache: {', '.join(ran) or 'none'}")
