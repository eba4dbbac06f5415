from __future__ import annotations

import json

import pytest

from helpers.observe.layer_findings import Package
from helpers.observe.packages import GO_MAGIC, go_modules, package_reader


def read(path: str, data: bytes) -> list[Package]:
    reader = package_reader(path)
    assert reader is not None
    return list(reader(path, data))


STATUS = b"""\
Package: libc6
Status: install ok installed
Version: 2.41-12
Description: GNU C Library
 Package: not-this-one
Conffiles:
 /etc/ld.so.conf

Package: removed
Status: deinstall ok config-files
Version: 1

Package: tzdata
Status: hold ok installed
Version: 2025b
"""


def test_dpkg_tells_installed_packages_only() -> None:
    found = read("/var/lib/dpkg/status", STATUS)
    assert [(p.kind, p.name, p.version) for p in found] == [
        ("dpkg", "libc6", "2.41-12"),
        ("dpkg", "tzdata", "2025b"),
    ]


def test_distroless_keeps_a_file_a_package() -> None:
    path = "/var/lib/dpkg/status.d/base"
    assert read(path, b"Package: base-files\nVersion: 13.8\n") == [
        Package("dpkg", "base-files", "13.8", path)
    ]


def test_apk() -> None:
    data = b"C:Q1x\nP:musl\nV:1.2.5-r9\nA:x86_64\nF:lib\nR:ld.so\n\nP:busybox\nV:1.37.0-r12\n"
    assert [(p.name, p.version) for p in read("/lib/apk/db/installed", data)] == [
        ("musl", "1.2.5-r9"),
        ("busybox", "1.37.0-r12"),
    ]


def test_npm_by_name_or_by_folder() -> None:
    path = "/app/node_modules/@scope/pkg/package.json"
    assert read(path, b'{"name": "@scope/pkg", "version": "2.0.0"}')[0].name == "@scope/pkg"
    assert read(path, b'{"version": "2.0.0"}')[0].name == "@scope/pkg"


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b'{"name": "x"}', b'{"version": 3}', b"[" * 200_000]
)
def test_a_package_json_that_names_no_version_is_no_package(data: bytes) -> None:
    assert read("/app/node_modules/x/package.json", data) == []


def test_pip() -> None:
    data = b"Metadata-Version: 2.4\nName: requests\nVersion: 2.33.0\n\nVersion: in the text\n"
    path = "/usr/lib/python3/dist-packages/requests-2.33.0.dist-info/METADATA"
    assert read(path, data) == [Package("pip", "requests", "2.33.0", path)]


@pytest.mark.parametrize(
    "path",
    [
        "/app/package.json",
        "/app/node_modules/x/lib/package.json",
        "/app/node_modules/.bin/package.json",
        "/var/lib/dpkg/status-old",
        "/var/lib/dpkg/status.d/base.md5sums",
        "/home/var/lib/dpkg/status",
        "/app/METADATA",
    ],
)
def test_other_files_are_not_read(path: str) -> None:
    assert package_reader(path) is None


def go_info(release: str, modules: str, flags: int = 2) -> bytes:
    def text(value: str) -> bytes:
        data = value.encode()
        length, prefix = len(data), b""
        while length >= 0x80:
            prefix += bytes([length & 0x7F | 0x80])
            length >>= 7
        return prefix + bytes([length]) + data

    frame = "x" * 16
    body = text(release) + text(f"{frame}{modules}{frame}" if modules else "")
    return GO_MAGIC + bytes([8, flags]) + bytes(16) + body


def test_go_modules_of_a_program() -> None:
    modules = (
        "path\tgithub.com/acme/app\n"
        "mod\tgithub.com/acme/app\tv1.2.3\t\n"
        f"dep\tgolang.org/x/net\tv0.40.0\th1:{'a' * 200}\n"
        "build\tCGO_ENABLED=0\n"
    )
    data = go_info("go1.25.3", modules)
    assert [(p.name, p.version) for p in go_modules("/app", data[len(GO_MAGIC) :])] == [
        ("stdlib", "1.25.3"),
        ("github.com/acme/app", "v1.2.3"),
        ("golang.org/x/net", "v0.40.0"),
    ]


@pytest.mark.parametrize("size", [0, 1, 10, 18, 20, 22, 40])
def test_a_list_of_modules_that_is_cut_off_is_no_error(size: int) -> None:
    data = go_info("go1.25.3", "mod\ta\tv1\t\n" * 10)[len(GO_MAGIC) :]
    assert len(list(go_modules("/app", data[:size]))) <= 1


def test_the_old_form_with_pointers_is_left_out() -> None:
    assert list(go_modules("/app", go_info("go1.16", "", flags=0)[len(GO_MAGIC) :])) == []


def test_control_characters_do_not_get_into_names() -> None:
    data = json.dumps({"name": "x\x1b[2J", "version": "1\n2"}).encode()
    (found,) = read("/a/node_modules/x/package.json", data)
    assert (found.name, found.version) == (r"x\x1b[2J", "1 2")
