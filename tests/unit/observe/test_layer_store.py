from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from typing import Any

import docker.errors
import pytest

from helpers.observe.engine_files import EngineFiles, NotInStore
from helpers.observe.layer_look import TimeBudget
from helpers.observe.layer_store import (
    LayerStore,
    StoredImage,
    StoredLayer,
    chain_ids,
    open_store,
    stored_image,
)

from .archives import Item, pieces, tar
from .test_secret_strings import AWS

ROOT = "/var/lib/docker"
INFO = {"DockerRootDir": ROOT, "Driver": "overlay2"}
DIFF_IDS = ["sha256:" + "a" * 64, "sha256:" + "b" * 64]


def about(**changes: Any) -> dict[str, Any]:
    data = {"UpperDir": f"{ROOT}/overlay2/up/diff", "LowerDir": f"{ROOT}/overlay2/low/diff"}
    return {
        "Id": "sha256:" + "1" * 64,
        "RootFS": {"Layers": DIFF_IDS},
        "GraphDriver": {"Name": "overlay2", "Data": data},
        **changes,
    }


def test_where_an_engine_keeps_an_image() -> None:
    image = stored_image(INFO, about())
    images = f"{ROOT}/image/overlay2"
    assert image.config == f"{images}/imagedb/content/sha256/{'1' * 64}"
    chain = hashlib.sha256(" ".join(DIFF_IDS).encode()).hexdigest()
    assert image.layers == (
        StoredLayer(
            DIFF_IDS[0], f"{images}/layerdb/sha256/{'a' * 64}", f"{ROOT}/overlay2/low/diff"
        ),
        StoredLayer(DIFF_IDS[1], f"{images}/layerdb/sha256/{chain}", f"{ROOT}/overlay2/up/diff"),
    )


def test_chain_ids_are_those_of_the_specification() -> None:
    one, two, three = chain_ids(["sha256:x", "sha256:y", "sha256:z"])
    assert one == "sha256:x"
    assert two == "sha256:" + hashlib.sha256(b"sha256:x sha256:y").hexdigest()
    assert three == "sha256:" + hashlib.sha256(f"{two} sha256:z".encode()).hexdigest()


@pytest.mark.parametrize(
    ("info", "image"),
    [
        ({**INFO, "Driver": "overlayfs"}, about()),
        ({**INFO, "DockerRootDir": ""}, about()),
        (INFO, about(GraphDriver=None)),
        (INFO, about(GraphDriver={"Name": "btrfs", "Data": None})),
        (INFO, about(RootFS={"Layers": DIFF_IDS[:1]})),
        (INFO, about(Id="../../etc/passwd")),
        (INFO, about(RootFS={"Layers": ["sha256:../x", "sha256:y"]})),
        ({**INFO, "DockerRootDir": "/elsewhere"}, about()),
    ],
)
def test_other_engines_are_told_apart(info: dict[str, Any], image: dict[str, Any]) -> None:
    with pytest.raises(NotInStore):
        stored_image(info, image)


LAYER = tar(
    [
        Item("etc/passwd", b"app:x:1:1::/:\n", uid=7),
        Item("app/.env", f"key={AWS}\n".encode()),
        Item("app/.wh.gone"),
        Item("d/.wh..wh..opq"),
    ]
)


def tar_split(layer: bytes) -> bytes:
    """What the engine keeps of a layer: everything but the contents of files."""
    lines, at = [], 0
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        for member in archive:
            start = member.offset_data
            lines.append({"type": 2, "payload": base64.b64encode(layer[at:start]).decode()})
            lines.append({"type": 1, "name": member.name, "size": member.size, "payload": "AAAA"})
            at = start + member.size
    lines.append({"type": 2, "payload": base64.b64encode(layer[at:]).decode()})
    return gzip.compress(b"\n".join(json.dumps(line).encode() for line in lines) + b"\n")


class FakeEngine:
    """Answers the archive endpoint as an engine does."""

    def __init__(self, record: dict[str, bytes], files: dict[str, bytes], config: bytes) -> None:
        self.record, self.files, self.config = record, files, config
        self.asked: list[str] = []
        self.removed: list[str] = []
        self.created: list[dict[str, Any]] = []

    def get_archive(
        self, container: str, path: str, chunk_size: int
    ) -> tuple[Iterator[bytes], None]:
        inside = path.split("/", 2)[2]
        self.asked.append(inside)
        if inside == "config":
            return pieces(tar([Item("config", self.config)])), None
        if inside == "records":
            items = [Item(f"records/0/{name}", data) for name, data in self.record.items()]
            return pieces(tar(items)), None
        if inside in {"files", "files/0"}:
            top = "files/0" if inside == "files" else "0"
            return pieces(tar(Item(f"{top}{p}", data) for p, data in self.files.items())), None
        data = self.files.get(inside.removeprefix("files/0"))
        if data is None:
            raise docker.errors.NotFound("no such file")
        return pieces(tar([Item(inside.rpartition("/")[2], data)])), None

    def create_host_config(self, **options: Any) -> dict[str, Any]:
        return options

    def create_container(self, image: str, command: list[str], **options: Any) -> dict[str, str]:
        self.created.append(options)
        return {"Id": "1"}

    def remove_container(self, name: str, **options: Any) -> None:
        self.removed.append(name)


