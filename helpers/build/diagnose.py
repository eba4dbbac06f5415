"""The engine's words for a failed build to an error with a place and a remedy."""

from __future__ import annotations

import re
from collections.abc import Callable

from helpers.build.dockerfile import Dockerfile, Instruction
from helpers.build.errors import (
    BaseNotFound,
    BuildError,
    Cancelled,
    CopySourceNotFound,
    DockerfileError,
    LoginNeeded,
    NoBuildKit,
    NoSpace,
    RegistryUnreachable,
    RequestError,
    StepFailedError,
    excerpt,
)
from helpers.build.output_remedies import remedy_for_output
from helpers.build.record import BuildRecord, StepRecord
from helpers.build.request import BuildRequest

OUTPUT_LINES = 20
_SPACE_REMEDY = (
    "Free space on the engine's disk: remove images and build cache that are no longer needed "
    "(docker builder prune, docker image prune)."
)

_PARSE = re.compile(r"dockerfile parse error on line (\d+): ", re.IGNORECASE)
_STAGE = re.compile(r'target stage "?([^"\s]*)"? could not be found')
_IMAGE = re.compile(
    r"failed to resolve source metadata for (?P<image>\S+?): (?P<why>.*)", re.DOTALL
)
_EXIT = re.compile(r"did not complete successfully: exit code: (\d+)")
_MISSING = re.compile(r'"(?P<path>[^"]+)": not found')
_MISSING_IN_STAGE = re.compile(
    r"(?:lstat|stat) \S*?/buildkit-mount\d+(?P<path>/.*?): no such file or directory"
)
# What BuildKit says of a whole Dockerfile or of a stage, without the words "parse error".
_DOCKERFILE = re.compile(
    r"cannot be empty|file with no instructions|no build stage in current context"
    r"|unterminated heredoc|failed to read dockerfile|invalid field|circular dependency detected"
    r"|cannot copy from stage|should not be blank|failed to parse (?:stage name|platform)"
    r"|unexpected key|unsupported mount|failed to process \"|invalid reference format"
    r"|syntax error|unknown flag|unknown instruction"
)
_REQUEST = re.compile(
    r"invalid reference format|network mode|platform specifier|invalid tag|unknown operating system"
)
_SECRET = re.compile(r"secret (\S+?):? not found")
_SSH = re.compile(r"no SSH key .* forwarded|unset ssh forward key")
_ALONE = r"(?<![\w:.])(?:%s)(?![\w.])"  # a status, and no part of a port, an address or a digest
_LOGIN = re.compile(
    _ALONE
    % "401|403"
    + r"|unauthorized|authentication required|authorization failed|insufficient_scope"
    r"|access denied|denied: |incorrect username or password",
    re.IGNORECASE,
)
_NO_ANSWER = re.compile(
    r"no such host|connection refused|i/o timeout|network is unreachable|no route to host"
    r"|deadline exceeded|Temporary failure|server misbehaving|connection reset|EOF|proxyconnect"
    r"|TLS handshake timeout"
)
_LIMITED = re.compile(_ALONE % "429" + "|toomanyrequests")
_HOST = re.compile(r"[^/]*[.:][^/]*/|localhost/")
_TLS = re.compile(r"x509:|tls: |certificate|server gave HTTP response to HTTPS client")


def diagnose(
    message: str, record: BuildRecord, request: BuildRequest, dockerfile: Dockerfile
) -> BuildError:
    """The error that a build ended with.

    Args:
        message: what the engine said.
        record: the build as far as it got.
        request: what was asked for.
        dockerfile: what was being built.
    """
    if "no space left on device" in message.lower():
        return NoSpace("The engine's disk is full.", remedy=_SPACE_REMEDY, record=record)
    if stage := _STAGE.search(message):
        return _unknown_stage(message, stage[1], record, request, dockerfile)
    if image := _IMAGE.search(message):
        return _image(image["image"], image["why"], record, dockerfile)
    failed = record.failed_step()
    if failed is not None and "context canceled" not in (failed.error or ""):
        return _step(failed, message, record, request, dockerfile)
    if "context canceled" in message:
        return Cancelled(
            "The build was ended on the engine's side.",
            remedy="See whether the engine was stopped, then build again.",
            record=record,
        )
    if not record.steps and _REQUEST.search(message) and not _PARSE.search(message):
        return RequestError(
            f"The engine refuses the request: {message}.",
            remedy="Correct the tag, the platform or the network that the message names.",
            record=record,
        )
    if "buildkit" in message.lower() and re.search(r"not (?:enabled|supported)", message):
        return NoBuildKit(
            f"The engine refuses BuildKit: {message}.",
            remedy="Use Docker Engine 23.0 or later with Linux containers.",
            record=record,
        )
    if _PARSE.search(message) or _DOCKERFILE.search(message):
        return _dockerfile_error(message, record, request, dockerfile)
    return BuildError(
        f"The build failed: {message}.",
        remedy="These are the engine's own words; the steps before it are in the build's record.",
        record=record,
    )


