"""How the Dockerfile is divided into stages, and what it starts from."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field

from helpers.build.dockerfile import Dockerfile, Instruction, Stage
from helpers.judge.known_programs import names
from helpers.judge.property import Params, Property
from helpers.judge.shell_commands import builds_something, commands, script_of
from helpers.judge.stages import base_stage, final_chain, find_stage, sources, used_stages
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import at_most, could_not_tell, counted, failed, listed, passed
from helpers.observe.requests import Observations, Request
from helpers.observe.text import printable


class MultiStageParams(Params):
    """Parameters of ``multi-stage``."""

    min_stages: int = Field(
        2,
        ge=2,
        description="Fewest stages that the image must be made from, the final one included.",
    )


class PinnedBaseParams(Params):
    """Parameters of ``pinned-base``."""

    require_digest: bool = Field(
        False, description="True where only a digest counts (`image@sha256:…`), not a version tag."
    )


def judge_multi_stage(params: MultiStageParams, observations: Observations) -> Verdict:
    """Built in one stage, copied into another that does not build."""
    dockerfile = observations.dockerfile
    if dockerfile is None:
        return could_not_tell("there is no Dockerfile to look at")
    target = observations.build.target if observations.build else None
    chain = final_chain(dockerfile, target)
    if not chain:
        return could_not_tell("the Dockerfile has no stage")
    used = used_stages(dockerfile, target)
    evidence = [
        *_too_few(dockerfile, used, params.min_stages),
        *_nothing_copied(dockerfile, chain),
        *_builds(dockerfile, chain),
    ]
    named = listed(stage.name for stage in used)
    summary = (
        f"The image is made from {counted(len(used), 'stage')} ({named}), at least "
        f"{params.min_stages} wanted, the last one only taking what others built."
    )
    if evidence:
        return failed(summary, at_most(evidence, "finding"))
    return passed(summary)


def _too_few(dockerfile: Dockerfile, used: tuple[Stage, ...], least: int) -> list[Evidence]:
    if len(used) >= least:
        return []
    unused = [s.name for s in dockerfile.stages if s not in used]
    aside = f"; nothing uses {listed(unused)}" if unused else ""
    return [
        Evidence(
            "single-stage",
            f"Only {counted(len(used), 'stage')} of the Dockerfile "
            f"{'goes' if len(used) == 1 else 'go'} into the image{aside}.",
            line=used[-1].instructions[0].line,
            instruction=_shown(used[-1].instructions[0]),
        )
    ]


def _nothing_copied(dockerfile: Dockerfile, chain: tuple[Stage, ...]) -> list[Evidence]:
    """Files must come from a stage that is not itself part of the image."""
    taken = [s for stage in chain for _, s in sources(dockerfile, stage) if s not in chain]
    if taken or len(dockerfile.stages) < 2:
        return []
    final = chain[0]
    built_on = f" and is FROM the stage {chain[1].name}" if len(chain) > 1 else ""
    return [
        Evidence(
            "nothing-copied",
            f"The final stage {final.name} copies nothing from another stage{built_on}.",
            line=final.instructions[0].line,
            instruction=_shown(final.instructions[0]),
        )
    ]


def _builds(dockerfile: Dockerfile, chain: tuple[Stage, ...]) -> list[Evidence]:
    evidence = []
    for stage in chain:
        production = False
        for instruction in stage.instructions:
            if instruction.keyword == "ENV":
                production = production or _sets_production(instruction)
            if instruction.keyword != "RUN":
                continue
            script = script_of(instruction, dockerfile)
            found = next((c for c in commands(script) if builds_something(c, production)), None)
            if found is not None:
                evidence.append(
                    Evidence(
                        "final-stage-builds",
                        f"Line {instruction.line} runs `{printable(' '.join(found), 100)}` in the "
                        f"stage {stage.name}, which is part of the image.",
                        line=instruction.line,
                        instruction=_shown(instruction),
                    )
                )
    return evidence


def _sets_production(instruction: Instruction) -> bool:
    return re.search(r"\bNODE_ENV[= ][\"']?production\b", instruction.arguments) is not None


def judge_pinned_base(params: PinnedBaseParams, observations: Observations) -> Verdict:
    """Every image that the build starts from or copies from names a version."""
    dockerfile = observations.dockerfile
    if dockerfile is None:
        return could_not_tell("there is no Dockerfile to look at")
    target = observations.build.target if observations.build else None
    used = used_stages(dockerfile, target)
    if not used:
        return could_not_tell("the Dockerfile has no stage")
    images = [found for stage in used for found in _images(dockerfile, stage)]
    evidence = [e for image, i in images if (e := _not_pinned(image, i, params.require_digest))]
    wanted = "a digest" if params.require_digest else "a version"
    named = listed(dict.fromkeys(printable(image, 80) for image, _ in images)) or "none"
    summary = f"Every image that the build uses names {wanted}: {named}."
    if not evidence:
        return passed(summary)
    loose = counted(len(evidence), "image")
    return failed(f"{loose} of {len(images)} without {wanted}.", at_most(evidence, "image"))


def _images(dockerfile: Dockerfile, stage: Stage) -> list[tuple[str, Instruction]]:
    """Images from outside that a stage uses, with the instruction that names them."""
    found = []
    if base_stage(dockerfile, stage) is None and stage.base.lower() != "scratch":
        found.append((stage.base, stage.instructions[0]))
    index = dockerfile.stages.index(stage)
    for instruction in stage.instructions[1:]:
        name = instruction.flag("from") if instruction.keyword in {"COPY", "ADD"} else None
        if name and find_stage(dockerfile, name, index) is None and not name.isdecimal():
            found.append((name, instruction))
    return found


# Tags that name a moving target, whatever follows after a hyphen.
_MOVING = names(
    "latest lts current stable testing unstable edge rolling nightly main master dev slim alpine "
    "nonroot debug"
)
# Distributions whose versions have names.
_CODENAMES = names("buster bullseye bookworm trixie forky sid focal jammy noble resolute")
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
# A version in the repository's own name, as in gcr.io/distroless/nodejs22-debian12.
_VERSION_IN_NAME = re.compile(r"\d+(?:$|-)")


def _not_pinned(image: str, instruction: Instruction, require_digest: bool) -> Evidence | None:
    if _DIGEST.search(image):
        return None
    shown = printable(image, 120)
    repository, tag = _split(image)

    def evidence(code: str, text: str) -> Evidence:
        return Evidence(
            code,
            f"Line {instruction.line}: {text}",
            line=instruction.line,
            instruction=_shown(instruction),
        )

    if "$" in image:
        return evidence("no-version", f"`{shown}` has a build argument without a default.")
    if require_digest:
        return evidence("no-digest", f"`{shown}` has no digest (`@sha256:…`).")
    if _VERSION_IN_NAME.search(repository.rpartition("/")[2]):
        return None
    if not tag:
        return evidence("no-version", f"`{shown}` names no tag, which means `latest`.")
    if tag == "latest":
        return evidence("latest-tag", f"`{shown}` means another image after each release.")
    first = tag.split("-")[0]
    if first in _MOVING or not (any(c.isdigit() for c in first) or first in _CODENAMES):
        return evidence("no-version", f"the tag of `{shown}` names no version.")
    return None


def _split(image: str) -> tuple[str, str]:
    """Repository and tag; a colon before the last slash belongs to the registry's port."""
    name = image.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    base, _, tag = last.partition(":")
    return f"{folder}{slash}{base}", tag


