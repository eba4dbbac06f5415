"""``workbook audit``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from helpers.audit.audit import AuditOptions, audit
from helpers.audit.result import AuditResult, exit_status
from helpers.audit.select import known_families
from helpers.audit.settings import SettingsFile, find_settings, load_settings
from helpers.audit.subject import Audited, BuildOptions, bases_in, built_image, named_image
from helpers.build.context import Context
from helpers.commands.bases import ensure_bases
from helpers.commands.output import say, show
from helpers.engine.connect import Engine, connect
from helpers.errors import BadInput
from helpers.files import write_in_one_piece
from helpers.judge.registry import all_properties
from helpers.report.html import to_page
from helpers.report.json import to_json
from helpers.report.sarif import to_sarif
from helpers.report.text import to_text
from helpers.views.live_build import progress_for

FORMATS = ("text", "json", "html", "sarif")


@dataclass(frozen=True, slots=True)
class Options:
    """What stands on the command line."""

    subject: str
    dockerfile: Path | None = None
    format: str = "text"
    output: Path | None = None
    fail_below: int | None = None
    fail_on: int | None = None
    settings: Path | None = None
    families: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    target: str = ""
    build_args: tuple[str, ...] = ()
    details: bool = False
    rebuild: bool = False


def run(options: Options) -> int:
    """Audit a folder or an image. Exit status 0 where it is good enough, else 1."""
    if options.format not in FORMATS:
        raise BadInput(
            f"There is no format {options.format!r}.", remedy=f"Choose one of {', '.join(FORMATS)}."
        )
    if options.output is not None and not options.output.absolute().parent.is_dir():
        raise BadInput(
            f"There is no folder {options.output.parent} to write to.",
            remedy="Make it, or choose another file for --output.",
        )
    properties = tuple(all_properties().values())
    families = known_families(properties, options.families)
    folder = _folder(options.subject)
    settings = _settings(options, folder)
    chosen = AuditOptions(settings, options.ports, families, options.rebuild, say)
    with connect(say=say) as engine, _audited(engine, options, folder) as audited:
        result = audit(engine, audited, properties, chosen)
    _show(result, options)
    own = settings.settings
    given = options.fail_on is not None or options.fail_below is not None
    return exit_status(
        result,
        fail_on=options.fail_on if given else own.fail_on,
        fail_below=options.fail_below if given else own.fail_below,
    )


def _folder(subject: str) -> Path | None:
    """The folder that is meant; None for an image."""
    path = Path(subject)
    if path.is_dir():
        return path
    if path.is_file():
        raise BadInput(
            f"{subject} is a file.",
            remedy="Name a folder or an image. An archive becomes one with `docker load -i FILE`.",
        )
    if subject.startswith((".", "/", "~")):
        raise BadInput(f"There is no folder {subject}.", remedy="Name a folder or an image.")
    return None


def _settings(options: Options, folder: Path | None) -> SettingsFile:
    if options.settings is not None:
        return load_settings(options.settings)
    return find_settings(folder or Path())


@contextmanager
def _audited(engine: Engine, options: Options, folder: Path | None) -> Iterator[Audited]:
    if folder is None:
        if options.target or options.build_args:
            raise BadInput(
                "--target and --build-arg are for a folder that is built.",
                remedy=f"Leave them out: {options.subject} is an image.",
            )
        yield named_image(engine, options.subject, options.dockerfile)
        return

    def before(context: Context) -> None:
        if engine.private:
            ensure_bases(engine, bases_in(context))

    with ExitStack() as stack:
        with progress_for() as live:
            how = BuildOptions(
                options.dockerfile,
                options.target,
                dict(_pair(argument) for argument in options.build_args),
                before,
                live.on_event,
            )
            audited = stack.enter_context(built_image(engine, folder, how))
        yield audited


def _pair(argument: str) -> tuple[str, str]:
    name, equals, value = argument.partition("=")
    if not name or not equals:
        raise BadInput(
            f"The build argument {argument!r} has no value.", remedy="Write --build-arg NAME=VALUE."
        )
    return name, value


def _show(result: AuditResult, options: Options) -> None:
    if options.format == "text" and options.output is None:
        show(result, as_json=False, folds=options.details)
        return
    text = _text(result, options)
    if options.output is None:
        sys.stdout.write(text)
    else:
        write_in_one_piece(options.output, text)
        say(f"Written to {options.output}")


def _text(result: AuditResult, options: Options) -> str:
    match options.format:
        case "json":
            return to_json(result) + "\n"
        case "html":
            return to_page(result, f"Audit of {result.subject}")
        case "sarif":
            return to_sarif(result) + "\n"
        case _:
            return to_text(result, folds=options.details).rstrip() + "\n"
