"""A WebAssembly module or component, read from its bytes: sections, imports, exports, sizes.

Nothing is compiled or run, and code is not validated. A reader of its own and not the package
``wasmtime`` (29 MB unpacked): only headers and name lists are needed, of files that may be hostile.

Sources: https://webassembly.github.io/spec/core/binary/modules.html and
https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MAGIC = b"\0asm"
_MODULE = b"\x01\0\0\0"
_LAYER_COMPONENT = 1
#: Most names that are kept of one list, longest name, and deepest nesting of components.
MOST_NAMES = 20_000
_LONGEST_NAME = 2_000
_DEEPEST = 12

_SORTS = {0: "func", 1: "table", 2: "memory", 3: "global", 4: "tag"}
_COMPONENT_SORTS = {0: "module", 1: "func", 2: "value", 3: "type", 4: "component", 5: "instance"}
_CUSTOM = 0


class NotWasm(Exception):
    """The bytes are no module or component, or are damaged; the text says where."""


@dataclass(frozen=True, slots=True)
class Import:
    """What has to be given to it. Of a component ``name`` is an interface."""

    module: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Export:
    """What it offers."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class CustomSection:
    """A section that no engine needs to run the code, for example ``.debug_info`` or ``name``."""

    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class WasmBinary:
    """What the file says of itself.

    Attributes:
        kind: ``module`` (core WebAssembly) or ``component``.
        imports: what the host, or another component, must give.
        exports: what can be called from outside.
        custom: custom sections, those of modules inside a component included.
        code_bytes: size of all code sections.
        data_bytes: size of all data sections.
        memory_pages: pages of 64 KiB of the first memory at the start; None where it has none.
        has_start: whether a start function runs by itself.
    """

    kind: Literal["module", "component"]
    imports: tuple[Import, ...] = ()
    exports: tuple[Export, ...] = ()
    custom: tuple[CustomSection, ...] = ()
    code_bytes: int = 0
    data_bytes: int = 0
    memory_pages: int | None = None
    has_start: bool = False


def read_wasm(data: bytes) -> WasmBinary:
    """Read the sections of a module or a component.

    Raises:
        NotWasm: if it is neither, cut off, or a length in it leads outside.
    """
    if data[:4] != MAGIC:
        raise NotWasm("it does not begin with the magic bytes 00 61 73 6d")
    found = _Found()
    kind = found.read(_Bytes(data, 0, len(data)), 0)
    return WasmBinary(
        kind,
        tuple(found.imports),
        tuple(found.exports),
        tuple(found.custom),
        found.code_bytes,
        found.data_bytes,
        found.memory_pages,
        found.has_start,
    )


