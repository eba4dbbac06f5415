"""The engine's words to errors. The words were taken from Engine 26.1.5."""

from __future__ import annotations

import pytest

from helpers.build.context import mapping_context
from helpers.build.diagnose import diagnose
from helpers.build.dockerfile import parse_dockerfile
from helpers.build.errors import (
    BaseNotFound,
    BuildError,
    Cancelled,
    CopySourceNotFound,
    DockerfileError,
    ImageUnavailable,
    LoginNeeded,
    NoBuildKit,
    NoSpace,
    RegistryUnreachable,
    RequestError,
    StepFailedError,
)
from helpers.build.events import LogLine, StepFailed
from helpers.build.output_remedies import remedy_for_output
from helpers.build.record import BuildRecord, RecordBuilder
from helpers.build.request import BuildRequest
from helpers.build.steps import step

TEXT = """# syntax=docker/dockerfile:1
FROM node:24 AS deps
WORKDIR /app
COPY package.json secret.txt ./
RUN npm ci

FROM node:24-slim
COPY --from=deps /app/dist /app
COPY --from=tools /bin/x /bin/
"""
FILES = {"Dockerfile": TEXT, ".dockerignore": "*.log\nsecret.*\n", "secret.txt": "", "a.log": ""}
HEAD = 'failed to do request: Head "https://registry-1.docker.io/v2/": '


def found(
    message: str, *, failed: str = "", error: str = "", log: tuple[str, ...] = ()
) -> BuildError:
    parsed = parse_dockerfile(TEXT)
    builder = RecordBuilder()
    if failed:
        one = step("sha256:x", failed, (), parsed)
        builder.add_all(LogLine(one, 1, text) for text in log)
        builder.add(StepFailed(one, 0, 1, error or message))
    record: BuildRecord = builder.record(context_bytes=0, seconds=1, dockerfile=TEXT, target=None)
    result = diagnose(message, record, BuildRequest(mapping_context(FILES)), parsed)
    assert result.remedy
    assert result.record is record
    assert result.describe().endswith(result.remedy)
    return result


def test_a_parse_error_has_its_line_and_two_around() -> None:
    error = found("dockerfile parse error on line 5: unknown instruction: RUNN (did you mean RUN?)")
    assert isinstance(error, DockerfileError)
    assert error.line == 5
    assert error.message.startswith("Dockerfile, line 5: unknown instruction: RUNN")
    assert error.excerpt == (
        "  3 | WORKDIR /app",
        "  4 | COPY package.json secret.txt ./",
        "> 5 | RUN npm ci",
        "  6 |",
        "  7 | FROM node:24-slim",
    )


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("the Dockerfile cannot be empty", None),
        ("file with no instructions", None),
        ("unterminated heredoc", 9),
        ("no build stage in current context", 2),
        ('cannot copy from stage "tools", it needs to be defined before current stage "x"', 9),
        ("circular dependency detected on stage: deps", 2),
        ("invalid field 'dist' must be a key=value pair", 8),
        ("base name ($X) should not be blank", None),
        ("failed to read dockerfile: open Dockerfile: no such file or directory", None),
    ],
)
def test_other_complaints_about_the_dockerfile(message: str, line: int | None) -> None:
    error = found(message)
    assert isinstance(error, DockerfileError)
    assert error.line == line
    assert message in error.message


def test_an_unknown_stage_lists_the_stages() -> None:
    error = found('target stage "prod" could not be found')
    assert isinstance(error, DockerfileError)
    assert "deps, stage-1" in error.remedy


def test_the_frontend_that_cannot_be_had() -> None:
    error = found(
        "failed to resolve source metadata for docker.io/docker/dockerfile:1: "
        f"{HEAD}dial tcp: lookup registry-1.docker.io: no such host"
    )
    assert isinstance(error, RegistryUnreachable)
    assert "Delete the `# syntax=` line" in error.remedy


@pytest.mark.parametrize(
    ("why", "kind", "remedy"),
    [
        (f"{HEAD}dial tcp: lookup x: no such host", RegistryUnreachable, "network"),
        (
            f"{HEAD}dial tcp 1.2.3.4:443: connect: connection refused",
            RegistryUnreachable,
            "network",
        ),
        (f"{HEAD}net/http: TLS handshake timeout", RegistryUnreachable, "network"),
        (
            f"{HEAD}tls: failed to verify certificate: x509: unknown authority",
            RegistryUnreachable,
            "certificate",
        ),
        ("docker.io/library/node:24: not found", BaseNotFound, "tag"),
        (
            "pull access denied, repository does not exist or may require authorization",
            LoginNeeded,
            "docker login.",
        ),
        ("failed to authorize: 401 Unauthorized", LoginNeeded, "docker login."),
        ("unexpected status: 429 toomanyrequests", RegistryUnreachable, "Wait"),
        (
            (
                "unexpected status from HEAD request to http://127.0.0.1:43429/v2/a/manifests/1: "
                "401 Unauthorized"
            ),
            LoginNeeded,
            "docker login.",
        ),
        ("http://10.0.0.1:40343/v2/a/manifests/sha256:429a: not found", BaseNotFound, "tag"),
    ],
)
def test_a_base_that_cannot_be_had(why: str, kind: type[BuildError], remedy: str) -> None:
    error = found(
        f"node:24: failed to resolve source metadata for docker.io/library/node:24: {why}"
    )
    assert type(error) is kind
    assert isinstance(error, ImageUnavailable)
    assert "node:24 (Dockerfile, line 2)" in error.message
    assert remedy in error.remedy


