"""The bases for Go, Python, static programs and Alpine have in them what the official ones have."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from docker import DockerClient
from image_files import files_of, names_in, text_of

from helpers.engine import bases
from helpers.engine.standins.files import CA_PATH

GO, PYTHON, ALPINE = "golang:1.24-trixie", "python:3.13-slim-trixie", "alpine:3.24"
STATIC, BASE, PYTHON3 = (
    f"gcr.io/distroless/{name}-debian13:nonroot" for name in ("static", "base", "python3")
)
DISTROLESS = (STATIC, BASE, PYTHON3)
Get = Callable[[str], bases.BaseStatus]
Run = Callable[..., str]
Build = Callable[..., str]

HELLO = 'package main\n\nimport "net"\n\nfunc main() { println(net.IPv4len) }\n'


def programs(client: DockerClient, name: str) -> set[str]:
    """Names of all files that can be run."""
    return {
        path.rpartition("/")[2]
        for path, member in files_of(client, name).items()
        if member.isfile() and member.mode & 0o111
    }


class TestGo:
    def test_go_lies_where_the_official_image_has_it(self, get: Get, run: Run) -> None:
        get(GO)
        said = run(GO, "sh", "-c", "command -v go; go version; go env GOROOT GOPATH GOTOOLCHAIN")
        lines = said.split("\n")
        assert lines[0] == "/usr/local/go/bin/go"
        assert lines[1].startswith("go version go1.24.")
        assert lines[2:5] == ["/usr/local/go", "/go", "local"]

    def test_it_has_git_and_a_c_compiler_and_starts_in_gopath(
        self, get: Get, client: DockerClient
    ) -> None:
        get(GO)
        assert {"git", "gcc", "g++", "make", "pkg-config", "curl", "apt-get"} <= names_in(
            client, GO, "/usr/bin"
        )
        assert client.api.inspect_image(GO)["Config"]["WorkingDir"] == "/go"

    def test_a_program_is_linked_with_glibc_by_default_and_with_nothing_without_cgo(
        self, get: Get, built: Build, run: Run
    ) -> None:
        get(GO)
        tag = built(
            f"FROM {GO}\nWORKDIR /src\nCOPY . .\nRUN go mod init hello\n"
            "RUN --mount=type=cache,target=/root/.cache/go-build go build -o linked .\n"
            "RUN --mount=type=cache,target=/root/.cache/go-build "
            "CGO_ENABLED=0 go build -trimpath -o alone .\n",
            **{"main.go": HELLO},
        )
        assert run(tag, "./linked").strip() == run(tag, "./alone").strip() == "4"
        assert "libc.so.6" in run(tag, "ldd", "linked")
        assert "not a dynamic" in run(tag, "sh", "-c", "ldd alone 2>&1 || true")

    def test_go_knows_the_time_zones(self, get: Get, client: DockerClient) -> None:
        get(GO)
        assert "/usr/local/go/lib/time/zoneinfo.zip" in files_of(client, GO)


class TestPython:
    def test_python_and_pip_lie_in_usr_local_and_agree_on_the_folder_for_packages(
        self, get: Get, run: Run
    ) -> None:
        get(PYTHON)
        said = run(
            PYTHON,
            "sh",
            "-c",
            "for p in python python3 pip; do command -v $p; done; python --version; "
            "python -c 'import sys, sysconfig; print(sysconfig.get_path(\"purelib\"), sys.prefix)'",
        )
        lines = said.splitlines()
        assert lines[:3] == [f"/usr/local/bin/{name}" for name in ("python", "python3", "pip")]
        assert lines[3].startswith("Python 3.13.")
        assert lines[4] == "/usr/local/lib/python3.13/site-packages /usr/local"

    def test_pip_installs_without_asking_for_leave(self, get: Get, built: Build, run: Run) -> None:
        get(PYTHON)
        tag = built(f"FROM {PYTHON}\nRUN pip install --no-cache-dir tomli-w\n")
        where = run(tag, "python", "-c", "import tomli_w; print(tomli_w.__file__)").strip()
        assert where.startswith("/usr/local/lib/python3.13/site-packages/")

    def test_a_virtual_environment_can_be_made(self, get: Get, run: Run) -> None:
        get(PYTHON)
        said = run(PYTHON, "sh", "-c", "python -m venv /tmp/v && /tmp/v/bin/pip --version")
        assert "/tmp/v/lib/python3.13/site-packages" in said  # in a container

    def test_the_standard_library_is_whole(self, get: Get, run: Run) -> None:
        get(PYTHON)
        wanted = "asyncio, bz2, ctypes, curses, dbm, http, lzma, readline, sqlite3, ssl, uuid, zlib"
        script = f"import {wanted}, zoneinfo; print(zoneinfo.ZoneInfo('Europe/Berlin'))"
        assert run(PYTHON, "python", "-c", script).strip() == "Europe/Berlin"

    def test_there_is_no_other_python_and_no_compiler(self, get: Get, client: DockerClient) -> None:
        get(PYTHON)
        there = names_in(client, PYTHON, "/usr/bin")
        assert not {n for n in there if n.startswith("python")}
        assert not there & {"gcc", "git", "curl"}


class TestAlpine:
    def test_it_is_musl_and_busybox_with_a_version(
        self, get: Get, client: DockerClient, run: Run
    ) -> None:
        found = get(ALPINE)
        files = files_of(client, ALPINE)
        assert any(p.startswith("/lib/ld-musl-") for p in files)
        assert not any("ld-linux" in p for p in files)
        assert "BusyBox" in run(ALPINE, "sh", "-c", "busybox | head -n 1")
        assert "\nVERSION_ID=3.24" in text_of(client, ALPINE, "/etc/os-release")
        assert found.bytes < 15_000_000

    def test_it_has_certificates_and_no_time_zones(self, get: Get, client: DockerClient) -> None:
        get(ALPINE)
        files = files_of(client, ALPINE)
        assert CA_PATH in files
        assert not any(p.startswith("/usr/share/zoneinfo/") for p in files)


class TestDistroless:
    @pytest.mark.parametrize("name", DISTROLESS)
    def test_it_runs_as_nonroot_in_its_home(
        self, get: Get, client: DockerClient, name: str
    ) -> None:
        get(name)
        config = client.api.inspect_image(name)["Config"]
        assert (config["User"], config["WorkingDir"]) == ("65532", "/home/nonroot")
        assert "nonroot:x:65532:65532:" in text_of(client, name, "/etc/passwd")

    @pytest.mark.parametrize("name", DISTROLESS)
    def test_it_has_certificates_and_time_zones(
        self, get: Get, client: DockerClient, name: str
    ) -> None:
        get(name)
        files = files_of(client, name)
        assert {CA_PATH, "/usr/share/zoneinfo/Europe/Berlin", "/etc/nsswitch.conf"} <= set(files)

    @pytest.mark.parametrize("name", DISTROLESS)
    def test_it_has_no_shell_and_no_package_manager(
        self, get: Get, client: DockerClient, name: str
    ) -> None:
        get(name)
        tools = {"sh", "bash", "dash", "busybox", "apt", "apt-get", "dpkg", "pip", "pip3"}
        assert not programs(client, name) & tools

    def test_the_static_one_has_no_program_and_no_library_at_all(
        self, get: Get, client: DockerClient
    ) -> None:
        get(STATIC)
        files = files_of(client, STATIC)
        assert not [p for p, m in files.items() if m.isfile() and ".so" in p]
        folders = ("/bin/", "/sbin/", "/libexec/", "/lib/", "/lib64/")
        there = [p for p, m in files.items() if not m.isdir() and p.startswith(("/usr/", *folders))]
        assert not [p for p in there if any(f in p for f in folders) and "os-release" not in p]

    def test_the_base_one_has_glibc_and_openssl(self, get: Get, client: DockerClient) -> None:
        get(BASE)
        names = {path.rpartition("/")[2] for path in files_of(client, BASE)}
        assert {"libc.so.6", "libssl.so.3", "libcrypto.so.3"} <= names
        assert "libstdc++.so.6" not in names

    def test_the_python_one_starts_python_and_has_its_standard_library(
        self, get: Get, client: DockerClient, run: Run
    ) -> None:
        get(PYTHON3)
        assert client.api.inspect_image(PYTHON3)["Config"]["Entrypoint"] == ["/usr/bin/python3.13"]
        script = (
            "import asyncio, bz2, ctypes, json, lzma, os, sqlite3, ssl, sys, uuid, zoneinfo\n"
            "zoneinfo.ZoneInfo('Europe/Berlin')\n"
            "print(json.dumps([sys.version_info[:2], os.getuid(), sys.executable]))"
        )
        assert json.loads(run(PYTHON3, "-c", script)) == [[3, 13], 65532, "/usr/bin/python3.13"]

    def test_each_stands_on_the_layers_of_the_one_before(
        self, get: Get, client: DockerClient
    ) -> None:
        if {get(name).source for name in DISTROLESS} != {"stand-in"}:
            pytest.skip("official images were built at different times")
        layers = [client.api.inspect_image(name)["RootFS"]["Layers"] for name in DISTROLESS]
        static, base, python3 = layers
        assert base[0] == static[0]
        assert python3[:2] == base[:2]
