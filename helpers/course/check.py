"""Check an exercise: build the submission, observe its images, judge them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from helpers.build.cancel import CancelToken
from helpers.build.context import Context
from helpers.build.dockerfile import parse_dockerfile
from helpers.build.errors import Cancelled
from helpers.build.events import Event
from helpers.course.exercise import CheckSpec, Exercise
from helpers.course.images import (
    LATEST,
    BuildFailure,
    BuiltImage,
    build_image,
    image_tag,
    whole_copy,
)
from helpers.course.npm_lock import dev_packages
from helpers.course.paths import CourseFolders
from helpers.course.workspace import Submission, app_folder, course_files
from helpers.engine import bases
from helpers.engine.connect import Engine
from helpers.judge.judge import Criterion, collect_requests, judge
from helpers.judge.verdict import Outcome, Verdict
from helpers.observe.errors import Stopped
from helpers.observe.observe import Look, observe_each
from helpers.observe.requests import Observations
from helpers.observe.subject import Subject
from helpers.report.result import CheckOutcome, CheckResult

__all__ = ["applying_hints", "check", "image_tag", "judge_check"]

_NO_IMAGE = "There is no image to look at: the build failed."
_AGAIN = "Start it again when it is wanted."
_Images = Mapping[str, BuiltImage | BuildFailure]


def check(
    engine: Engine,
    folders: CourseFolders,
    exercise: Exercise,
    submission: Submission,
    *,
    on_event: Callable[[Event], None] | None = None,
    cancel: CancelToken | None = None,
    slot: str = LATEST,
) -> CheckResult:
    """Build and judge one submission.

    Args:
        engine: where it is built and run.
        folders: the course.
        exercise: what is asked for.
        submission: the edited files; everything else comes from the course.
        on_event: called with every event of the builds.
        cancel: ends builds and observations from another thread.
        slot: tag of the images; two checks of one exercise at the same time need two.

    Returns:
        The result. A Dockerfile that does not build is a result, too: no check of its image passes.

    Raises:
        NoEngine: where the engine stops answering or its disk is full.
        BadInput: where the course itself is damaged.
        Cancelled: where it was cancelled.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    files = {**course_files(folders, exercise), **submission.files}
    images: dict[str, BuiltImage | BuildFailure] = {}
    for image in exercise.built:
        images[image.name] = build_image(
            engine, exercise, image, files, slot=slot, on_event=on_event, cancel=cancel
        )
    seen = _observe(engine, folders, exercise, images, files, cancel)
    failures = [found for found in images.values() if isinstance(found, BuildFailure)]
    first = failures[0] if failures else next(iter(images.values()))
    return CheckResult(
        exercise=exercise.id,
        title=exercise.title,
        checks=tuple(_outcome(exercise, spec, images, seen) for spec in exercise.checks),
        build=first.record,
        problem="\n".join(failure.problem for failure in failures),
        remedy=failures[0].remedy if failures else "",
        image_bytes=_bytes(images, seen),
        engine=engine.describe(),
        stand_ins=_stand_ins(engine, exercise),
        notes=submission.notes,
        files=submission.digests(),
        started=started.isoformat(timespec="seconds"),
        seconds=time.monotonic() - clock,
    )


def judge_check(spec: CheckSpec, seen: Observations) -> CheckOutcome:
    """Judge one check on what was seen, and choose the hints that apply."""
    found, params = spec.resolve()
    (verdict,) = judge([Criterion(found, params)], seen)
    return CheckOutcome(
        id=spec.id,
        title=spec.title or found.title,
        points=spec.points,
        verdict=verdict,
        hints=applying_hints(spec, verdict),
    )


def applying_hints(spec: CheckSpec, verdict: Verdict) -> tuple[str, ...]:
    """The hints for what was seen, in their order; none for a pass."""
    if verdict.outcome is not Outcome.FAIL:
        return ()
    codes = verdict.codes()
    return tuple(h.text for h in spec.hints if not h.when or codes.intersection(h.when))


def _outcome(
    exercise: Exercise, spec: CheckSpec, images: _Images, seen: Mapping[str, Observations]
) -> CheckOutcome:
    name = exercise.image_of(spec).name
    if isinstance(images[name], BuiltImage):
        return judge_check(spec, seen[name])
    found, _ = spec.resolve()
    verdict = Verdict(Outcome.UNKNOWN, _NO_IMAGE)
    return CheckOutcome(spec.id, spec.title or found.title, spec.points, verdict)


def _observe(
    engine: Engine,
    folders: CourseFolders,
    exercise: Exercise,
    images: _Images,
    files: Mapping[str, bytes],
    cancel: CancelToken | None,
) -> dict[str, Observations]:
    """What was seen of each image that there is."""
    built = [found for found in images.values() if isinstance(found, BuiltImage)]
    ids = {image.spec.folder or ".": image.id for image in built}
    whole = whole_copy(exercise, files) if exercise.images else None
    stop: Future[None] = Future()
    looks = [
        _look(folders, exercise, image, _subject(engine, image, whole, ids, stop))
        for image in built
    ]

    def give_up() -> None:
        with suppress(InvalidStateError):  # it was given up a moment before
            stop.set_result(None)

    if cancel is not None:
        cancel.on_cancel(give_up)
    try:
        seen = observe_each(looks)
    except Stopped as error:
        if cancel is None or not cancel.cancelled:
            raise
        raise Cancelled("The check was cancelled.", remedy=_AGAIN) from error
    finally:
        if cancel is not None:
            cancel.forget(give_up)
    return {image.spec.name: found for image, found in zip(built, seen, strict=True)}


def _subject(
    engine: Engine,
    image: BuiltImage,
    whole: Context | None,
    ids: Mapping[str, str],
    stop: Future[None],
) -> Subject:
    return Subject(
        engine.client,
        image.id,
        catalogue={base.name: base.kind for base in bases.catalogue()},
        dockerfile=parse_dockerfile(image.record.dockerfile),
        build=image.record,
        context=image.request.context,
        request=replace(image.request, tags=()),
        files=whole,
        images=ids,
        stop=stop,
    )


def _look(folders: CourseFolders, exercise: Exercise, image: BuiltImage, subject: Subject) -> Look:
    own = [spec for spec in exercise.checks if exercise.image_of(spec).name == image.spec.name]
    needs = collect_requests(Criterion(*spec.resolve()) for spec in own)
    app = app_folder(folders, exercise, image.spec)
    return Look(subject, needs, dev_packages(app / "package-lock.json"))


def _bytes(images: _Images, seen: Mapping[str, Observations]) -> int | None:
    """Unpacked bytes of all images; None where one was not built or not looked at."""
    facts = [seen[name].image if name in seen else None for name in images]
    known = [found.unpacked_bytes for found in facts if found is not None]
    return sum(known) if len(known) == len(images) else None


def _stand_ins(engine: Engine, exercise: Exercise) -> tuple[str, ...]:
    return tuple(s.name for s in bases.status(engine.client, exercise.bases) if s.stand_in)
