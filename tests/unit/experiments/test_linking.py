"""ELF headers as they are: a program that names a loader, a static one, and broken ones."""

from __future__ import annotations

import struct

import pytest

from helpers.errors import BadInput
from helpers.experiments.linking import Linking, read_linking

LOADER = b"/lib64/ld-linux-x86-64.so.2\0"
STRINGS = b"\0libc.so.6\0libm.so.6\0"
ADDRESS = 0x400000
HEAD, ENTRY = 64, 56


def program(loader: bytes = LOADER, needed: tuple[int, ...] = (1, 11)) -> bytes:
    """A 64-bit little-endian ELF file with nothing but headers."""
    count = 1 + 2 * bool(loader)
    start = HEAD + ENTRY * count
    dynamic = b"".join(struct.pack("<qQ", 1, at) for at in needed)
    strings_at = start + len(loader)
    dynamic_at = strings_at + len(STRINGS)
    dynamic += struct.pack("<qQ", 5, ADDRESS + strings_at) + struct.pack("<qQ", 0, 0)
    size = dynamic_at + len(dynamic)
    segments = [(1, 0, ADDRESS, size)]
    if loader:
        segments += [(3, start, ADDRESS + start, len(loader))]
        segments += [(2, dynamic_at, ADDRESS + dynamic_at, len(dynamic))]
    head = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9) + struct.pack("<HHI", 2, 62, 1)
    head += struct.pack("<QQQIHHH", ADDRESS, HEAD, 0, 0, HEAD, ENTRY, count) + bytes(6)
    table = b"".join(
        struct.pack("<IIQQQQQQ", kind, 4, at, address, address, length, length, 8)
        for kind, at, address, length in segments
    )
    return head + table + loader + STRINGS + dynamic


def test_loader_and_libraries_are_read() -> None:
    content = program()
    found = read_linking(content)
    assert found == Linking(len(content), "/lib64/ld-linux-x86-64.so.2", ("libc.so.6", "libm.so.6"))
    assert not found.static


def test_a_program_without_a_loader_is_static() -> None:
    found = read_linking(program(loader=b""))
    assert found.static
    assert found.libraries == ()


@pytest.mark.parametrize(
    "content",
    [b"", b"#!/bin/sh\n", b"\x7fELF\x01\x01" + bytes(100), b"\x7fELF\x02\x02" + bytes(100)],
    ids=["nothing", "a script", "32 bit", "big-endian"],
)
def test_what_is_no_such_program_is_refused(content: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        read_linking(content)
    assert caught.value.remedy


@pytest.mark.parametrize("length", [20, HEAD + 20, HEAD + 3 * ENTRY - 1])
def test_a_program_that_was_cut_off_is_refused(length: int) -> None:
    with pytest.raises(BadInput):
        read_linking(program()[:length])


def test_a_library_name_outside_the_file_is_refused() -> None:
    with pytest.raises(BadInput):
        read_linking(program(needed=(100_000,)))
