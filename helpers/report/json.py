"""Reports as JSON: one document with a schema version, which loads back to the same value."""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

from helpers.audit.rank import most_useful
from helpers.audit.result import AuditResult
from helpers.build.record import BuildRecord
from helpers.claims.claim import Ledger
from helpers.course.verify_result import VerifyResult
from helpers.errors import BadInput
from helpers.judge.verdict import Outcome
from helpers.observe.attack.facts import AttackFacts, AttackMatrix
from helpers.observe.image_facts import ImageFacts
from helpers.report.blocks import Table
from helpers.report.describe import Reportable
from helpers.report.result import CheckResult
from helpers.structure_test.result import StructureResult

#: Raised whenever a reader of the older document would misread a newer one.
SCHEMA_VERSION = 1
_KINDS: Mapping[str, type[Any]] = {
    "check-result": CheckResult,
    "audit-result": AuditResult,
    "structure-test-result": StructureResult,
    "verify-result": VerifyResult,
    "claims-ledger": Ledger,
    "image-facts": ImageFacts,
    "build-record": BuildRecord,
    "attack-matrix": AttackMatrix,
    "attack-facts": AttackFacts,
    "table": Table,
}
_REMEDY = "Give a document that the workbook wrote with --json, of this version or an older one."


def to_json(value: Reportable, *, indent: int | None = 2) -> str:
    """One JSON document in ASCII, so that surrogate escapes of odd file names survive.

    ``derived`` holds figures that follow from the value (points, passed, sizes), for readers that
    do not want to add up; :func:`from_json` ignores them.

    Raises:
        ValueError: if a number is not finite: a measurement never is.
    """
    kind = next(name for name, cls in _KINDS.items() if isinstance(value, cls))
    document = {
        "schema": kind,
        "version": SCHEMA_VERSION,
        "value": _plain(value),
        "derived": _derived(value),
    }
    return json.dumps(document, indent=indent, allow_nan=False)


def from_json(text: str) -> Reportable:
    """Read what :func:`to_json` wrote.

    Raises:
        BadInput: naming the field, if the text is no such document.
    """
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        raise BadInput(f"This is not a JSON document: {error}.", remedy=_REMEDY) from error
    if not isinstance(document, dict) or "value" not in document:
        raise BadInput("This JSON document is not a report: it has no value.", remedy=_REMEDY)
    kind, version = document.get("schema"), document.get("version")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise BadInput(f"This JSON document is of unknown schema {kind!r}.", remedy=_REMEDY)
    if version != SCHEMA_VERSION:
        raise BadInput(
            f"This {kind} has schema version {version!r}; known is {SCHEMA_VERSION}.",
            remedy=_REMEDY,
        )
    loaded: Reportable = _load(_KINDS[kind], document["value"], kind)
    return loaded


def _derived(value: Reportable) -> dict[str, Any]:
    match value:
        case CheckResult():
            names: tuple[str, ...] = ("passed", "points", "points_possible")
        case AuditResult():
            return _derived_of_audit(value)
        case StructureResult() | VerifyResult():
            names = ("passed",)
        case ImageFacts():
            names = ("unpacked_bytes", "content_bytes", "visible_bytes", "wasted_bytes")
        case _:
            return {}
    return {name: getattr(value, name) for name in names}


def _derived_of_audit(value: AuditResult) -> dict[str, Any]:
    changes = most_useful(value.findings)
    counts = {str(outcome): len(value.outcomes(outcome)) for outcome in Outcome}
    return {
        "score": value.score,
        "counts": {**counts, "ignored": len(value.ignored), "left out": len(value.left_out)},
        "most_useful": [
            {
                "id": change.finding.id,
                "value": round(change.value, 2),
                "also": [f.id for f in change.also],
            }
            for change in changes
        ],
    }


