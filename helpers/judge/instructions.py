"""The instructions that an image is made of: from its Dockerfile, or else from its history.

A Dockerfile tells more (earlier stages, flags, lines). The history is part of the image, so it is
there for every image, also for one that somebody else has built; it holds the base image's own
instructions, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from helpers.build.dockerfile import Dockerfile, Instruction, Stage, parse_dockerfile
from helpers.judge.shell_commands import commands, script_of
from helpers.judge.stages import used_stages
from helpers.judge.verdict import Evidence
from helpers.observe.image_facts import ImageFacts
from helpers.observe.requests import Observations
from helpers.observe.text import printable


@dataclass(frozen=True, slots=True)
class Line:
    """One instruction, wherever it was read.

    Attributes:
        instruction: keyword, arguments and flags.
        script: for RUN what it runs, as lines of shell; else empty.
        stage: the stage of the Dockerfile; empty where it comes from the history.
        line: line in the Dockerfile, from 1; None where it comes from the history.
        layer: index of the layer that it made; None where that is not known.
    """

    instruction: Instruction
    script: str = ""
    stage: str = ""
    line: int | None = None
    layer: int | None = None

    @property
    def keyword(self) -> str:
        """In upper case, for example ``RUN``."""
        return self.instruction.keyword

    @property
    def place(self) -> str:
        """Where it stands, as the beginning of a sentence."""
        if self.line is not None:
            return f"Line {self.line}"
        return f"Layer {self.layer + 1}" if self.layer is not None else "The history"

    def commands(self) -> tuple[tuple[str, ...], ...]:
        """The simple commands that a RUN instruction runs, each as its words."""
        return _commands(self.script) if self.keyword == "RUN" else ()

    def evidence(self, code: str, text: str, path: str | None = None) -> Evidence:
        """Evidence about this instruction; the sentence follows after its place."""
        return Evidence(
            code,
            f"{self.place}: {text}",
            path=path,
            layer=self.layer,
            instruction=shown(self.instruction),
            line=self.line,
        )


@dataclass(frozen=True, slots=True)
class Instructions:
    """All instructions that matter for an image.

    Attributes:
        lines: in their order.
        dockerfile: where they come from; None for the history.
    """

    lines: tuple[Line, ...] = field(default=())
    dockerfile: Dockerfile | None = None

    def of(self, *keywords: str) -> Iterator[Line]:
        """The instructions with one of these keywords."""
        return (line for line in self.lines if line.keyword in keywords)


@lru_cache(maxsize=128)
def _commands(script: str) -> tuple[tuple[str, ...], ...]:
    """Many properties look at the same script, and a hostile one may be long."""
    return tuple(commands(script))


def shown(instruction: Instruction, limit: int = 200) -> str:
    """An instruction as it may stand in a report, shortened."""
    flags = "".join(f" --{k}={v}" if v else f" --{k}" for k, v in instruction.flags)
    return printable(f"{instruction.keyword}{flags} {instruction.arguments}", limit)


def target_of(observations: Observations) -> str | None:
    """The stage that was built; None for the last one."""
    return observations.build.target if observations.build else None


def instructions_of(observations: Observations) -> Instructions | None:
    """What the image is made of; None where there is neither a Dockerfile nor a history.

    Of a Dockerfile only the stages that the image needs are taken.
    """
    dockerfile = observations.dockerfile
    if dockerfile is not None and dockerfile.stages:
        return dockerfile_instructions(dockerfile, target_of(observations))
    if observations.image is not None and any(e.created_by for e in observations.image.history):
        return history_instructions(observations.image)
    return None


def dockerfile_instructions(dockerfile: Dockerfile, target: str | None = None) -> Instructions:
    """The instructions of the stages that the image needs, in the order of the file."""
    lines = [
        _line(instruction, stage, dockerfile)
        for stage in used_stages(dockerfile, target)
        for instruction in stage.instructions
    ]
    return Instructions(tuple(lines), dockerfile)


def stage_lines(dockerfile: Dockerfile, stage: Stage) -> tuple[Line, ...]:
    """The instructions of one stage."""
    return tuple(_line(instruction, stage, dockerfile) for instruction in stage.instructions)


def _line(instruction: Instruction, stage: Stage, dockerfile: Dockerfile) -> Line:
    script = script_of(instruction, dockerfile) if instruction.keyword == "RUN" else ""
    return Line(instruction, script, stage.name, instruction.line)


def history_instructions(image: ImageFacts) -> Instructions:
    """The instructions that the history tells of; what is no instruction is left out."""
    lines = []
    for entry in image.history:
        keyword, _, rest = entry.created_by.partition(" ")
        if not keyword.isalpha() or not keyword.isupper():
            continue
        # One entry is one line: a hash sign in it begins no comment, and nothing is continued.
        parsed = parse_dockerfile(f"FROM history\n{keyword} {rest}").stages[0].instructions
        if len(parsed) == 2:
            script = parsed[1].arguments if keyword == "RUN" else ""
            lines.append(Line(parsed[1], script, layer=entry.layer))
    return Instructions(tuple(lines))
