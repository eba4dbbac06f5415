"""What is in the base images, looked at from outside and by running them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from docker import DockerClient
from docker.models.containers import Container
from image_files import files_of, names_in, text_of

from helpers.engine import bases
from helpers.engine.standins import recipes
from helpers.engine.standins.files import CA_PATH, LOCAL_CA_PATH, host_ca_bundle

FULL, SLIM, ALPINE = "node:26-trixie", "node:26-trixie-slim", "node:26-alpine"
DISTROLESS = "gcr.io/distroless/nodejs26-debian13:nonroot"
NODES = (FULL, SLIM, ALPINE)
Get = Callable[[str], bases.BaseStatus]
Run = Callable[..., str]


@pytest.mark.parametrize("name", [*NODES, DISTROLESS])
def test_node_runs_and_says_a_version_of_the_right_line(get: Get, run: Run, name: str) -> None:
    get(name)
    assert run(name, "--version").startswith("v26.")


@pytest.mark.parametrize("name", NODES)
def test_npm_of_a_stand_in_does_not_wait_long_for_a_silent_registry(
    get: Get, run: Run, name: str
) -> None:
    if not get(name).stand_in:
        pytest.skip(f"{name} is the official image")
    assert run(name, "npm", "config", "get", "fetch-timeout").strip() == "30000"


@pytest.mark.parametrize("name", NODES)
def test_npm_installs_from_a_lock_during_a_build(
    get: Get, built: Callable[..., str], run: Run, name: str
) -> None:
    get(name)
    package = {"name": "t", "version": "1.0.0", "dependencies": {"ms": "2.1.3"}}
    tag = built(
        f"FROM {name}\nWORKDIR /app\nCOPY package.json .\n"
        "RUN npm install --package-lock-only && npm ci && ls node_modules/ms/package.json\n",
        **{"package.json": json.dumps(package)},
    )
    assert run(tag, "-p", "require('ms')('1h')", working_dir="/app").strip() == "3600000"


@pytest.mark.parametrize("name", NODES)
def test_the_user_node_has_uid_1000(get: Get, run: Run, name: str) -> None:
    get(name)
    assert run(name, "id", "-u", "node").strip() == "1000"


def test_the_full_one_has_compilers_git_and_python(get: Get, client: DockerClient) -> None:
    get(FULL)
    programs = names_in(client, FULL, "/usr/bin")
    assert {"gcc", "g++", "make", "git", "python3", "curl", "apt-get"} <= programs


def test_the_slim_one_has_none_of_them_but_apt(get: Get, client: DockerClient) -> None:
    get(SLIM)
    programs = names_in(client, SLIM, "/usr/bin")
    assert not programs & {"gcc", "g++", "make", "git", "python3", "curl"}
    assert "apt-get" in programs


def test_full_and_slim_are_in_the_order_of_their_sizes(get: Get) -> None:
    sizes = [get(name).bytes for name in (FULL, SLIM, ALPINE)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 3 * sizes[1]


def test_alpine_is_musl_and_busybox(get: Get, client: DockerClient, run: Run) -> None:
    get(ALPINE)
    files = files_of(client, ALPINE)
    assert any(p.startswith("/lib/ld-musl-") for p in files)
    assert not any("ld-linux" in p for p in files)
    assert "BusyBox" in run(ALPINE, "sh", "-c", "busybox | head -n 1")
    report = run(ALPINE, "node", "-p", "process.report.getReport().header.glibcVersionRuntime")
    assert report.strip() == "undefined"


def test_distroless_has_no_shell_and_no_package_manager(get: Get, client: DockerClient) -> None:
    get(DISTROLESS)
    names = {
        path.rpartition("/")[2]
        for path, member in files_of(client, DISTROLESS).items()
        if not member.isdir()
    }
    assert not names & {"sh", "bash", "dash", "busybox", "apt", "apt-get", "dpkg", "npm", "npx"}


def test_distroless_lists_its_packages_where_scanners_look(get: Get, client: DockerClient) -> None:
    get(DISTROLESS)
    listed = {
        path.rpartition("/")[2]
        for path in files_of(client, DISTROLESS)
        if path.startswith("/var/lib/dpkg/status.d/") and not path.endswith(".md5sums")
    }
    assert {"base-files", "libc6", "libssl3t64", "libstdc++6", "tzdata", "netbase"} <= listed


def test_distroless_runs_node_as_nonroot_in_its_home(get: Get, run: Run) -> None:
    get(DISTROLESS)
    seen = run(DISTROLESS, "-p", "[process.getuid(), process.cwd(), process.execPath].join()")
    assert seen.strip() == "65532,/home/nonroot,/nodejs/bin/node"


def test_distroless_and_slim_stand_on_layers_of_their_own_base(
    get: Get, client: DockerClient
) -> None:
    slim, debian = get(SLIM), get("debian:trixie-slim")
    if {slim.source, debian.source} != {"stand-in"}:
        pytest.skip("official images were built at different times")
    layers = [client.api.inspect_image(s.name)["RootFS"]["Layers"] for s in (slim, debian)]
    assert layers[0][: len(layers[1])] == layers[1]


def test_debian_slim_lacks_documentation_and_goes_on_without(
    get: Get, client: DockerClient, built: Callable[..., str]
) -> None:
    get("debian:trixie-slim")
    tag = built(
        "FROM debian:trixie-slim\n"
        "RUN apt-get update -q && apt-get install -q -y --no-install-recommends netbase hostname\n"
    )
    files = files_of(client, tag)
    manuals = [p for p, m in files.items() if p.startswith("/usr/share/man/") and m.isfile()]
    archives = [p for p in files if p.startswith("/var/cache/apt/archives/") and p.endswith(".deb")]
    assert (manuals, archives) == ([], [])
    assert "/usr/share/doc/netbase/copyright" in files


@pytest.mark.parametrize("name", [b.name for b in bases.catalogue()])
def test_a_stand_in_says_so_and_trusts_what_the_machine_trusts(
    get: Get, client: DockerClient, name: str
) -> None:
    found = get(name)
    if found.source != "stand-in":
        pytest.skip(f"{name} is the official image here")
    assert found.stand_in == recipes.recipe(name).made_of
    assert certificates(host_ca_bundle().decode()) <= certificates(text_of(client, name, CA_PATH))


def test_the_hosts_certificates_outlive_the_package_ca_certificates(
    get: Get, client: DockerClient, built: Callable[..., str]
) -> None:
    if get("debian:trixie-slim").source != "stand-in":
        pytest.skip("debian:trixie-slim is the official image here")
    tag = built(
        "FROM debian:trixie-slim\n"
        "RUN apt-get update -q && apt-get install -q -y --no-install-recommends ca-certificates\n"
    )
    host, made_anew = text_of(client, tag, LOCAL_CA_PATH), text_of(client, tag, CA_PATH)
    assert host != made_anew
    assert certificates(host)
    assert certificates(host) <= certificates(made_anew)


def certificates(bundle: str) -> set[str]:
    return set(re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END", bundle, re.DOTALL))


def test_busybox_is_one_static_program(get: Get, client: DockerClient, run: Run) -> None:
    get("busybox:1.37")
    assert run("busybox:1.37", "echo", "hello") == "hello\n"
    files = files_of(client, "busybox:1.37")
    assert not any(p.startswith("/lib/ld-") for p in files)
    assert files["/bin/sh"].islnk() or files["/bin/busybox"].islnk()


def test_an_engine_starts_inside_an_engine_and_answers(
    get: Get, started: Callable[..., Container]
) -> None:
    get("docker:26-dind")
    inner = started("docker:26-dind", privileged=True)
    for line in inner.logs(stream=True, follow=True):
        if b"API listen on [::]:2376" in line:
            break
    code, output = inner.exec_run(["docker", "info", "--format", "{{json .}}"])
    assert code == 0
    facts: dict[str, Any] = json.loads(output)
    assert facts["ServerVersion"].startswith("26.1")
    assert facts["Driver"] in {"overlay2", "vfs"}
    secured = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs/client"}
    code, output = inner.exec_run(
        ["docker", "-H", "tcp://localhost:2376", "version"], environment=secured
    )
    assert code == 0, output.decode()
