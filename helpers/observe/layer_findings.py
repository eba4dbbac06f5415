"""What lies in the files of one layer: packages, and strings that look like secrets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

PackageKind = Literal["dpkg", "apk", "npm", "pip", "go"]


@dataclass(frozen=True, slots=True)
class Package:
    """Something that was installed.

    Attributes:
        kind: who installed it; ``go`` is a module that a program was built from.
        name: its name there.
        version: as it is written there; empty where it is not.
        path: the file that says so.
    """

    kind: PackageKind
    name: str
    version: str
    path: str


@dataclass(frozen=True, slots=True)
class SecretString:
    """A string that looks like a secret, never the string itself.

    Attributes:
        path: the file that it is in.
        line: the line, from 1.
        what: what kind of secret it looks like, for example ``AWS Access Key``.
        masked: its first characters and its length, for example ``AKIA… (20 characters)``.
    """

    path: str
    line: int
    what: str
    masked: str


@dataclass(frozen=True, slots=True)
class LayerFindings:
    """What one layer's files say.

    Attributes:
        packages: in the order of the archive.
        secrets: in the order of the archive.
        scanned_files: how many files were searched for secrets.
        scanned_bytes: how many bytes these have.
        left_out: files that should have been searched and were not: the layer has more text than
            is searched.
    """

    packages: tuple[Package, ...] = ()
    secrets: tuple[SecretString, ...] = ()
    scanned_files: int = 0
    scanned_bytes: int = 0
    left_out: int = 0


def findings_to_json(findings: LayerFindings) -> dict[str, Any]:
    """As plain values for JSON."""
    return asdict(findings)


def findings_from_json(raw: dict[str, Any]) -> LayerFindings:
    """What :func:`findings_to_json` gave.

    Raises:
        KeyError, TypeError: if it is something else.
    """
    return LayerFindings(
        tuple(Package(**package) for package in raw["packages"]),
        tuple(SecretString(**secret) for secret in raw["secrets"]),
        int(raw["scanned_files"]),
        int(raw["scanned_bytes"]),
        int(raw["left_out"]),
    )