@dataclass(slots=True)
class _Bytes:
    """A stretch of the file; ``at`` moves on as it is read."""

    data: bytes
    at: int
    end: int

    def byte(self) -> int:
        if self.at >= self.end:
            raise NotWasm(f"it is cut off at byte {self.at:,}")
        self.at += 1
        return self.data[self.at - 1]

    def number(self, bits: int = 32) -> int:
        """An unsigned LEB128."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value
            if shift >= bits + 3:
                raise NotWasm(f"a number before byte {self.at:,} does not end")

    def skip_signed(self) -> None:
        """A signed LEB128, or the code of a type."""
        for _ in range(10):
            if not self.byte() & 0x80:
                return
        raise NotWasm(f"a number before byte {self.at:,} does not end")

    def stretch(self, length: int) -> _Bytes:
        if length > self.end - self.at:
            raise NotWasm(f"a length at byte {self.at:,} leads beyond the end")
        part = _Bytes(self.data, self.at, self.at + length)
        self.at += length
        return part

    def name(self) -> str:
        part = self.stretch(self.number())
        if part.end - part.at > _LONGEST_NAME:
            raise NotWasm(f"a name at byte {part.at:,} is longer than any real one")
        return part.data[part.at : part.end].decode("utf-8", "replace")

    def count(self) -> range:
        number = self.number()
        if number > min(MOST_NAMES, self.end - self.at):
            raise NotWasm(f"a list at byte {self.at:,} is longer than its section")
        return range(number)

    @property
    def left(self) -> int:
        return self.end - self.at


class _Found:
    """What comes together while the sections pass by."""

    def __init__(self) -> None:
        self.imports: list[Import] = []
        self.exports: list[Export] = []
        self.custom: list[CustomSection] = []
        self.code_bytes = 0
        self.data_bytes = 0
        self.memory_pages: int | None = None
        self.has_start = False

    def read(self, source: _Bytes, depth: int) -> Literal["module", "component"]:
        """All sections; names of what is inside a component are its own business."""
        if source.data[source.at : source.at + 4] != MAGIC:
            raise NotWasm(f"no magic bytes at byte {source.at:,}")
        version = source.data[source.at + 4 : source.at + 8]
        layer = int.from_bytes(version[2:], "little")
        source.at += 8
        if version == _MODULE:
            for number, section in _sections(source):
                self._module_section(number, section, depth)
            return "module"
        if len(version) < 4 or layer != _LAYER_COMPONENT:
            raise NotWasm(f"its version is {version.hex(' ') or 'missing'}, which is not known")
        for number, section in _sections(source):
            self._component_section(number, section, depth)
        return "component"

    def _module_section(self, number: int, section: _Bytes, depth: int) -> None:
        if number == _CUSTOM:
            self._custom(section)
        elif number == 2 and depth == 0:
            self.imports.extend(_module_import(section) for _ in section.count())
        elif number == 7 and depth == 0:
            self.exports.extend(_module_export(section) for _ in section.count())
        elif number == 5 and self.memory_pages is None:
            self.memory_pages = _first_memory(section)
        elif number == 8:
            self.has_start = True
        elif number == 10:
            self.code_bytes += section.left
        elif number == 11:
            self.data_bytes += section.left

    def _component_section(self, number: int, section: _Bytes, depth: int) -> None:
        if number == _CUSTOM:
            self._custom(section)
        elif number in {1, 4}:  # a core module, a component
            if depth >= _DEEPEST:
                raise NotWasm(f"components are nested more than {_DEEPEST} deep")
            self.read(section, depth + 1)
        elif number == 10 and depth == 0:
            self.imports.extend(_component_import(section) for _ in section.count())
        elif number == 11 and depth == 0:
            self.exports.extend(_component_export(section) for _ in section.count())

    def _custom(self, section: _Bytes) -> None:
        size = section.left
        if len(self.custom) < MOST_NAMES:
            self.custom.append(CustomSection(section.name(), size))


def _sections(source: _Bytes) -> Iterator[tuple[int, _Bytes]]:
    while source.left:
        number = source.byte()
        yield number, source.stretch(source.number())


def _module_import(section: _Bytes) -> Import:
    module, name, sort = section.name(), section.name(), section.byte()
    if sort == 0:
        section.number()
    elif sort == 1:
        _skip_reference(section)
        _limits(section)
    elif sort == 2:
        _limits(section)
    elif sort == 3:
        _skip_reference(section)
        section.byte()
    elif sort == 4:
        section.byte()
        section.number()
    else:
        raise NotWasm(f"an import before byte {section.at:,} is of unknown kind {sort}")
    return Import(module, name, _SORTS[sort])


def _skip_reference(section: _Bytes) -> None:
    """The type of a value or a table; references may name a heap type."""
    if section.byte() in {0x63, 0x64}:
        section.skip_signed()


def _limits(section: _Bytes) -> int:
    """The least size; flags: 1 has a most, 2 shared, 4 64-bit, 8 own page size."""
    flags = section.byte()
    least = section.number(64)
    if flags & 1:
        section.number(64)
    if flags & 8:
        section.number()
    return least


def _module_export(section: _Bytes) -> Export:
    name, sort = section.name(), section.byte()
    section.number()
    return Export(name, _SORTS.get(sort, "other"))


def _first_memory(section: _Bytes) -> int | None:
    return _limits(section) if section.number() else None


def _extern_name(section: _Bytes) -> str:
    kind = section.byte()
    name = section.name()
    if kind == 2:
        section.name()  # a suffix of the version
    elif kind not in {0, 1}:
        raise NotWasm(f"a name before byte {section.at:,} is of unknown form {kind}")
    return name


def _component_import(section: _Bytes) -> Import:
    name = _extern_name(section)
    return Import("", name, _extern_type(section))


def _extern_type(section: _Bytes) -> str:
    sort = section.byte()
    if sort == 0:
        section.byte()  # 0x11, the only core sort that there is
        section.number()
    elif sort == 2:
        if section.byte() == 0:
            section.number()
        else:
            section.skip_signed()
    elif sort == 3:
        if section.byte() == 0:
            section.number()
    elif sort in {1, 4, 5}:
        section.number()
    else:
        raise NotWasm(f"an import or export before byte {section.at:,} is of unknown kind {sort}")
    return _COMPONENT_SORTS[sort]


def _component_export(section: _Bytes) -> Export:
    name = _extern_name(section)
    sort = section.byte()
    if sort == 0:
        section.byte()
    section.number()
    if section.byte():
        _extern_type(section)
    return Export(name, _COMPONENT_SORTS.get(sort, "other"))
