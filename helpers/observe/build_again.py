"""Build a subject again: the same context, an edited one, or another Dockerfile; nothing is left.

The files stay where they are: an edit exists in memory only, for the one build that is sent.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Lock

import docker.errors

from helpers.build.cancel import CancelToken
from helpers.build.client import build
from helpers.build.content import content
from helpers.build.context import Context
from helpers.build.errors import BuildError, Cancelled, StepFailedError, TimedOut
from helpers.build.record import BuildRecord
from helpers.build.request import BuildRequest
from helpers.build.tree import Entry, stamp_of
from helpers.engine.labels import CHECK, labels
from helpers.errors import NoEngine
from helpers.observe.errors import ObservationFailed, Stopped, engine_errors
from helpers.observe.subject import Subject
from helpers.observe.text import printable

#: Largest file that is edited, in bytes.
LARGEST_EDIT = 4_000_000
# One after the other: builds of one subject at the same time would see each other's cache.
_ONE_AT_A_TIME = Lock()


@dataclass(slots=True)
class BuildAgain:
    """Builds of one subject, in a row.

    Attributes:
        subject: what is built.
        context: its context.
        seconds: how long one build may take.
    """

    subject: Subject
    context: Context
    seconds: float
    _cancel: CancelToken = field(default_factory=CancelToken)
    _made: list[str] = field(default_factory=list)

    def build(
        self,
        context: Context | None = None,
        *,
        no_cache: bool = False,
        build_args: dict[str, str] | None = None,
    ) -> BuildRecord:
        """Build, and give the record.

        Args:
            context: another one than the subject's own.
            no_cache: run every step.
            build_args: values for ARG, beside those that the subject was built with.

        Raises:
            ObservationFailed: if the build fails, takes too long, or cannot be made.
            StepFailedError: if a step fails.
            NoEngine: if the engine stops answering.
            Stopped: if the observation is no longer wanted.
        """
        was = self.subject.build
        known = self.subject.request or BuildRequest(
            self.context, target=was.target if was else None
        )
        # Arguments, secrets and target as before; the name stays with the first image.
        request = replace(
            known,
            context=context or self.context,
            tags=(),
            labels=labels(CHECK),
            no_cache=no_cache,
            build_args={**known.build_args, **(build_args or {})},
            timeout_seconds=self.seconds,
        )
        try:
            record = build(self.subject.client.api, request, cancel=self._cancel)
        except StepFailedError:
            raise
        except BuildError as error:
            raise self._trouble(error) from error
        if record.image_id is not None:
            self._made.append(record.image_id)
        return record

    def _trouble(self, error: BuildError) -> Exception:
        if isinstance(error, Cancelled) and not isinstance(error, TimedOut):
            return Stopped()
        if error.exit_status == NoEngine.exit_status:
            return NoEngine(error.message, remedy=error.remedy)
        return _failed(error)


@contextmanager
def builds_again(subject: Subject, seconds: float) -> Iterator[BuildAgain]:
    """Builds of a subject, one after the other; their images are removed at the end.

    Args:
        subject: what is built.
        seconds: how long one build may take.

    Raises:
        ObservationFailed: where it is not known how the image was built, or a build fails.
        NoEngine: if the engine stops answering.
        Stopped: if the observation is no longer wanted.
    """
    again = BuildAgain(subject, _known_context(subject), seconds)
    subject.stop.add_done_callback(lambda _: again._cancel.cancel())  # noqa: SLF001 - ours
    with _ONE_AT_A_TIME:
        if subject.stop.done():
            raise Stopped
        try:
            yield again
        except StepFailedError as error:
            raise _failed(error) from error
        finally:
            _remove(subject, again._made)  # noqa: SLF001 - ours


def edited(context: Context, path: str) -> Context:
    """The context with a harmless edit of one file: white space at its end, different each time.

    Args:
        context: what is built.
        path: a file of it.

    Raises:
        ObservationFailed: where there is no such file in the context, or it is too large.
    """
    found = next((e for e in context.entries if e.path == path), None)
    shown = printable(path, 200)
    if found is None:
        line = context.left_out_by(path)
        why = f"{line} leaves it out" if line else "there is no such file"
        raise ObservationFailed(
            f"{shown} is not in the build context: {why}.",
            remedy="Name a file that the build is given.",
        )
    if found.kind != "file" or found.size > LARGEST_EDIT:
        raise ObservationFailed(
            f"{shown} is no file of at most {LARGEST_EDIT // 1_000_000} MB.",
            remedy="Name a source file.",
        )
    try:
        old = b"".join(content(found))
    except BuildError as error:
        raise ObservationFailed(error.message, remedy=error.remedy) from error
    new = old + _unseen_before()
    entry = replace(found, size=len(new), source=new, stamp=stamp_of(new))
    return _with(context, entry)


def with_dockerfile(context: Context, text: str) -> Context:
    """The context with another Dockerfile; the file itself, where it is copied, stays as it is."""
    return replace(context, dockerfile=text)


def _unseen_before() -> bytes:
    """An empty line and 64 random bits as spaces and line ends, so that no cache knows the file."""
    bits = f"{secrets.randbits(64):064b}"
    return b"\n" + bits.replace("0", " ").replace("1", "\n").encode() + b"\n"


def _with(context: Context, entry: Entry) -> Context:
    return replace(
        context, entries=tuple(entry if e.path == entry.path else e for e in context.entries)
    )


def _known_context(subject: Subject) -> Context:
    if subject.context is None or subject.build is None:
        raise ObservationFailed(
            "It is not known how the image was built.",
            remedy="Name the folder with the Dockerfile instead of the image.",
        )
    if subject.build.build_args and subject.request is None:
        named = ", ".join(printable(name, 60) for name, _ in subject.build.build_args)
        raise ObservationFailed(
            f"The image was built with build arguments ({named}), whose values are not recorded.",
            remedy="Give them defaults in the Dockerfile.",
        )
    return subject.context


def _failed(error: BuildError) -> ObservationFailed:
    return ObservationFailed(
        f"Building it again failed: {printable(error.message, 300)}", remedy=error.remedy
    )


def _remove(subject: Subject, made: Iterable[str]) -> None:
    """Remove the images that were built; one that somebody else has a name for stays."""
    api = subject.client.api
    with engine_errors("removing an image"):
        own = _id_of(api.inspect_image, subject.image_id)
        for image_id in dict.fromkeys(made):
            if image_id == own or _tags_of(api.inspect_image, image_id):
                continue
            try:
                api.remove_image(image_id)
            except docker.errors.ImageNotFound:
                continue
            except docker.errors.APIError as error:
                if error.status_code != 409:  # a container uses it: it is somebody's
                    raise


def _id_of(inspect: Callable[[str], dict[str, str]], name: str) -> str | None:
    try:
        return inspect(name)["Id"]
    except docker.errors.ImageNotFound:
        return None


def _tags_of(inspect: Callable[[str], dict[str, list[str]]], image_id: str) -> list[str]:
    try:
        return inspect(image_id).get("RepoTags") or []
    except docker.errors.ImageNotFound:
        return []
