"""Images that were made to do harm: each gives facts or one clear error, soon, in little memory."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from helpers.errors import BadInput
from helpers.observe import image_archive as module
from helpers.observe.errors import ImageUnreadable
from helpers.observe.image_archive import ImageArchive, read_archive
from helpers.observe.image_facts import ImageFacts
from helpers.observe.read_image import contents_of, image_facts, read_image_file

from .archives import Item, folder, hardlink, image_archive, pieces, sha, symlink, tar
from .test_secret_strings import AWS


def facts(*layers: bytes, **options: object) -> ImageFacts:
    archive = read(*layers, **options)
    return image_facts(archive, image_id="sha256:1", tags=(), engine_bytes=0)


def read(*layers: bytes, **options: object) -> ImageArchive:
    data = image_archive(layers, **options)  # type: ignore[arg-type]
    return read_archive(pieces(data), look=True)


@contextmanager
def within(seconds: float, megabytes: float) -> Iterator[None]:
    tracemalloc.start()
    started = time.monotonic()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.monotonic() - started < seconds
    assert peak < megabytes * 1_000_000


def header(name: str, size: int, type: bytes = b"0") -> bytes:
    data = bytearray(tar([Item(name)])[:512])
    data[124:136] = b"%011o\0" % size if size < 8**11 else b"\x80" + size.to_bytes(11, "big")
    data[156:157] = type
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data)
    return bytes(data)


@pytest.mark.parametrize("size", [10**4, 10**9, 2**62, 2**80])
def test_a_size_that_lies(size: int) -> None:
    with within(5, 5), pytest.raises(ImageUnreadable, match=r"cut off|ends in the middle"):
        facts(header("big", size) + bytes(1024))


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/../../b", "..", "/..", "a/.."])
@pytest.mark.parametrize("make", [Item, folder])
def test_a_name_that_leads_out(name: str, make: type[Item]) -> None:
    with pytest.raises(ImageUnreadable, match="leads out"):
        facts(tar([make(name)]))


def test_links_that_lead_out_are_facts_and_are_not_followed() -> None:
    seen = facts(
        tar([symlink("etc", "/../../host"), symlink("x", "../../../etc/shadow"), symlink("l", "l")])
    )
    assert {f.path: f.link for f in seen.files} == {
        "/etc": "/../../host",
        "/x": "../../../etc/shadow",
        "/l": "l",
    }


def test_devices_and_pipes_have_no_content_whatever_they_say() -> None:
    layer = header("sda", 10**9, b"4") + header("tty", 10**9, b"3") + header("p", 77, b"6")
    seen = facts(layer + tar([Item("after", b"1")]))
    assert [(f.kind, f.size) for f in seen.files] == [
        ("file", 1),
        ("fifo", 0),
        ("block", 0),
        ("char", 0),
    ]


def test_a_layer_bomb_is_refused_while_it_unpacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_UNPACKED", 20_000_000)
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(
        packer.compress(part)
        for part in (header("big", 10**9), *(bytes(1_000_000) for _ in range(100)))
    )
    bomb += packer.flush()
    assert len(bomb) < 2_000_000
    with within(20, 30), pytest.raises(ImageUnreadable, match="unpack to more than 20,000,000"):
        read_archive(pieces(_around(bomb)))


def _around(blob: bytes) -> bytes:
    """An image archive of one layer that is a blob as it stands."""
    config = json.dumps({"rootfs": {"diff_ids": ["sha256:x"]}, "history": []}).encode()
    manifest = [{"Config": "config.json", "Layers": [f"blobs/sha256/{sha(blob)}"]}]
    return tar(
        [
            Item(f"blobs/sha256/{sha(blob)}", blob),
            Item("config.json", config),
            Item("manifest.json", json.dumps(manifest).encode()),
        ]
    )


def test_a_sparse_file_of_10_gb_costs_nothing() -> None:
    layer = bytearray(header("db", 512, b"S"))
    layer[483:495] = b"\x80" + (10**10).to_bytes(11, "big")
    layer[148:156] = b" " * 8
    layer[148:156] = b"%06o\0 " % sum(layer)
    with within(5, 5):
        seen = facts(bytes(layer) + bytes(512) + tar([Item("z", b"1")]))
    assert {f.path: f.size for f in seen.files} == {"/db": 10**10, "/z": 1}


def test_50_000_files_in_one_layer() -> None:
    layer = tar(Item(f"d{n % 100}/f{n}", b"x") for n in range(50_000))
    started = time.monotonic()
    seen = facts(layer)
    assert time.monotonic() - started < 10
    assert len(seen.files) == 50_000
    assert seen.visible_bytes == 50_000


def test_more_entries_than_any_image_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ENTRIES", 50)
    layers = [tar(Item(f"{n}-{m}") for m in range(40)) for n in range(3)]
    with pytest.raises(ImageUnreadable, match="more than 1,000 layers or 100 entries"):
        read(*layers)


def test_100_layers_that_overwrite_and_delete() -> None:
    layers = [tar([Item("f", b"x" * n), Item(f"only-{n}", b"1")]) for n in range(1, 100)]
    seen = facts(*layers, tar([Item(".wh.only-7"), Item("f", b"last")]))
    assert len(seen.layers) == 100
    assert next(f for f in seen.files if f.path == "/f").layer == 99
    assert seen.wasted_bytes == sum(range(1, 100)) + 1


def test_names_that_are_not_utf8_and_names_with_control_characters() -> None:
    seen = facts(tar([Item("caf\udce9"), Item("x\x1b[2J\n"), Item("app/\udcff.env", AWS.encode())]))
    assert {f.path for f in seen.files} == {"/caf\udce9", "/x\x1b[2J\n", "/app/\udcff.env"}


def test_a_hard_link_to_a_lower_layer_has_the_lower_file() -> None:
    seen = facts(tar([Item("a", b"12345")]), tar([hardlink("b", "a")]))
    assert {f.path: (f.kind, f.layer, f.link) for f in seen.files} == {
        "/a": ("file", 0, None),
        "/b": ("hardlink", 1, "/a"),
    }
    assert seen.visible_bytes == 5


def test_hard_links_in_a_circle_and_to_nowhere() -> None:
    seen = facts(
        tar([hardlink("a", "b"), hardlink("b", "a"), hardlink("c", "c"), hardlink("d", "")])
    )
    assert [f.size for f in seen.files] == [0, 0, 0, 0]


def test_opaque_folders_within_each_other() -> None:
    lower = tar([Item("a/b/c/old", b"12"), Item("a/old", b"1"), Item("z", b"1")])
    upper = tar([Item("a/.wh..wh..opq"), Item("a/b/.wh..wh..opq"), Item("a/b/new", b"1")])
    seen = facts(lower, upper)
    assert {f.path for f in seen.files} == {"/a/b/new", "/z"}
    assert facts(lower, tar([Item(".wh..wh..opq")])).files == ()


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_name_longer_than_a_path_can_be(format: int) -> None:
    with pytest.raises(ImageUnreadable, match="longer than 4096"):
        facts(tar([Item("a/" * 2500 + "b")], format))


def test_secrets_in_a_layer_that_a_later_one_hides() -> None:
    key = f"key={AWS}\n".encode()
    archive = read(tar([Item("app/.env", key), Item("app/kept", key)]), tar([Item("app/.wh..env")]))
    found = contents_of(archive).secrets
    assert [(s.found.path, s.layer, s.visible) for s in found] == [
        ("/app/.env", 0, False),
        ("/app/kept", 0, True),
    ]


def test_the_package_list_of_a_lower_layer_does_not_count() -> None:
    def status(name: str) -> bytes:
        return tar([Item("var/lib/dpkg/status", f"Package: {name}\nVersion: 1\n".encode())])

    archive = read(status("old"), status("new"))
    assert [p.name for p in contents_of(archive).packages] == ["new"]
    assert contents_of(read(status("old"), tar([Item("var/lib/dpkg/.wh.status")]))).packages == ()


def oci_layout(layer: bytes, *, config: dict[str, object] | None = None, nest: int = 0) -> bytes:
    blobs: dict[str, bytes] = {}

    def blob(data: bytes) -> str:
        blobs[f"blobs/sha256/{sha(data)}"] = data
        return f"sha256:{sha(data)}"

    about = {"os": "linux", "rootfs": {"diff_ids": [f"sha256:{sha(layer)}"]}, "history": []}
    about |= config or {}
    manifest = {
        "config": {"digest": blob(json.dumps(about).encode())},
        "layers": [{"digest": blob(gzip.compress(layer))}],
    }
    digest = blob(json.dumps(manifest).encode())
    kind = "application/vnd.oci.image.manifest.v1+json"
    for _ in range(nest):
        index = {"manifests": [{"mediaType": kind, "digest": digest}]}
        digest = blob(json.dumps(index).encode())
        kind = "application/vnd.oci.image.index.v1+json"
    attestation = {"digest": "sha256:" + "0" * 64, "platform": {"os": "unknown"}}
    index = {"manifests": [attestation, {"mediaType": kind, "digest": digest}]}
    return tar(
        [
            Item("oci-layout", b'{"imageLayoutVersion": "1.0.0"}'),
            Item("index.json", json.dumps(index).encode()),
            *(Item(name, data) for name, data in blobs.items()),
        ]
    )


@pytest.mark.parametrize("nest", [0, 1, 2])
def test_an_oci_layout_without_a_docker_manifest(tmp_path: Path, nest: int) -> None:
    layer = tar([Item("app/server", b"123"), Item("etc/os-release", b'ID=x\nPRETTY_NAME="X 1"\n')])
    path = tmp_path / "image.tar"
    path.write_bytes(oci_layout(layer, nest=nest))
    seen, contents = read_image_file(path)
    assert [f.path for f in seen.files] == ["/app/server", "/etc/os-release"]
    assert seen.os_release == {"ID": "x", "PRETTY_NAME": "X 1"}
    assert contents.secrets == ()


def test_indexes_without_end_are_refused() -> None:
    with pytest.raises(ImageUnreadable, match="nested too deep"):
        read_archive(pieces(oci_layout(tar([Item("a")]), nest=20)))


@pytest.mark.parametrize("index", ["{}", "[]", '{"manifests": [1]}', '{"manifests": []}', "{"])
def test_an_index_that_names_nothing(index: str) -> None:
    with pytest.raises(ImageUnreadable):
        read_archive(pieces(tar([Item("index.json", index.encode())])))


def test_a_layout_that_lacks_its_layer() -> None:
    with tarfile.open(fileobj=io.BytesIO(oci_layout(tar([Item("a")])))) as whole:
        kept = [
            Item(m.name, whole.extractfile(m).read())  # type: ignore[union-attr]
            for m in whole
            if whole.extractfile(m).read(2) != b"\x1f\x8b"  # type: ignore[union-attr]
        ]
    with pytest.raises(ImageUnreadable, match="lacks the layer"):
        read_archive(pieces(tar(kept)))


def test_a_file_that_is_not_there_or_no_image(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as missing:
        read_image_file(tmp_path / "missing.tar")
    assert missing.value.remedy
    (tmp_path / "text.tar").write_text("no image\n" * 1000)
    with pytest.raises(ImageUnreadable):
        read_image_file(tmp_path / "text.tar")


def test_layers_that_are_known_are_passed_over() -> None:
    first, second = tar([Item("a", b"1")]), tar([Item("b", b"2")])
    known = {f"sha256:{sha(first)}": read(first).archived[0]}
    archive = read_archive(pieces(image_archive([first, second])), known=known.get)
    assert archive.archived[0] is known[f"sha256:{sha(first)}"]
    assert [list(layer.entries) for layer in archive.layers] == [["/a"], ["/b"]]


def test_hashes_of_passwords_are_not_kept() -> None:
    from helpers.observe.system_files import read_empty_passwords, without_hashes

    shadow = b"root:$6$salt$hash:19000::\nopen::19000::\nlocked:!:1::\n\nbroken"
    safe = without_hashes(shadow)
    assert b"hash" not in safe
    assert read_empty_passwords(safe.decode()) == ("open",)
