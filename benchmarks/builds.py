"""What the benchmarks of builds have in common: how both sides build a folder, and ten steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
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
    timeout_seconds: float | None = None,
    cancel: CancelToken | None = None,
) -> BuildRecord:
    """Our side: reading the context, building, and every event decoded."""
    wanted = request(folder, tag, no_cache=no_cache, timeout_seconds=timeout_seconds)
    return build(engine.client.api, wanted, cancel=cancel)


def request(
    folder: Path, tag: str = OURS, *, no_cache: bool = False, timeout_seconds: float | None = None
) -> BuildRequest:
    """The request for a folder."""
    return BuildRequest(
        folder_context(folder),
        tags=(tag,),
        labels=LABELS,
        no_cache=no_cache,
        timeout_seconds=timeout_seconds,
    )


def buildx(cli: DockerCli, folder: Path, tag: str = PEER, options: Sequence[str] = ()) -> list[str]:
    """The peer's command line for the same build."""
    flags = [f"--label={key}={value}" for key, value in LABELS.items()]
    return cli.command("buildx", "build", "--tag", tag, *flags, *options, str(folder))


@contextmanager
def ten_steps(engine: Engine, cli: DockerCli, base: str, *tags: str) -> Iterator[Path]:
    """A folder with ten steps that the engine has in its cache; all is removed at the end."""
    with context_folder(cli) as folder:
        write_ten_steps(folder, base)
        with ten_steps_removed(engine, folder), images_removed(engine, OURS, PEER, *tags):
            build_folder(engine, folder)
            yield folder


def write_ten_steps(folder: Path, base: str, more: Mapping[str, str] | None = None) -> None:
    """Five files, each copied and then used, on the base; and more files that are copied only."""
    lines = [f"FROM {base}"]
    for number in range(STEPS // 2):
        name = f"part-{number}.txt"
        (folder / name).write_text(f"{number}\n" * 1000)
        lines += [f"COPY {name} {PARTS}", f"RUN sort {PARTS}{name} -o /tmp/s"]
    for name, text in (more or {}).items():
        (folder / name).write_text(text)
        lines.append(f"COPY {name} {PARTS}")
    (folder / "Dockerfile").write_text("\n".join(lines) + "\n")


def ten_steps_removed(engine: Engine, folder: Path) -> AbstractContextManager[None]:
    """Remove what the engine keeps of such a folder, and of others with the same sizes."""
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    dockerfile = sizes.pop("Dockerfile")
    return cache_removed(engine, made_by([PARTS], [dockerfile, sum(sizes.values())]))


def must_be_cached(record: BuildRecord, *, but: int = 0) -> None:
    """Refuse a measurement of something else.

    Args:
        record: the build.
        but: how many steps run all the same, beside the ten.

    Raises:
        RuntimeError: where another number of steps was cached or ran.
    """
    # By name: of equal steps of builds at the same time BuildKit runs one, and tells of it in the
    # other builds too.
    steps = {
        s.step.name: s.cached
        for s in record.steps
        if s.step.instruction and not s.step.instruction.startswith("FROM")
    }
    ran = [name for name, cached in steps.items() if not cached]
    if len(steps) != STEPS + but or len(ran) != but:
        raise RuntimeError(f"{len(steps)} steps, not from the cache: {', '.join(ran) or 'none'}")
