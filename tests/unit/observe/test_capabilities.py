from __future__ import annotations

import struct

import pytest

from helpers.observe.capabilities import decode

NET_RAW, NET_BIND = 1 << 13, 1 << 10


def attribute(revision: int, *, effective: bool, permitted: int, inheritable: int = 0) -> bytes:
    data = struct.pack("<I", revision << 24 | effective)
    for word in range({1: 1, 2: 2, 3: 2}[revision]):
        shift = 32 * word
        data += struct.pack("<II", permitted >> shift & 0xFFFFFFFF, inheritable >> shift)
    return data + (struct.pack("<I", 1000) if revision == 3 else b"")


@pytest.mark.parametrize("revision", [1, 2, 3])
def test_every_revision_is_read(revision: int) -> None:
    assert decode(attribute(revision, effective=True, permitted=NET_RAW)) == "cap_net_raw=ep"


def test_what_setcap_wrote_on_a_real_file() -> None:
    # xattr of `setcap cap_net_raw,cap_net_bind_service+ep FILE`
    written = bytes.fromhex("0100000200240000000000000000000000000000")
    assert decode(written) == "cap_net_bind_service,cap_net_raw=ep"


def test_capabilities_above_the_first_word_and_unknown_ones() -> None:
    assert decode(attribute(2, effective=False, permitted=1 << 39 | 1 << 60)) == "cap_bpf,cap_60=p"


def test_inheritable_and_permitted_are_told_apart() -> None:
    data = attribute(2, effective=False, permitted=NET_RAW, inheritable=NET_BIND)
    assert decode(data) == "cap_net_bind_service=i cap_net_raw=p"


@pytest.mark.parametrize("data", [b"", b"abc", b"\0\0\0\7" + bytes(16), b"\0\0\0\2" + bytes(8)])
def test_an_attribute_that_the_kernel_would_refuse_is_told(data: bytes) -> None:
    assert decode(data) == "unreadable"
