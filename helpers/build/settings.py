"""What the lines above an instruction set for it: ENV, ARG, SHELL and USER make no step."""

from __future__ import annotations

import re

from helpers.build.dockerfile import Dockerfile, Instruction, Stage
from helpers.build.events import Step

_SETTING = frozenset({"ARG", "ENV", "SHELL", "USER"})
_NAME = re.compile(r"(\w+)(?:=(?:\"(?:\\.|[^\"\\])*\"|'[^']*'|\\.|[^\s\"'\\])*)?")


def source(dockerfile: Dockerfile, step: Step) -> Instruction | None:
    """The instruction of a step as it is written, before variables are put in."""
    stage = _stage(dockerfile, step.stage)
    if stage is None:
        return None
    if step.line is not None:
        return next((i for i in stage.instructions if i.line == step.line), None)
    counted = dockerfile.counted(stage)
    index = (step.number or 0) - 1
    found = counted[index] if 0 <= index < len(counted) else None
    keyword = (step.instruction or "").split(" ", 1)[0].upper()
    return found if found is not None and found.keyword == keyword else None


def written(instruction: Instruction) -> str:
    """An instruction's text on one line."""
    flags = "".join(f" --{n}={v}" if v else f" --{n}" for n, v in instruction.flags)
    return " ".join(f"{instruction.keyword}{flags} {instruction.arguments}".split())


def settings(dockerfile: Dockerfile, step: Step) -> tuple[str, ...]:
    """The setting lines above a step, in its stage and in the stages that this one begins from."""
    return tuple(written(i) for i in _above(dockerfile, step))


def declared_arguments(dockerfile: Dockerfile, step: Step) -> frozenset[str]:
    """Names of the build arguments that are declared above a step."""
    return frozenset(
        match[1]
        for i in _above(dockerfile, step)
        if i.keyword == "ARG"
        for match in _NAME.finditer(i.arguments)
    )


def _above(dockerfile: Dockerfile, step: Step) -> list[Instruction]:
    stage = _stage(dockerfile, step.stage)
    own = source(dockerfile, step)
    if stage is None or own is None:
        return []
    lines = [i for i in stage.instructions if i.keyword in _SETTING and i.line < own.line]
    seen = {stage.name}
    base = _stage(dockerfile, stage.base.lower())
    while base is not None and base.name not in seen:
        seen.add(base.name)
        lines = [i for i in base.instructions if i.keyword in _SETTING] + lines
        base = _stage(dockerfile, base.base.lower())
    return lines


def _stage(dockerfile: Dockerfile, name: str | None) -> Stage | None:
    return next((s for s in reversed(dockerfile.stages) if s.name == name), None)
