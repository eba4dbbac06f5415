"""Observations as one JSON document, and back: what was seen once can be judged again anywhere.

Dataclasses become objects, tuples and sets become arrays, a mapping with keys that are no text
becomes an array of pairs, and a value of a union of dataclasses carries its class's name. File
names that are not UTF-8 survive: JSON can write surrogate escapes, which pydantic's JSON refuses.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import types
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import (
    Any,
    ForwardRef,
    Literal,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from helpers.errors import BadInput
from helpers.observe.requests import Observations, Request

T = TypeVar("T")

#: Changes when a saved document can no longer be read.
FORMAT = 1
_TAG = "is"
_OURS = re.compile(r"helpers\.observe\.[a-z_.]+")


def facts_to_json(observations: Observations) -> str:
    """One JSON document; :func:`facts_from_json` gives equal observations back."""
    return json.dumps(
        {"format": FORMAT, "observations": _plain(Observations)(observations)},
        separators=(",", ":"),
    )


def facts_from_json(text: str | bytes) -> Observations:
    """Read what :func:`facts_to_json` wrote.

    Raises:
        BadInput: if the text is no JSON, of another format, or lacks or adds something.
    """
    try:
        document = _document(json.loads(text))
        return cast("Observations", _value(Observations)(document.get("observations")))
    except (ValueError, RecursionError) as error:
        raise BadInput(
            f"These saved observations cannot be read: {error}.",
            remedy="Make the observations again with this version of the workbook.",
        ) from error


def _document(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise ValueError(f"it is not of format {FORMAT}")
    return raw


@cache
def _plain(kind: Any) -> Callable[[Any], Any]:
    """How a value of the type becomes something that JSON knows."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Request:
        return _plain_request
    if dataclasses.is_dataclass(kind):
        return _plain_dataclass(kind)
    if origin in {tuple, frozenset}:
        if origin is tuple and args[-1] is not Ellipsis:
            each = [_plain(arg) for arg in args]
            return lambda value: [to(item) for to, item in zip(each, value, strict=True)]
        item_to = _plain(args[0])
        if origin is frozenset:
            return lambda value: sorted(item_to(item) for item in value)
        return lambda value: [item_to(item) for item in value]
    if origin in {dict, Mapping}:
        return _plain_mapping(args)
    if origin in {Union, types.UnionType}:
        tagged = {c: _plain(c) for c in _classes(args)}
        if len(tagged) > 1:
            return lambda value: {_TAG: type(value).__name__, **tagged[type(value)](value)}
        by_type = {get_origin(c) or c: _plain(c) for c in _besides_none(args)}
        return lambda value: None if value is None else by_type[type(value)](value)
    return lambda value: value


def _plain_dataclass(kind: Any) -> Callable[[Any], Any]:
    convert = [(name, _plain(hint)) for name, hint in _fields(kind).items()]
    return lambda value: {name: to(getattr(value, name)) for name, to in convert}


def _plain_mapping(args: tuple[Any, ...]) -> Callable[[Any], Any]:
    if args[1] is Any:
        return lambda value: [_plain_answer(*item) for item in value.items()]
    key_to, value_to = _plain(args[0]), _plain(args[1])
    if args[0] is str:
        return lambda value: {key: value_to(item) for key, item in value.items()}
    return lambda value: [[key_to(key), value_to(item)] for key, item in value.items()]


