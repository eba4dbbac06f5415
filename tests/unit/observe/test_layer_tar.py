from __future__ import annotations

import tarfile

import pytest

from helpers.observe.byte_source import ByteSource
from helpers.observe.errors import ImageUnreadable
from helpers.observe.layer_tar import Entry, LayerContents, read_layer

from .archives import Item, folder, hardlink, pieces, symlink, tar


def read(data: bytes, piece: int = 700, **options: object) -> LayerContents:
    return read_layer(ByteSource(pieces(data, piece)), len(data), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_kind_of_entry_is_told_in_every_tar_format(format: int) -> None:
    data = tar(
        [
            folder("app/"),
            Item("app/a.js", b"x" * 1300, mode=0o4755, uid=1000, gid=50),
            symlink("app/current", "../opt/x"),
            hardlink("app/b.js", "app/a.js"),
            Item("dev/null", type=tarfile.CHRTYPE),
            Item("dev/sda", type=tarfile.BLKTYPE),
            Item("run/pipe", type=tarfile.FIFOTYPE),
        ],
        format,
    )
    layer = read(data)
    assert layer.entries == {
        "/app": Entry("dir", 0, 0o755, 0, 0, None),
        "/app/a.js": Entry("file", 1300, 0o4755, 1000, 50, None),
        "/app/current": Entry("symlink", 0, 0o777, 0, 0, "../opt/x"),
        "/app/b.js": Entry("hardlink", 0, 0o644, 0, 0, "/app/a.js"),
        "/dev/null": Entry("char", 0, 0o644, 0, 0, None),
        "/dev/sda": Entry("block", 0, 0o644, 0, 0, None),
        "/run/pipe": Entry("fifo", 0, 0o644, 0, 0, None),
    }
    assert layer.tar_bytes == len(data)
    assert layer.file_bytes == 1300


@pytest.mark.parametrize("piece", [1, 511, 512, 513, 100_000])
def test_the_size_of_the_pieces_does_not_matter(piece: int) -> None:
    data = tar([Item(f"f{n}", bytes(n * 100)) for n in range(20)])
    assert read(data, piece) == read(data, 4096)


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_and_link_targets_longer_than_a_header(format: int) -> None:
    long = "node_modules/" + "deep/" * 60 + "file.js"
    layer = read(tar([Item(long, b"1"), symlink("s", long), hardlink("h", long)], format))
    assert layer.entries[f"/{long}"].size == 1
    assert layer.entries["/s"].link == long
    assert layer.entries["/h"].link == f"/{long}"


def test_a_ustar_prefix_is_put_before_the_name() -> None:
    name = "a" * 90 + "/" + "b" * 90
    assert list(read(tar([Item(name)], tarfile.USTAR_FORMAT)).entries) == [f"/{name}"]


def test_names_that_are_not_utf8_are_kept() -> None:
    layer = read(tar([Item("caf\udce9")]))
    assert list(layer.entries) == ["/caf\udce9"]


def test_a_pax_size_overrides_the_header() -> None:
    data = tar([Item("f", b"abc", pax={"size": "3", "comment": "x"}), Item("g", b"12")], 2)
    layer = read(data)
    assert (layer.entries["/f"].size, layer.entries["/g"].size) == (3, 2)


def test_large_numbers_in_base_256() -> None:
    layer = read(tar([Item("f", uid=2**31 + 5, gid=2**40)]))
    assert (layer.entries["/f"].uid, layer.entries["/f"].gid) == (2**31 + 5, 2**40)


def test_whiteouts_are_told_apart_from_entries() -> None:
    layer = read(
        tar(
            [Item("etc/.wh.passwd"), Item("var/.wh..wh..opq"), Item(".wh..wh.plnk"), Item("a.wh.b")]
        )
    )
    assert layer.whiteouts == {"/etc/passwd"}
    assert layer.opaque == {"/var"}
    assert list(layer.entries) == ["/a.wh.b"]


@pytest.mark.parametrize("name", ["./app/x", "/app/x", "app//x", "app/./x"])
def test_one_path_has_one_spelling(name: str) -> None:
    assert list(read(tar([folder("./"), Item(name)])).entries) == ["/app/x"]


def test_the_last_of_two_entries_for_one_path_counts() -> None:
    layer = read(tar([Item("f", b"12345"), Item("f", b"1")]))
    assert layer.entries["/f"].size == 1
    assert layer.file_bytes == 1


def test_content_is_kept_only_where_it_is_asked_for() -> None:
    data = tar([Item("etc/passwd", b"root:x:0:0"), Item("etc/group", b"root:x:0")])
    assert read(data, keep={"/etc/passwd"}).kept == {"/etc/passwd": b"root:x:0:0"}


def test_an_empty_layer_and_one_without_an_end_mark() -> None:
    assert read(bytes(1024)).entries == {}
    whole = tar([Item("f", b"1")])
    assert list(read(whole[:1024]).entries) == ["/f"]


def test_old_gnu_sparse_files_have_their_real_size() -> None:
    header = bytearray(tar([Item("db", b"d" * 512)])[:512])
    header[156:157] = b"S"
    header[482] = 1  # a further block of the map follows
    header[483:495] = b"%011o\0" % 1_000_000
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    extra = bytes(512)
    data = bytes(header) + extra + b"d" * 512 + tar([Item("after", b"1")])
    layer = read(data)
    assert layer.entries["/db"].size == 1_000_000
    assert layer.entries["/after"].size == 1


@pytest.mark.parametrize("name", ["../etc/passwd", "app/../../etc", "a/.."])
def test_a_name_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(ImageUnreadable, match="leads out"):
        read(tar([Item(name)]))


def test_a_hard_link_that_leads_out_is_refused() -> None:
    with pytest.raises(ImageUnreadable, match="leads out"):
        read(tar([hardlink("x", "../../etc/shadow")]))


@pytest.mark.parametrize("name", ["a/.wh.", "a/.wh..", "a/.wh..."])
def test_a_whiteout_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ImageUnreadable, match="whiteout"):
        read(tar([Item(name)]))


