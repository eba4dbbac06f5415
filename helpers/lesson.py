"""What the notebooks' cells are written with: a lesson builds an app and looks at the images.

>>> lesson = Lesson("orders")
>>> naive = lesson.build("1-naive")
>>> naive.facts.unpacked_bytes
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from helpers.build.client import build
from helpers.build.context import DockerfileText, mapping_context
from helpers.build.record import BuildRecord
from helpers.build.request import BuildRequest
from helpers.build.session.secrets import Secret
from helpers.course.paths import CourseFolders, course_folders
from helpers.course.workspace import app_files
from helpers.engine.connect import Engine, connect
from helpers.engine.ensure import ensure_for
from helpers.engine.labels import BUILT, LESSON, labels
from helpers.engine.ownership import keep_track
from helpers.errors import BadInput
from helpers.observe.image_facts import ImageFacts
from helpers.observe.read_image import read_image
from helpers.observe.requests import Probe, ServiceRequest
from helpers.observe.run_service import run_service
from helpers.observe.service_facts import ServiceFacts
from helpers.report.blocks import Table
from helpers.units import format_bytes
from helpers.views.base_progress import BaseProgress
from helpers.views.live_build import progress_for
from helpers.views.show import Shown, show

#: Every base image that a notebook uses.
BASES_OF_THE_COURSE = (
    "node:26-trixie",
    "node:26-trixie-slim",
    "node:26-alpine",
    "gcr.io/distroless/nodejs26-debian13:nonroot",
    "registry:2",
    "docker:26-dind",
    "quay.io/podman/stable:v5.4.2",
)


@dataclass(frozen=True)
class Built:
    """An image that a lesson built.

    Attributes:
        name: what the notebook calls it.
        record: how it was built.
        engine: where it is.
    """

    name: str
    record: BuildRecord
    engine: Engine = field(repr=False)

    @property
    def id(self) -> str:
        """The image's id, ``sha256:…``."""
        return self.record.image_id or ""

    @cached_property
    def facts(self) -> ImageFacts:
        """What the image is made of; read once."""
        return read_image(self.engine.client.api, self.id)

    def run(self, *probes: Probe, port: int = 3000) -> ServiceFacts:
        """Start a container, ask it the probes from outside, stop and remove it."""
        return run_service(self.engine.client, self.id, ServiceRequest(port, probes))


class Lesson:
    """Builds one of the course's apps on the engine in reach.

    Args:
        app: name of a folder in ``apps/``.
        bases: base images that have to be there before the first build.

    Raises:
        NoEngine: where there is no engine.
        BadInput: where there is no such app.
    """

    def __init__(self, app: str, *, bases: tuple[str, ...] = ()) -> None:
        self.folders: CourseFolders = course_folders()
        self.app = self.folders.apps / app
        if not self.app.is_dir():
            names = ", ".join(sorted(p.name for p in self.folders.apps.iterdir() if p.is_dir()))
            raise BadInput(f"There is no app {app!r}.", remedy=f"The apps are: {names}.")
        self.engine = connect()
        ensure_for(self.engine, bases, BaseProgress())

    def dockerfile(self, name: str) -> str:
        """The text of one of the app's Dockerfiles, for example ``1-naive``."""
        path = self._dockerfile(name)
        return path.read_text(encoding="utf-8")

    def build(
        self,
        name: str,
        *,
        dockerfile: str | None = None,
        edit: Mapping[str, str] | None = None,
        no_cache: bool = False,
        add: Mapping[str, str] | None = None,
        build_args: Mapping[str, str] | None = None,
        secrets: tuple[Secret, ...] = (),
    ) -> Built:
        """Build the app and show how it goes.

        Args:
            name: one of the app's Dockerfiles, for example ``1-naive``; any name where the
                Dockerfile's text is given.
            dockerfile: the text of another Dockerfile.
            edit: text that is appended to files of the app for this build, by path: a change of
                the source, without touching the course's files.
            no_cache: whether every step runs, whatever the cache holds.
            add: files that the app does not have, for this build only, by path.
            build_args: values for ARG.
            secrets: values for ``RUN --mount=type=secret``.

        Raises:
            BuildError: where it does not build.
        """
        text = dockerfile if dockerfile is not None else self.dockerfile(name)
        more = {path: content.encode() for path, content in (add or {}).items()}
        context = mapping_context(
            {**self._files(edit or {}), **more},
            dockerfile=DockerfileText(text, f"{name}.Dockerfile"),
        )
        request = BuildRequest(
            context,
            tags=(f"{BUILT}lesson-{self.app.name}:{name.lower()}",),
            labels=labels(LESSON),
            no_cache=no_cache,
            build_args=build_args or {},
            secrets=secrets,
        )
        with progress_for() as live:
            record = build(self.engine.client.api, request, live.on_event)
        if record.image_id:
            keep_track(self.engine.client.api, record.image_id)
        return Built(name, record, self.engine)

    def files(self) -> dict[str, bytes]:
        """The app's files by path, for experiments that build by themselves."""
        return self._files({})

    def _files(self, edit: Mapping[str, str]) -> dict[str, bytes]:
        files = {str(p): (self.app / p).read_bytes() for p in app_files(self.app)}
        for path, text in edit.items():
            if path not in files:
                raise BadInput(
                    f"The app {self.app.name} has no file {path!r}.",
                    remedy="Name a file of the app, for example src/server.ts.",
                )
            files[path] += text.encode()
        return files

    def _dockerfile(self, name: str) -> Path:
        path = self.app / "dockerfiles" / f"{name}.Dockerfile"
        if not path.is_file():
            names = ", ".join(
                sorted(p.name.removesuffix(".Dockerfile") for p in path.parent.glob("*.Dockerfile"))
            )
            raise BadInput(f"There is no Dockerfile {name!r}.", remedy=f"There are: {names}.")
        return path


@contextmanager
def expected_failure(*kinds: type[Exception]) -> Iterator[None]:
    """A failure that the lesson is about: its message and remedy are shown, the cell goes on.

    Args:
        kinds: the errors that are expected; where none comes, the cell fails.
    """
    try:
        yield
    except kinds as error:
        remedy = getattr(error, "remedy", "")
        sys.stdout.write(f"{error}\n" + (f"→ {remedy}\n" if remedy else ""))
        return
    raise AssertionError("The failure that this cell is about did not come.")


def table(title: str, columns: tuple[object, ...], rows: list[tuple[object, ...]]) -> Shown:
    """A table as text and HTML."""
    shown = show(Table(title, columns, tuple(rows)))  # type: ignore[arg-type]
    assert isinstance(shown, Shown)  # noqa: S101  # a table is never a picture
    return shown


def times(before: float, after: float) -> str:
    """How many times smaller ``after`` is, for example ``9.3 times``."""
    return f"{before / after:.1f} times"


def mb(count: int) -> str:
    """Bytes as text."""
    return format_bytes(count)
