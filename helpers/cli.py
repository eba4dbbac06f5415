"""``workbook VERB``: the same verbs as the functions of the packages, for a terminal.

Each verb lives in :mod:`helpers.commands` and is imported when it is called, so that the command
line answers at once.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

app = typer.Typer(
    name="workbook",
    help="Learn, practise and check how Docker is taken to production.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
engine_app = typer.Typer(help="The private engine.", no_args_is_help=True)
app.add_typer(engine_app, name="engine")

_INTERRUPTED = 128 + 2  # as a shell reports SIGINT
_OUTPUT_CLOSED = 128 + 13  # as a shell reports SIGPIPE
_FOLDER_REMEDY = "Choose another folder with WORKBOOK_WORK, or mend this one."
_FILE_REMEDIES = {
    errno.ENOSPC: "Free some disk space, then run it again.",
    errno.EDQUOT: "Free some of your quota, then run it again.",
    errno.EACCES: "Give yourself permission, or choose another folder with WORKBOOK_WORK.",
    errno.EROFS: _FOLDER_REMEDY,
    errno.ENOTDIR: _FOLDER_REMEDY,
}

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
ExerciseId = Annotated[str, typer.Argument(help="Its id or number, for example 01-multi-stage.")]


@app.command()
def lab(
    port: Annotated[int, typer.Option(help="First port to try.")] = 8888,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
) -> None:
    """Open the course in JupyterLab."""
    from helpers.commands.lab import run

    raise typer.Exit(run(port, browser=browser))


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what is here, what is missing, and what to do about it."""
    from helpers.commands.doctor import run

    raise typer.Exit(run(as_json=as_json))


@engine_app.command("status")
def engine_status(as_json: AsJson = False) -> None:
    """Say whether the private engine runs."""
    from helpers.commands.private import show_status

    raise typer.Exit(show_status(as_json=as_json))


@engine_app.command("start")
def engine_start() -> None:
    """Start the private engine (Linux, as root)."""
    from helpers.commands.private import start

    raise typer.Exit(start())


@engine_app.command("stop")
def engine_stop(
    purge: Annotated[
        bool, typer.Option("--purge", help="Remove its files, too: images, volumes, everything.")
    ] = False,
) -> None:
    """Stop and remove the private engine; its images stay on disk unless --purge is given."""
    from helpers.commands.private import stop

    raise typer.Exit(stop(purge=purge))