def _plain(value: Any) -> Any:
    # dataclasses.asdict would copy every leaf: slow for an image with 50,000 files.
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        # Cells and columns stand beside bare values: their type is told.
        return {"type": type(value).__name__, **fields} if _is_tagged(type(value)) else fields
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value.value if isinstance(value, Enum) else value


def _is_tagged(cls: type[Any]) -> bool:
    return cls.__name__ in {"Cell", "Column"}


@cache
def _fields(cls: Any) -> tuple[tuple[str, Any, bool], ...]:
    hints = get_type_hints(cls)
    return tuple(
        (
            f.name,
            hints[f.name],
            f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING,
        )
        for f in dataclasses.fields(cls)
    )


def _load(kind: Any, raw: Any, where: str) -> Any:
    # pydantic would refuse strings with surrogate escapes, which file names may have.
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _load_dataclass(kind, raw, where)
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _load_union(args, raw, where)
    if origin is tuple:
        return _load_tuple(args, raw, where)
    if origin is Literal:
        return raw if raw in args else _refuse(where, "one of " + ", ".join(map(repr, args)))
    if origin is not None:  # dict[str, V] and Mapping[str, V]
        if not isinstance(raw, dict):
            _refuse(where, "an object")
        return {key: _load(args[1], item, f"{where}.{key}") for key, item in raw.items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(raw)
        except ValueError:
            _refuse(where, "one of " + ", ".join(repr(e.value) for e in kind))
    return _load_scalar(kind, raw, where)


def _load_dataclass(cls: Any, raw: Any, where: str) -> Any:
    if not isinstance(raw, dict):
        _refuse(where, "an object")
    known = {name for name, _, _ in _fields(cls)} | ({"type"} if _is_tagged(cls) else set())
    if unknown := sorted(raw.keys() - known):
        _refuse(f"{where}.{unknown[0]}", "absent: the field is not known")
    values = {}
    for name, kind, required in _fields(cls):
        if name in raw:
            values[name] = _load(kind, raw[name], f"{where}.{name}")
        elif required:
            _refuse(f"{where}.{name}", "present")
    try:
        return cls(**values)
    except ValueError as error:
        raise BadInput(f"In the report, {where} is wrong: {error}.", remedy=_REMEDY) from error


def _load_union(args: tuple[Any, ...], raw: Any, where: str) -> Any:
    if raw is None and type(None) in args:
        return None
    for arg in args:
        if arg is type(None):
            continue
        if dataclasses.is_dataclass(arg) and isinstance(arg, type):
            if isinstance(raw, dict) and raw.get("type", arg.__name__) == arg.__name__:
                return _load(arg, raw, where)
        elif isinstance(arg, type) and _fits(arg, raw):
            return _load_scalar(arg, raw, where)
        elif get_origin(arg) is not None:
            return _load(arg, raw, where)
    return _refuse(where, "of another type")


def _load_tuple(args: tuple[Any, ...], raw: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(raw, list):
        _refuse(where, "a list")
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_load(args[0], item, f"{where}[{i}]") for i, item in enumerate(raw))
    if len(raw) != len(args):
        _refuse(where, f"a list of {len(args)}")
    return tuple(
        _load(arg, item, f"{where}[{i}]")
        for i, (arg, item) in enumerate(zip(args, raw, strict=True))
    )


def _load_scalar(kind: type[Any], raw: Any, where: str) -> Any:
    if kind is float and _fits(int, raw):
        return float(raw)
    if not _fits(kind, raw):
        _refuse(
            where, {str: "text", int: "a whole number", bool: "true or false"}.get(kind, "a number")
        )
    return raw


def _fits(kind: type[Any], raw: Any) -> bool:
    # In Python a bool is an int; in JSON it is not.
    return isinstance(raw, kind) and (kind is bool or not isinstance(raw, bool))


def _refuse(where: str, expected: str) -> NoReturn:
    raise BadInput(f"In the report, {where} should be {expected}.", remedy=_REMEDY)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
