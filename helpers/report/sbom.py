"""A list of what is in an image (SBOM) in CycloneDX 1.6, and what differs between two of them.

It has what package managers say that they have installed, in the files that a container sees. What
was copied or bundled without one is in no list.

Sources: https://cyclonedx.org/docs/1.6/json/ and
https://github.com/package-url/purl-spec/blob/main/PURL-TYPES.rst
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.component_evidence import ComponentEvidence, Occurrence
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from helpers.observe.layer_findings import Package, PackageKind

_TYPES: Mapping[PackageKind, str] = {
    "dpkg": "deb",
    "apk": "apk",
    "npm": "npm",
    "pip": "pypi",
    "go": "golang",
}
_OS = frozenset({"dpkg", "apk"})


def sbom(
    packages: Iterable[Package],
    *,
    name: str,
    image_id: str,
    os_release: Mapping[str, str] | None = None,
    at: datetime | None = None,
) -> str:
    """The list as a CycloneDX 1.6 document.

    Args:
        packages: what is installed; one that lies in several places becomes one component with
            several occurrences.
        name: of the image.
        image_id: ``sha256:…``; the document's serial number is made of it.
        os_release: fields of ``/etc/os-release``, which say whose packages those of the system are.
        at: when it was made; now by default.

    Returns:
        JSON, the components sorted.
    """
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, image_id))
    bom.metadata.timestamp = at or datetime.now(UTC)
    image = Component(name=name, version=image_id, type=ComponentType.CONTAINER, bom_ref=image_id)
    bom.metadata.component = image
    places: dict[PackageURL, list[Package]] = {}
    for package in packages:
        places.setdefault(_purl(package, os_release or {}), []).append(package)
    for purl, found in places.items():
        bom.components.add(
            Component(
                name=found[0].name,
                version=found[0].version or None,
                type=ComponentType.LIBRARY,
                bom_ref=purl.to_string(),
                purl=purl,
                evidence=ComponentEvidence(
                    occurrences=[Occurrence(location=path) for path in {p.path for p in found}]
                ),
            )
        )
    bom.register_dependency(image, bom.components)
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    for component in document.get("components", ()):
        component["evidence"]["occurrences"].sort(key=lambda place: place["location"])
    return json.dumps(document, indent=2, ensure_ascii=False)


def _purl(package: Package, os_release: Mapping[str, str]) -> PackageURL:
    """The package's name in the world: type, whose it is, name and version."""
    namespace: str | None = None
    name = package.name
    qualifiers: dict[str, str] | None = None
    if package.kind in _OS:
        usual = "debian" if package.kind == "dpkg" else "alpine"
        namespace = os_release.get("ID") or usual
        release = os_release.get("VERSION_ID")
        qualifiers = {"distro": f"{namespace}-{release}"} if release else None
    elif package.kind in {"npm", "go"} and "/" in name:
        namespace, _, name = name.rpartition("/")
    return PackageURL(_TYPES[package.kind], namespace, name, package.version or None, qualifiers)


def sbom_faults(document: str) -> tuple[str, ...]:
    """What the schema of CycloneDX 1.6 has against a document; empty for a valid one.

    Raises:
        ValueError: if it is no JSON.
    """
    errors = JsonStrictValidator(SchemaVersion.V1_6).validate_str(document, all_errors=True)
    return tuple(str(error.data.message) for error in errors or ())


@dataclass(frozen=True, slots=True)
class SbomChange:
    """One package that differs between two lists.

    Attributes:
        kind: what became of it.
        package: its package URL without version and qualifiers.
        before: its versions before, with commas between; empty where it is new.
        after: its versions now; empty where it is gone.
    """

    kind: Literal["new", "gone", "changed"]
    package: str
    before: str
    after: str


def sbom_changes(before: str, after: str) -> tuple[SbomChange, ...]:
    """What differs between two documents, by package.

    Args:
        before: the earlier document, of any tool that writes package URLs.
        after: the later one.

    Raises:
        ValueError: if one of them is no JSON or has a package URL that is none.
    """
    old, new = _versions(before), _versions(after)
    changes = []
    for package in sorted(old.keys() | new.keys()):
        was, now = old.get(package, ""), new.get(package, "")
        if was != now:
            kind: Literal["new", "gone", "changed"] = (
                "changed" if was and now else "new" if now else "gone"
            )
            changes.append(SbomChange(kind, package, was, now))
    return tuple(changes)


def _versions(document: str) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for component in json.loads(document).get("components") or ():
        if "purl" in component:
            purl = PackageURL.from_string(component["purl"])
            plain = PackageURL(purl.type, purl.namespace, purl.name).to_string()
            found.setdefault(plain, set()).add(purl.version or "without a version")
    return {package: ", ".join(sorted(versions)) for package, versions in found.items()}
