from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.observe.wasm_binary import CustomSection, Export, Import, NotWasm, read_wasm

from .wasm_files import COMPONENT, HELLO, custom, module, section


def test_a_module_that_a_compiler_made() -> None:
    found = read_wasm(HELLO)
    assert found.kind == "module"
    assert found.imports == (
        Import("wasi_snapshot_preview1", "fd_write", "func"),
        Import("wasi_snapshot_preview1", "proc_exit", "func"),
    )
    assert found.exports == (Export("memory", "memory"), Export("_start", "func"))
    assert found.memory_pages == 1
    assert (found.code_bytes, found.data_bytes) == (16, 20)
    assert found.custom == (CustomSection("name", 14),)


def test_a_component_with_a_module_inside() -> None:
    found = read_wasm(COMPONENT)
    assert found.kind == "component"
    assert [i.name for i in found.imports] == [
        "wasi:cli/environment@0.2.0",
        "fermyon:spin/key-value@2.0.0",
        "plain",
    ]
    assert [i.kind for i in found.imports] == ["instance", "instance", "func"]
    assert found.exports == (Export("run", "func"),)
    assert found.custom[0] == CustomSection(".debug_info", 18)
    assert found.memory_pages == 2


def test_every_kind_of_import() -> None:
    entries = [
        b"\x01m\x01f\x00\x00",
        b"\x01m\x01t\x01\x70\x01\x01\x0a",
        b"\x01m\x01r\x01\x63\x70\x00\x01",
        b"\x01m\x01s\x02\x03\x01\x80\x80\x04",
        b"\x01m\x01g\x03\x7f\x01",
        b"\x01m\x01e\x04\x00\x00",
    ]
    found = read_wasm(module(section(2, bytes([len(entries)]) + b"".join(entries))))
    assert [i.kind for i in found.imports] == ["func", "table", "table", "memory", "global", "tag"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "magic"),
        (b"\x7fELF" + bytes(60), "magic"),
        (b"#!/bin/sh\n", "magic"),
        (b"(module)", "magic"),
        (b"\0asm", "version"),
        (b"\0asm\x02\0\0\0", "version"),
        (HELLO[:100], "beyond the end"),
        (module(b"\x01"), "cut off"),
        (module(b"\x01\xff\xff\xff\xff\xff\xff"), "does not end"),
        (module(section(2, b"\xff\xff\xff\x0f")), "longer than its section"),
        (module(section(2, b"\x01\xff\x0f")), "beyond the end"),
        (module(section(2, b"\x01\x01a\x01b\x09\x00")), "unknown kind"),
        (COMPONENT[:8] + section(1, b"not a module"), "magic"),
    ],
)
def test_what_is_no_webassembly_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(NotWasm, match=words):
        read_wasm(data)


def test_components_in_components_without_end_are_refused() -> None:
    data = COMPONENT[:8]
    for _ in range(40):
        data = COMPONENT[:8] + section(4, data)
    with pytest.raises(NotWasm, match="nested"):
        read_wasm(data)


def test_names_that_are_no_utf8_are_kept_readable() -> None:
    found = read_wasm(module(custom(b"\xff\xfe", b"abc")))
    assert found.custom == (CustomSection("\ufffd\ufffd", 6),)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(COMPONENT) - 1), st.binary(min_size=1, max_size=4), st.booleans())
def test_damage_is_refused_and_never_crashes(at: int, junk: bytes, of_module: bool) -> None:
    good = HELLO if of_module else COMPONENT
    at %= len(good)
    data = good[:at] + junk + good[at + len(junk) :]
    try:
        found = read_wasm(data)
    except NotWasm:
        return
    assert found.kind in {"module", "component"}
