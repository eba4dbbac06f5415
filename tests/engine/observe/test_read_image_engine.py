from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from concurrent.futures import Future

import docker
import pytest

from helpers.errors import BadInput
from helpers.observe.errors import Stopped
from helpers.observe.image_facts import WastedFile
from helpers.observe.read_image import read_image

MakeImage = Callable[..., str]

DOCKERFILE = """\
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "\
/bin/busybox dd if=/dev/zero of=/big bs=1000 count=500 && \
/bin/busybox mkdir -p /app/deep /etc && /bin/busybox ln -s ../bin/busybox /app/link && \
echo app:x:1234:1234::/: > /etc/passwd && echo hello > /app/deep/file && \
/bin/busybox ln /app/deep/file /app/hard && /bin/busybox chmod 4755 /app/deep/file"]
RUN ["/bin/busybox", "rm", "/big"]
ENV A=1
USER app
CMD ["/bin/busybox", "true"]
"""


def test_what_an_image_is_made_of(client: docker.DockerClient, make_image: MakeImage) -> None:
    tag = make_image(DOCKERFILE)
    facts = read_image(client.api, tag)
    about = client.api.inspect_image(tag)
    assert facts.id == about["Id"]
    assert tag in facts.tags
    assert [layer.diff_id for layer in facts.layers] == about["RootFS"]["Layers"]
    assert facts.layers[0].created_by == "COPY busybox /bin/busybox"
    assert facts.layers[2].created_by == "RUN /bin/busybox rm /big"
    assert [h.created_by for h in facts.history if h.layer is None] == [
        "ENV A=1",
        "USER app",
        'CMD ["/bin/busybox" "true"]',
    ]
    assert facts.config.user == "app"
    assert facts.accounts == (("app", 1234),)
    assert facts.waste == (WastedFile("/big", 500_000, 1, 2, deleted=True),)
    by_path = {f.path: f for f in facts.files}
    assert "/big" not in by_path
    assert by_path["/app/link"].link == "../bin/busybox"
    names = [by_path["/app/deep/file"], by_path["/app/hard"]]
    assert sorted(f.kind for f in names) == ["file", "hardlink"]
    assert {f.mode for f in names} == {0o4755}
    assert sum(f.size for f in names) == len("hello\n")
    assert facts.unpacked_bytes == facts.visible_bytes + facts.wasted_bytes


def test_the_files_are_those_that_a_container_has(
    client: docker.DockerClient, make_image: MakeImage
) -> None:
    tag = make_image(DOCKERFILE)
    container = client.api.create_container(tag)
    try:
        exported = b"".join(client.api.export(container["Id"]))
    finally:
        client.api.remove_container(container["Id"])
    with tarfile.open(fileobj=io.BytesIO(exported)) as archive:
        expected = {"/" + m.name.rstrip("/"): m.size for m in archive if m.isreg()}
    mine = {f.path: f.size for f in read_image(client.api, tag).files if f.kind == "file"}
    # The engine itself puts these into every container.
    for added in ("/.dockerenv", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/dev/console"):
        expected.pop(added, None)
    # Which of two hard links comes first is the archive's choice.
    assert sorted(mine.values()) == sorted(expected.values())
    assert mine.keys() - expected.keys() <= {"/app/hard", "/app/deep/file"}


def test_an_imported_image_without_history(client: docker.DockerClient) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("a-name-that-is-" + "very-" * 30 + "long")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    tag = "observe-test-import:1"
    client.api.import_image_from_data(out.getvalue(), repository="observe-test-import", tag="1")
    try:
        facts = read_image(client.api, tag)
    finally:
        client.images.remove(tag, force=True)
    assert [f.size for f in facts.files] == [3]
    assert facts.layers[0].created_by == "Imported from -"


def test_an_image_that_is_not_there(client: docker.DockerClient) -> None:
    with pytest.raises(BadInput, match="no such image") as caught:
        read_image(client.api, "observe-test-missing:1")
    assert caught.value.remedy


def test_reading_stops_when_asked(client: docker.DockerClient, make_image: MakeImage) -> None:
    stop: Future[None] = Future()
    stop.set_result(None)
    with pytest.raises(Stopped):
        read_image(client.api, make_image(DOCKERFILE), stopped=stop.done)
