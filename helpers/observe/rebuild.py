"""What a second build does: what it takes from the cache, what it runs again, and why."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

from helpers.build.compare import Change, StepChange, compare
from helpers.build.context import Context
from helpers.build.graph import step_name
from helpers.build.reasons import CacheNotUsed
from helpers.build.record import BuildRecord
from helpers.observe.build_again import LARGEST_EDIT, BuildAgain, builds_again, edited
from helpers.observe.errors import ObservationFailed
from helpers.observe.requests import Request
from helpers.observe.subject import Subject
from helpers.observe.text import printable

StepOutcome = Literal["cached", "ran again", "new", "gone", "not built"]
_LONGEST = 300
_SOURCE = re.compile(
    r"\.(?:[cm]?[jt]sx?|py|go|rs|rb|php|java|kt|cs|swift|scala|ex|exs|c|cc|cpp|h|hpp|sh|vue|svelte)$"
)
# Not edited by hand, no part of the program, or one that changes what is installed.
_NOT_OURS = re.compile(
    r"/(?:node_modules|vendor|dist|build|target|tests?|__tests__|spec|\.[^/]+)/"
    r"|\.(?:test|spec|config|min|d)\.[a-z]+$|/(?:setup|conftest)\.py$|/[^/]*\.config\.[a-z]+$"
)


@dataclass(frozen=True, slots=True)
class RebuiltStep:
    """One step of the Dockerfile in the second build.

    Attributes:
        name: with its stage, for example ``build: RUN npm ci``.
        instruction: as it stands in the Dockerfile.
        stage: where it belongs.
        line: in the Dockerfile, from 1, where it can be told.
        outcome: what became of it.
        reason: one sentence, where it is not simply reused; else empty.
        seconds: how long it ran in the second build.
        lost: True where nothing about it changed, and the engine had given its result up: its
            cache has a limit, and others fill it, too.
    """

    name: str
    instruction: str
    stage: str
    line: int | None
    outcome: StepOutcome
    reason: str = ""
    seconds: float = 0.0
    lost: bool = False


@dataclass(frozen=True, slots=True)
class RebuildFacts:
    """Two builds in a row.

    Attributes:
        steps: the steps of the Dockerfile, in its order.
        seconds: how long the second build took.
        same_image: whether both gave the same image.
        edited: the files that were edited in between.
        left_out: those of them that the ignore file keeps away from the build.
    """

    steps: tuple[RebuiltStep, ...]
    seconds: float
    same_image: bool
    edited: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RebuildRequest(Request[RebuildFacts]):
    """Build twice, and edit files in between.

    Attributes:
        edit: paths in the context; empty for no edit at all.
        choose: whether a source file is chosen where no path is given.
        seconds: how long one build may take.
        arguments: build arguments that get another value in each build, as a CI gives its number.
        may_be_left_out: whether a file may be edited that the ignore file keeps away: such an edit
            reaches no build.
    """

    edit: tuple[str, ...] = ()
    choose: bool = False
    seconds: float = 900.0
    arguments: tuple[str, ...] = ()
    may_be_left_out: bool = False

    observer: ClassVar[str] = "helpers.observe.rebuild:observe_rebuild"
    builds_again: ClassVar[bool] = True


def observe_rebuild(subject: Subject, request: RebuildRequest) -> RebuildFacts:
    """Build the subject twice; the first build sees to it that the cache is filled.

    Raises:
        ObservationFailed: where it is not known how the image was built, a build fails, or a file
            cannot be edited.
        NoEngine: if the engine stops answering.
    """
    with builds_again(subject, request.seconds) as again:
        paths = request.edit or ((source_file(again.context),) if request.choose else ())
        facts = _twice(again, request, paths)
        if any(step.lost for step in facts.steps):
            facts = _twice(again, request, paths)  # the cache was cleared in between: once more
    return facts


def _twice(again: BuildAgain, request: RebuildRequest, paths: tuple[str, ...]) -> RebuildFacts:
    changed = again.context
    left_out = []
    for path in paths:
        if request.may_be_left_out and again.context.left_out_by(path):
            left_out.append(path)
        else:
            changed = edited(changed, path)
    first = again.build(build_args=_new_values(request.arguments))
    second = again.build(changed, build_args=_new_values(request.arguments))
    return rebuild_facts(first, second, paths, left_out)


def _new_values(arguments: tuple[str, ...]) -> dict[str, str]:
    """A value for each build argument that no build has had before."""
    return {name: str(secrets.randbits(48)) for name in arguments}


def source_file(context: Context) -> str:
    """A file that somebody who works on the program would edit: its largest source file.

    Raises:
        ObservationFailed: where the context has none.
    """
    sources = [
        entry
        for entry in context.entries
        if entry.kind == "file"
        and 0 < entry.size <= LARGEST_EDIT
        and _SOURCE.search(entry.path)
        and not _NOT_OURS.search(f"/{entry.path}")
    ]
    if not sources:
        raise ObservationFailed(
            "No source file is known in the build context.",
            remedy="Name the file to edit with the parameter `edit`.",
        )
    return min(sources, key=lambda entry: (-entry.size, entry.path)).path


def rebuild_facts(
    first: BuildRecord,
    second: BuildRecord,
    edited_files: tuple[str, ...] = (),
    left_out: Iterable[str] = (),
) -> RebuildFacts:
    """The facts about two builds, and what was edited in between."""
    return RebuildFacts(
        steps=tuple(_steps(compare(first, second).steps)),
        seconds=second.seconds,
        same_image=first.image_id == second.image_id,
        edited=tuple(printable(path, _LONGEST) for path in edited_files),
        left_out=tuple(printable(path, _LONGEST) for path in left_out),
    )


def _steps(changes: Iterable[StepChange]) -> Iterable[RebuiltStep]:
    outcomes: dict[Change, StepOutcome] = {
        Change.CACHED: "cached",
        Change.AGAIN: "ran again",
        Change.NEW: "new",
        Change.GONE: "gone",
        Change.NOT_BUILT: "not built",
    }
    for change in changes:
        yield RebuiltStep(
            name=printable(step_name(change.step), _LONGEST),
            instruction=printable(change.step.instruction or "", _LONGEST),
            stage=change.stage or "",
            line=change.step.line,
            # The build before may not have asked for a step that comes from the cache now.
            outcome="cached" if change.after and change.after.cached else outcomes[change.change],
            reason=printable(change.reason.sentence(), _LONGEST) if change.reason else "",
            seconds=change.seconds_after,
            lost=isinstance(change.reason, CacheNotUsed),
        )
