from __future__ import annotations

import pytest

from helpers.observe.image_facts import WastedFile
from helpers.observe.requests import Observations

from .factories import FAIL, MB, UNKNOWN, file, image, seen, verdict


@pytest.mark.parametrize(
    ("path", "tool"),
    [
        ("/var/lib/apt/lists/archive.example_dists_trixie_main_Packages", "apt"),
        ("/var/cache/apt/pkgcache.bin", "apt"),
        ("/var/cache/apk/APKINDEX.tar.gz", "apk"),
        ("/root/.npm/_cacache/content-v2/x", "npm"),
        ("/home/app/.cache/pip/http/x", "pip"),
        ("/var/cache/dnf/x.solv", "dnf"),
    ],
)
def test_a_cache_is_found_by_where_it_lies(path: str, tool: str) -> None:
    found = verdict("no-package-caches", seen(image(file(path, MB))))
    assert found.outcome is FAIL
    assert [(e.code, e.bytes, e.path) for e in found.evidence] == [("cache-left", MB, path)]
    assert found.evidence[0].text.startswith(tool)
    assert verdict("no-package-caches", seen(image(file(path, MB))), allow=[path]).passed


def test_what_is_no_cache_or_small() -> None:
    facts = image(file("/var/lib/dpkg/status", MB), file("/var/lib/apt/lists/lock", 10))
    assert verdict("no-package-caches", seen(facts)).passed
    assert verdict("no-package-caches", seen(facts), max_mb=0).outcome is FAIL


def test_a_cache_that_is_deleted_too_late() -> None:
    gone = WastedFile("/var/lib/apt/lists/x", 2 * MB, 1, 2, deleted=True)
    found = verdict("no-package-caches", seen(image(waste=(gone,))))
    assert [(e.code, e.layer, e.bytes) for e in found.evidence] == [("deleted-too-late", 1, 2 * MB)]


def test_without_the_image_nothing_can_be_told() -> None:
    assert verdict("no-package-caches", Observations()).outcome is UNKNOWN