def _shown(instruction: Instruction) -> str:
    flags = "".join(f" --{k}={v}" if v else f" --{k}" for k, v in instruction.flags)
    return printable(f"{instruction.keyword}{flags} {instruction.arguments}", 200)


def _nothing(_: Params) -> tuple[Request[Any], ...]:
    return ()


PROPERTIES = (
    Property(
        id="multi-stage",
        family="Dockerfile",
        title="One stage builds, another one runs",
        meaning="The final stage copies what an earlier stage built and runs no build tool "
        "itself, so compilers, sources and development dependencies stay behind. Only "
        "stages that the image is made from count.",
        source="https://docs.docker.com/build/building/multi-stage/",
        params=MultiStageParams,
        codes={
            "single-stage": "the image is made from fewer stages than wanted",
            "nothing-copied": "the final stage copies nothing from another stage",
            "final-stage-builds": "a stage that is part of the image runs build tools",
        },
        needs=_nothing,
        judge=judge_multi_stage,
        remedy="Name the stage that builds (`FROM … AS build`), begin another one, and take only "
        "the result with `COPY --from=build`.",
        weight=3,
        covers=("docker-bench 4.3",),
    ),
    Property(
        id="pinned-base",
        family="Dockerfile",
        title="Base images name a version",
        meaning="Without a version, or with `latest`, the same Dockerfile builds on another "
        "base next month. A tag can still be moved; a digest cannot.",
        source="https://docs.docker.com/build/building/best-practices/#pin-base-image-versions",
        params=PinnedBaseParams,
        codes={
            "latest-tag": "the tag is latest",
            "no-version": "no tag, or one that names no version",
            "no-digest": "no digest, where one is wanted",
        },
        needs=_nothing,
        judge=judge_pinned_base,
        remedy="Name a version in every FROM and `COPY --from`, or a digest "
        "(`node:26-trixie-slim@sha256:…`) that a bot keeps up to date.",
        weight=3,
        covers=(
            "dockle CIS-DI-0002",
            "docker-bench 4.2",
            "hadolint DL3006",
            "hadolint DL3007",
        ),
    ),
)