def _unknown_stage(
    message: str, stage: str, record: BuildRecord, request: BuildRequest, dockerfile: Dockerfile
) -> DockerfileError:
    return DockerfileError(
        f"{request.context.dockerfile_name}: {message}.",
        remedy=f"{_stages(dockerfile)} Ask for one of them instead of {stage}.",
        record=record,
    )


def _stages(dockerfile: Dockerfile) -> str:
    names = ", ".join(dockerfile.stage_names())
    return f"Stages of this Dockerfile: {names}." if names else "This Dockerfile has no stage."


def _dockerfile_error(
    message: str, record: BuildRecord, request: BuildRequest, dockerfile: Dockerfile
) -> DockerfileError:
    parsed = _PARSE.search(message)
    words = message[parsed.end() :] if parsed else message
    line = int(parsed[1]) if parsed else _place(message, dockerfile)
    instruction = next((i for i in dockerfile.instructions() if i.line == line), None)
    where = (
        f"{request.context.dockerfile_name}, line {line}"
        if line
        else request.context.dockerfile_name
    )
    return DockerfileError(
        f"{where}: {words}.",
        remedy=_dockerfile_remedy(words, dockerfile),
        record=record,
        line=line,
        excerpt=excerpt(dockerfile.text, line, instruction.end_line if instruction else None),
    )


def _place(message: str, dockerfile: Dockerfile) -> int | None:
    """The line that a message without a line number is about, where one instruction fits."""
    instructions = list(dockerfile.instructions())
    if not instructions:
        return None
    if "unterminated heredoc" in message:
        return instructions[-1].line  # it swallowed the rest of the file
    if "no build stage in current context" in message:
        return instructions[0].line
    if circular := re.search(r"circular dependency detected on stage: (\S+)", message):
        named = [s for s in dockerfile.stages if s.name == circular[1].lower()]
        return named[0].instructions[0].line if named else None
    if copied := re.search(r'cannot copy from stage "([^"]+)"', message):
        wanted = copied[1].lower()
        return _only_line(instructions, lambda i: (i.flag("from") or "").lower() == wanted)
    if quoted := re.search(r"[\"'(]([^\"')]+)[\"')]", message):
        return _only_line(instructions, lambda i: quoted[1] in _source_text(i, dockerfile))
    return None


def _only_line(instructions: list[Instruction], fits: Callable[[Instruction], bool]) -> int | None:
    lines = [i.line for i in instructions if fits(i)]
    return lines[0] if len(lines) == 1 else None


def _source_text(instruction: Instruction, dockerfile: Dockerfile) -> str:
    return "\n".join(dockerfile.text.split("\n")[instruction.line - 1 : instruction.end_line])


def _dockerfile_remedy(words: str, dockerfile: Dockerfile) -> str:
    remedies = (
        (r"cannot be empty|no instructions", "Begin with a FROM line that names a base image."),
        (r"no build stage", "Put a FROM line before it: only ARG may stand above the first FROM."),
        (
            r"unknown instruction",
            "Correct the word at the start of the line, or join it to the line above with \\.",
        ),
        (
            r"unterminated heredoc",
            "End the heredoc with its word alone on a line, without spaces around it.",
        ),
        (r"unknown flag", "Correct or remove the flag after --."),
        (
            r"should not be blank",
            "Give the build argument a default with ARG before FROM, or pass a value for it.",
        ),
        (
            r"circular dependency|cannot copy from stage",
            f"COPY --from needs an earlier stage. {_stages(dockerfile)}",
        ),
        (r"lowercase|invalid reference", "Write image names in lower case, as name:tag."),
    )
    for pattern, remedy in remedies:
        if re.search(pattern, words):
            return remedy
    return "Correct that line; the instruction's form is in https://docs.docker.com/reference/dockerfile/."


def _image(image: str, why: str, record: BuildRecord, dockerfile: Dockerfile) -> BuildError:
    name = _short(image)
    if dockerfile.syntax and name == _short(dockerfile.syntax):
        return RegistryUnreachable(
            f"The Dockerfile frontend {name} that `# syntax=` asks for cannot be had: {why}.",
            remedy="Delete the `# syntax=` line: the engine's own frontend takes over then.",
            image=image,
            record=record,
        )
    line, copied = _image_line(name, dockerfile)
    where = f" (Dockerfile, line {line})" if line else ""
    stages = (
        f" If {name.split(':')[0]} is meant as a stage: {_stages(dockerfile)}" if copied else ""
    )
    if _NO_ANSWER.search(why):
        return RegistryUnreachable(
            f"The registry of {name}{where} does not answer: {why}.",
            remedy="Check the network and the proxy of the engine, or use an image that it holds."
            + stages,
            image=image,
            record=record,
        )
    if _TLS.search(why):
        return RegistryUnreachable(
            f"The TLS connection to the registry of {name}{where} was refused: {why}.",
            remedy="Give the engine's machine the certificate authority of the registry or the "
            "proxy, then restart the engine." + stages,
            image=image,
            record=record,
        )
    if _LIMITED.search(why):
        return RegistryUnreachable(
            f"The registry of {name}{where} gives no more images for now: {why}.",
            remedy="Wait, or log in: the registry limits pulls without a login." + stages,
            image=image,
            record=record,
        )
    if _LOGIN.search(why):
        host = f" {name.split('/')[0]}" if _HOST.match(name) else ""
        command = f"docker login{host}"
        return LoginNeeded(
            f"The registry of {name}{where} wants a login, or there is no such image: {why}.",
            remedy=f"Check the name; for a private image run: {command}." + stages,
            image=image,
            record=record,
        )
    return BaseNotFound(
        f"There is no image {name}{where}: {why}.",
        remedy="Check the name and the tag." + stages,
        image=image,
        record=record,
    )


