"""Read a container-structure-test file as the tool does: strictly, and with Go's idea of YAML.

The tool reads with go-yaml 2: an unquoted number or truth value is text where text is wanted, and
an empty value stands for nothing. Source: https://pkg.go.dev/gopkg.in/yaml.v2
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml

from helpers.errors import BadInput
from helpers.observe.text import printable
from helpers.structure_test.spec import (
    CommandTest,
    FileContentTest,
    FileExistenceTest,
    LicenseTest,
    MetadataTest,
    Pair,
    RunOptions,
    StructureFile,
)

VERSION = "2.0.0"
#: Larger files are refused, in bytes.
MAX_BYTES = 2_000_000
_REMEDY = (
    "Mend that line; the fields are told at "
    "https://github.com/GoogleContainerTools/container-structure-test."
)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})
_FALSE = frozenset({"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})
_WHOLE = re.compile(r"[-+]?(?:0x[0-9a-fA-F]+|0o[0-7]+|0b[01]+|0[0-7]*|[1-9][0-9]*)")
_MERGE = "tag:yaml.org,2002:merge"

Reader = Callable[["_File", Any, str], Any]


def parse_file(path: Path) -> StructureFile:
    """Read one file of schema version 2.0.0.

    Raises:
        BadInput: where it cannot be read, is of another version, or is wrong; line and field are
            named.
    """
    if path.suffix not in {".yaml", ".yml"}:
        raise BadInput(
            f"{path} is no YAML file by its name.",
            remedy="Name a .yaml or .yml file; the tool's JSON form is not read.",
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read: {error.strerror}.", remedy="Name a file that is there."
        ) from error
    return parse_text(data, str(path))


def parse_text(data: bytes, name: str) -> StructureFile:
    """Read the content of a file; as :func:`parse_file`."""
    file = _File(name)
    if len(data) > MAX_BYTES:
        raise BadInput(f"{name} has {len(data):,} bytes.", remedy="Split it into smaller files.")
    try:
        root = next(iter(yaml.compose_all(data, Loader=yaml.SafeLoader)), None)
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        raise BadInput(
            f"{name} is no YAML: {printable(' '.join(str(error).split()), 300)}.", remedy=_REMEDY
        ) from error
    if not isinstance(root, yaml.MappingNode):
        raise BadInput(f"{name} holds no tests.", remedy="Begin it with schemaVersion: 2.0.0.")
    fields = dict(file.pairs(root, ""))
    version = fields.get("schemaVersion")
    told = _text(file, version, "schemaVersion") if version is not None else ""
    if told != VERSION:
        raise BadInput(
            f"{name} has schema version {told!r}; {VERSION} is read here.",
            remedy=f"Say schemaVersion: {VERSION}, and bring older tests to that form.",
        )
    values: dict[str, Any] = file.fields(root, _FILE, "")
    values.pop("version", None)
    return StructureFile(path=name, **values)


class _File:
    """Names the file and the line of a fault."""

    def __init__(self, name: str) -> None:
        self.name = name

    def fault(self, node: yaml.Node, where: str, problem: str) -> NoReturn:
        raise BadInput(
            f"{self.name}:{node.start_mark.line + 1}: {where or 'the file'}: {problem}.",
            remedy=_REMEDY,
        )

    def pairs(self, node: yaml.Node, where: str) -> Iterator[tuple[str, yaml.Node]]:
        """Keys and values of a mapping; merged ones first, so that its own replace them."""
        if not isinstance(node, yaml.MappingNode):
            self.fault(node, where, "a mapping is wanted")
        seen: set[str] = set()
        for key, value in node.value:
            if key.tag == _MERGE:
                merged = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for other in reversed(merged):
                    yield from self.pairs(other, where)
        for key, value in node.value:
            if key.tag == _MERGE:
                continue
            if not isinstance(key, yaml.ScalarNode):
                self.fault(key, where, "a field's name is wanted")
            if key.value in seen:
                self.fault(key, f"{where}.{key.value}".lstrip("."), "it stands there twice")
            seen.add(key.value)
            yield key.value, value

    def fields(
        self, node: yaml.Node, known: Mapping[str, tuple[str, Reader]], where: str
    ) -> dict[str, Any]:
        """Values by attribute; only fields that are there."""
        values = {}
        for key, value in self.pairs(node, where):
            place = f"{where}.{key}".lstrip(".")
            if key not in known:
                self.fault(value, place, f"there is no such field; known are {', '.join(known)}")
            attribute, read = known[key]
            values[attribute] = read(self, value, place)
        return values


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style is None and node.value in _NULLS


def _text(file: _File, node: yaml.Node, where: str) -> str:
    if _is_null(node):
        return ""
    if not isinstance(node, yaml.ScalarNode):
        file.fault(node, where, "a text is wanted")
    return str(node.value)


def _whole(file: _File, node: yaml.Node, where: str) -> int:
    if _is_null(node):
        return 0
    plain = isinstance(node, yaml.ScalarNode) and node.style is None
    text = node.value.replace("_", "") if plain else ""
    if not _WHOLE.fullmatch(text):
        file.fault(node, where, "a whole number is wanted, without quotes")
    digits = text.lstrip("+-")
    octal = len(digits) > 1 and digits[0] == "0" and digits[1].isdecimal()
    return int(text, 8 if octal else 0)


def _flag(file: _File, node: yaml.Node, where: str) -> bool:
    if _is_null(node):
        return False
    plain = isinstance(node, yaml.ScalarNode) and node.style is None
    if not plain or node.value not in _TRUE | _FALSE:
        file.fault(node, where, "true or false is wanted, without quotes")
    return node.value in _TRUE


def _list(read: Reader) -> Reader:
    def read_list(file: _File, node: yaml.Node, where: str) -> tuple[Any, ...]:
        if _is_null(node):
            return ()
        if not isinstance(node, yaml.SequenceNode):
            file.fault(node, where, "a list is wanted")
        return tuple(read(file, item, f"{where}[{n}]") for n, item in enumerate(node.value))

    return read_list


def _optional_texts(file: _File, node: yaml.Node, where: str) -> tuple[str, ...] | None:
    """A list that is not asked about where nothing stands there."""
    return None if _is_null(node) else _TEXTS(file, node, where)


def _record(kind: Any, known: Mapping[str, tuple[str, Reader]]) -> Reader:
    def read_record(file: _File, node: yaml.Node, where: str) -> Any:
        return kind() if _is_null(node) else kind(**file.fields(node, known, where))

    return read_record


def _pair(**values: Any) -> Pair:
    return Pair(**{"key": "", **values})


_TEXTS = _list(_text)
_PAIRS = _list(
    _record(
        _pair, {"key": ("key", _text), "value": ("value", _text), "isRegex": ("is_regex", _flag)}
    )
)
_COMMAND = _record(
    CommandTest,
    {
        "name": ("name", _text),
        "setup": ("setup", _list(_TEXTS)),
        "teardown": ("teardown", _list(_TEXTS)),
        "envVars": ("env", _PAIRS),
        "exitCode": ("exit_code", _whole),
        "command": ("command", _text),
        "args": ("args", _TEXTS),
        "expectedOutput": ("expected_output", _TEXTS),
        "excludedOutput": ("excluded_output", _TEXTS),
        "expectedError": ("expected_error", _TEXTS),
        "excludedError": ("excluded_error", _TEXTS),
    },
)
_EXISTENCE = _record(
    FileExistenceTest,
    {
        "name": ("name", _text),
        "path": ("path", _text),
        "shouldExist": ("should_exist", _flag),
        "permissions": ("permissions", _text),
        "uid": ("uid", _whole),
        "gid": ("gid", _whole),
        "isExecutableBy": ("is_executable_by", _text),
    },
)
_CONTENT = _record(
    FileContentTest,
    {
        "name": ("name", _text),
        "path": ("path", _text),
        "expectedContents": ("expected", _TEXTS),
        "excludedContents": ("excluded", _TEXTS),
    },
)
_METADATA = _record(
    MetadataTest,
    {
        "envVars": ("env", _PAIRS),
        "unboundEnvVars": ("unbound_env", _PAIRS),
        "exposedPorts": ("exposed_ports", _TEXTS),
        "unexposedPorts": ("unexposed_ports", _TEXTS),
        "entrypoint": ("entrypoint", _optional_texts),
        "cmd": ("cmd", _optional_texts),
        "workdir": ("workdir", _text),
        "volumes": ("volumes", _TEXTS),
        "unmountedVolumes": ("unmounted_volumes", _TEXTS),
        "labels": ("labels", _PAIRS),
        "user": ("user", _text),
    },
)
_LICENSE = _record(LicenseTest, {"debian": ("debian", _flag), "files": ("files", _TEXTS)})
_RUN = _record(
    RunOptions,
    {
        "user": ("user", _text),
        "privileged": ("privileged", _flag),
        "allocateTty": ("tty", _flag),
        "envVars": ("env", _TEXTS),
        "envFile": ("env_file", _text),
        "capabilities": ("capabilities", _TEXTS),
        "bindMounts": ("bind_mounts", _TEXTS),
    },
)
_FILE: Mapping[str, tuple[str, Reader]] = {
    "schemaVersion": ("version", _text),
    "globalEnvVars": ("global_env", _PAIRS),
    "commandTests": ("commands", _list(_COMMAND)),
    "fileExistenceTests": ("existence", _list(_EXISTENCE)),
    "fileContentTests": ("contents", _list(_CONTENT)),
    "metadataTest": ("metadata", _METADATA),
    "licenseTests": ("licenses", _list(_LICENSE)),
    "containerRunOptions": ("run", _RUN),
}
