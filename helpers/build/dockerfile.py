"""A Dockerfile as values: stages and instructions with their lines.

Only what is needed to tell where an instruction stands; BuildKit remains the judge of validity.
Source: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from helpers.build.errors import DockerfileError

#: Instructions that BuildKit turns into a step of its own and counts in ``[stage 2/5]``.
COUNTED = frozenset({"ADD", "COPY", "RUN", "WORKDIR"})
_HEREDOC_KEYWORDS = frozenset({"ADD", "COPY", "RUN"})
_DIRECTIVE = re.compile(r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*$")
_DIRECTIVES = frozenset({"escape", "syntax", "check"})
_HEREDOC = re.compile(r"\d*<<(-?)([^<]+)")
_WORD = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+""")
_VARIABLE = re.compile(
    r"\\\$|\$(?:(?P<plain>\w+)|\{(?P<name>\w+)(?:(?P<op>:?[-+])(?P<word>[^}]*))?\})"
)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    Attributes:
        keyword: in upper case, for example ``COPY``.
        arguments: the rest, continuation lines joined, heredocs left out.
        flags: ``--name=value`` pairs before the arguments, value empty where there is none.
        line: where it starts, from 1.
        end_line: where it ends (heredoc included).
    """

    keyword: str
    arguments: str
    line: int
    end_line: int
    flags: tuple[tuple[str, str], ...] = ()

    def flag(self, name: str) -> str | None:
        """Value of the flag, or None where it is not given."""
        return next((value for key, value in self.flags if key == name), None)


@dataclass(frozen=True, slots=True)
class Stage:
    """One build stage.

    Attributes:
        name: after AS, in lower case; ``stage-N`` (N from 0) where it has none, as BuildKit does.
        base: the image or earlier stage after FROM, build arguments put in where they have a
            default.
        instructions: FROM first.
    """

    name: str
    base: str
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A whole Dockerfile.

    Attributes:
        text: as it was read.
        stages: in the order of the file.
        global_args: the ARG instructions before the first FROM.
        misplaced: other instructions before the first FROM (BuildKit refuses them).
        syntax: the frontend image that ``# syntax=`` asks for, or None.
    """

    text: str
    stages: tuple[Stage, ...]
    global_args: tuple[Instruction, ...] = ()
    misplaced: tuple[Instruction, ...] = ()
    syntax: str | None = None

    def instructions(self) -> Iterator[Instruction]:
        """Every instruction; those before the first FROM come first."""
        yield from sorted((*self.global_args, *self.misplaced), key=lambda i: i.line)
        for stage in self.stages:
            yield from stage.instructions

    def stage_names(self) -> tuple[str, ...]:
        """The names of all stages, in the order of the file."""
        return tuple(stage.name for stage in self.stages)

    def counted(self, stage: Stage) -> tuple[Instruction, ...]:
        """The instructions of a stage that BuildKit numbers, in order.

        FROM counts where it names an image: not for ``scratch`` and not for an earlier stage.
        Source: BuildKit's ``dockerfile2llb`` (``cmdTotal``).
        """
        earlier = self.stages[: self.stages.index(stage)]
        from_image = stage.base.lower() not in {"scratch", *(s.name for s in earlier)}
        return tuple(
            i
            for i in stage.instructions
            if i.keyword in COUNTED or (i.keyword == "FROM" and from_image)
        )


def parse_dockerfile(text: str | bytes, build_args: Mapping[str, str] | None = None) -> Dockerfile:
    """Read a Dockerfile. What BuildKit would refuse is kept as it stands.

    Args:
        text: the file; bytes are read as UTF-8.
        build_args: values that replace the defaults of global ARGs in FROM lines.

    Raises:
        DockerfileError: if bytes are not UTF-8.
    """
    text = decode_dockerfile(text) if isinstance(text, bytes) else text
    directives, instructions = _read(text)
    global_args: list[Instruction] = []
    misplaced: list[Instruction] = []
    stages: list[list[Instruction]] = []
    for instruction in instructions:
        if instruction.keyword == "FROM":
            stages.append([instruction])
        elif stages:
            stages[-1].append(instruction)
        else:
            (global_args if instruction.keyword == "ARG" else misplaced).append(instruction)
    values = _argument_values(global_args, build_args or {})
    return Dockerfile(
        text=text,
        stages=tuple(_stage(index, body, values) for index, body in enumerate(stages)),
        global_args=tuple(global_args),
        misplaced=tuple(misplaced),
        syntax=directives.get("syntax"),
    )


def decode_dockerfile(raw: bytes) -> str:
    """The text of a Dockerfile.

    Raises:
        DockerfileError: if it is not UTF-8.
    """
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DockerfileError(
            f"Line {line} of the Dockerfile is not UTF-8 text (byte {error.start}).",
            remedy="Save the Dockerfile with the encoding UTF-8.",
            line=line,
        ) from error