def _short(image: str) -> str:
    """An image name as people write it: without Docker Hub's own prefix."""
    return image.removeprefix("docker.io/").removeprefix("library/")


def _image_line(name: str, dockerfile: Dockerfile) -> tuple[int | None, bool]:
    """The line that names an image, and whether that is a ``--from``."""
    names = {name, name.removesuffix(":latest")}
    for stage in dockerfile.stages:
        if _short(stage.base) in names:
            return stage.instructions[0].line, False
    for instruction in dockerfile.instructions():
        source = instruction.flag("from") or instruction.flag("mount") or ""
        if instruction.flags and any(n in source for n in names):
            return instruction.line, instruction.flag("from") is not None
    return None, False


def _step(
    failed: StepRecord,
    message: str,
    record: BuildRecord,
    request: BuildRequest,
    dockerfile: Dockerfile,
) -> StepFailedError:
    step, error = failed.step, failed.error or message
    instruction = next((i for i in dockerfile.instructions() if i.line == step.line), None)
    place = excerpt(dockerfile.text, step.line, instruction.end_line if instruction else None)
    what = step.instruction or step.name
    where = f"{request.context.dockerfile_name}, line {step.line}" if step.line else step.name
    output = failed.log[-OUTPUT_LINES:]
    missing = _MISSING.search(error) or _MISSING_IN_STAGE.search(error)
    if missing and what.split(" ")[0] in {"COPY", "ADD"}:
        copied_from = instruction.flag("from") if instruction else None
        return _copy(missing["path"], copied_from, StepFailedError(
            where, remedy="", step=step, record=record, output=output, excerpt=place
        ), request, dockerfile)  # fmt: skip
    exit_code = _EXIT.search(error)
    if exit_code:
        code = int(exit_code[1])
        return StepFailedError(
            f"{where}: {_first_line(what)} ended with exit code {code}.",
            remedy=remedy_for_output(what, code, failed.log),
            step=step,
            record=record,
            exit_code=code,
            output=output,
            excerpt=place,
        )
    return StepFailedError(
        f"{where}: {_first_line(what)} failed: {error}.",
        remedy=_step_remedy(error),
        step=step,
        record=record,
        output=output,
        excerpt=place,
    )


def _copy(
    path: str,
    stage: str | None,
    base: StepFailedError,
    request: BuildRequest,
    dockerfile: Dockerfile,
) -> CopySourceNotFound:
    excluded = None if stage else request.context.left_out_by(path)
    shown = path.lstrip("/")
    if stage:
        message = f"{base.message}: there is no {path} in {stage}."
        remedy = f"Check what {stage} puts there, and the path. {_stages(dockerfile)}"
    elif excluded:
        message = (
            f"{base.message}: {shown} is not in the build context, because the line "
            f"{excluded} leaves it out."
        )
        remedy = f"Change that line, or add the line !{shown} after it."
    else:
        message = f"{base.message}: {shown} is not in the build context."
        remedy = (
            "Check the spelling; paths count from the root of the context, not from the Dockerfile."
        )
    error = CopySourceNotFound(
        message,
        remedy=remedy,
        step=base.step,
        record=base.record,
        output=base.output,
        excerpt=base.excerpt,
    )
    error.path, error.excluded_by = path, excluded
    return error


def _step_remedy(error: str) -> str:
    if secret := _SECRET.search(error):
        return (
            f"Give the secret to the build: --secret id={secret[1]},src=FILE or "
            f"--secret id={secret[1]},env=VARIABLE."
        )
    if _SSH.search(error):
        return "Forward an SSH agent to the build: --ssh default (with a key in it: ssh-add)."
    if _TLS.search(error):
        return "Give the engine's machine the certificate authority of that host, then restart it."
    if "failed to create endpoint" in error:
        return "The engine's network is broken (do two engines share one bridge?): restart it."
    if _NO_ANSWER.search(error):
        return "Check the network of the engine, and the address."
    return "These are the engine's own words; look at the step's line above."


def _first_line(instruction: str) -> str:
    first, *rest = instruction.split("\n")
    return first[:120] + (" …" if rest or len(first) > 120 else "")
