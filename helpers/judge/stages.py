"""Which stages of a Dockerfile end up in the image, and which only give something to it.

Source: https://docs.docker.com/build/building/multi-stage/
"""

from __future__ import annotations

from helpers.build.dockerfile import Dockerfile, Instruction, Stage


def final_stage(dockerfile: Dockerfile, target: str | None = None) -> Stage | None:
    """The stage that the image is made of: the target, or else the last one."""
    if not dockerfile.stages:
        return None
    if target is None:
        return dockerfile.stages[-1]
    return find_stage(dockerfile, target, len(dockerfile.stages))


def find_stage(dockerfile: Dockerfile, name: str, before: int) -> Stage | None:
    """The stage that a name or number means, among those before an index; the last one wins."""
    wanted = name.strip().lower()
    earlier = dockerfile.stages[:before]
    for stage in reversed(earlier):
        if stage.name == wanted:
            return stage
    if wanted.isdecimal() and int(wanted) < len(earlier):
        return earlier[int(wanted)]
    return None


def final_chain(dockerfile: Dockerfile, target: str | None = None) -> tuple[Stage, ...]:
    """The final stage and those that it is FROM, last first: all of them are in the image."""
    chain: list[Stage] = []
    stage = final_stage(dockerfile, target)
    while stage is not None:
        chain.append(stage)
        stage = base_stage(dockerfile, stage)
    return tuple(chain)


def base_stage(dockerfile: Dockerfile, stage: Stage) -> Stage | None:
    """The earlier stage that a stage is FROM, or None where it is FROM an image."""
    if stage.base.strip().isdecimal():
        return None  # FROM takes names only
    return find_stage(dockerfile, stage.base, dockerfile.stages.index(stage))


def sources(dockerfile: Dockerfile, stage: Stage) -> tuple[tuple[Instruction, Stage], ...]:
    """Instructions of a stage that take files from an earlier stage, with that stage."""
    index = dockerfile.stages.index(stage)
    found = []
    for instruction in stage.instructions:
        for name in _froms(instruction):
            source = find_stage(dockerfile, name, index)
            if source is not None:
                found.append((instruction, source))
    return tuple(found)


def used_stages(dockerfile: Dockerfile, target: str | None = None) -> tuple[Stage, ...]:
    """The stages that BuildKit runs for the image, in the order of the file."""
    final = final_stage(dockerfile, target)
    waiting = [final] if final else []
    used: list[Stage] = []
    while waiting:
        stage = waiting.pop()
        if stage in used:
            continue
        used.append(stage)
        base = base_stage(dockerfile, stage)
        waiting += [base] if base else []
        waiting += [source for _, source in sources(dockerfile, stage)]
    return tuple(sorted(used, key=dockerfile.stages.index))


def _froms(instruction: Instruction) -> tuple[str, ...]:
    """The ``from`` of ``COPY --from`` and of each ``RUN --mount=…,from=…``."""
    if instruction.keyword in {"COPY", "ADD"}:
        return tuple(value for key, value in instruction.flags if key == "from")
    if instruction.keyword != "RUN":
        return ()
    names = []
    for key, value in instruction.flags:
        if key == "mount":
            options = (option.partition("=") for option in value.split(","))
            names += [text for name, _, text in options if name.strip() == "from"]
    return tuple(names)
