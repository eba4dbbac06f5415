"""How a container of the image starts: which process, as which user."""

from __future__ import annotations

from collections.abc import Iterator

from helpers.judge.filesystem import base_name
from helpers.judge.known_programs import SHELLS
from helpers.judge.property import Params, Property
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import failed, last_instruction, no_image, passed
from helpers.observe.image_facts import ImageConfig, ImageFacts
from helpers.observe.requests import ImageRequest, Observations
from helpers.observe.text import printable

_INITS = frozenset({"tini", "dumb-init", "docker-init", "catatonit"})
_MANAGERS = frozenset({"npm", "npx", "yarn", "pnpm", "bun"})
_ROOT = "root"


class NoParams(Params):
    """No parameters."""


def judge_exec_form(params: NoParams, observations: Observations) -> Verdict:  # noqa: ARG001
    """Started directly, without a shell or a package manager around it."""
    image = observations.image
    if image is None:
        return no_image(observations)
    config = image.config
    if not config.entrypoint and not config.cmd:
        return failed(
            "The image says nothing about what to start.",
            [Evidence("no-command", "Neither ENTRYPOINT nor CMD is set.")],
        )
    evidence = [*_wrappers(config, observations)]
    command = printable(" ".join((*config.entrypoint, *config.cmd)), 120)
    if evidence:
        return failed(f"`{command}` is not the service itself.", evidence)
    return passed(f"The container starts `{command}`, with nothing around it.")


def _wrappers(config: ImageConfig, observations: Observations) -> Iterator[Evidence]:
    target = observations.build.target if observations.build else None
    for keyword, words in (("ENTRYPOINT", config.entrypoint), ("CMD", config.cmd)):
        plain = _without_init(words)
        if not plain:
            continue
        instruction = last_instruction(observations.dockerfile, {keyword}, target)
        line = instruction.line if instruction else None
        shown = printable(f"{keyword} {list(words)}", 160)
        script = _script(plain)
        if script is not None:
            yield Evidence(
                "shell-form",
                f"`{shown}` starts a shell, which becomes process 1 and passes no signal on.",
                instruction=shown,
                line=line,
            )
        inner = script.split() if script is not None else list(plain)
        if inner[:1] == ["exec"]:
            inner = inner[1:]
        if inner and base_name(inner[0]) in _MANAGERS:
            yield Evidence(
                "npm-start",
                f"`{shown}` starts {base_name(inner[0])}, which starts the service as its child.",
                instruction=shown,
                line=line,
            )


def _script(words: tuple[str, ...]) -> str | None:
    """What stands after ``sh -c``; None where no shell is started that way."""
    if base_name(words[0]) not in SHELLS:
        return None
    for at, word in enumerate(words[1:], 1):
        if word.startswith("-") and word.endswith("c"):
            return words[at + 1] if at + 1 < len(words) else ""
    return None


def _without_init(words: tuple[str, ...]) -> tuple[str, ...]:
    """Without a small init in front, which passes signals on."""
    if not words or base_name(words[0]) not in _INITS:
        return words
    rest = list(words[1:])
    while rest and rest[0].startswith("-"):
        rest.pop(0)
    return tuple(rest)


def judge_non_root(params: NoParams, observations: Observations) -> Verdict:  # noqa: ARG001
    """The user that the engine would start the service as is not root."""
    image = observations.image
    if image is None:
        return no_image(observations)
    user = image.config.user.partition(":")[0].strip()
    target = observations.build.target if observations.build else None
    instruction = last_instruction(observations.dockerfile, {"USER"}, target)
    line = instruction.line if instruction else None
    shown = printable(image.config.user, 80)
    if not user:
        evidence = Evidence(
            "no-user", "The image names no user, so the engine takes root.", line=line
        )
        return failed("The service would run as root (uid 0).", [evidence])
    uid = _uid(user, image)
    if uid is None:
        evidence = Evidence(
            "unknown-user",
            f"The image's `/etc/passwd` has no `{shown}`: the engine would refuse to start it.",
            path="/etc/passwd",
            instruction=f"USER {shown}",
            line=line,
        )
        return failed(f"There is no user `{shown}` in the image.", [evidence])
    if uid == 0:
        renamed = "" if user in {_ROOT, "0"} else f", which `/etc/passwd` gives to `{shown}`"
        evidence = Evidence(
            "root-user",
            f"`USER {shown}` means uid 0{renamed}.",
            instruction=f"USER {shown}",
            line=line,
        )
        return failed("The service would run as root (uid 0).", [evidence])
    return passed(f"The service would run as uid {uid} (`USER {shown}`).")


def _uid(user: str, image: ImageFacts) -> int | None:
    """The uid as the engine finds it: by name in the image's passwd file, else as a number."""
    by_name = dict(reversed(image.accounts))
    if user in by_name:
        return by_name[user]
    if user.isdecimal():
        return int(user)
    return 0 if user == _ROOT and not image.accounts else None


def _image(_: Params) -> tuple[ImageRequest, ...]:
    return (ImageRequest(),)


PROPERTIES = (
    Property(
        id="exec-form",
        family="start",
        title="The service is process 1",
        meaning="ENTRYPOINT and CMD in exec form start the service itself. In shell form, or "
        "through npm, another process is process 1: it gets the signals, and often "
        "keeps them. Read from the image config, where the engine reads it.",
        source="https://docs.docker.com/reference/dockerfile/#shell-and-exec-form",
        params=NoParams,
        codes={
            "shell-form": "a shell is started around the command",
            "npm-start": "a package manager is started around the service",
            "no-command": "nothing is said about what to start",
        },
        needs=_image,
        judge=judge_exec_form,
        remedy="Write ENTRYPOINT and CMD as JSON arrays that name the program itself, for example "
        '`CMD ["node", "server.js"]`.',
        weight=4,
        covers=(
            "hadolint DL3025",
            "container-structure-test metadata.entrypoint",
            "container-structure-test metadata.cmd",
        ),
    ),
    Property(
        id="non-root",
        family="start",
        title="The service does not run as root",
        meaning="The user of the image config must not be uid 0. A name is looked up in the "
        "image's own /etc/passwd, as the engine does, so a renamed root is found.",
        source="https://docs.docker.com/build/building/best-practices/#user",
        params=NoParams,
        codes={
            "no-user": "no USER is set",
            "root-user": "the user is uid 0",
            "unknown-user": "the user is not in the image",
        },
        needs=_image,
        judge=judge_non_root,
        remedy="Add `USER 10001` after the last instruction that needs root, and give the service "
        "the files that it writes (`COPY --chown=10001`).",
        weight=5,
        covers=(
            "dockle CIS-DI-0001",
            "docker-bench 4.1",
            "hadolint DL3002",
            "container-structure-test metadata.user",
        ),
    ),
)
