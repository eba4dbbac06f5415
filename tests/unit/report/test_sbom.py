"""Lists of what is in an image: valid CycloneDX, and what differs between two."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from helpers.observe.layer_findings import Package
from helpers.report.sbom import SbomChange, sbom, sbom_changes, sbom_faults

PACKAGES = (
    Package("npm", "fastify", "5.0.0", "/app/node_modules/fastify/package.json"),
    Package("npm", "@scope/a", "1.0.0", "/app/node_modules/@scope/a/package.json"),
    Package("npm", "ms", "2.1.3", "/app/node_modules/ms/package.json"),
    Package("npm", "ms", "2.1.3", "/app/node_modules/b/node_modules/ms/package.json"),
    Package("dpkg", "libc6", "2.41-12", "/var/lib/dpkg/status"),
    Package("apk", "musl", "1.2.5-r10", "/lib/apk/db/installed"),
    Package("pip", "requests", "", "/x/requests-1.dist-info/METADATA"),
    Package("go", "golang.org/x/net", "v0.30.0", "/bin/a"),
)
AT = datetime(2026, 1, 2, tzinfo=UTC)


def made(*packages: Package) -> str:
    release = {"ID": "debian", "VERSION_ID": "13"}
    return sbom(packages, name="a", image_id="sha256:1", os_release=release, at=AT)


def test_it_is_valid_and_always_the_same() -> None:
    document = made(*PACKAGES)
    assert sbom_faults(document) == ()
    assert document == made(*reversed(PACKAGES))
    assert json.loads(document)["specVersion"] == "1.6"


def test_package_urls() -> None:
    components = json.loads(made(*PACKAGES))["components"]
    assert {c["purl"] for c in components} == {
        "pkg:npm/fastify@5.0.0",
        "pkg:npm/%40scope/a@1.0.0",
        "pkg:npm/ms@2.1.3",
        "pkg:deb/debian/libc6@2.41-12?distro=debian-13",
        "pkg:apk/debian/musl@1.2.5-r10?distro=debian-13",
        "pkg:pypi/requests",
        "pkg:golang/golang.org/x/net@v0.30.0",
    }
    (ms,) = [c for c in components if c["name"] == "ms"]
    assert len(ms["evidence"]["occurrences"]) == 2


def test_a_document_that_is_wrong() -> None:
    assert sbom_faults('{"bomFormat": "CycloneDX", "specVersion": "1.6", "parts": []}')


def test_what_differs() -> None:
    newer = Package("npm", "fastify", "5.1.0", PACKAGES[0].path)
    added = Package("npm", "late", "1.0.0", "/app/node_modules/late/package.json")
    changes = sbom_changes(made(*PACKAGES[:3]), made(newer, PACKAGES[1], added))
    assert changes == (
        SbomChange("changed", "pkg:npm/fastify", "5.0.0", "5.1.0"),
        SbomChange("new", "pkg:npm/late", "", "1.0.0"),
        SbomChange("gone", "pkg:npm/ms", "2.1.3", ""),
    )
    assert sbom_changes(made(*PACKAGES), made(*PACKAGES)) == ()
