from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.observe.errors import ImageUnreadable
from helpers.observe.image_archive import read_archive
from helpers.observe.image_facts import HistoryEntry, ImageConfig
from helpers.observe.read_image import PASSWD, image_facts

from .archives import Item, image_archive, pieces, sha, symlink, tar

BASE = tar([Item("etc/passwd", b"root:x:0:0::/:/bin/sh\napp:x:1001:1001::/:\nbad line\n")])
APP = tar([Item("app/server.js", b"x" * 3000)])


@pytest.mark.parametrize("layout", ["oci", "legacy"])
@pytest.mark.parametrize("manifest_first", [True, False])
@pytest.mark.parametrize("compress", [True, False])
def test_both_layouts_in_any_order_compressed_or_not(
    layout: str, manifest_first: bool, compress: bool
) -> None:
    data = image_archive(
        [BASE, APP], layout=layout, manifest_first=manifest_first, compress=compress
    )
    archive = read_archive(pieces(data))
    assert [list(layer.entries) for layer in archive.layers] == [
        ["/etc/passwd"],
        ["/app/server.js"],
    ]
    assert [layer.tar_bytes for layer in archive.layers] == [len(BASE), len(APP)]


@pytest.mark.parametrize("layout", ["oci", "legacy"])
def test_equal_layers_are_stored_once_and_told_twice(layout: str) -> None:
    empty = bytes(1024)
    archive = read_archive(pieces(image_archive([empty, APP, empty], layout=layout)))
    assert [len(layer.entries) for layer in archive.layers] == [0, 1, 0]


def test_the_facts_of_an_image() -> None:
    config = {
        "User": "app",
        "WorkingDir": "/app",
        "Entrypoint": None,
        "Cmd": ["node", "server.js"],
        "Env": ["PATH=/bin"],
        "ExposedPorts": {"3000/tcp": {}},
        "Volumes": None,
        "Labels": {"docker-production-workbook.stand-in": "made of Debian packages"},
        "StopSignal": "SIGTERM",
        "Healthcheck": {"Test": ["CMD", "node", "health.js"]},
    }
    history = [
        {"created_by": "COPY passwd /etc/ # buildkit"},
        {"created_by": "USER app", "empty_layer": True},
        {"created_by": "RUN /bin/sh -c npm ci # buildkit"},
    ]
    archive = read_archive(
        pieces(image_archive([BASE, APP], config=config, history=history)), keep={PASSWD}
    )
    facts = image_facts(archive, image_id="sha256:1", tags=("t:1",), engine_bytes=77)
    assert facts.platform == "linux/amd64"
    assert facts.config == ImageConfig(
        user="app",
        workdir="/app",
        cmd=("node", "server.js"),
        env=("PATH=/bin",),
        exposed_ports=("3000/tcp",),
        labels={"docker-production-workbook.stand-in": "made of Debian packages"},
        stop_signal="SIGTERM",
        healthcheck=("CMD", "node", "health.js"),
    )
    assert facts.stand_in == "made of Debian packages"
    assert [layer.created_by for layer in facts.layers] == ["COPY passwd /etc/", "RUN npm ci"]
    assert [layer.diff_id for layer in facts.layers] == [f"sha256:{sha(t)}" for t in (BASE, APP)]
    assert facts.history[1] == HistoryEntry("USER app", None)
    assert facts.accounts == (("root", 0), ("app", 1001))
    assert facts.content_bytes == len(BASE) + len(APP)
    assert facts.visible_bytes == facts.unpacked_bytes == 3000 + 51
    assert facts.engine_bytes == 77


def test_accounts_come_from_the_passwd_file_that_is_left_at_the_end() -> None:
    def accounts(*layers: bytes) -> tuple[tuple[str, int], ...]:
        archive = read_archive(pieces(image_archive(layers)), keep={PASSWD})
        return image_facts(archive, image_id="", tags=(), engine_bytes=0).accounts

    assert accounts(BASE, tar([Item("etc/passwd", b"app:x:0:0::/:")])) == (("app", 0),)
    assert accounts(BASE, tar([Item("etc/.wh.passwd")])) == ()
    assert accounts(BASE, tar([symlink("etc/passwd", "/other")])) == ()


