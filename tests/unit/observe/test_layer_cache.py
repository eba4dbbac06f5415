from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from helpers.observe.byte_source import ByteSource
from helpers.observe.cache_files import VERSION, CacheFiles
from helpers.observe.layer_cache import LayerCache
from helpers.observe.layer_findings import LayerFindings, Package, SecretString
from helpers.observe.layer_tar import read_layer

from .archives import Item, folder, hardlink, symlink, tar

DIFF_ID = "sha256:" + "a" * 64
FINDINGS = LayerFindings(
    (Package("npm", "left-pad", "1.3.0", "/app/node_modules/left-pad/package.json"),),
    (SecretString("/app/caf\udce9.env", 3, "AWS Access Key", "AKIA… (20 characters)"),),
    7,
    4096,
    1,
)


@pytest.fixture
def files(tmp_path: Path) -> CacheFiles:
    return CacheFiles(tmp_path / "layers")


def test_a_layer_comes_back_as_it_was(files: CacheFiles) -> None:
    data = tar(
        [
            folder("app"),
            Item("app/caf\udce9", b"123", uid=1000, gid=50, mode=0o4755),
            symlink("l", "/x\udce9"),
            hardlink("h", "app/caf\udce9"),
            Item("d/.wh.gone"),
            Item("o/.wh..wh..opq"),
            Item("etc/passwd", b"root:x:0:0\xff"),
            Item("p", b"1", pax={"SCHILY.xattr.security.capability": "\1\0\0\2\0\x20" + "\0" * 14}),
        ],
        2,
    )
    layer = read_layer(ByteSource([data]), keep={"/etc/passwd"})
    assert layer.entries["/p"].capabilities == "cap_net_raw=ep"
    cache = LayerCache(files)
    assert cache.layer(DIFF_ID) is None
    cache.put_layer(DIFF_ID, layer)
    assert cache.layer(DIFF_ID) == layer
    assert list(cache.layer(DIFF_ID).entries) == list(layer.entries)  # type: ignore[union-attr]


def test_an_empty_layer_comes_back(files: CacheFiles) -> None:
    layer = read_layer(ByteSource([bytes(1024)]))
    LayerCache(files).put_layer(DIFF_ID, layer)
    assert LayerCache(files).layer(DIFF_ID) == layer


def test_findings_are_known_for_the_detector_that_made_them_only(files: CacheFiles) -> None:
    cache = LayerCache(files)
    cache.put_findings(DIFF_ID, "detector-1.0-1", FINDINGS)
    assert cache.findings(DIFF_ID, "detector-1.0-1") == FINDINGS
    assert cache.findings(DIFF_ID, "detector-1.1-1") is None


def test_configs_and_blobs(files: CacheFiles) -> None:
    cache = LayerCache(files)
    cache.put_config("sha256:" + "b" * 64, {"history": [{"created_by": "x"}]})
    cache.put_diff_id("sha256:" + "c" * 64, DIFF_ID)
    assert cache.config("sha256:" + "b" * 64) == {"history": [{"created_by": "x"}]}
    assert cache.diff_id("sha256:" + "c" * 64) == DIFF_ID
    assert cache.config(DIFF_ID) is None


@pytest.mark.parametrize("what", ["short", "noise", "empty"])
def test_a_damaged_file_is_as_good_as_none_and_goes(
    files: CacheFiles, tmp_path: Path, what: str
) -> None:
    files.put("x.entries", b"data" * 1000)
    (path,) = (tmp_path / "layers" / VERSION).iterdir()
    whole = path.read_bytes()
    path.write_bytes({"short": whole[:-3], "noise": b"noise" * 30, "empty": b""}[what])
    assert files.get("x.entries") is None
    assert not path.exists()
    files.put("x.entries", b"again")
    assert files.get("x.entries") == b"again"


@pytest.mark.parametrize("raw", [[], {}, {"paths": "a\0b", "kinds": "f"}, "text"])
def test_what_another_version_wrote_is_as_good_as_none(files: CacheFiles, raw: object) -> None:
    files.put(f"{DIFF_ID.replace(':', '-')}.entries", json.dumps(raw).encode())
    assert LayerCache(files).layer(DIFF_ID) is None


def test_the_size_is_bounded_and_what_was_used_last_stays(tmp_path: Path) -> None:
    files = CacheFiles(tmp_path, limit=25_000)
    for number in range(5):
        files.put(f"f{number}", os.urandom(8000))
        path = tmp_path / VERSION / f"f{number}"
        os.utime(path, (number, number))
    assert files.get("f0") is not None  # used now
    files.prune()
    left = {name for name in (f"f{n}" for n in range(5)) if files.get(name) is not None}
    assert left == {"f0", "f3", "f4"}


def test_what_a_crash_left_and_other_versions_go(tmp_path: Path) -> None:
    files = CacheFiles(tmp_path)
    files.put("kept", b"1")
    old, new = tmp_path / VERSION / "tmp-old", tmp_path / VERSION / "tmp-new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    (tmp_path / "v0").mkdir()
    (tmp_path / "v0" / "x").write_bytes(b"1")
    (tmp_path / "other").mkdir()
    files.prune()
    assert not old.exists()
    assert new.exists()  # another process may be writing it
    assert not (tmp_path / "v0").exists()
    assert (tmp_path / "other").exists()
    assert files.get("kept") == b"1"


def test_a_folder_that_cannot_be_written_to_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    files = CacheFiles(tmp_path / "file" / "below")
    files.put("x", b"1")
    files.prune()
    assert files.get("x") is None


def test_many_writers_at_once_leave_one_whole_file(files: CacheFiles, tmp_path: Path) -> None:
    datas = [bytes([n]) * 200_000 for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            list(pool.map(lambda data: files.put("x", data), datas))
            assert files.get("x") in datas
    assert [p.name for p in (tmp_path / "layers" / VERSION).iterdir()] == ["x"]


@pytest.mark.parametrize("name", ["../x", "", ".x", "a/b", "x" * 300])
def test_a_name_cannot_lead_elsewhere(files: CacheFiles, name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        files.put(name, b"1")
