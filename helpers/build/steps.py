"""Which Dockerfile instruction a step of BuildKit's graph belongs to."""

from __future__ import annotations

import re

from helpers.build.dockerfile import Dockerfile, Instruction, Stage
from helpers.build.events import Step

# "[build 2/3] RUN x", "[2/3] RUN x" where there is one stage, and where platforms are told apart
# "[linux/amd64->arm64 build 2/3] RUN x"; numbers are padded: "[ 2/12] RUN x".
_NAME = re.compile(
    r"\[(?:(?P<platform>[^\s\]]*/[^\s\]]*) )?(?:(?P<stage>[^\s/\]]+) )?"
    r"\s*(?P<number>\d+)/(?P<total>\d+)\] "
    r"(?P<onbuild>ONBUILD )?(?P<instruction>.*)",
    re.DOTALL,
)
# What BuildKit does not repeat literally in a step's name.
_REWRITTEN = re.compile(r"[$<\"'\\`]")


def step(digest: str, name: str, inputs: tuple[str, ...], dockerfile: Dockerfile) -> Step:
    """The step of a vertex; stage, number and line are None for BuildKit's own steps.

    Args:
        digest: the vertex's digest.
        name: as BuildKit prints it.
        inputs: digests of the vertices that it uses.
        dockerfile: what is being built.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return Step(digest, name, inputs)
    number, total = int(match["number"]), int(match["total"])
    only = dockerfile.stage_names() if len(dockerfile.stages) == 1 else ("stage-0",)
    stage = (match["stage"] or only[0]).lower()
    instruction = (match["onbuild"] or "") + match["instruction"].strip()
    line = None
    # Two stages may share a name; the later one is the one that can be built.
    for candidate in reversed(dockerfile.stages):
        if candidate.name == stage:
            found = _instruction(dockerfile, candidate, number, total, instruction)
            line = found.line if found else None
            break
    return Step(digest, name, inputs, stage, number, total, instruction, line)


def _instruction(
    dockerfile: Dockerfile, stage: Stage, number: int, total: int, text: str
) -> Instruction | None:
    """The instruction of a step, by its number and its words.

    The number alone does not do: ONBUILD triggers of the base image come first and shift it, and
    older BuildKit neither marks them nor counts them in the total. The words alone do not do
    either: BuildKit puts variables in, takes quotes away and shortens heredocs.
    """
    keyword = text.split(" ", 1)[0].upper()
    if keyword in {"FROM", "ONBUILD"}:
        # Triggers of the base image run at the FROM line.
        return stage.instructions[0]
    counted = dockerfile.counted(stage)
    index = number - 1 - max(0, total - len(counted))
    at_number = counted[index] if 0 <= index < len(counted) else None
    alike = [i for i in counted if i.keyword == keyword]
    exact = [i for i in alike if _words(i) == text.split()[1:]]
    if at_number in exact:
        return at_number
    if exact:
        return exact[0] if len(exact) == 1 else None
    rewritten = [i for i in alike if _REWRITTEN.search(f"{i.flags} {i.arguments}")]
    if at_number in rewritten:
        return at_number
    return rewritten[0] if at_number is None and len(rewritten) == 1 else None


def _words(instruction: Instruction) -> list[str]:
    flags = (f"--{name}={value}" if value else f"--{name}" for name, value in instruction.flags)
    return [*flags, *instruction.arguments.split()]
