"""YAML as Compose and Kubernetes read it, with lines, in bounded time and memory.

PyYAML's parser gives events; what they mean is decided here, because PyYAML follows YAML 1.1 where
``22:22`` is a number and lines and duplicate keys are lost. No tag makes any object.

Sources: https://yaml.org/spec/1.2.2/#103-core-schema and, for merge keys,
https://github.com/compose-spec/compose-spec/blob/main/10-fragments.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from helpers.observe.manifest_facts import Document, Entry, Place, Problem, Scalar, shown_place
from helpers.observe.text import printable

#: Deepest nesting, and most places in one file after aliases were followed.
MAX_DEPTH = 60
MAX_PLACES = 20_000
#: Keys are events, too, and so are the ends of mappings and sequences.
MAX_EVENTS = 3 * MAX_PLACES

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
# Kubernetes reads YAML 1.1's words for them, too: https://github.com/kubernetes-sigs/yaml
_TRUE_1_1 = frozenset({"y", "Y", "yes", "Yes", "YES", "on", "On", "ON"})
_FALSE_1_1 = frozenset({"n", "N", "no", "No", "NO", "off", "Off", "OFF"})
_INT = re.compile(r"[-+]?(?:0o[0-7]{1,30}|0x[0-9a-fA-F]{1,30}|[0-9]{1,30})")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?")
_STRING_TAG = "tag:yaml.org,2002:str"


@dataclass(slots=True, eq=False)
class _Node:
    kind: str
    line: int
    value: Scalar = None
    items: list[tuple[_Node | None, _Node]] = field(default_factory=list)
    merge: bool = False  # a plain `<<` key


class _TooMuch(Exception):
    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.line = line


def read_yaml(
    data: bytes, file: str, *, yaml_1_1: bool = False
) -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
    """Every document of a YAML file that is not empty.

    Args:
        data: the file's content.
        file: its name, for the values that are given back.
        yaml_1_1: whether ``yes``, ``no``, ``on`` and ``off`` are booleans.

    Returns:
        The documents, and the problems: text that is no YAML (then there are no documents), and
        keys that stand twice in one mapping.
    """
    try:
        text = data.decode("utf-8-sig")
        roots = list(_Builder(yaml_1_1).roots(text))
        problems: list[Problem] = []
        documents = tuple(
            Document(tuple(_Flattener(file, problems).entries(root)), file)
            for root in roots
            if not (root.kind == "scalar" and root.value is None)
        )
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return (), (Problem("not-readable", "it is not UTF-8", line, file=file),)
    except _TooMuch as error:
        return (), (Problem("not-readable", str(error), error.line, file=file),)
    except yaml.YAMLError as error:
        return (), (_syntax(error, file),)
    return documents, tuple(problems)


def _syntax(error: yaml.YAMLError, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark is not None else 1
    parts = (getattr(error, "context", None), getattr(error, "problem", None))
    words = ", ".join(str(part) for part in parts if part) or str(error).partition("\n")[0]
    return Problem("not-readable", printable(f"it is no YAML: {words}", 200), line, file=file)


@dataclass(slots=True)
class _Builder:
    """Nodes from the parser's events; an alias is the very node that it stands for."""

    yaml_1_1: bool
    anchors: dict[str, _Node] = field(default_factory=dict)
    stack: list[_Node] = field(default_factory=list)
    #: The key that waits for its value, one a container of the stack.
    keys: list[_Node | None] = field(default_factory=list)
    nodes: int = 0

    def roots(self, text: str) -> Iterator[_Node]:
        """The root node of every document."""
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            node = self._node(event)
            if node is not None and not self.stack:
                self.anchors = {}
                yield node
            elif node is not None:
                self._add(node)

    def _node(self, event: yaml.Event) -> _Node | None:
        """The node that the event completes, if any."""
        line = event.start_mark.line + 1 if event.start_mark else 1
        self.nodes += 1
        if self.nodes > MAX_EVENTS:
            raise _TooMuch(f"it has more than {MAX_PLACES:,} places", line)
        match event:
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self.keys.pop()
                return self.stack.pop()
            case yaml.AliasEvent():
                if event.anchor not in self.anchors:
                    name = printable(str(event.anchor), 40)
                    raise _TooMuch(f"`*{name}` has no anchor before it", line)
                return self.anchors[str(event.anchor)]
            case yaml.ScalarEvent():
                node = _scalar(event, line, yaml_1_1=self.yaml_1_1)
                self._remember(event.anchor, node)
                return node
            case yaml.SequenceStartEvent():
                self._open(_Node("sequence", line), event.anchor)
            case yaml.MappingStartEvent():
                self._open(_Node("mapping", line), event.anchor)
        return None

    def _open(self, node: _Node, anchor: str | None) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise _TooMuch(f"it is nested more than {MAX_DEPTH} levels deep", node.line)
        self._remember(anchor, node)
        self.stack.append(node)
        self.keys.append(None)

    def _remember(self, anchor: str | None, node: _Node) -> None:
        if anchor:
            self.anchors[anchor] = node

    def _add(self, node: _Node) -> None:
        parent = self.stack[-1]
        if parent.kind == "sequence":
            parent.items.append((None, node))
        elif self.keys[-1] is None:
            self.keys[-1] = node
        else:
            parent.items.append((self.keys[-1], node))
            self.keys[-1] = None