@app.command()
def bases(
    ensure: Annotated[
        bool, typer.Option("--ensure", help="Get the ones that are missing.")
    ] = False,
    stand_ins: Annotated[
        bool,
        typer.Option("--stand-ins", help="Make stand-ins also on an engine that is not our own."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the base images: which are official, which stand-ins, how large."""
    from helpers.commands.bases import run

    raise typer.Exit(run(ensure=ensure, stand_ins=stand_ins, as_json=as_json))


@app.command("list")
def list_exercises(as_json: AsJson = False) -> None:
    """List practices and exercises with your progress."""
    from helpers.commands.exercises import show_list

    raise typer.Exit(show_list(as_json=as_json))


@app.command()
def start(exercise: ExerciseId) -> None:
    """Make your copy of an exercise in work/."""
    from helpers.commands.exercises import start_copy

    raise typer.Exit(start_copy(exercise))


@app.command()
def reset(exercise: ExerciseId) -> None:
    """Make your copy again; the old one is kept beside it."""
    from helpers.commands.exercises import reset_copy

    raise typer.Exit(reset_copy(exercise))


@app.command()
def check(
    exercise: Annotated[
        str,
        typer.Argument(
            metavar="EXERCISE|IMAGE",
            help="The exercise's id or number; with --structure-test the image.",
        ),
    ],
    folder: Annotated[
        Path | None,
        typer.Argument(help="A full copy, or only the edited files; your copy by default."),
    ] = None,
    hints: Annotated[int, typer.Option(help="How many hints to show for each check.")] = 1,
    structure_test: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Run a container-structure-test file on IMAGE instead."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build and judge your copy of an exercise. Exit status: 0 all pass, 1 some fail."""
    from helpers.commands.check import run, run_structure_tests

    if structure_test is not None:
        if folder is not None:
            raise typer.BadParameter("--structure-test takes an image, and no folder.")
        raise typer.Exit(run_structure_tests(structure_test, exercise, as_json=as_json))
    raise typer.Exit(run(exercise, folder, hints=hints, as_json=as_json))


@app.command()
def watch(exercise: ExerciseId) -> None:
    """Check again whenever an edited file is saved; Ctrl-C ends it."""
    from helpers.commands.watch import run

    raise typer.Exit(run(exercise))


@app.command()
def build(
    context: Annotated[
        str, typer.Argument(help="A folder, a tar archive, or - for an archive on standard input.")
    ],
    tag: Annotated[list[str] | None, typer.Option("--tag", "-t", help="Name of the image.")] = None,
    file: Annotated[
        str, typer.Option("--file", "-f", help="Another Dockerfile; - for standard input.")
    ] = "",
    target: Annotated[str, typer.Option(help="The stage to build.")] = "",
    build_arg: Annotated[list[str] | None, typer.Option(help="NAME=VALUE for ARG.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="NAME=VALUE for the image.")] = None,
    secret: Annotated[
        list[str] | None, typer.Option(help="id=NAME,src=FILE or id=NAME,env=VARIABLE.")
    ] = None,
    ssh: Annotated[list[str] | None, typer.Option(help="SSH agent: default, or ID=SOCKET.")] = None,
    build_context: Annotated[
        list[str] | None, typer.Option(help="NAME=FOLDER or NAME=docker-image://IMAGE.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Run every step.")] = False,
    no_cache_filter: Annotated[
        list[str] | None, typer.Option(help="Run every step of this stage.")
    ] = None,
    cache_from: Annotated[
        list[str] | None, typer.Option(help="Image whose inline cache may be used.")
    ] = None,
    inline_cache: Annotated[
        bool, typer.Option("--inline-cache", help="Write the cache's keys into the image.")
    ] = False,
    pull: Annotated[bool, typer.Option("--pull", help="Ask for newer base images.")] = False,
    network: Annotated[str, typer.Option(help="default, none or host, for RUN.")] = "",
    platform: Annotated[str, typer.Option(help="For example linux/arm64.")] = "",
    add_host: Annotated[list[str] | None, typer.Option(help="NAME:ADDRESS, for RUN.")] = None,
    shm_size: Annotated[str, typer.Option(help="Size of /dev/shm, for example 128m.")] = "",
    timeout: Annotated[float | None, typer.Option(help="Most seconds that it may take.")] = None,
    record: Annotated[Path | None, typer.Option(help="Write the build's record here.")] = None,
    compare: Annotated[
        Path | None, typer.Option(help="Say which steps ran again since this record, and why.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build an image with BuildKit. Exit status: 0, 1 the build failed, 2 bad input."""
    from helpers.commands.build import Options, run

    options = Options(
        context,
        tags=tuple(tag or ()),
        file=file,
        target=target,
        build_args=tuple(build_arg or ()),
        labels=tuple(label or ()),
        no_cache=no_cache,
        no_cache_stages=tuple(no_cache_filter or ()),
        pull=pull,
        network=network,
        platform=platform,
        add_hosts=tuple(add_host or ()),
        shm_size=shm_size,
        cache_from=tuple(cache_from or ()),
        inline_cache=inline_cache,
        contexts=tuple(build_context or ()),
        secrets=tuple(secret or ()),
        agents=tuple(ssh or ()),
        timeout_seconds=timeout,
        record=record,
        compare=compare,
    )
    raise typer.Exit(run(options, as_json=as_json))


@app.command()
def inspect(
    image: Annotated[str, typer.Argument(help="Name or id of an image on the engine.")],
    as_json: AsJson = False,
) -> None:
    """Show what an image is made of: sizes, layers against instructions, waste, config."""
    from helpers.commands.inspect import run

    raise typer.Exit(run(image, as_json=as_json))


@app.command()
def claims(
    claim: Annotated[
        list[str] | None, typer.Argument(help="Only these, for example C1; all by default.")
    ] = None,
    run: Annotated[bool, typer.Option("--run", help="Measure them now, on this engine.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the ledger of the article's claims: what was measured here, verdict, limit, source."""
    from helpers.commands.claims import run as run_claims

    raise typer.Exit(run_claims(tuple(claim or ()), measure_now=run, as_json=as_json))


@app.command()
def properties(
    property_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="One property, in full.")
    ] = None,
    covers: Annotated[
        str, typer.Option(metavar="TOOL", help="What answers the checkpoints of a tool.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List every property: its meaning, parameters, source, and what it answers elsewhere."""
    from helpers.commands.properties import run

    raise typer.Exit(run(property_id, covers=covers, as_json=as_json))


@app.command()
def audit(
    subject: Annotated[str, typer.Argument(metavar="DIR|IMAGE", help="What to look at.")],
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="The Dockerfile; of an image: what it is built from."),
    ] = None,
    output_format: Annotated[
        str, typer.Option("--format", metavar="text|json|html|sarif", help="How it is told.")
    ] = "text",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file instead of standard output.")
    ] = None,
    fail_below: Annotated[
        int | None, typer.Option(min=0, max=100, help="Exit status 1 below this score.")
    ] = None,
    fail_on: Annotated[
        int | None,
        typer.Option(min=1, max=5, help="Exit status 1 for failures of this weight or more."),
    ] = None,
    ignore_file: Annotated[
        Path | None, typer.Option(help="Settings instead of DIR/.workbook-audit.toml.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="FAMILY", help="Only this family of properties.")
    ] = None,
    port: Annotated[
        list[int] | None, typer.Option(min=1, max=65535, help="A port that the service listens on.")
    ] = None,
    target: Annotated[str, typer.Option(help="The stage to build.")] = "",
    build_arg: Annotated[list[str] | None, typer.Option(help="A build argument, K=V.")] = None,
    details: Annotated[bool, typer.Option("--details", help="Text with every verdict.")] = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Also what takes further builds: caching, digests.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Judge your own folder or image by everything that applies. Exit status: 0, 1 some fail."""
    from helpers.commands.audit import Options, run

    options = Options(
        subject,
        file,
        "json" if as_json else output_format,
        output,
        fail_below,
        fail_on,
        ignore_file,
        tuple(only or ()),
        tuple(port or ()),
        target,
        tuple(build_arg or ()),
        details,
        rebuild,
    )
    raise typer.Exit(run(options))


@app.command()
def notebooks(
    names: Annotated[list[str] | None, typer.Argument(help="Only these; all by default.")] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Take new outputs also where only figures differ.")
    ] = False,
) -> None:
    """Run the course's notebooks again and store what they show."""
    from helpers.commands.notebooks import run

    raise typer.Exit(run(tuple(names or ()), refresh=refresh))


@app.command()
def verify(
    exercises: Annotated[
        list[str] | None, typer.Argument(help="Only these; the whole course by default.")
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, max=16, help="Answers judged at the same time.")
    ] = 3,
    run_notebooks: Annotated[
        bool, typer.Option("--notebooks", help="Also run the notebooks, with nbval.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Let the course check itself. Exit status: 0, 1 something is wrong, 2, 3 no engine."""
    from helpers.commands.verify import run

    raise typer.Exit(
        run(tuple(exercises or ()), jobs=jobs, notebooks=run_notebooks, as_json=as_json)
    )


@app.command()
def clean(
    keep_bases: Annotated[bool, typer.Option("--keep-bases", help="Leave stand-ins.")] = False,
) -> None:
    """Remove what the workbook created on the engine, and nothing else."""
    from helpers.commands.clean import run

    raise typer.Exit(run(keep_bases=keep_bases))


def main() -> None:
    """Run the command line; a problem with a remedy ends it with one clear message."""
    from helpers.build.errors import BuildError
    from helpers.errors import WorkbookError

    # A terminated command cleans up as an interrupted one does.
    signal.signal(signal.SIGTERM, _terminated)
    try:
        status = app(standalone_mode=False) or 0
        sys.stdout.flush()  # here, where a reader that left or a full disk can still be told
    except (typer.Abort, KeyboardInterrupt):
        status = _INTERRUPTED
    except TyperException as error:
        usage: Any = error  # every kind that is raised can show itself
        usage.show()
        status = usage.exit_code
    except (WorkbookError, BuildError) as error:
        details = error.details() if isinstance(error, BuildError) else ()
        _say("\n".join((f"workbook: {error.message}", *details, f"→ {error.remedy}")))
        status = error.exit_status
    except SystemExit as end:
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        status = _leave_output()  # typer's own answer would be 1, and that means a failed check
    except BrokenPipeError:
        status = _leave_output()
    except OSError as error:
        status = _file_trouble(error)
    if status == _INTERRUPTED:
        _say("workbook: interrupted; nothing is left running.")
    sys.exit(status)


def _file_trouble(error: OSError) -> int:
    """Tell what a person can mend; anything else is a fault of the workbook and goes on."""
    if error.errno not in _FILE_REMEDIES:
        raise error
    if error.filename is None:
        _leave_output()
    where, remedy = error.filename or "The output", _FILE_REMEDIES[error.errno]
    _say(f"workbook: {where} cannot be written or read: {error.strerror}.\n→ {remedy}")
    return 2


def _leave_output() -> int:
    """Nobody reads any more: what is still buffered goes nowhere, also when Python ends.

    Source: https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return _OUTPUT_CLOSED


def _terminated(*_: object) -> None:
    raise typer.Abort


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
