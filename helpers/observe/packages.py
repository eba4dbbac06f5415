"""Installed packages, read from the files in which package managers keep book.

Sources: https://wiki.debian.org/DpkgTriggers and https://man7.org/linux/man-pages/man5/deb-control.5.html
(dpkg), https://wiki.alpinelinux.org/wiki/Apk_spec (apk),
https://docs.npmjs.com/cli/v11/configuring-npm/package-json (npm),
https://packaging.python.org/en/latest/specifications/recording-installed-packages/ (pip),
https://pkg.go.dev/debug/buildinfo (Go)
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from helpers.observe.layer_findings import Package, PackageKind
from helpers.observe.text import printable

#: Most packages of one file; the largest real databases have a few thousand.
_MOST = 100_000
_LONGEST = 200
_DPKG = re.compile(r"^/(?:usr/|var/)?lib/dpkg/status(?:\.d/[^/]+)?$")
_APK = re.compile(r"^/(?:usr/)?lib/apk/db/installed$")
_NPM = re.compile(r"/node_modules/(?:@[^/]+/)?[^/@.][^/]*/package\.json$")
_PIP = re.compile(r"/[^/]+\.(?:dist-info/METADATA|egg-info/PKG-INFO)$")

#: What every program that Go built carries (debug/buildinfo).
GO_MAGIC = b"\xff Go buildinf:"
_GO_INLINE = 2
_GO_HEADER = 32
_GO_FRAME = 16  # bytes of a mark before and after the list of modules


def package_reader(path: str) -> Callable[[str, bytes], Iterator[Package]] | None:
    """What reads a file of that path as a list of packages; None for any other file."""
    if path.endswith("/package.json"):
        return _npm if _NPM.search(path) else None
    if path.endswith(("/METADATA", "/PKG-INFO")):
        return _pip if _PIP.search(path) else None
    if "/dpkg/status" in path:
        return _dpkg if _DPKG.match(path) and not path.endswith(".md5sums") else None
    return _apk if _APK.match(path) else None


def go_modules(path: str, after_magic: bytes) -> Iterator[Package]:
    """The modules that a program was built from.

    Args:
        path: of the program.
        after_magic: what follows :data:`GO_MAGIC`, as far as it was read.

    Yields:
        The Go release as ``stdlib``, the main module, and each dependency; nothing for programs
        older than Go 1.18, which keep it elsewhere.
    """
    header = len(GO_MAGIC)
    if len(after_magic) < _GO_HEADER - header or not after_magic[1] & _GO_INLINE:
        return
    data = after_magic[_GO_HEADER - header :]
    release, data = _go_string(data)
    if release.startswith("go"):
        yield _package("go", "stdlib", release.removeprefix("go").split(" ")[0], path)
    modules, _ = _go_string(data)
    for line in modules[_GO_FRAME:].split("\n"):
        fields = line.split("\t")
        if len(fields) >= 3 and fields[0] in {"mod", "dep"}:
            yield _package("go", fields[1], fields[2], path)


def _go_string(data: bytes) -> tuple[str, bytes]:
    """A string with its length before it, seven bits a byte, lowest first."""
    length = 0
    for at, byte in enumerate(data[:5]):
        length |= (byte & 0x7F) << (7 * at)
        if not byte & 0x80:
            end = at + 1 + length
            return data[at + 1 : end].decode("utf-8", "replace"), data[end:]
    return "", b""


def _dpkg(path: str, data: bytes) -> Iterator[Package]:
    for fields in _stanzas(data, ":"):
        status = fields.get("Status", "install ok installed")  # distroless' files have none
        if "Package" in fields and status.endswith(" installed"):
            yield _package("dpkg", fields["Package"], fields.get("Version", ""), path)


def _apk(path: str, data: bytes) -> Iterator[Package]:
    for fields in _stanzas(data, ":"):
        if "P" in fields:
            yield _package("apk", fields["P"], fields.get("V", ""), path)


def _npm(path: str, data: bytes) -> Iterator[Package]:
    try:
        about = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(about, dict) and isinstance(about.get("version"), str):
        folder = path.rpartition("/node_modules/")[2].removesuffix("/package.json")
        name = about.get("name")
        yield _package("npm", name if isinstance(name, str) else folder, about["version"], path)


def _pip(path: str, data: bytes) -> Iterator[Package]:
    fields = next(_stanzas(data, ":"), {})
    if "Name" in fields:
        yield _package("pip", fields["Name"], fields.get("Version", ""), path)


def _stanzas(data: bytes, separator: str) -> Iterator[dict[str, str]]:
    """Blocks of ``Key: value`` lines; lines that go on with a space are left out."""
    fields: dict[str, str] = {}
    count = 0
    for line in data.decode("utf-8", "replace").split("\n"):
        if not line.strip():
            if fields:
                yield fields
                count += 1
                if count == _MOST:
                    return
            fields = {}
        elif not line[0].isspace():
            key, found, value = line.partition(separator)
            if found:
                fields.setdefault(key, value.strip())
    if fields:
        yield fields


def _package(kind: PackageKind, name: str, version: str, path: str) -> Package:
    return Package(kind, printable(name, _LONGEST), printable(version, _LONGEST), path)
