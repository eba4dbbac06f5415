"""The images of an exercise: each built once of its part of the learner's copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from docker.errors import APIError, ImageNotFound

from helpers.build.cancel import CancelToken
from helpers.build.client import build
from helpers.build.context import Context, mapping_context
from helpers.build.errors import BuildError, Cancelled, ImageUnavailable, NoSpace
from helpers.build.events import Event
from helpers.build.record import BuildRecord
from helpers.build.request import BuildRequest
from helpers.course.exercise import Exercise, ImageSpec
from helpers.course.given_secrets import given_secrets
from helpers.engine.connect import Engine
from helpers.engine.labels import BUILT, CHECK, labels
from helpers.engine.ownership import is_superseded, keep_track, references
from helpers.errors import NoEngine
from helpers.observe.errors import engine_errors

#: The tag of the image that a learner's latest check built.
LATEST = "latest"


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image and what it was made from."""

    spec: ImageSpec
    request: BuildRequest
    record: BuildRecord

    @property
    def id(self) -> str:
        """``sha256:…``, or its name where the builder told no id."""
        return self.record.image_id or self.request.tags[0]


@dataclass(frozen=True, slots=True)
class BuildFailure:
    """Why there is no image, for the learner."""

    spec: ImageSpec
    record: BuildRecord | None
    problem: str
    remedy: str


def image_tag(exercise: Exercise, image: ImageSpec | None = None, slot: str = LATEST) -> str:
    """Name of an image that a check builds.

    Args:
        exercise: whose.
        image: which of them; the first by default.
        slot: checks of one exercise that run at the same time have different ones.
    """
    name = (
        exercise.id if not exercise.images else f"{exercise.id}-{(image or exercise.built[0]).name}"
    )
    return f"{BUILT}{name}:{slot}"


def whole_copy(exercise: Exercise, files: Mapping[str, bytes]) -> Context:
    """All files of a copy as one context: where manifests stand.

    A copy of several images has no Dockerfile at its top; nothing is ever built of that context.
    """
    limit = exercise.build.context_limit_mb * 1_000_000
    if exercise.images:
        files = {"Dockerfile": b"FROM scratch\n", **files}
    return mapping_context(files, limit_bytes=limit)


def build_image(
    engine: Engine,
    exercise: Exercise,
    image: ImageSpec,
    files: Mapping[str, bytes],
    *,
    slot: str = LATEST,
    on_event: Callable[[Event], None] | None = None,
    cancel: CancelToken | None = None,
) -> BuiltImage | BuildFailure:
    """Build one image of its folder.

    Args:
        engine: where.
        exercise: whose image.
        image: which.
        files: the whole copy.
        slot: see :func:`image_tag`.
        on_event: called with every event of the build.
        cancel: ends the build from another thread.

    Raises:
        NoEngine: where the engine stops answering or its disk is full.
        Cancelled: where the build was cancelled.
    """
    tag = image_tag(exercise, image, slot)
    before = _image_id(engine, tag)
    try:
        context = mapping_context(
            part_of(files, image.folder), limit_bytes=exercise.build.context_limit_mb * 1_000_000
        )
        request = BuildRequest(
            context,
            tags=(tag,),
            target=exercise.build.target or None,
            labels=labels(CHECK),
            # A step with a secret could come from the cache with an older value in it.
            no_cache=bool(exercise.build.secrets),
            secrets=given_secrets(exercise.build.secrets),
            timeout_seconds=exercise.build.timeout_seconds,
        )
        record = build(engine.client.api, request, on_event, cancel=cancel)
    except NoSpace as error:
        raise NoEngine(error.message, remedy=error.remedy) from error
    except BuildError as error:
        if error.exit_status == NoEngine.exit_status:
            raise NoEngine(error.message, remedy=error.remedy) from error
        if type(error) is Cancelled:
            raise
        return _failure(error, exercise, image)
    if record.image_id and before != record.image_id:
        with engine_errors("naming the image"):
            keep_track(engine.client.api, record.image_id)
        if before:
            _remove_old(engine, before)
    return BuiltImage(image, request, record)


def part_of(files: Mapping[str, bytes], folder: str) -> dict[str, bytes]:
    """The files below a folder, by their path in it; all of them where it is empty."""
    if not folder:
        return dict(files)
    start = f"{folder}/"
    return {p.removeprefix(start): data for p, data in files.items() if p.startswith(start)}


def remove_images(engine: Engine, exercise: Exercise, slot: str) -> None:
    """Remove what the checks of a slot have built, unless somebody still uses it."""
    api = engine.client.api
    for image in exercise.built:
        tag = image_tag(exercise, image, slot)
        image_id = _image_id(engine, tag)
        if image_id is None:
            continue
        with engine_errors("removing an image"):
            try:
                api.remove_image(tag)
            except ImageNotFound:
                continue
        _remove_old(engine, image_id)


def _failure(error: BuildError, exercise: Exercise, image: ImageSpec) -> BuildFailure:
    remedy = error.remedy
    if isinstance(error, ImageUnavailable) and exercise.bases:
        remedy += f" Base images that are at hand here: {', '.join(exercise.bases)}."
    problem = "\n".join((error.message, *error.details()))
    if exercise.images:
        problem = f"The image {image.name}: {problem}"
    return BuildFailure(image, error.record, problem, remedy)


def _image_id(engine: Engine, tag: str) -> str | None:
    try:
        return str(engine.client.api.inspect_image(tag)["Id"])
    except ImageNotFound:
        return None


def _remove_old(engine: Engine, image_id: str) -> None:
    """Remove the image of an earlier check, unless somebody still uses it."""
    api = engine.client.api
    try:
        about = api.inspect_image(image_id)
        if is_superseded(about):
            for name in references(about) or (image_id,):
                api.remove_image(name)
    except (ImageNotFound, APIError):
        return  # a container still uses it: it keeps its name, and `workbook clean` finds it later
