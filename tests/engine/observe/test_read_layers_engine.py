"""Layers from the engine's store, from ``docker save`` and from the cache are the same layers."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

import helpers.observe.read_image as module
from helpers.observe.cache_files import CacheFiles
from helpers.observe.engine_files import NotInStore
from helpers.observe.layer_cache import LayerCache
from helpers.observe.layer_store import open_store, stored_image
from helpers.observe.read_image import read_contents, read_image, read_image_file

MakeImage = Callable[..., str]
KEY = "AKIA" + "Q3EGRIPFZ5PDNTBW"  # put together here: no scanner takes this file for a leak

ODD = """\
FROM busybox:1.37
COPY env /app/.env
COPY package.json /app/node_modules/left-pad/package.json
RUN mkdir -p /d/old /etc && echo x > /d/old/f && ln /d/old/f /d/hard && ln -s ../x /d/link && \
    echo app:x:1234:1234::/: > /etc/passwd && echo 'root::1::::::' > /etc/shadow && \
    printf 'ID=odd\\nVERSION_ID=1\\n' > /etc/os-release && dd if=/dev/zero of=/big bs=1000 count=900
RUN rm -rf /app/.env /big /d/old && mkdir /d/old && echo y > /d/old/g && chmod 4755 /d/hard
USER app
CMD ["/bin/sh"]
"""
FILES = {
    "env": f"AWS_KEY={KEY}\n".encode(),
    "package.json": b'{"name": "left-pad", "version": "1.3.0"}',
}


@pytest.fixture(scope="module")
def odd(make_image: MakeImage) -> str:
    return make_image(ODD, FILES)


def new_cache(folder: Path) -> LayerCache:
    return LayerCache(CacheFiles(folder))


def has_store(client: docker.DockerClient, image: str) -> bool:
    try:
        stored_image(client.api.info(), client.api.inspect_image(image))
    except NotInStore:
        return False
    return True


def test_the_store_the_archive_and_a_file_give_the_same_facts(
    client: docker.DockerClient, odd: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = read_image(client.api, odd, cache=new_cache(tmp_path / "1"))
    contents = read_contents(client.api, odd, cache=new_cache(tmp_path / "2"))
    monkeypatch.setattr(module, "_from_store", lambda *_: None)
    saved = new_cache(tmp_path / "3")
    assert read_contents(client.api, odd, cache=saved) == contents
    assert read_image(client.api, odd, cache=saved) == facts
    path = tmp_path / "image.tar"
    path.write_bytes(b"".join(client.api.get_image(odd)))
    from_file, contents_of_file = read_image_file(path)
    assert from_file.files == facts.files
    assert from_file.waste == facts.waste
    assert from_file.layers == facts.layers
    assert contents_of_file == contents


def test_what_the_files_of_an_image_say(
    client: docker.DockerClient, odd: str, tmp_path: Path
) -> None:
    cache = new_cache(tmp_path)
    facts, contents = (f(client.api, odd, cache=cache) for f in (read_image, read_contents))
    assert facts.accounts == (("app", 1234),)
    assert facts.main_groups == ((1234, 1234),)
    assert facts.empty_passwords == ("root",)
    assert facts.os_release == {"ID": "odd", "VERSION_ID": "1"}
    assert {f.path for f in facts.files if f.path.startswith("/d/")} == {
        "/d/hard",
        "/d/link",
        "/d/old",
        "/d/old/g",
    }
    assert [(p.kind, p.name, p.version) for p in contents.packages] == [
        ("npm", "left-pad", "1.3.0")
    ]
    (secret,) = contents.secrets
    assert (secret.found.path, secret.found.what) == ("/app/.env", "AWS Access Key")
    assert not secret.visible
    assert facts.layers[secret.layer].created_by == "COPY env /app/.env"
    assert KEY not in repr(contents)


def test_a_layer_is_read_once(
    client: docker.DockerClient,
    make_image: MakeImage,
    odd: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not has_store(client, odd):
        pytest.skip("this engine keeps no layers of the overlay2 driver")
    cache = new_cache(tmp_path)
    read_contents(client.api, odd, cache=cache)
    opened: list[int] = []

    def counted(api: docker.APIClient, image: object, indexes: list[int], **options: object):  # type: ignore[no-untyped-def]
        opened.extend(indexes)
        return open_store(api, image, indexes, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "open_store", counted)
    read_contents(client.api, odd, cache=cache)
    assert opened == []
    second = make_image(f"FROM {odd}\nUSER 0\nRUN echo new > /new\n")
    facts = read_image(client.api, second, cache=cache)
    assert opened == [len(facts.layers) - 1]
    assert any(f.path == "/new" for f in facts.files)


def test_no_container_is_left(
    client: docker.DockerClient, odd: str, tmp_path: Path, containers: Callable[[str], list[str]]
) -> None:
    read_contents(client.api, odd, cache=new_cache(tmp_path))
    assert containers(odd) == []


def test_capabilities_of_files(client: docker.DockerClient, tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("ping")
        info.mode, info.size = 0o755, 3
        attribute = "\1\0\0\2\0\x20" + "\0" * 14
        info.pax_headers = {"SCHILY.xattr.security.capability": attribute}
        archive.addfile(info, io.BytesIO(b"abc"))
    client.api.import_image_from_data(out.getvalue(), repository="observe-test-caps", tag="1")
    try:
        facts = read_image(client.api, "observe-test-caps:1", cache=new_cache(tmp_path))
    finally:
        client.images.remove("observe-test-caps:1", force=True)
    assert [(f.path, f.capabilities) for f in facts.files] == [("/ping", "cap_net_raw=ep")]
