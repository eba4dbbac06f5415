"""What looks like a secret in an image's configuration, its history, and its Dockerfile.

The values themselves are looked at here and go no further: an answer holds names and lengths.

Source: ``GET /images/{name}/json`` and ``/history`` of
https://docs.docker.com/reference/api/engine/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from typing import Any, ClassVar, Literal

from helpers.observe.build_arguments import build_arguments
from helpers.observe.errors import ObservationFailed, engine_errors
from helpers.observe.history import instruction
from helpers.observe.requests import Request
from helpers.observe.secret_strings import secret_in_setting, secrets_in
from helpers.observe.subject import Subject
from helpers.observe.text import printable

Place = Literal["env", "label", "argument", "command", "dockerfile"]

#: Most history entries, settings and findings that are looked at or kept.
MOST = 500
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting with a value that is not told.

    Attributes:
        place: ``env``, ``label``, or ``argument`` for a build argument.
        name: of the setting.
        length: of its value, in characters.
        looks_like: what its value looks like, for example ``Basic Auth Credentials``; empty where
            the detectors find nothing in it.
        path: True where the value is a path: the name of a file is no secret.
    """

    place: Place
    name: str
    length: int
    looks_like: str = ""
    path: bool = False


@dataclass(frozen=True, slots=True)
class SecretText:
    """A string in a command that looks like a secret.

    Attributes:
        place: ``command`` for the image's history, or ``dockerfile``.
        what: what it looks like.
        masked: its first characters and its length.
        instruction: the beginning of the command; empty for a Dockerfile.
        line: in the Dockerfile, from 1; None for the history.
    """

    place: Place
    what: str
    masked: str
    instruction: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class ConfigSecrets:
    """All settings of an image, and what looks like a secret beside them.

    Attributes:
        settings: variables, labels and build arguments with a value.
        texts: strings in commands.
    """

    settings: tuple[Setting, ...] = ()
    texts: tuple[SecretText, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigSecretsRequest(Request[ConfigSecrets]):
    """Look for secrets in what is stored beside the files."""

    observer: ClassVar[str] = "helpers.observe.config_secrets:observe_config_secrets"


def observe_config_secrets(subject: Subject, request: ConfigSecretsRequest) -> ConfigSecrets:  # noqa: ARG001
    """The subject's settings and what looks like a secret.

    Raises:
        BadInput: if the engine has no such image.
        ObservationFailed: if the engine refuses, or the detectors are not installed.
        NoEngine: if the engine stops answering.
    """
    with engine_errors("reading the image's configuration"):
        config: dict[str, Any] = subject.client.api.inspect_image(subject.image_id)["Config"] or {}
        entries: list[dict[str, Any]] = subject.client.api.history(subject.image_id)
    history = [str(entry.get("CreatedBy") or "") for entry in reversed(entries)]
    dockerfile = subject.dockerfile.text if subject.dockerfile else ""
    try:
        return config_secrets(
            [str(pair) for pair in config.get("Env") or ()],
            {str(k): str(v) for k, v in (config.get("Labels") or {}).items()},
            history,
            dockerfile,
        )
    except (ModuleNotFoundError, PackageNotFoundError) as error:
        raise ObservationFailed(
            f"What finds secrets is not installed ({error}).",
            remedy="Install it with `pip install bc-detect-secrets`, then check again.",
        ) from error


def config_secrets(
    env: Iterable[str], labels: dict[str, str], history: Iterable[str], dockerfile: str = ""
) -> ConfigSecrets:
    """Settings and suspicious strings, from plain values.

    Args:
        env: variables as ``NAME=value``.
        labels: of the image.
        history: its entries as the builder wrote them, oldest first.
        dockerfile: its text; empty where there is none.
    """
    known = list(history)[:MOST]
    pairs: list[tuple[Place, str, str]] = []
    pairs += [("env", name, value) for name, _, value in (e.partition("=") for e in env)]
    pairs += [("label", name, value) for name, value in labels.items()]
    pairs += [("argument", *pair) for entry in known for pair in build_arguments(entry)]
    settings = [_setting(*pair) for pair in dict.fromkeys(pairs) if pair[2]]
    texts = [text for entry in known for text in _in_command(entry)]
    texts += [
        SecretText("dockerfile", found.what, found.masked, line=found.line)
        for found in secrets_in("Dockerfile", dockerfile)
    ]
    return ConfigSecrets(tuple(settings[:MOST]), tuple(dict.fromkeys(texts))[:MOST])


def _setting(place: Place, name: str, value: str) -> Setting:
    return Setting(
        place,
        printable(name, _LONGEST),
        len(value),
        secret_in_setting(name, value) or "",
        path=value.startswith("/"),
    )


def _in_command(entry: str) -> Iterator[SecretText]:
    """What looks like a secret in a history entry, build arguments left out: they are settings."""
    command = instruction(entry)
    if command.split(" ", 1)[0] in {"ENV", "LABEL", "ARG"}:
        return
    for found in secrets_in("command", command):
        yield SecretText("command", found.what, found.masked, _beginning(command))


def _beginning(command: str) -> str:
    """Instruction and program: anything after that may be the secret."""
    return printable(" ".join(command.split()[:2]), 80)
