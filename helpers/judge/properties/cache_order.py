"""What the Dockerfile says of the cache: what comes first, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from helpers.build.dockerfile import Dockerfile, Stage
from helpers.judge.instructions import Line, stage_lines, target_of
from helpers.judge.known_programs import names
from helpers.judge.package_commands import SYSTEM, Install, install_of
from helpers.judge.property import Params, Property
from helpers.judge.stages import base_stage, used_stages
from helpers.judge.verdict import Verdict
from helpers.judge.words import (
    at_most,
    could_not_tell,
    counted,
    failed,
    passed,
)
from helpers.observe.requests import Observations
from helpers.observe.text import printable

_NO_DOCKERFILE = could_not_tell("there is no Dockerfile to look at")


class NoParams(Params):
    """No parameters."""


class CacheMountParams(Params):
    """Parameters of ``cache-mounts``."""

    system_packages: bool = Field(
        False,
        description="Whether installations of the operating system's packages need one, too.",
    )


def judge_manifests_first(params: NoParams, observations: Observations) -> Verdict:  # noqa: ARG001
    """Sources are copied after what they need is installed."""
    dockerfile = observations.dockerfile
    if dockerfile is None or not dockerfile.stages:
        return _NO_DOCKERFILE
    evidence = []
    installs = 0
    for stage in used_stages(dockerfile, target_of(observations)):
        before = list(_inherited(dockerfile, stage))
        for line in stage_lines(dockerfile, stage):
            for install in _project_installs(line):
                installs += 1
                copy = next((c for c in before if _takes_sources(c)), None)
                if copy is not None:
                    shown = printable(" ".join(install.words), 80)
                    copied = printable(copy.instruction.arguments, 60)
                    text = (
                        f"`{shown}` comes after `{copy.keyword} {copied}` (line {copy.line}), so "
                        "it runs again after every edit of any file."
                    )
                    evidence.append(line.evidence("sources-first", text))
            before.append(line)
    if not installs:
        return passed("Does not apply: no instruction installs what the project's files name.")
    summary = f"{counted(installs, 'installation')}, {len(evidence)} of them after the sources."
    return failed(summary, at_most(evidence, "installation")) if evidence else passed(summary)


def _inherited(dockerfile: Dockerfile, stage: Stage) -> Iterator[Line]:
    base = base_stage(dockerfile, stage)
    if base is not None:
        yield from _inherited(dockerfile, base)
        yield from stage_lines(dockerfile, base)


def _project_installs(line: Line) -> Iterator[Install]:
    """Installations of what a file of the project names."""
    for words in line.commands():
        install = install_of(words)
        if install is None or install.manager in SYSTEM or install.has("-g", "--global"):
            continue
        by_file = install.manager in {"pip", "uv"} and install.has("-r", "--requirement")
        if by_file or (not install.packages and not _is_program(install)):
            yield install


def _is_program(install: Install) -> bool:
    """True where the sources themselves are installed, and so must be there.

    Such are ``pip install -e .``, ``go install ./...`` and ``cargo install --path .``.
    """
    return (install.manager, install.verb) in {("go", "install"), ("cargo", "install")} or (
        install.manager in {"pip", "uv"} and install.verb == "install"
    )


_EVERYTHING = names(". ./ * ./* ./**")


_SOURCES = names("src src/ ./src ./src/ lib lib/ app app/ test test/ tests tests/")


def _takes_sources(line: Line) -> bool:
    if line.keyword not in {"COPY", "ADD"} or line.instruction.flag("from") is not None:
        return False
    if line.instruction.flag("parents") is not None or line.instruction.flag("exclude") is not None:
        return False  # what these leave over cannot be told without the files
    arguments = line.instruction.arguments
    if arguments.startswith("["):
        arguments = arguments.strip("[]").replace(",", " ").replace('"', "")
    return not (_EVERYTHING | _SOURCES).isdisjoint(arguments.split()[:-1])


def judge_cache_mounts(params: CacheMountParams, observations: Observations) -> Verdict:
    """What is downloaded is kept for the next build, outside the image."""
    dockerfile = observations.dockerfile
    if dockerfile is None or not dockerfile.stages:
        return _NO_DOCKERFILE
    evidence = []
    installs = 0
    for stage in used_stages(dockerfile, target_of(observations)):
        for line in stage_lines(dockerfile, stage):
            found = next(
                (
                    install
                    for words in line.commands()
                    if (install := install_of(words)) is not None
                    and (params.system_packages or install.manager not in SYSTEM)
                ),
                None,
            )
            if found is None:
                continue
            installs += 1
            if not _has_cache_mount(line):
                shown = printable(" ".join(found.words), 80)
                text = f"`{shown}` downloads everything again whenever it runs."
                evidence.append(line.evidence("no-cache-mount", text))
    if not installs:
        return passed("Does not apply: no instruction installs packages of this kind.")
    summary = f"{counted(installs, 'installation')}, {len(evidence)} of them without a cache mount."
    return failed(summary, at_most(evidence, "installation")) if evidence else passed(summary)


def _has_cache_mount(line: Line) -> bool:
    mounts = (value.split(",") for key, value in line.instruction.flags if key == "mount")
    return any("type=cache" in options for options in mounts)


_CACHE = "https://docs.docker.com/build/cache/optimize/"


PROPERTIES = (
    Property(
        id="manifests-first",
        family="caching",
        title="Dependencies are installed before the sources come",
        meaning="What names the dependencies (package.json and its lock file, requirements.txt, "
        "go.mod …) is copied and installed before `COPY . .` or a folder of sources; else every "
        "edit installs everything again. Read in the Dockerfile; `cached-after-edit` sees it in "
        "builds.",
        source=f"{_CACHE}#order-your-layers",
        params=NoParams,
        codes={"sources-first": "an installation comes after a copy of the sources"},
        needs=lambda _: (),
        judge=judge_manifests_first,
        remedy="Copy the manifest and the lock file, install, and only then copy the rest.",
        weight=3,
    ),
    Property(
        id="cache-mounts",
        family="caching",
        title="Downloads survive in a cache mount",
        meaning="`RUN --mount=type=cache` keeps what a package manager has downloaded from one "
        "build to the next without storing it in the image: after a change of the lock file only "
        "what is new is fetched. Read in the stages that the image needs.",
        source=f"{_CACHE}#use-cache-mounts",
        params=CacheMountParams,
        codes={"no-cache-mount": "an installation without a cache mount"},
        needs=lambda _: (),
        judge=judge_cache_mounts,
        remedy="Write `RUN --mount=type=cache,target=/root/.npm npm ci`, or the folder of your "
        "package manager.",
        weight=1,
    ),
)
