from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import docker.errors
import pytest

from helpers.observe.content_store import ContentStore, blobs_folder
from helpers.observe.engine_files import EngineFiles, NotInStore
from helpers.observe.errors import ImageUnreadable
from helpers.observe.layer_look import LayerLook

from .archives import Item, pieces, sha, tar
from .test_secret_strings import AWS

STATUS = [["driver-type", "io.containerd.snapshotter.v1"]]
ROOT = "/var/lib/docker"
OWN = "/var/lib/containerd/io.containerd.content.v1.content/blobs/sha256"
MANAGED = f"{ROOT}/containerd/daemon/io.containerd.content.v1.content/blobs/sha256"


@pytest.mark.parametrize(
    ("address", "folder"),
    [
        ("/run/containerd/containerd.sock", OWN),
        ("/var/run/containerd/containerd.sock", OWN),
        ("/var/run/docker/containerd/containerd.sock", MANAGED),
        ("", MANAGED),
    ],
)
def test_where_the_blobs_are(address: str, folder: str) -> None:
    info = {"DriverStatus": STATUS, "DockerRootDir": ROOT, "Containerd": {"Address": address}}
    assert blobs_folder(info) == folder


@pytest.mark.parametrize(
    "info", [{}, {"DriverStatus": STATUS}, {"DockerRootDir": ROOT, "DriverStatus": [["a", "b"]]}]
)
def test_other_engines_are_told_apart(info: dict[str, Any]) -> None:
    with pytest.raises(NotInStore):
        blobs_folder(info)


class FakeBlobs:
    """Answers the archive endpoint for blobs."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def add(self, data: bytes) -> str:
        self.blobs[sha(data)] = data
        return f"sha256:{sha(data)}"

    def document(self, value: object) -> str:
        return self.add(json.dumps(value).encode())

    def get_archive(
        self, container: str, path: str, chunk_size: int
    ) -> tuple[Iterator[bytes], None]:
        name = path.rpartition("/")[2]
        if name not in self.blobs:
            raise docker.errors.NotFound("no such blob")
        return pieces(tar([Item(name, self.blobs[name])])), None

    def store(self, image_id: str) -> ContentStore:
        files = EngineFiles(self, "c", "/.x", lambda: False)  # type: ignore[arg-type]
        return ContentStore(files, {"Id": image_id, "Os": "linux", "Architecture": "arm64"})


LAYER = tar([Item("app/.env", f"key={AWS}\n".encode()), Item("etc/passwd", b"root:x:0:0::/:\n")])


def image(blobs: FakeBlobs, layer: bytes) -> str:
    config = blobs.document({"os": "linux", "history": []})
    return blobs.document({"config": {"digest": config}, "layers": [{"digest": blobs.add(layer)}]})


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_layer_compressed_or_not(pack: Callable[[bytes], bytes]) -> None:
    blobs = FakeBlobs()
    store = blobs.store(image(blobs, pack(LAYER)))
    look = LayerLook()
    contents = store.read(store.layers[0], look)
    assert list(contents.entries) == ["/app/.env", "/etc/passwd"]
    assert contents.kept == {"/etc/passwd": b"root:x:0:0::/:\n"}
    assert contents.tar_bytes == len(LAYER)
    assert [s.path for s in look.findings().secrets] == ["/app/.env"]
    assert store.config() == {"os": "linux", "history": []}


def test_the_manifest_of_the_images_own_platform() -> None:
    blobs = FakeBlobs()
    wanted, other = image(blobs, LAYER), image(blobs, tar([Item("other")]))
    index = blobs.document(
        {
            "manifests": [
                {"digest": other, "platform": {"os": "linux", "architecture": "amd64"}},
                {"digest": wanted, "platform": {"os": "linux", "architecture": "arm64"}},
            ]
        }
    )
    assert blobs.store(index).layers == blobs.store(wanted).layers
    only_other = blobs.document({"manifests": [{"digest": other, "platform": {"os": "x"}}]})
    with pytest.raises(NotInStore, match="platform"):
        blobs.store(only_other)


@pytest.mark.parametrize("document", [{}, [], {"config": 1, "layers": []}, {"manifests": []}])
def test_a_manifest_of_another_kind_is_not_used(document: object) -> None:
    blobs = FakeBlobs()
    with pytest.raises(NotInStore):
        blobs.store(blobs.document(document))


def test_blobs_that_are_not_what_their_name_says() -> None:
    blobs = FakeBlobs()
    digest = image(blobs, LAYER)
    blobs.blobs[digest.removeprefix("sha256:")] += b" "
    with pytest.raises(NotInStore, match="another blob"):
        blobs.store(digest)
    with pytest.raises(NotInStore, match="no digest"):
        blobs.store("../../etc/passwd")


def test_a_layer_that_is_cut_off_is_told() -> None:
    blobs = FakeBlobs()
    store = blobs.store(image(blobs, gzip.compress(LAYER)[:-20]))
    with pytest.raises(ImageUnreadable):
        store.read(store.layers[0], LayerLook())