def _scalar(event: yaml.ScalarEvent, line: int, *, yaml_1_1: bool) -> _Node:
    plain_style = event.implicit[0] and event.tag != _STRING_TAG
    if not plain_style:
        return _Node("scalar", line, event.value)
    value = _resolved(event.value, yaml_1_1=yaml_1_1)
    return _Node("scalar", line, value, merge=event.value == "<<")


def _resolved(text: str, *, yaml_1_1: bool) -> Scalar:
    if text in _NULL:
        return None
    if text in _TRUE or (yaml_1_1 and text in _TRUE_1_1):
        return True
    if text in _FALSE or (yaml_1_1 and text in _FALSE_1_1):
        return False
    if _INT.fullmatch(text):
        digits = text.lstrip("+-")
        octal = len(digits) > 1 and digits.isdecimal() and digits[0] == "0"
        if octal and not set("89") & set(digits):
            return int(f"{'-' if text[0] == '-' else ''}0o{digits}", 0)
        return int(text, 10 if octal else 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


@dataclass(slots=True)
class _Flattener:
    """A tree of nodes as a list of places; aliases are followed, but not for ever."""

    file: str
    problems: list[Problem]
    steps: int = 0

    def entries(self, root: _Node) -> Iterator[Entry]:
        stack: list[tuple[Place, _Node, int]] = [((), root, root.line)]
        while stack:
            place, node, line = stack.pop()
            self._step(node)
            if len(place) > MAX_DEPTH:
                raise _TooMuch(f"it is nested more than {MAX_DEPTH} levels deep", node.line)
            if node.kind == "scalar":
                yield Entry(place, "scalar", node.value, line)
            elif node.kind == "sequence":
                yield Entry(place, "sequence", None, line)
                below = [((*place, i), n, n.line) for i, (_, n) in enumerate(node.items)]
                stack.extend(reversed(below))
            else:
                yield Entry(place, "mapping", None, line)
                pairs = self._pairs(node, place, MAX_DEPTH)
                stack.extend(reversed([((*place, key), n, at) for key, (at, n) in pairs.items()]))

    def _pairs(self, node: _Node, place: Place, depth: int) -> dict[str, tuple[int, _Node]]:
        """Values by key; what merge keys bring in comes last and replaces nothing."""
        if depth < 0:
            raise _TooMuch("its merge keys lead in a circle", node.line)
        own: dict[str, tuple[int, _Node]] = {}
        merged: dict[str, tuple[int, _Node]] = {}
        for key, value in node.items:
            self._step(value)
            if key is None or key.kind != "scalar":
                raise _TooMuch("a key is no plain word", key.line if key else node.line)
            if key.merge:
                for source in [n for _, n in value.items] if value.kind == "sequence" else [value]:
                    if source.kind != "mapping":
                        raise _TooMuch("`<<` merges something that is no mapping", key.line)
                    for name, item in self._pairs(source, (), depth - 1).items():
                        merged.setdefault(name, item)
                continue
            name = _key_text(key.value)
            if name in own and place:
                self.problems.append(self._twice(name, (*place, name), key.line))
            own[name] = (key.line, value)
        return own | {name: item for name, item in merged.items() if name not in own}

    def _step(self, node: _Node) -> None:
        self.steps += 1
        if self.steps > MAX_PLACES:
            raise _TooMuch(f"it has more than {MAX_PLACES:,} places", node.line)

    def _twice(self, name: str, place: Place, line: int) -> Problem:
        text = f"the key `{printable(name, 60)}` stands there twice"
        where = printable(shown_place(place), 120)
        return Problem("duplicate-key", text, line, where, self.file)


def _key_text(value: Scalar) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
