"""The commands in a RUN instruction, as far as needed to see whether it builds something."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

from helpers.build.dockerfile import Dockerfile, Instruction
from helpers.judge.filesystem import base_name
from helpers.judge.known_programs import SHELLS, names

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_PREFIXES = names("if then else elif do while until ! { exec time sudo env command nice")
_OPERATORS = re.compile(r"[();<>|&]+")

_COMPILE = names(
    "tsc esbuild webpack vite rollup swc parcel babel ncc tsup turbo nx next nest ng "
    "gcc g++ cc c++ clang clang++ make cmake ninja cargo rustc javac mvn gradle"
)
_NODE_MANAGERS = frozenset({"npm", "pnpm", "yarn", "bun"})
_INSTALLS = frozenset({"ci", "clean-install", "install", "i", "add"})
_RUNS = frozenset({"run", "run-script", "exec", "x", "dlx", "build", "test", "t", "rebuild"})
_WITHOUT_DEV = re.compile(
    r"--omit[= ]dev|--production(?!=false)|--prod\b|--only=prod(?:uction)?|(?<!\S)-P(?!\S)"
)
_SYSTEM_MANAGERS = frozenset({"apt", "apt-get", "apk", "dnf", "yum"})
_TOOLCHAINS = names(
    "build-essential build-base gcc g++ clang make cmake musl-dev python3-dev golang cargo"
)
_BUILD_SCRIPT = re.compile(r"build|bundle|compile|webpack|esbuild|rollup|(?:^|/)tsc(?:\.js)?$")


def commands(script: str, depth: int = 0) -> Iterator[tuple[str, ...]]:
    """The simple commands of a shell script, each as its words.

    Args:
        script: lines of shell.
        depth: how many ``sh -c`` stand around it.
    """
    words: list[str] = []
    for word in (*_words(script), ";"):
        if not _OPERATORS.fullmatch(word):
            words.append(word)
            continue
        if words:
            yield from _unwrapped(tuple(words), depth)
        words = []


def script_of(instruction: Instruction, dockerfile: Dockerfile) -> str:
    """What a RUN instruction runs, as lines of shell; heredocs are put in."""
    arguments = instruction.arguments
    if arguments.startswith("["):
        try:
            words = json.loads(arguments)
        except ValueError:
            return arguments
        if isinstance(words, list):
            return shlex.join(str(word) for word in words)
    if "<<" in arguments and instruction.end_line > instruction.line:
        body = dockerfile.text.splitlines()[instruction.line : instruction.end_line - 1]
        return "\n".join((arguments.partition("<<")[0], *body))
    return arguments


def builds_something(words: tuple[str, ...], production: bool = False) -> bool:
    """True for a command that compiles, bundles, or installs what only a build needs.

    Args:
        words: one simple command; assignments before it included.
        production: True where ``NODE_ENV=production`` is set around it.
    """
    production = production or "NODE_ENV=production" in words
    plain = without_prefixes(words)
    if not plain:
        return False
    tool, arguments = base_name(plain[0]), plain[1:]
    named = [word for word in arguments if not word.startswith("-")]
    verb = named[0] if named else ""
    if tool in _COMPILE or tool in {"npx", "pnpx", "bunx"}:
        return True
    if tool in _NODE_MANAGERS:
        return _node_manager_builds(tool, verb, arguments, production)
    if tool == "go":
        return verb in {"build", "install", "generate", "test", "run"}
    if tool == "node":
        return any(_BUILD_SCRIPT.search(word) for word in arguments)
    if tool in _SYSTEM_MANAGERS:
        return verb in _INSTALLS and not _TOOLCHAINS.isdisjoint(named)
    return False


def _node_manager_builds(
    tool: str, verb: str, arguments: tuple[str, ...], production: bool
) -> bool:
    if verb in _RUNS:
        return True
    if verb not in _INSTALLS and not (tool == "yarn" and not verb):
        return False
    flags = " ".join(arguments)
    if re.search(r"(?:^|\s)(?:-g|--global|--location=global)(?:\s|$)", flags):
        return False
    if "--include=dev" in flags or "--production=false" in flags:
        return True
    return not (production or _WITHOUT_DEV.search(flags))


def _words(script: str) -> list[str]:
    lines = script.replace("\\\n", " ").replace("\n", " ; ")
    try:
        lexer = shlex.shlex(lines, posix=True, punctuation_chars="();<>|&")
        lexer.whitespace_split = True
        lexer.commenters = ""
        return list(lexer)
    except ValueError:  # an open quote: the shell would refuse it too
        return re.sub(r"([();<>|&]+)", r" \1 ", lines).split()


def _unwrapped(words: tuple[str, ...], depth: int) -> Iterator[tuple[str, ...]]:
    """The command, or those inside it where it is ``sh -c "…"``."""
    plain = without_prefixes(words)
    if plain and base_name(plain[0]) in SHELLS and depth < 3:
        for at, word in enumerate(plain[1:-1], 1):
            if word.startswith("-") and word.endswith("c"):
                yield from commands(plain[at + 1], depth + 1)
                return
    yield words


def without_prefixes(words: tuple[str, ...]) -> tuple[str, ...]:
    """A command without assignments, shell keywords and programs that only start another one."""
    at = 0
    while at < len(words) and (_ASSIGNMENT.match(words[at]) or words[at] in _PREFIXES):
        at += 1
    return words[at:]