@cache
def _value(kind: Any) -> Callable[[Any], Any]:
    """How a value of the type is made from JSON; what does not fit raises ValueError."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Request:
        return _request_value
    if dataclasses.is_dataclass(kind):
        return _dataclass_value(kind)
    if origin in {tuple, frozenset}:
        return _items_value(origin, args)
    if origin in {dict, Mapping}:
        return _mapping_value(args)
    if origin in {Union, types.UnionType}:
        return _union_value(args)
    if origin is Literal:
        return _checked(lambda raw: raw in args, f"one of {', '.join(map(repr, args))}")
    if kind is float:
        number = _checked(lambda raw: type(raw) in {int, float}, "a number")
        return lambda raw: float(number(raw))
    return _checked(lambda raw: type(raw) is kind, f"a value of type {kind.__name__}")


def _checked(fits: Callable[[Any], bool], wanted: str) -> Callable[[Any], Any]:
    def check(raw: Any) -> Any:
        if not fits(raw):
            raise ValueError(f"{str(raw)[:60]!r} is not {wanted}")
        return raw

    return check


def _dataclass_value(kind: Any) -> Callable[[Any], Any]:
    convert = {name: _value(hint) for name, hint in _fields(kind).items()}
    needed = {
        f.name
        for f in dataclasses.fields(kind)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }

    check_object = _checked(lambda raw: isinstance(raw, dict), f"an object for {kind.__name__}")

    def make(raw: Any) -> Any:
        check_object(raw)
        if lacking := needed - raw.keys():
            raise ValueError(f"{kind.__name__} lacks {', '.join(sorted(lacking))}")
        if unknown := raw.keys() - convert.keys():
            raise ValueError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
        return kind(**{name: convert[name](item) for name, item in raw.items()})

    return make


def _items_value(origin: Any, args: tuple[Any, ...]) -> Callable[[Any], Any]:
    if origin is tuple and args[-1] is not Ellipsis:
        each = [_value(arg) for arg in args]

        def make_fixed(raw: Any) -> Any:
            if not isinstance(raw, list) or len(raw) != len(each):
                raise ValueError(f"{str(raw)[:60]!r} is no list of {len(each)}")
            return tuple(make(item) for make, item in zip(each, raw, strict=True))

        return make_fixed
    make_item = _value(args[0])
    make_list = _checked(lambda raw: isinstance(raw, list), "a list")
    return lambda raw: origin(make_item(item) for item in make_list(raw))


def _mapping_value(args: tuple[Any, ...]) -> Callable[[Any], Any]:
    if args[1] is Any:
        make_answers = _checked(lambda raw: isinstance(raw, list), "a list")
        return lambda raw: dict(_answer_value(item) for item in make_answers(raw))
    if args[0] is str:
        make_value = _value(args[1])
        make_object = _checked(lambda raw: isinstance(raw, dict), "an object")
        return lambda raw: {key: make_value(item) for key, item in make_object(raw).items()}
    pair: Any = types.GenericAlias(tuple, args)
    make_pairs = _value(types.GenericAlias(tuple, (pair, ...)))
    return lambda raw: dict(make_pairs(raw))


def _union_value(args: tuple[Any, ...]) -> Callable[[Any], Any]:
    classes = {str(c.__name__): _value(c) for c in _classes(args)}
    if len(classes) <= 1:
        return _first_that_fits(args)

    def make(raw: Any) -> Any:
        if not isinstance(raw, dict) or raw.get(_TAG) not in classes:
            raise ValueError(f"{str(raw)[:60]!r} is none of {', '.join(classes)}")
        return classes[raw[_TAG]]({key: item for key, item in raw.items() if key != _TAG})

    return make


def _first_that_fits(args: tuple[Any, ...]) -> Callable[[Any], Any]:
    """A value of the first type that JSON can be read as; where there is one only, its error."""
    *others, last = [_value(kind) for kind in _besides_none(args)]

    def make(raw: Any) -> Any:
        if raw is None and types.NoneType in args:
            return None
        for read in others:
            try:
                return read(raw)
            except ValueError:
                continue
        return last(raw)

    return make


def _plain_request(request: Request[Any]) -> Any:
    """A request with the name of its class, by which it is found again."""
    kind = type(request)
    fields = _plain(cast("Any", kind))(request)
    return {_TAG: f"{kind.__module__}:{kind.__name__}", **fields}


def _request_value(raw: Any) -> Request[Any]:
    kind = _request_class(raw.get(_TAG) if isinstance(raw, dict) else None)
    request = _value(cast("Any", kind))({key: item for key, item in raw.items() if key != _TAG})
    return cast("Request[Any]", request)


def _plain_answer(request: Request[Any], answer: Any) -> Any:
    kind = _answer_type(cast("Any", type(request)))
    return [_plain_request(request), _plain(kind)(answer)]


def _answer_value(raw: Any) -> tuple[Request[Any], Any]:
    if not isinstance(raw, list) or len(raw) != 2:
        raise ValueError(f"{str(raw)[:60]!r} is no request with its answer")
    request = _request_value(raw[0])
    return request, _value(_answer_type(type(request)))(raw[1])


def _request_class(name: Any) -> type[Request[Any]]:
    """The class of a saved request; only ours are looked for."""
    module, _, attribute = str(name).partition(":")
    kind: Any = None
    if _OURS.fullmatch(module):
        try:
            kind = getattr(import_module(module), attribute, None)
        except ModuleNotFoundError:
            kind = None
    if not (isinstance(kind, type) and issubclass(kind, Request) and kind is not Request):
        raise ValueError(f"{str(name)[:60]!r} is no request of this version")
    return kind


def _answer_type(kind: type[Request[Any]]) -> Any:
    """What answers a request: the parameter of ``Request[…]`` that its class derives from."""
    bases: tuple[Any, ...] = getattr(kind, "__orig_bases__", ())
    (base,) = (b for b in bases if get_origin(b) is Request)
    (answer,) = get_args(base)
    if isinstance(answer, ForwardRef):
        scope = vars(sys.modules[kind.__module__])
        return eval(answer.__forward_arg__, scope)  # noqa: S307 - our own source text
    return answer


def _besides_none(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(arg for arg in args if arg is not types.NoneType)


def _classes(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(arg for arg in args if dataclasses.is_dataclass(arg))


def _fields(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {f.name: hints[f.name] for f in dataclasses.fields(kind)}
