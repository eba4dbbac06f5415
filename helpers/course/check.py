"""Check an exercise: build the submission, observe the image, judge it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from docker.errors import APIError, ImageNotFound

from helpers.build.cancel import CancelToken
from helpers.build.client import build
from helpers.build.context import Context, mapping_context
from helpers.build.dockerfile import parse_dockerfile
from helpers.build.errors import BuildError, Cancelled, ImageUnavailable, NoSpace
from helpers.build.events import Event
from helpers.build.record import BuildRecord
from helpers.build.request import BuildRequest
from helpers.course.exercise import CheckSpec, Exercise
from helpers.course.npm_lock import dev_packages
from helpers.course.paths import CourseFolders
from helpers.course.workspace import Submission, app_folder, course_files
from helpers.engine import bases
from helpers.engine.connect import Engine
from helpers.engine.labels import BUILT, CHECK, labels
from helpers.engine.ownership import is_superseded, keep_track, references
from helpers.errors import NoEngine
from helpers.judge.judge import Criterion, collect_requests, judge
from helpers.judge.verdict import Outcome, Verdict
from helpers.observe.errors import engine_errors
from helpers.observe.observe import observe
from helpers.observe.requests import Observations
from helpers.observe.subject import Subject
from helpers.report.result import CheckOutcome, CheckResult

_NO_IMAGE = "There is no image to look at: the build failed."


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why there is no image, for the learner."""

    record: BuildRecord | None
    problem: str
    remedy: str


@dataclass(frozen=True, slots=True)
class _Built:
    """An image and what it was made from."""

    context: Context
    record: BuildRecord


def image_tag(exercise: Exercise) -> str:
    """Name of the image that the latest check of the exercise built."""
    return f"{BUILT}{exercise.id}:latest"


def check(
    engine: Engine,
    folders: CourseFolders,
    exercise: Exercise,
    submission: Submission,
    *,
    on_event: Callable[[Event], None] | None = None,
    cancel: CancelToken | None = None,
) -> CheckResult:
    """Build and judge one submission.

    Args:
        engine: where it is built and run.
        folders: the course.
        exercise: what is asked for.
        submission: the edited files; everything else comes from the course.
        on_event: called with every event of the build.
        cancel: ends the build from another thread.

    Returns:
        The result. A Dockerfile that does not build is a result, too: no check passes.

    Raises:
        NoEngine: where the engine stops answering or its disk is full.
        BadInput: where the course itself is damaged.
        Cancelled: where the build was cancelled.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    built = _build(engine, folders, exercise, submission, on_event, cancel)
    if isinstance(built, _Failure):
        seen = Observations(build=built.record)
        outcomes = tuple(_unknown(spec) for spec in exercise.checks)
    else:
        seen = _observe(engine, folders, exercise, built)
        outcomes = tuple(judge_check(spec, seen) for spec in exercise.checks)
    failure = built if isinstance(built, _Failure) else None
    return CheckResult(
        exercise=exercise.id,
        title=exercise.title,
        checks=outcomes,
        build=seen.build,
        problem=failure.problem if failure else "",
        remedy=failure.remedy if failure else "",
        image_bytes=seen.image.unpacked_bytes if seen.image else None,
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


def _unknown(spec: CheckSpec) -> CheckOutcome:
    found, _ = spec.resolve()
    verdict = Verdict(Outcome.UNKNOWN, _NO_IMAGE)
    return CheckOutcome(spec.id, spec.title or found.title, spec.points, verdict)


def _build(
    engine: Engine,
    folders: CourseFolders,
    exercise: Exercise,
    submission: Submission,
    on_event: Callable[[Event], None] | None,
    cancel: CancelToken | None,
) -> _Built | _Failure:
    tag = image_tag(exercise)
    before = _image_id(engine, tag)
    try:
        context = mapping_context(
            {**course_files(folders, exercise), **submission.files},
            limit_bytes=exercise.build.context_limit_mb * 1_000_000,
        )
        request = BuildRequest(
            context,
            tags=(tag,),
            target=exercise.build.target or None,
            labels=labels(CHECK),
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
        return _failure(error, exercise)
    if record.image_id and before != record.image_id:
        with engine_errors("naming the image"):
            keep_track(engine.client.api, record.image_id)
        if before:
            _remove_old(engine, before)
    return _Built(context, record)


def _failure(error: BuildError, exercise: Exercise) -> _Failure:
    remedy = error.remedy
    if isinstance(error, ImageUnavailable) and exercise.bases:
        remedy += f" Base images that are at hand here: {', '.join(exercise.bases)}."
    return _Failure(error.record, "\n".join((error.message, *error.details())), remedy)


def _observe(
    engine: Engine, folders: CourseFolders, exercise: Exercise, built: _Built
) -> Observations:
    needs = collect_requests(Criterion(*spec.resolve()) for spec in exercise.checks)
    record = built.record
    subject = Subject(
        engine.client,
        record.image_id or image_tag(exercise),
        catalogue={base.name: base.kind for base in bases.catalogue()},
        dockerfile=parse_dockerfile(record.dockerfile),
        build=record,
        context=built.context,
    )
    packages = dev_packages(app_folder(folders, exercise) / "package-lock.json")
    return observe(subject, needs, dev_packages=packages)


def _stand_ins(engine: Engine, exercise: Exercise) -> tuple[str, ...]:
    return tuple(s.name for s in bases.status(engine.client, exercise.bases) if s.stand_in)


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