def _read(text: str) -> tuple[dict[str, str], list[Instruction]]:
    lines = [line.rstrip("\r") for line in text.removeprefix("\ufeff").split("\n")]
    directives = _directives(lines)
    escape = "`" if directives.get("escape") == "`" else "\\"
    instructions: list[Instruction] = []
    at = 0
    while at < len(lines):
        if not lines[at].strip() or _is_comment(lines[at]):
            at += 1
            continue
        start = at
        joined, at = _join(lines, at, escape)
        if not joined.strip():
            continue
        keyword, flags, arguments = _split(joined, escape)
        at = _skip_heredocs(lines, at, keyword, arguments)
        # The empty string after the last newline is not a line of the file.
        end = at - 1 if at == len(lines) and lines[-1] == "" and at - 1 > start else at
        instructions.append(Instruction(keyword, arguments, start + 1, end, flags))
    return directives, instructions


def _directives(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        match = _DIRECTIVE.match(line.strip())
        if match is None or match[1].lower() not in _DIRECTIVES or match[1].lower() in found:
            break
        found[match[1].lower()] = match[2]
    return found


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _join(lines: list[str], at: int, escape: str) -> tuple[str, int]:
    """The instruction that starts at a line, and the index of the line after it."""
    continued = re.compile(rf"(?:(?<=[^{re.escape(escape)}])|^){re.escape(escape)}[ \t]*$")
    joined = ""
    first = True
    while at < len(lines):
        line = lines[at]
        at += 1
        if not first and (not line.strip() or _is_comment(line)):
            continue
        first = False
        shorter = continued.sub("", line)
        joined += shorter
        if shorter == line:
            break
    return joined.strip(), at


def _split(line: str, escape: str) -> tuple[str, tuple[tuple[str, str], ...], str]:
    keyword, _, rest = (
        line.replace("\t", " ", 1).partition(" ") if "\t" in line else line.partition(" ")
    )
    rest = rest.strip()
    flags: list[tuple[str, str]] = []
    while rest.startswith("--"):
        word, rest = _flag_word(rest, escape)
        name, _, value = word[2:].partition("=")
        if not name:
            break
        flags.append((name, value))
    return keyword.upper(), tuple(flags), rest


def _flag_word(text: str, escape: str) -> tuple[str, str]:
    """The first word, quotes and escapes taken away, and the rest of the text."""
    word, quote, at = "", "", 0
    while at < len(text):
        char = text[at]
        if char == escape and at + 1 < len(text):
            at += 1
            word += text[at]
        elif quote:
            quote, word = ("", word) if char == quote else (quote, word + char)
        elif char in "\"'":
            quote = char
        elif char.isspace():
            break
        else:
            word += char
        at += 1
    return word, text[at:].strip()


def _skip_heredocs(lines: list[str], at: int, keyword: str, arguments: str) -> int:
    """The index of the line after the heredocs that an instruction opens."""
    for name, strip_tabs in _heredocs(keyword, arguments):
        while at < len(lines):
            line = lines[at].lstrip("\t") if strip_tabs else lines[at]
            at += 1
            if line == name:
                break
    return at


def _heredocs(keyword: str, arguments: str) -> list[tuple[str, bool]]:
    if keyword == "ONBUILD":
        keyword, _, arguments = arguments.partition(" ")
        keyword = keyword.upper()
    if keyword not in _HEREDOC_KEYWORDS or "<<" not in arguments or _is_exec_form(arguments):
        return []
    matches = (_HEREDOC.fullmatch(word) for word in _WORD.findall(arguments))
    return [(re.sub(r"[\"'\\]", "", m[2]), m[1] == "-") for m in matches if m]


def _is_exec_form(arguments: str) -> bool:
    if not arguments.startswith("["):
        return False
    try:
        words = json.loads(arguments)
    except (ValueError, RecursionError):
        return False
    return isinstance(words, list) and all(isinstance(word, str) for word in words)


def _argument_values(args: list[Instruction], build_args: Mapping[str, str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for instruction in args:
        for word in _WORD.findall(instruction.arguments):
            name, assigned, default = word.partition("=")
            if name in build_args:
                values[name] = build_args[name]
            elif assigned:
                values[name] = _expand(re.sub(r"[\"']", "", default), values)
    return values


def _expand(text: str, values: Mapping[str, str]) -> str:
    """Put in the variables that have a value; the others stay as they stand."""

    def value(match: re.Match[str]) -> str:
        name = match["plain"] or match["name"]
        if name is None:
            return match[0]
        known = values.get(name)
        word = match["word"] or ""
        match match["op"]:
            case ":-":
                return known or word
            case "-":
                return word if known is None else known
            case ":+":
                return word if known else ""
            case "+":
                return "" if known is None else word
            case _:
                return match[0] if known is None else known

    return _VARIABLE.sub(value, text)


def _stage(index: int, body: list[Instruction], values: Mapping[str, str]) -> Stage:
    words = body[0].arguments.split()
    named = len(words) == 3 and words[1].lower() == "as"
    return Stage(
        name=words[2].lower() if named else f"stage-{index}",
        base=_expand(words[0].strip("\"'"), values) if words else "",
        instructions=tuple(body),
    )
