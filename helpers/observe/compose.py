"""A Compose file as written: places with lines, and what the Compose Specification's schema says.

Nothing is run, no ``docker compose`` is needed, and no other file is read: ``extends``,
``include``, ``env_file`` and ``.env`` stay names.

Source: https://github.com/compose-spec/compose-spec/blob/main/spec.md
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from helpers.build.tree import Tree
from helpers.errors import BadInput
from helpers.observe.manifest_facts import Document, Problem, plain
from helpers.observe.manifest_files import context_of, first_there, read_manifest
from helpers.observe.manifest_schema import schema_file, schema_problems
from helpers.observe.manifest_yaml import read_yaml
from helpers.observe.requests import Request
from helpers.observe.subject import Subject

#: The names that Compose looks for, in its order.
NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")

_VARIABLE = re.compile(
    r"\$(?:(?P<escaped>\$)|\{(?P<braced>[^{}]{0,400})\}|(?P<bare>[A-Za-z_][A-Za-z0-9_]*))"
)
_DEFAULT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*:?-(?P<default>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ComposeFacts:
    """What a Compose file says.

    Attributes:
        file: its path in the context.
        document: its places; None where it is no YAML, or empty.
        problems: what keeps Compose from reading it as it is meant.
    """

    file: str
    document: Document | None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class ComposeRequest(Request[ComposeFacts]):
    """Read the Compose file of the subject's context.

    Attributes:
        path: relative to the context; empty for the first of the usual names.
    """

    path: str = ""

    observer: ClassVar[str] = "helpers.observe.compose:observe_compose"


def observe_compose(subject: Subject, request: ComposeRequest) -> ComposeFacts:
    """The subject's Compose file.

    Raises:
        BadInput: if there is none, or it cannot be read.
    """
    tree = context_of(subject, "a Compose file").tree
    path = request.path or find_compose(tree)
    if path is None:
        raise BadInput(
            f"There is no Compose file ({', '.join(NAMES)}).",
            remedy="Write one at the top of the folder, or name the one that is meant.",
        )
    return read_compose(read_manifest(tree, path), path)


def find_compose(tree: Tree) -> str | None:
    """The Compose file that ``docker compose`` would take, or None."""
    return first_there(tree, NAMES)


def read_compose(data: bytes, file: str = NAMES[0]) -> ComposeFacts:
    """A Compose file from its content."""
    documents, problems = read_yaml(data, file)
    if not documents:
        if not problems:
            problems = (Problem("not-readable", "it is empty", 1, file=file),)
        return ComposeFacts(file, None, problems)
    if len(documents) > 1:
        text = "it holds several documents, of which Compose takes one"
        problems = (*problems, Problem("schema", text, documents[1].line, file=file))
    document = documents[0]
    value = _each_text(plain(document), with_defaults)
    found = schema_problems(document, _validator(), value)
    return ComposeFacts(file, document, (*problems, *found))


def with_defaults(text: str) -> str:
    """A text with its variables' defaults; a variable without one stays as it is written.

    Source: https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md
    """

    def value(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        default = _DEFAULT.fullmatch(match["braced"] or "")
        return default["default"] if default else match[0]

    return _VARIABLE.sub(value, text) if "$" in text else text


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {key: _each_text(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_each_text(item, change) for item in value]
    return change(value) if isinstance(value, str) else value


@cache
def _validator() -> Any:
    from jsonschema_rs import Draft7Validator

    return Draft7Validator(schema_file("compose-spec.json"))
