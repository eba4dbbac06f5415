"""``workbook build``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from helpers.build.client import build
from helpers.build.context import CHECK_LIMIT_BYTES, Context, folder_context
from helpers.build.errors import BuildError
from helpers.build.request import BuildRequest
from helpers.build.tree import printable
from helpers.commands.output import say, show
from helpers.engine.connect import connect
from helpers.engine.labels import LESSON, labels
from helpers.errors import BadInput
from helpers.views.live_build import progress_for


@dataclass(frozen=True, slots=True)
class Options:
    """What stands on the command line."""

    folder: Path
    tags: tuple[str, ...]
    file: Path | None
    target: str
    build_args: tuple[str, ...]
    no_cache: bool


def run(options: Options, *, as_json: bool) -> int:
    """Build with live progress on standard error; print the record or the image's id."""
    context = folder_context(
        options.folder, dockerfile=options.file.absolute() if options.file else "Dockerfile"
    )
    request = BuildRequest(
        context,
        tags=options.tags,
        target=options.target or None,
        build_args=dict(_pair(argument) for argument in options.build_args),
        labels=labels(LESSON),
        no_cache=options.no_cache,
    )
    if context.file_bytes > CHECK_LIMIT_BYTES:
        say(_large(context))
    try:
        with connect(say=say) as engine, progress_for() as live:
            record = build(engine.client.api, request, live.on_event)
    except BuildError as error:
        if as_json and error.record is not None:
            show(error.record, as_json=True)
        raise
    if as_json:
        show(record, as_json=True)
    else:
        print(record.image_id)
    return 0


def _large(context: Context) -> str:
    """Why it takes so long, and what to do: a stray file is a likely reason."""
    files = ", ".join(f"{printable(e.path)} ({e.size / 1e6:.0f} MB)" for e in context.largest(3))
    return (
        f"The build context has {context.file_bytes / 1e6:.0f} MB of files, and all are sent. "
        f"The largest: {files}. Leave out what the build does not need with .dockerignore."
    )


def _pair(argument: str) -> tuple[str, str]:
    name, equals, value = argument.partition("=")
    if not name or not equals:
        raise BadInput(
            f"The build argument {argument!r} has no value.", remedy="Write --build-arg NAME=VALUE."
        )
    return name, value