CONFIG = b'{"history": []}'
IMAGE = StoredImage(
    f"sha256:{hashlib.sha256(CONFIG).hexdigest()}", "/c", (StoredLayer(DIFF_IDS[0], "/r", "/f"),)
)
RECORD = {"diff": DIFF_IDS[0].encode(), "size": b"9", "tar-split.json.gz": tar_split(LAYER)}
FILES = {"/etc/passwd": b"app:x:1:1::/:\n", "/app/.env": f"key={AWS}\n".encode()}


def store(engine: FakeEngine) -> LayerStore:
    return LayerStore(EngineFiles(engine, "c", "/.x", lambda: False), IMAGE)  # type: ignore[arg-type]


def test_a_layer_from_its_record_is_the_layer_from_its_archive() -> None:
    from helpers.observe.byte_source import ByteSource
    from helpers.observe.layer_tar import read_layer

    engine = FakeEngine(RECORD, FILES, CONFIG)
    read = store(engine).contents([0], ("/etc/passwd", "/etc/group"))[0]
    assert read == read_layer(ByteSource([LAYER]), keep={"/etc/passwd"})
    assert read.whiteouts == {"/app/gone"}
    assert engine.asked == ["records", "files/0/etc/passwd"]


@pytest.mark.parametrize(
    ("large", "most", "asked"),
    [
        (False, 8, ["files/0"]),
        (True, 8, ["files/0/app/.env"]),  # a large layer of which one file is wanted
        (False, 0, ["files"]),  # many layers: all in one request
    ],
)
def test_files_are_asked_for_one_by_one_or_all_at_once(
    monkeypatch: pytest.MonkeyPatch, large: bool, most: int, asked: list[str]
) -> None:
    monkeypatch.setattr("helpers.observe.layer_store._MOST_REQUESTS", most)
    engine = FakeEngine(RECORD, FILES, CONFIG)
    layer = store(engine).contents([0], ())[0]
    if large:
        object.__setattr__(layer, "tar_bytes", 10**9)
    found = store(engine).look({0: layer}, TimeBudget())[0].findings()
    assert [(s.path, s.what) for s in found.secrets] == [("/app/.env", "AWS Access Key")]
    assert engine.asked[1:] == asked


def test_a_layer_without_files_of_interest_is_not_asked_for() -> None:
    engine = FakeEngine(
        {**RECORD, "tar-split.json.gz": tar_split(tar([Item("x.png", b"1")]))}, {}, b""
    )
    layers = store(engine).contents([0], ())
    assert store(engine).look(layers, TimeBudget())[0].findings().scanned_files == 0
    assert engine.asked == ["records"]


@pytest.mark.parametrize(
    "record",
    [
        {},
        {**RECORD, "diff": DIFF_IDS[1].encode()},
        {"diff": RECORD["diff"]},
        {**RECORD, "tar-split.json.gz": gzip.compress(b"not json\n")},
        {**RECORD, "tar-split.json.gz": gzip.compress(b'{"type": 2}\n')},
        {**RECORD, "tar-split.json.gz": gzip.compress(b'{"type": 2, "payload": "?"}\n')},
        {**RECORD, "tar-split.json.gz": gzip.compress(b"x" * 5_000_000)},
        {**RECORD, "tar-split.json.gz": gzip.compress(b"[]\n")},
    ],
)
def test_a_record_that_is_not_understood_is_not_used(record: dict[str, bytes]) -> None:
    with pytest.raises(NotInStore):
        store(FakeEngine(record, FILES, CONFIG)).contents([0], ())


def test_a_config_of_another_image_is_not_used() -> None:
    assert store(FakeEngine(RECORD, FILES, CONFIG)).config() == {"history": []}
    with pytest.raises(NotInStore):
        store(FakeEngine(RECORD, FILES, b"{}")).config()


def test_the_container_is_never_started_and_always_removed() -> None:
    engine = FakeEngine(RECORD, FILES, CONFIG)
    with (
        pytest.raises(KeyboardInterrupt),
        open_store(engine, IMAGE, [0]),  # type: ignore[arg-type]
    ):
        raise KeyboardInterrupt
    assert len(engine.created) == len(engine.removed) == 1
    (mounts,) = (options["host_config"]["mounts"] for options in engine.created)
    assert all(mount["ReadOnly"] and mount["Type"] == "bind" for mount in mounts)


def test_an_engine_that_refuses_is_told_apart_from_one_that_is_gone() -> None:
    engine = FakeEngine(RECORD, FILES, CONFIG)
    with (
        pytest.raises(NotInStore),
        open_store(engine, IMAGE, [0]) as opened,  # type: ignore[arg-type]
    ):
        opened._files.content("files/0/nothing", 10)
