"""What a second build takes from the cache, seen in builds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pydantic import Field

from helpers.judge.package_commands import install_of
from helpers.judge.property import Params, Property
from helpers.judge.shell_commands import commands
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    at_most,
    could_not_tell,
    counted,
    failed,
    listed,
    not_observed,
    passed,
    shown_path,
)
from helpers.observe.rebuild import RebuildFacts, RebuildRequest, RebuiltStep
from helpers.observe.requests import Observations
from helpers.observe.text import printable

_FLAGS = re.compile(r"^(?:--[a-z]+(?:=\S+)?\s+)+")  # --mount, --network, --security


class RebuildParams(Params):
    """Parameters of ``cached-rebuild``."""

    seconds: float = Field(900, gt=0, description="How long one build may take, in seconds.")


class AfterEditParams(Params):
    """Parameters of ``cached-after-edit``."""

    edit: tuple[str, ...] = Field(
        (),
        description="Files of the build context that are edited together, by path; empty for the "
        "largest source file. No unit.",
    )
    must_not_run: tuple[str, ...] = Field(
        (),
        description="Words of instructions that must come from the cache, for example `npm ci`; "
        "empty for all that install packages. No unit.",
    )
    may_run: tuple[str, ...] = Field(
        (),
        description="Words of the only instructions that may run again; empty for any other. No "
        "unit.",
    )
    must_run: tuple[str, ...] = Field(
        (), description="Words of instructions that must run again. No unit."
    )
    arguments: tuple[str, ...] = Field(
        (),
        description="Build arguments that get another value in each build, as a CI gives its "
        "number. No unit.",
    )
    may_be_left_out: bool = Field(
        False,
        description="Whether a file of `edit` may be one that the ignore file leaves out: its edit "
        "reaches no build.",
    )
    seconds: float = Field(900, gt=0, description="How long one build may take, in seconds.")


def _same_again(params: RebuildParams) -> RebuildRequest:
    return RebuildRequest(seconds=params.seconds)


def judge_cached_rebuild(params: RebuildParams, observations: Observations) -> Verdict:
    """Building the same again runs nothing."""
    request = _same_again(params)
    seen = observations.answer(request)
    if seen is None:
        return not_observed(observations, request, "a second build")
    if not seen.steps:
        return could_not_tell("the build told of no step")
    if lost := _lost(seen):
        return lost
    ran = _ran(seen)
    number = counted(_steps_now(seen), "step")
    if ran:
        return failed(
            f"{len(ran)} of {number} ran again although nothing had changed.",
            at_most([_step("ran-again", step) for step in ran], "step"),
        )
    return passed(f"All of {number} came from the cache ({seen.seconds:.2f} s).")


def _steps_now(seen: RebuildFacts) -> int:
    """How many steps the second build had; one that is gone or was not reached is none."""
    return sum(step.outcome in {"cached", "ran again", "new"} for step in seen.steps)


def _lost(seen: RebuildFacts) -> Verdict | None:
    """Where the engine gave cached results up, what ran again says nothing of the Dockerfile."""
    step = next((step for step in seen.steps if step.lost), None)
    if step is None:
        return None
    return could_not_tell(f"the engine gave the result of `{step.name}` up between two builds")


def _ran(seen: RebuildFacts) -> list[RebuiltStep]:
    return [step for step in seen.steps if step.outcome in {"ran again", "new"}]


def _step(code: str, step: RebuiltStep) -> Evidence:
    why = f": {step.reason[:1].lower()}{step.reason[1:]}".rstrip(".") if step.reason else ""
    return Evidence(
        code,
        f"`{step.name}` ran again ({step.seconds:.1f} s){why}.",
        instruction=step.instruction or None,
        line=step.line,
    )


def _edit_request(params: AfterEditParams) -> RebuildRequest:
    return RebuildRequest(
        tuple(params.edit),
        choose=not params.edit,
        seconds=params.seconds,
        arguments=tuple(params.arguments),
        may_be_left_out=params.may_be_left_out,
    )


def judge_cached_after_edit(params: AfterEditParams, observations: Observations) -> Verdict:
    """After an edit of some files, only what depends on them runs."""
    request = _edit_request(params)
    seen = observations.answer(request)
    if seen is None:
        return not_observed(observations, request, "a build after an edit")
    absent = [
        words
        for words in (*params.must_not_run, *params.must_run)
        if not any(words in step.instruction for step in seen.steps)
    ]
    if absent:
        return could_not_tell(
            f"no step of the build has {listed(f'`{printable(w, 60)}`' for w in absent)}"
        )
    if lost := _lost(seen):
        return lost
    ran = _ran(seen)
    evidence = [*_unwanted(params, ran), *_lacking(params, seen, ran)]
    files = listed(f"`{shown_path(path)}`" for path in seen.edited)
    with_arguments = listed(f"`{printable(name, 60)}`" for name in params.arguments)
    if with_arguments:
        files += f" with another {with_arguments}"
    if seen.left_out:
        files += " (left out of the build)" if seen.left_out == seen.edited else " (some left out)"
    summary = (
        f"After an edit of {files} {len(ran)} of {counted(_steps_now(seen), 'step')} ran again "
        f"({seen.seconds:.1f} s)."
    )
    return failed(summary, at_most(evidence, "step")) if evidence else passed(summary)


def _unwanted(params: AfterEditParams, ran: Iterable[RebuiltStep]) -> Iterator[Evidence]:
    for step in ran:
        if params.must_not_run:
            unwanted = any(words in step.instruction for words in params.must_not_run)
        else:
            unwanted = _installs(step)
        if unwanted:
            yield _step("ran-again", step)
        elif params.may_run and not any(words in step.instruction for words in params.may_run):
            yield _step("ran-unexpectedly", step)


def _lacking(
    params: AfterEditParams, seen: RebuildFacts, ran: list[RebuiltStep]
) -> Iterator[Evidence]:
    for words in params.must_run:
        if not any(words in step.instruction for step in ran):
            step = next(s for s in seen.steps if words in s.instruction)
            yield Evidence(
                "did-not-run",
                f"`{step.name}` did not run again: it does not see the edit.",
                instruction=step.instruction,
                line=step.line,
            )


def _installs(step: RebuiltStep) -> bool:
    keyword, _, script = step.instruction.partition(" ")
    script = _FLAGS.sub("", script)
    return keyword == "RUN" and any(install_of(words) for words in commands(script))


PROPERTIES = (
    Property(
        id="cached-rebuild",
        family="caching",
        title="Building the same again runs nothing",
        meaning="The same files are built twice in a row; in the second build every step must come "
        "from the cache. What does not (an ADD of a URL that changes, a cache that is off) costs "
        "its time in every build.",
        source="https://docs.docker.com/build/cache/invalidation/",
        params=RebuildParams,
        codes={"ran-again": "a step ran although nothing had changed"},
        needs=lambda params: (_same_again(params),),
        judge=judge_cached_rebuild,
        remedy="Look at the reason in the evidence: what the step takes in changes by itself.",
        weight=2,
    ),
    Property(
        id="cached-after-edit",
        family="caching",
        title="An edit runs only what depends on it",
        meaning="Files of the context are edited in memory (white space at their end) and built "
        "again; each step's fate comes from BuildKit's own records. By default the largest "
        "source file is edited, and no instruction that installs packages may run again.",
        source="https://docs.docker.com/build/cache/invalidation/",
        params=AfterEditParams,
        codes={
            "ran-again": "a step ran that must come from the cache",
            "ran-unexpectedly": "a step ran that is not among those that may",
            "did-not-run": "a step that must run came from the cache",
        },
        needs=lambda params: (_edit_request(params),),
        judge=judge_cached_after_edit,
        remedy="Copy what changes often later, and only what a step needs: the reason in the "
        "evidence names the first cause.",
        weight=3,
    ),
)
