"""Secrets that everybody who has the image can read, beside those in its files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import Field

from helpers.judge.filesystem import base_name
from helpers.judge.instructions import Line, instructions_of
from helpers.judge.properties.contents import is_secret_name as is_secret_file
from helpers.judge.property import Params, Property
from helpers.judge.secret_words import is_secret_name
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    at_most,
    could_not_tell,
    counted,
    failed,
    last_instruction,
    not_observed,
    passed,
)
from helpers.observe.config_secrets import ConfigSecretsRequest, Setting
from helpers.observe.requests import ImageRequest, Observations
from helpers.observe.text import printable

_REQUEST = ConfigSecretsRequest()
_WHAT = "the image's configuration"


class AllowParams(Params):
    """Parameters of the properties about settings."""

    allow: tuple[str, ...] = Field(
        ("GPG_KEY", "GPG_KEYS"),
        description="Names that may stay although they read like a secret's. No unit.",
    )


class HistoryParams(Params):
    """Parameters of ``no-secrets-in-history``."""


class MountParams(Params):
    """Parameters of ``secrets-by-mount``."""

    required: bool = Field(
        False, description="Whether the build must use a secret (an exercise about secrets)."
    )


def judge_no_secrets_in_env(params: AllowParams, observations: Observations) -> Verdict:
    """No variable and no label with a secret as its value."""
    seen = observations.answer(_REQUEST)
    if seen is None:
        return not_observed(observations, _REQUEST, _WHAT)
    suspects = [s for s in seen.settings if s.place in {"env", "label"}]
    evidence = []
    for setting in suspects:
        why = _why_secret(setting, params.allow)
        if not why:
            continue
        keyword = "ENV" if setting.place == "env" else "LABEL"
        found = last_instruction(observations.dockerfile, {keyword})
        line = found.line if found and setting.name in found.arguments else None
        code = "secret-in-env" if setting.place == "env" else "secret-in-label"
        text = f"`{keyword} {setting.name}` ({_length(setting)}) {why}: it is in every container."
        evidence.append(Evidence(code, text, instruction=f"{keyword} {setting.name}", line=line))
    number = counted(len(suspects), "variable or label", "variables and labels")
    if evidence:
        return failed(f"{len(evidence)} of {number} hold a secret.", at_most(evidence, "setting"))
    return passed(f"{number}, none of them a secret.")


def _why_secret(setting: Setting, allow: tuple[str, ...]) -> str:
    """Why a setting is taken for a secret; empty where it is not."""
    if setting.name in allow or setting.path:
        return ""
    if setting.looks_like and setting.looks_like != "Secret Keyword":
        return f"looks like a secret ({setting.looks_like})"
    if is_secret_name(setting.name):
        return "is a secret by its name"
    return ""


def _length(setting: Setting) -> str:
    return counted(setting.length, "character")


def judge_no_secrets_in_build_args(params: AllowParams, observations: Observations) -> Verdict:
    """No build argument for a secret, neither declared nor used."""
    seen = observations.answer(_REQUEST)
    if seen is None:
        return not_observed(observations, _REQUEST, _WHAT)
    used = [s for s in seen.settings if s.place == "argument"]
    evidence = [
        Evidence(
            "secret-in-history",
            f"The history tells the build argument `{s.name}` with its value ({_length(s)}), which "
            f"{why}.",
        )
        for s in used
        if (why := _why_secret(s, params.allow))
    ]
    evidence += _declared(params, observations)
    if evidence:
        return failed("A secret is given as a build argument.", at_most(evidence, "argument"))
    if observations.dockerfile is None:
        return passed(f"{counted(len(used), 'build argument')} in the history, none a secret.")
    return passed(f"No ARG is for a secret; {counted(len(used), 'argument')} in the history.")


def _declared(params: AllowParams, observations: Observations) -> Iterator[Evidence]:
    found = instructions_of(observations)
    if found is None or found.dockerfile is None:
        return
    for line in found.of("ARG"):
        for word in line.instruction.arguments.split():
            name = word.partition("=")[0]
            if is_secret_name(name) and name not in params.allow:
                shown = printable(name, 80)
                yield Evidence(
                    "secret-argument",
                    f"Line {line.line}: `ARG {shown}` is a secret by its name; its value would "
                    "stay in the history or in the cache.",
                    instruction=f"ARG {shown}",
                    line=line.line,
                )


def judge_no_secrets_in_history(params: HistoryParams, observations: Observations) -> Verdict:  # noqa: ARG001
    """No command of the build with a secret in it."""
    seen = observations.answer(_REQUEST)
    if seen is None:
        return not_observed(observations, _REQUEST, _WHAT)
    evidence = [
        Evidence(
            "secret-in-command" if found.place == "command" else "secret-in-dockerfile",
            f"{_place(found.instruction, found.line)} holds what looks like a secret "
            f"({found.what}): {found.masked}.",
            instruction=found.instruction or None,
            line=found.line,
        )
        for found in seen.texts
    ]
    if evidence:
        number = counted(len(evidence), "string")
        return failed(
            f"{number} in commands of the build look like secrets.", at_most(evidence, "string")
        )
    return passed("No command in the image's history looks like holding a secret.")


def _place(instruction: str, line: int | None) -> str:
    return f"Line {line} of the Dockerfile" if line else f"The history entry `{instruction} …`"


_USES_SECRET = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")


def judge_secrets_by_mount(params: MountParams, observations: Observations) -> Verdict:
    """What the build has to keep to itself comes in by a mount."""
    found = instructions_of(observations)
    if found is None:
        return could_not_tell("there is neither a Dockerfile nor a history to look at")
    mounts = [line for line in found.of("RUN") if _mounts(line)]
    evidence = [e for line in found.lines for e in _without_mount(line)]
    if evidence:
        return failed("A secret is given to the build without a mount.", at_most(evidence, "use"))
    if mounts:
        return passed(f"{counted(len(mounts), 'instruction')} with a secret, each by a mount.")
    if found.dockerfile is None:
        return could_not_tell("the history tells of no secret, and does not tell of mounts")
    if params.required:
        text = "No RUN instruction has `--mount=type=secret` or `--mount=type=ssh`."
        return failed("The build uses no secret.", [Evidence("no-mount", text)])
    return passed("Does not apply: no instruction of the build handles a secret.")


def _mounts(line: Line) -> tuple[str, ...]:
    """The secret and SSH mounts of a RUN instruction."""
    mounts = (value for key, value in line.instruction.flags if key == "mount")
    return tuple(m for m in mounts if re.search(r"\btype=(?:secret|ssh)\b", m))


def _without_mount(line: Line) -> Iterator[Evidence]:
    if line.keyword in {"COPY", "ADD"} and line.instruction.flag("from") is None:
        sources = line.instruction.arguments.strip("[]").replace('"', "").replace(",", " ").split()
        for source in sources[:-1]:
            if is_secret_file(f"/{source}") and not source.endswith((".npmrc", ".yarnrc.yml")):
                text = f"`{printable(base_name(source), 80)}` is copied into a layer."
                yield line.evidence("secret-copied", text, path=printable(source, 200))
    if line.keyword == "RUN":
        by_mount = {
            value
            for mount in _mounts(line)
            for key, _, value in (option.partition("=") for option in mount.split(","))
            if key in {"env", "id"}
        }
        local = set(re.findall(r"\b([A-Za-z_]\w*)=\$\(", line.script))
        for name in dict.fromkeys(_USES_SECRET.findall(line.script)):
            if is_secret_name(name) and name not in by_mount | local:
                text = f"`${name}` is used, and no secret mount of this instruction gives it."
                yield line.evidence("secret-by-variable", text)


def _needs(_: Params) -> tuple[ConfigSecretsRequest, ...]:
    return (_REQUEST,)


def _image(_: Params) -> tuple[ImageRequest, ...]:
    return (ImageRequest(),)


_BUILD_SECRETS = "https://docs.docker.com/build/building/secrets/"

PROPERTIES = (
    Property(
        id="no-secrets-in-env",
        family="secrets",
        title="No secret in the environment or the labels",
        meaning="Variables and labels are part of the image: everybody who may pull it reads them. "
        "Suspicious are names (PASSWORD, TOKEN, API_KEY …) with a value that is no path, and "
        "values that the detectors of detect-secrets know. Values are never shown.",
        source="https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/",
        params=AllowParams,
        codes={
            "secret-in-env": "a variable holds a secret",
            "secret-in-label": "a label holds a secret",
        },
        needs=_needs,
        judge=judge_no_secrets_in_env,
        remedy="Remove it, change the secret, and give it to the container when it starts, as a "
        "file.",
        weight=5,
        covers=("dockle CIS-DI-0010", "docker-bench 4.10", "hadolint DL3064"),
    ),
    Property(
        id="no-secrets-in-build-args",
        family="secrets",
        title="No secret as a build argument",
        meaning="Build arguments stay in the image's history, in the build cache and in "
        "attestations. Looked at are the arguments that the history tells of, with names and "
        "values as above, and the ARG instructions of the Dockerfile by their names.",
        source="https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/",
        params=AllowParams,
        codes={
            "secret-in-history": "the history tells a secret's value",
            "secret-argument": "an ARG is declared for a secret",
        },
        needs=_needs,
        judge=judge_no_secrets_in_build_args,
        remedy="Use `RUN --mount=type=secret,id=…` instead of ARG, and change the secret.",
        weight=5,
        covers=("dockle CIS-DI-0010", "docker-bench 4.10", "hadolint DL3064"),
    ),
    Property(
        id="no-secrets-in-history",
        family="secrets",
        title="No secret in a command of the build",
        meaning="Commands are kept in the image's history word by word. Strings in them, and in "
        "the Dockerfile, that the detectors of detect-secrets know are reported, never the "
        "string itself.",
        source=_BUILD_SECRETS,
        params=HistoryParams,
        codes={
            "secret-in-command": "a command in the image's history holds one",
            "secret-in-dockerfile": "the Dockerfile holds one",
        },
        needs=_needs,
        judge=judge_no_secrets_in_history,
        remedy="Use `RUN --mount=type=secret,id=…` and change the secret: it is known now.",
        weight=5,
        covers=("dockle CIS-DI-0010", "docker-bench 4.10"),
    ),
    Property(
        id="secrets-by-mount",
        family="secrets",
        title="Secrets reach the build by a mount",
        meaning="A file that is a secret by its name is not copied, and a variable that is one by "
        "its name is used only where a secret mount of the same RUN gives it. `.npmrc` may be "
        "copied: most hold settings only, and what is in files is another property's.",
        source=_BUILD_SECRETS,
        params=MountParams,
        codes={
            "secret-copied": "a file that is a secret by its name is copied",
            "secret-by-variable": "a command takes a secret from a variable that no mount gives",
            "no-mount": "no secret mount, where one is wanted",
        },
        needs=_image,
        judge=judge_secrets_by_mount,
        remedy="Write `RUN --mount=type=secret,id=token TOKEN=$(cat /run/secrets/token) …`, build "
        "with `--secret id=token,env=TOKEN`.",
        weight=4,
        covers=("dockle CIS-DI-0010", "docker-bench 4.10"),
    ),
)