def test_a_wrong_checksum_is_refused() -> None:
    data = bytearray(tar([Item("a", b"1"), Item("b", b"2")]))
    data[1024] ^= 1
    with pytest.raises(ImageUnreadable, match="checksum"):
        read(bytes(data))


def test_a_size_beyond_the_end_is_refused() -> None:
    data = tar([Item("big", b"x" * 5000)])
    with pytest.raises(ImageUnreadable, match=r"cut off.*'big'.*5000"):
        read(data[:2048])


def test_a_stream_that_ends_early_is_refused() -> None:
    data = tar([Item("big", b"x" * 50_000)])
    with pytest.raises(ImageUnreadable, match="ends in the middle"):
        read_layer(ByteSource(pieces(data[:20_000])), len(data))


def test_a_huge_extended_header_is_refused_without_reading_it() -> None:
    header = bytearray(tar([Item("x")])[:512])
    header[156:157] = b"x"
    header[124:136] = b"%011o\0" % (1 << 30)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    with pytest.raises(ImageUnreadable, match="extended header"):
        read_layer(ByteSource([bytes(header)]), 1 << 31)


@pytest.mark.parametrize(
    "record", [b"99 path=x\n", b"x path=y\n", b"5 abc", b"9 pathxy\n", b"0 a=b\n"]
)
def test_a_damaged_pax_header_is_refused(record: bytes) -> None:
    data = bytearray(tar([Item("p", record)]))
    data[156:157] = b"x"
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    with pytest.raises(ImageUnreadable, match="pax"):
        read(bytes(data))


def test_an_unknown_type_of_entry_is_refused() -> None:
    with pytest.raises(ImageUnreadable, match="unknown type"):
        read(tar([Item("x", type=b"Z")]))