def test_an_image_that_was_meant_as_a_stage() -> None:
    error = found(
        "tools: failed to resolve source metadata for docker.io/library/tools:latest: not found"
    )
    assert isinstance(error, BaseNotFound)
    assert "line 9" in error.message
    assert "deps, stage-1" in error.remedy


def test_a_command_that_failed() -> None:
    log = tuple(f"line {n}" for n in range(50))
    words = 'process "/bin/sh -c npm ci" did not complete successfully: exit code: 3'
    error = found(words, failed="[deps 4/4] RUN npm ci", log=log)
    assert isinstance(error, StepFailedError)
    assert (error.exit_code, error.line, error.instruction) == (3, 5, "RUN npm ci")
    assert error.output == log[-20:]
    assert "> 5 | RUN npm ci" in error.describe()
    assert "  line 49" in error.describe()
    assert "line 29\n" not in error.describe()


def test_a_file_that_is_not_in_the_context_and_why() -> None:
    words = 'failed to calculate checksum of ref a::b: "/{}": not found'
    failed = "[deps 3/4] COPY package.json secret.txt ./"
    missing = found(words.format("package.json"), failed=failed)
    assert isinstance(missing, CopySourceNotFound)
    assert (missing.path, missing.excluded_by) == ("/package.json", None)
    excluded = found(words.format("secret.txt"), failed=failed)
    assert isinstance(excluded, CopySourceNotFound)
    assert excluded.excluded_by == ".dockerignore:2: secret.*"
    assert "!secret.txt" in excluded.remedy


def test_a_file_that_is_not_in_the_stage() -> None:
    words = "lstat /var/lib/docker/tmp/buildkit-mount123/app/dist: no such file or directory"
    error = found(words, failed="[stage-1 2/3] COPY --from=deps /app/dist /app")
    assert isinstance(error, CopySourceNotFound)
    assert "there is no /app/dist in deps" in error.message
    assert "buildkit-mount" not in error.message


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("write /var/lib/docker/x: no space left on device", NoSpace),
        ("context canceled", Cancelled),
        ("rpc error: code = Canceled desc = context canceled", Cancelled),
        (
            "invalid reference format: repository name (library/Bad Tag) must be lowercase",
            RequestError,
        ),
        ('network mode "foo" not supported by buildkit', RequestError),
        ('"foo/bar/baz/q": cannot parse platform specifier: invalid argument', RequestError),
        ("buildkit is not enabled", NoBuildKit),
        ("something new", BuildError),
    ],
)
def test_other_ends(message: str, kind: type[BuildError]) -> None:
    error = found(message)
    assert type(error) is kind


def test_a_step_that_ran_beside_the_failed_one_is_not_blamed() -> None:
    error = found("context canceled", failed="[deps 4/4] RUN npm ci", error="context canceled")
    assert isinstance(error, Cancelled)


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("secret npm: not found", "--secret id=npm,src=FILE or --secret id=npm,env=VARIABLE"),
        ("secret npm not found", "--secret id=npm,src=FILE"),
        ('no SSH key "default" forwarded from the client', "--ssh default"),
        ("unset ssh forward key deploy", "--ssh default"),
    ],
)
def test_a_step_that_was_not_given_what_it_mounts(words: str, remedy: str) -> None:
    error = found(words, failed="[deps 4/4] RUN npm ci")
    assert isinstance(error, StepFailedError)
    assert remedy in error.remedy


def test_a_private_registry_is_named_in_the_remedy() -> None:
    image = "registry.example.com:5000/team/shop:1"
    error = found(f"{image}: failed to resolve source metadata for {image}: 403 Forbidden")
    assert isinstance(error, LoginNeeded)
    assert "docker login registry.example.com:5000." in error.remedy


@pytest.mark.parametrize(
    ("log", "code", "remedy"),
    [
        (
            "npm error The `npm ci` command can only install with an existing package-lock.json",
            1,
            "npm install",
        ),
        (
            "npm ERR! `npm ci` can only install packages when your package.json and package-lock",
            1,
            "disagree",
        ),
        (
            "npm error code ENOTFOUND\nnpm error network request to http://x failed",
            1,
            "npm does not reach",
        ),
        ("npm error code EAI_AGAIN", 1, "npm does not reach"),
        ("npm error code SELF_SIGNED_CERT_IN_CHAIN", 1, "certificate authority"),
        ("npm error code E404\nnpm error 404 Not Found - GET http://x/y", 1, "name"),
        (
            "W: Failed to fetch http://deb/x  Temporary failure resolving 'deb'",
            100,
            "apt does not reach",
        ),
        ("E: Unable to locate package foo", 100, "apt-get update"),
        ("dd: error writing 'x': No space left on device", 1, "disk is full"),
        ("wget: bad address 'x'", 1, "network"),
        ("mkdir: can't create directory '/x': Permission denied", 1, "USER"),
        ("/bin/sh: nosuch: not found", 127, "command was not found"),
        ("", 137, "memory"),
        ("all is well", 2, "`npm ci`"),
    ],
)
def test_remedies_for_what_a_command_printed(log: str, code: int, remedy: str) -> None:
    assert remedy in remedy_for_output("RUN npm ci", code, log.split("\n"))