def test_memory_does_not_grow_with_the_bytes_of_the_image() -> None:
    big = 60_000_000
    layer_head = tar([Item("big", b"")])[:124]
    header = bytearray(layer_head + b"%011o\0" % big + tar([Item("big", b"")])[136:512])
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    outer = image_archive([APP])
    # The outer archive of one layer whose only file is 60 MB, never whole in memory.
    size = 512 + big + (-big) % 512 + 1024
    name = "blobs/sha256/" + "0" * 64
    outer_header = bytearray(tar([Item(name)])[:512])
    outer_header[124:136] = b"%011o\0" % size
    outer_header[148:156] = b" " * 8
    outer_header[148:156] = b"%06o\0 " % sum(outer_header)

    def stream() -> Iterator[bytes]:
        yield bytes(outer_header)
        yield bytes(header)
        left = size - 512
        while left:
            piece = bytes(min(left, 1 << 16))
            left -= len(piece)
            yield piece
        yield from pieces(outer)

    tracemalloc.start()
    try:
        archive = read_archive(stream())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(archive.layers) == 1
    assert peak < 3_000_000


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("compress", [True, False])
def test_an_archive_that_is_cut_off_is_refused(share: float, compress: bool) -> None:
    data = image_archive([BASE, tar([Item("f", bytes(range(256)) * 400)])], compress=compress)
    used = len(data.rstrip(b"\0"))
    with pytest.raises(ImageUnreadable) as caught:
        read_archive(pieces(data[: int(used * share)]))
    assert caught.value.remedy


def test_a_layer_that_is_missing_is_named() -> None:
    data = image_archive([BASE, APP])
    other = data.replace(sha(APP).encode(), b"f" * 64)
    # The tar header of the blob changed too, so its checksum is made right again.
    at = other.index(b"blobs/sha256/" + b"f" * 64)
    header = bytearray(other[at : at + 512])
    header[:100] = b"blobs/sha256/other".ljust(100, b"\0")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    other = other[:at] + bytes(header) + other[at + 512 :]
    with pytest.raises(ImageUnreadable, match="lacks the layer"):
        read_archive(pieces(other))


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [Item("manifest.json", b"[]")],
        [Item("manifest.json", b"{not json")],
        [Item("manifest.json", b'[{"Layers": []}]')],
        [Item("manifest.json", b'[{"Config": "c", "Layers": []}]')],
        [Item("manifest.json", b'[{"Config": "c", "Layers": []}]'), Item("c", b"[]")],
    ],
)
def test_what_is_no_image_archive_is_refused(entries: list[Item]) -> None:
    with pytest.raises(ImageUnreadable):
        read_archive(pieces(tar(entries)))


def test_something_else_than_an_archive_is_refused() -> None:
    with pytest.raises(ImageUnreadable):
        read_archive([b"Error response from daemon: no space left on device" * 20])


def test_zstd_without_a_library_is_said_clearly() -> None:
    pytest.importorskip("zlib")
    try:
        import compression.zstd  # noqa: F401
    except ImportError:
        pass
    else:
        pytest.skip("this Python reads zstd")
    layer = b"\x28\xb5\x2f\xfd" + bytes(600)
    data = image_archive([layer])
    with pytest.raises(ImageUnreadable, match="zstd") as caught:
        read_archive(pieces(data))
    assert "3.14" in caught.value.remedy


def test_a_config_that_counts_other_layers_is_refused() -> None:
    archive = read_archive(pieces(image_archive([BASE])))
    archive.config["rootfs"]["diff_ids"].append("sha256:more")
    with pytest.raises(ImageUnreadable, match="2 layers"):
        image_facts(archive, image_id="", tags=(), engine_bytes=0)


WHOLE = image_archive([BASE, tar([Item("d/.wh.x"), symlink("l", "t"), Item("f", b"1" * 700)])])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(WHOLE.rstrip(b"\0"))), st.binary(min_size=1, max_size=12)),
        min_size=1,
        max_size=4,
    )
)
def test_a_damaged_archive_gives_facts_or_one_clear_error(damage: list[tuple[int, bytes]]) -> None:
    data = bytearray(WHOLE)
    for at, replacement in damage:
        data[at : at + len(replacement)] = replacement
    with suppress(ImageUnreadable):  # and nothing else
        archive = read_archive(pieces(bytes(data)))
        image_facts(archive, image_id="", tags=(), engine_bytes=0)
