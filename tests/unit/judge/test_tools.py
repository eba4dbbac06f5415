from __future__ import annotations

import pytest

from helpers.observe.image_facts import FileFact
from helpers.observe.requests import Observations

from .factories import FAIL, PASS, UNKNOWN, file, image, program, seen, symlink, verdict

DISTROLESS = (
    program("/nodejs/bin/node"),
    file("/etc/passwd"),
    file("/var/lib/dpkg/status.d/base"),
    file("/app/server.js"),
)
ALL = ("no-compiler", "no-package-manager", "no-shell", "no-setuid")


@pytest.mark.parametrize("name", ALL)
def test_a_distroless_image_passes(name: str) -> None:
    assert verdict(name, seen(image(*DISTROLESS))).outcome is PASS


@pytest.mark.parametrize("name", ALL)
def test_without_the_image_nothing_can_be_told(name: str) -> None:
    assert verdict(name, Observations()).outcome is UNKNOWN


def found(name: str, *files: FileFact, **params: object):  # type: ignore[no-untyped-def]
    return verdict(name, seen(image(*files)), **params)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/usr/bin/gcc", "compiler"),
        ("/usr/bin/x86_64-linux-gnu-gcc-14", "compiler"),
        ("/usr/bin/g++-12", "compiler"),
        ("/usr/bin/cc", "compiler"),
        ("/usr/bin/ld", "compiler"),
        ("/usr/bin/as", "compiler"),
        ("/usr/libexec/gcc/x86_64-linux-gnu/14/cc1", "compiler"),
        ("/usr/local/go/bin/go", "compiler"),
        ("/opt/hidden/clang", "compiler"),
        ("/usr/bin/make", "build-tool"),
        ("/root/.cargo/bin/cargo", "build-tool"),
    ],
)
def test_compilers_and_build_tools_fail(path: str, code: str) -> None:
    result = found("no-compiler", program(path))
    assert result.outcome is FAIL
    assert [(e.code, e.path) for e in result.evidence] == [(code, path)]


@pytest.mark.parametrize(
    "fact",
    [
        file("/usr/bin/gcc"),  # cannot be run
        program("/app/node_modules/x/cc"),
        program("/app/make/index.js"),
        file("/usr/share/doc/gcc", mode=0o755, kind="dir"),
        symlink("/usr/bin/cc", "/etc/alternatives/cc"),  # leads nowhere
        program("/usr/bin/gcc-wrapper-docs.txt"),
    ],
)
def test_what_only_looks_like_a_compiler_passes(fact: FileFact) -> None:
    assert found("no-compiler", fact).outcome is PASS


def test_links_are_followed_through_folders_too() -> None:
    result = found(
        "no-compiler",
        symlink("/bin", "usr/bin"),
        symlink("/usr/bin/cc", "../../etc/alternatives/cc"),
        symlink("/etc/alternatives/cc", "/bin/mycompiler"),
        program("/usr/bin/mycompiler"),
    )
    paths = {e.path for e in result.evidence}
    assert paths == {"/usr/bin/cc"}  # the other link lies among no programs
    assert "leads to `/usr/bin/mycompiler`" in result.evidence[0].text


def test_links_in_a_circle_lead_nowhere() -> None:
    assert found("no-shell", symlink("/bin/sh", "bash"), symlink("/bin/bash", "sh")).passed


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/usr/local/bin/yarn", "node-package-manager"),
        ("/usr/bin/apt-get", "os-package-manager"),
        ("/sbin/apk", "os-package-manager"),
        ("/usr/bin/dpkg", "os-package-manager"),
        ("/usr/bin/pip3.13", "python-package-manager"),
        ("/usr/bin/gem", "other-package-manager"),
    ],
)
def test_package_managers_fail(path: str, code: str) -> None:
    result = found("no-package-manager", program(path))
    assert result.outcome is FAIL
    assert [(e.code, e.path) for e in result.evidence] == [(code, path)]


def test_settings_of_a_package_manager_are_none() -> None:
    files = (program("/etc/cron.daily/dpkg"), file("/etc/apt/apt.conf"), file("/var/lib/dpkg"))
    assert found("no-package-manager", *files).outcome is PASS


def test_npm_without_its_link_in_bin_is_still_there() -> None:
    script = file("/usr/local/lib/node_modules/npm/bin/npm-cli.js")
    result = found("no-package-manager", script)
    assert [(e.code, e.path) for e in result.evidence] == [("node-package-manager", script.path)]


def test_npm_with_its_links_is_told_once_a_name() -> None:
    target = "../lib/node_modules/npm/bin/npm-cli.js"
    result = found(
        "no-package-manager",
        program("/usr/local/lib/node_modules/npm/bin/npm-cli.js"),
        symlink("/usr/local/bin/npm", target),
        symlink("/usr/local/bin/npx", target.replace("npm-cli", "npx-cli")),
        program("/usr/local/lib/node_modules/npm/bin/npx-cli.js"),
    )
    assert [e.path for e in result.evidence] == ["/usr/local/bin/npm", "/usr/local/bin/npx"]
    assert result.summary == "2 package managers in the image: npm, npx."


def test_with_many_programs_no_kind_is_left_out() -> None:
    many = [program(f"/bin/{n}/npm") for n in range(20)] + [program("/usr/bin/apt")]
    result = found("no-package-manager", *many)
    assert len(result.evidence) == 8
    assert result.codes() == {"node-package-manager", "os-package-manager"}


@pytest.mark.parametrize("path", ["/bin/sh", "/usr/bin/bash", "/opt/x/zsh", "/usr/bin/dash"])
def test_shells_fail(path: str) -> None:
    assert found("no-shell", program(path)).codes() == {"shell"}


def test_a_link_to_busybox_is_a_shell() -> None:
    result = found("no-shell", program("/bin/busybox"), symlink("/bin/sh", "/bin/busybox"))
    assert [(e.code, e.path) for e in result.evidence] == [
        ("busybox", "/bin/busybox"),
        ("busybox", "/bin/sh"),
    ]


def test_a_hard_link_to_a_shell_counts() -> None:
    link = FileFact("/bin/ash", "hardlink", 0, 0o755, 0, 0, 0, "/bin/tool")
    assert found("no-shell", program("/bin/tool"), link).codes() == {"shell"}


@pytest.mark.parametrize("fact", [file("/bin/sh"), program("/app/sh.js"), program("/etc/init.sh")])
def test_what_is_no_shell_passes(fact: FileFact) -> None:
    assert found("no-shell", fact).outcome is PASS


def test_what_is_allowed_may_stay() -> None:
    assert found("no-shell", program("/busybox/sh"), allow=["/busybox"]).passed
    assert not found("no-shell", program("/bin/sh"), allow=["/busybox"]).passed


def test_setuid_and_setgid_programs_fail() -> None:
    result = found(
        "no-setuid",
        file("/usr/bin/su", 9, mode=0o4755),
        file("/usr/bin/wall", 9, mode=0o2755),
        file("/var/mail", mode=0o2775, kind="dir"),
        file("/app/locked", mode=0o2644),
    )
    assert [(e.code, e.path) for e in result.evidence] == [
        ("setuid", "/usr/bin/su"),
        ("setgid", "/usr/bin/wall"),
    ]
    assert "mode 4755" in result.evidence[0].text
