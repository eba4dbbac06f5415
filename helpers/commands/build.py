"""``workbook build``: the options of ``docker build``, without a docker command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from helpers.build.client import build
from helpers.build.compare import compare
from helpers.build.context import CHECK_LIMIT_BYTES, Context, DockerfileText, folder_context
from helpers.build.errors import BuildError
from helpers.build.record import BuildRecord
from helpers.build.request import BuildRequest
from helpers.build.session.agents import SshAgent
from helpers.build.session.secrets import Secret
from helpers.build.tar_context import tar_context
from helpers.build.tree import printable
from helpers.commands.output import say, show
from helpers.engine.connect import connect
from helpers.engine.labels import LESSON, labels
from helpers.errors import BadInput
from helpers.files import write_in_one_piece
from helpers.views.live_build import progress_for

_STDIN = "-"
_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Options:
    """What stands on the command line; names and forms are those of ``docker build``."""

    context: str
    tags: tuple[str, ...] = ()
    file: str = ""
    target: str = ""
    build_args: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    no_cache: bool = False
    no_cache_stages: tuple[str, ...] = ()
    pull: bool = False
    network: str = ""
    platform: str = ""
    add_hosts: tuple[str, ...] = ()
    shm_size: str = ""
    cache_from: tuple[str, ...] = ()
    inline_cache: bool = False
    contexts: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    timeout_seconds: float | None = None
    record: Path | None = None
    compare: Path | None = None


def run(options: Options, *, as_json: bool) -> int:
    """Build with live progress on standard error; print the record or the image's id."""
    before = _record(options.compare) if options.compare else None
    request = request_of(options)
    if request.context.file_bytes > CHECK_LIMIT_BYTES:
        say(_large(request.context))
    try:
        with connect(say=say) as engine, progress_for() as live:
            record = build(engine.client.api, request, live.on_event)
    except BuildError as error:
        if error.record is not None:
            _save(options.record, error.record.to_json())
            if as_json:
                show(error.record, as_json=True)
        raise
    _save(options.record, record.to_json())
    if before is not None:
        say("\n".join(compare(before, record).sentences()))
    if as_json:
        show(record, as_json=True)
    else:
        print(record.image_id)
    return 0


def request_of(options: Options) -> BuildRequest:
    """The build that a command line asks for.

    Raises:
        BadInput: for an option that cannot be understood.
        BuildError: for a context, a Dockerfile or a secret that cannot be used.
    """
    return BuildRequest(
        _context(options),
        tags=options.tags,
        target=options.target or None,
        build_args=_pairs(options.build_args, "--build-arg NAME=VALUE"),
        labels={**labels(LESSON), **_pairs(options.labels, "--label NAME=VALUE")},
        no_cache=options.no_cache or options.no_cache_stages,
        pull=options.pull,
        network=options.network or None,
        platform=options.platform or None,
        add_hosts=_pairs(options.add_hosts, "--add-host NAME:ADDRESS", "=:"),
        shm_bytes=_bytes(options.shm_size) if options.shm_size else None,
        cache_from=options.cache_from,
        inline_cache=options.inline_cache,
        contexts={
            name: _named_context(value)
            for name, value in _pairs(options.contexts, "--build-context NAME=VALUE").items()
        },
        secrets=_each(options.secrets, _secret),
        agents=_each(options.agents, _agent),
        timeout_seconds=options.timeout_seconds,
    )


def _context(options: Options) -> Context:
    """A folder, a tar archive, or ``-`` for an archive on standard input."""
    if options.context == _STDIN:
        if options.file == _STDIN:
            raise BadInput(
                "Standard input cannot be both the context and the Dockerfile.",
                remedy="Give one of the two as a file.",
            )
        return tar_context(sys.stdin.buffer, dockerfile=options.file or "Dockerfile")
    if options.file == _STDIN:
        dockerfile: str | Path | DockerfileText = DockerfileText(sys.stdin.read(), "-")
    else:
        dockerfile = Path(options.file).absolute() if options.file else "Dockerfile"
    folder = Path(options.context)
    if folder.is_file():
        inside = dockerfile if isinstance(dockerfile, DockerfileText) else options.file
        return tar_context(folder, dockerfile=inside or "Dockerfile")
    return folder_context(folder, dockerfile=dockerfile)


def _named_context(value: str) -> Context | str:
    """A folder where there is one, else what BuildKit fetches itself."""
    if "://" in value or not Path(value).is_dir():
        return value
    return folder_context(value, dockerfile=DockerfileText("FROM scratch\n"))


def _secret(text: str) -> Secret:
    """``id=NAME,src=FILE``, ``id=NAME,env=VARIABLE``, or ``id=NAME`` for the variable NAME."""
    form = "--secret id=NAME,src=FILE or id=NAME,env=VARIABLE"
    parts = _pairs(text.split(","), form)
    source = parts.get("src") or parts.get("source")
    unknown = set(parts) - {"id", "src", "source", "env", "type"}
    if "id" not in parts or unknown:
        raise BadInput(
            f"The secret has {', '.join(sorted(unknown))}, which is unknown."
            if unknown
            else "A secret has no id.",
            remedy=f"Write {form}.",
        )
    if source and parts.get("type") != "env":
        return Secret.from_file(parts["id"], source)
    return Secret.from_variable(parts["id"], parts.get("env") or source or parts["id"])


def _agent(text: str) -> SshAgent:
    """``default`` or ``ID`` for the user's own agent, ``ID=SOCKET`` for another one."""
    name, equals, path = text.partition("=")
    return SshAgent(path, name) if equals else SshAgent.of_user(name)


def _each(texts: Iterable[str], read: Callable[[str], _Value]) -> tuple[_Value, ...]:
    return tuple(read(text) for text in texts)


def _pairs(texts: Iterable[str], form: str, separators: str = "=") -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        at = min((i for i in map(text.find, separators) if i > 0), default=-1)
        if at < 0:
            option, _, _ = form.partition(" ")
            raise BadInput(f"{option} {text} has no value.", remedy=f"Write {form}.")
        pairs[text[:at]] = text[at + 1 :]
    return pairs


def _bytes(text: str) -> int:
    number, unit = text.rstrip("bBkKmMgG"), text.lower().lstrip("0123456789.")
    try:
        return int(float(number) * _UNITS[unit.removesuffix("b") or unit])
    except (ValueError, KeyError) as error:
        raise BadInput(
            f"--shm-size {text} is no size.", remedy="Write a number with a unit, such as 128m."
        ) from error


def _record(path: Path) -> BuildRecord:
    """A record that ``--record`` wrote."""
    try:
        return BuildRecord.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{path} is not the record of a build that can be read: {error}.",
            remedy="Write one with workbook build --record FILE.",
        ) from error


def _save(path: Path | None, document: str) -> None:
    if path is not None:
        write_in_one_piece(path, document + "\n")


def _large(context: Context) -> str:
    """What a stray file may cost, and what to do."""
    files = ", ".join(f"{printable(e.path)} ({e.size / 1e6:.0f} MB)" for e in context.largest(3))
    return (
        f"The build context has {context.file_bytes / 1e6:.0f} MB of files; COPY . sends all of "
        f"them. The largest: {files}. Leave out what the build does not need with .dockerignore."
    )
