"""What is audited: an image that is there, or one that is built from a folder for the while."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from docker.errors import ImageNotFound

from helpers.audit.seen import Seen, look, seen_in
from helpers.build.cancel import CancelToken
from helpers.build.client import build
from helpers.build.context import Context, folder_context
from helpers.build.dockerfile import Dockerfile, parse_dockerfile
from helpers.build.events import Event
from helpers.build.request import BuildRequest
from helpers.course.npm_lock import dev_packages
from helpers.engine import bases
from helpers.engine.connect import Engine
from helpers.engine.labels import BUILT, CHECK, labels
from helpers.errors import BadInput
from helpers.observe.containers import to_the_end
from helpers.observe.errors import engine_errors
from helpers.observe.subject import Subject


@dataclass(frozen=True, slots=True)
class Audited:
    """An image that can be looked at.

    Attributes:
        name: what it is called in reports.
        subject: the image and what it was made from, for the observers.
        image_id: ``sha256:…``.
        seen: where its service can be reached, as the image says.
        dockerfile: path of the Dockerfile as a reader finds it; empty where none is known.
        dev_packages: npm packages that the folder's lock file marks as development-only.
    """

    name: str
    subject: Subject
    image_id: str
    seen: Seen
    dockerfile: str = ""
    dev_packages: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How a folder is built.

    Attributes:
        dockerfile: a path; None for the folder's own.
        target: the stage; empty for the last one.
        build_args: values for ARG.
        before: called with the context before the build, for what has to be there first.
        on_event: called with every event of the build.
        cancel: ends the build from another thread.
    """

    dockerfile: Path | None = None
    target: str = ""
    build_args: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[Context], None] | None = None
    on_event: Callable[[Event], None] | None = None
    cancel: CancelToken | None = None


def named_image(engine: Engine, ref: str, dockerfile: Path | None = None) -> Audited:
    """An image of the engine, as it is.

    Args:
        engine: where it is.
        ref: its name or id.
        dockerfile: what it was built from, where that is known: evidence then names its lines.

    Raises:
        BadInput: where there is no such image, or the Dockerfile cannot be read.
        NoEngine: where the engine does not answer.
    """
    about = look(engine.client.api, ref)
    subject = Subject(
        engine.client,
        str(about["Id"]),
        catalogue=_catalogue(),
        dockerfile=None if dockerfile is None else _read_dockerfile(dockerfile),
    )
    shown = "" if dockerfile is None else dockerfile.as_posix()
    return Audited(ref, subject, str(about["Id"]), seen_in(about), shown)


@contextmanager
def built_image(
    engine: Engine, folder: Path, options: BuildOptions | None = None
) -> Iterator[Audited]:
    """Build a folder; the image goes at the end, also after an error or Ctrl-C.

    It stays where somebody else gave it a name. The build cache stays, too.

    Raises:
        BuildError: where it does not build.
        BadInput: where the folder's npm lock file is none.
        NoEngine: where the engine stops answering.
    """
    options = options or BuildOptions()
    path = options.dockerfile
    context = folder_context(folder, dockerfile=path.absolute() if path else "Dockerfile")
    if options.before is not None:
        options.before(context)
    packages = dev_packages(folder / "package-lock.json")
    tag = f"{BUILT}audit:{uuid.uuid4().hex[:16]}"
    request = BuildRequest(
        context,
        tags=(tag,),
        target=options.target or None,
        build_args=options.build_args,
        labels=labels(CHECK),
    )
    try:
        record = build(engine.client.api, request, options.on_event, cancel=options.cancel)
        about = look(engine.client.api, tag)
        subject = Subject(
            engine.client,
            str(about["Id"]),
            catalogue=_catalogue(),
            dockerfile=parse_dockerfile(record.dockerfile, options.build_args),
            build=record,
            context=context,
            request=request,
        )
        shown = (path or folder / "Dockerfile").as_posix()
        yield Audited(str(folder), subject, str(about["Id"]), seen_in(about), shown, packages)
    finally:
        to_the_end(lambda: _remove(engine, tag))


def bases_in(context: Context) -> tuple[str, ...]:
    """Base images of the workbook's catalogue that a Dockerfile names."""
    known = {base.name for base in bases.catalogue()}
    stages = parse_dockerfile(context.dockerfile).stages
    return tuple(dict.fromkeys(s.base for s in stages if s.base in known))


def _remove(engine: Engine, tag: str) -> None:
    with engine_errors("removing an image"):
        try:
            engine.client.api.remove_image(tag)
        except ImageNotFound:
            return  # it was never built


def _read_dockerfile(path: Path) -> Dockerfile:
    try:
        return parse_dockerfile(path.read_bytes())
    except OSError as error:
        raise BadInput(
            f"The Dockerfile {path} cannot be read: {error.strerror}.",
            remedy="Name the file that the image was built from.",
        ) from error


def _catalogue() -> dict[str, str]:
    return {base.name: base.kind for base in bases.catalogue()}
