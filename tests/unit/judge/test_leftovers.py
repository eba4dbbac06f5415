from __future__ import annotations

from dataclasses import replace

import pytest

from helpers.judge.verdict import Verdict
from helpers.observe.image_contents import ContentsRequest, ImageContents, SecretInLayer
from helpers.observe.image_facts import FileFact, ImageFacts, WastedFile
from helpers.observe.layer_findings import Package, SecretString
from helpers.observe.requests import Observations

from .factories import FAIL, MB, PASS, UNKNOWN, file, image, program, seen, symlink, verdict


def codes(judged: Verdict) -> list[str]:
    return [e.code for e in judged.evidence]


@pytest.mark.parametrize(
    "property_id",
    [
        "no-temporary-files",
        "no-deleted-leftovers",
        "no-personal-settings",
        "no-archives",
        "no-docs",
        "no-useless-layers",
        "no-restored-files",
        "no-debug-tools",
        "no-ssh-server",
        "no-init-system",
        "few-packages",
        "no-secret-strings",
        "known-release",
    ],
)
def test_without_an_image_nothing_can_be_told(property_id: str) -> None:
    assert verdict(property_id, seen()).outcome is UNKNOWN


@pytest.mark.parametrize(
    ("property_id", "right", "wrong", "code"),
    [
        ("no-temporary-files", file("/tmp/empty", 0), file("/tmp/x.deb"), "temporary"),
        ("no-temporary-files", file("/var/lib/x"), file("/var/log/apt/history.log"), "log"),
        ("no-temporary-files", file("/usr/share/x.orig"), file("/app/.server.js.swp"), "editor"),
        ("no-personal-settings", file("/app/aws"), file("/root/.aws", kind="dir"), "cloud"),
        ("no-personal-settings", file("/app/.sshx"), file("/root/.ssh", kind="dir"), "keys"),
        ("no-personal-settings", file("/a"), file("/app/.idea", kind="dir"), "editor-settings"),
        ("no-archives", file("/app/x.tar.gz", 9), file("/app/x.tar.gz", 2 * MB), "archive"),
        ("no-archives", file("/app/x.jar", 2 * MB), file("/x.zip", 2 * MB), "archive"),
        (
            "no-docs",
            file("/usr/share/doc/x", MB),
            file("/usr/share/doc/x", 6 * MB),
            "documentation",
        ),
        (
            "no-docs",
            file("/app/doc/x", 9 * MB),
            file("/usr/share/locale/x", 6 * MB),
            "translations",
        ),
        ("no-debug-tools", file("/app/curl.js"), program("/usr/bin/curl"), "downloader"),
        ("no-debug-tools", file("/usr/bin/gdb"), program("/usr/bin/gdb"), "debugger"),
        ("no-ssh-server", program("/usr/bin/ssh-agent"), program("/usr/sbin/sshd"), "login-server"),
        ("no-init-system", program("/usr/bin/tini"), program("/usr/sbin/cron"), "scheduler"),
        (
            "no-init-system",
            program("/usr/bin/dumb-init"),
            program("/usr/bin/supervisord"),
            "service-manager",
        ),
    ],
)
def test_files_that_should_not_be_there(
    property_id: str, right: FileFact, wrong: FileFact, code: str
) -> None:
    assert verdict(property_id, seen(image(right))).outcome is PASS
    judged = verdict(property_id, seen(image(right, wrong)))
    assert judged.outcome is FAIL
    assert codes(judged) == [code]
    assert judged.evidence[0].layer == 0


def test_files_that_may_stay() -> None:
    facts = image(file("/tmp/x"), program("/usr/bin/curl"))
    assert verdict("no-temporary-files", seen(facts), allow=["/tmp"]).outcome is PASS
    assert verdict("no-debug-tools", seen(facts), allow=["curl"]).outcome is PASS


def test_the_tools_of_a_busybox_are_told_elsewhere() -> None:
    links = [symlink(f"/bin/{n}", "busybox") for n in ("wget", "telnetd", "crond", "vi")]
    facts = image(program("/bin/busybox"), *links)
    for property_id in ("no-debug-tools", "no-ssh-server", "no-init-system"):
        assert verdict(property_id, seen(facts)).outcome is PASS
    assert verdict("no-shell", seen(facts)).outcome is FAIL


def test_temporary_files_that_are_deleted_too_late() -> None:
    def waste(path: str, size: int, *, deleted: bool = True) -> WastedFile:
        return WastedFile(path, size, 0, 1, deleted)

    small = image(waste=[waste("/tmp/a", 900_000), waste("/app/b", 9 * MB)])
    assert verdict("no-deleted-leftovers", seen(small)).outcome is PASS
    judged = verdict("no-deleted-leftovers", seen(image(waste=[waste("/tmp/a", 2 * MB)])))
    assert codes(judged) == ["deleted-too-late"]
    assert judged.evidence[0].layer == 0


def layers(facts: ImageFacts, *changes: dict[str, int]) -> ImageFacts:
    return replace(
        facts,
        layers=tuple(replace(x, **c) for x, c in zip(facts.layers, changes, strict=True)),  # type: ignore[arg-type]
    )


def test_layers_without_use() -> None:
    facts = image(file("/a"), created_by=["COPY a /a", "WORKDIR /app", "RUN rm -f /no", "RUN x"])
    plain, empty = {"entries": 1}, {"entries": 0}
    used = layers(facts, plain, empty, {"entries": 1, "file_bytes": 0}, plain)
    assert verdict("no-useless-layers", seen(used)).outcome is PASS
    judged = verdict("no-useless-layers", seen(layers(facts, plain, empty, empty, plain)))
    assert codes(judged) == ["empty-layer"]
    assert judged.evidence[0].instruction == "RUN rm -f /no"
    once = verdict("no-useless-layers", seen(layers(facts, plain, empty, empty, plain)), max=1)
    assert once.outcome is PASS


def test_a_layer_of_which_later_ones_leave_nothing() -> None:
    gone = WastedFile("/a", 5, 0, 1, deleted=False)
    facts = image(file("/a", 5, layer=1), waste=[gone])
    assert codes(verdict("no-useless-layers", seen(facts))) == ["hidden-layer"]


def test_a_layer_that_only_deletes_is_of_use() -> None:
    facts = image(file("/b"), waste=[WastedFile("/a", 5, 0, 1, deleted=True)])
    assert verdict("no-useless-layers", seen(facts)).outcome is PASS


def test_files_that_are_stored_again_to_change_their_owner() -> None:
    waste = [WastedFile(f"/app/{n}", MB, 0, 1, deleted=False) for n in "ab"]
    again = image(*(file(f"/app/{n}", MB, layer=1, uid=1000) for n in "ab"), waste=waste)
    judged = verdict("no-restored-files", seen(again))
    assert codes(judged) == ["stored-again"]
    assert judged.evidence[0].bytes == 2 * MB
    other = image(*(file(f"/app/{n}", MB + 1, layer=1) for n in "ab"), waste=waste)
    assert verdict("no-restored-files", seen(other)).outcome is PASS


def contents(facts: ImageFacts | None = None, **found: object) -> Observations:
    answer = ImageContents(**found)  # type: ignore[arg-type]
    return Observations(image=facts or image(), answers={ContentsRequest(): answer})


def packages(count: int, kind: str = "dpkg") -> tuple[Package, ...]:
    return tuple(Package(kind, f"p{n}", "1", "/var/lib/dpkg/status") for n in range(count))  # type: ignore[arg-type]


def test_the_number_of_packages() -> None:
    few = contents(packages=packages(100) + packages(5000, "npm"))
    assert verdict("few-packages", few).outcome is PASS
    assert "5,000 npm packages" in verdict("few-packages", few).summary
    assert codes(verdict("few-packages", contents(packages=packages(101)))) == ["too-many-packages"]
    mixed = contents(packages=packages(3, "apk"))
    assert verdict("few-packages", mixed, max_system=2).outcome is FAIL


def test_secret_strings() -> None:
    def secret(path: str, *, visible: bool = True) -> SecretInLayer:
        return SecretInLayer(
            SecretString(path, 3, "AWS Access Key", "AKIA… (20 characters)"), 0, visible
        )

    clean = contents(scanned_files=7)
    assert verdict("no-secret-strings", clean).outcome is PASS
    assert "7 files searched" in verdict("no-secret-strings", clean).summary
    tests = contents(secrets=(secret("/app/test/a.js"), secret("/app/a.test.js")))
    assert verdict("no-secret-strings", tests).outcome is PASS
    judged = verdict(
        "no-secret-strings",
        contents(secrets=(secret("/app/.env", visible=False), secret("/app/b\x1b")), left_out=3),
    )
    assert codes(judged) == ["secret-string-in-layer", "secret-string"]
    assert all(e.text.isprintable() for e in judged.evidence)
    assert "line 3" in judged.evidence[0].text


def test_what_was_not_searched_is_no_pass() -> None:
    assert verdict("no-secret-strings", contents(left_out=1)).outcome is UNKNOWN


def test_a_known_release() -> None:
    def system(**fields: str) -> Observations:
        return contents(replace(image(), os_release=fields), packages=packages(3))

    debian = system(ID="debian", PRETTY_NAME="Debian GNU/Linux 13 (trixie)", VERSION_ID="13")
    assert verdict("known-release", debian).outcome is PASS
    sid = system(ID="debian", PRETTY_NAME="Debian GNU/Linux trixie/sid")
    assert codes(verdict("known-release", sid)) == ["no-version"]
    assert codes(verdict("known-release", system())) == ["no-release"]
    scratch = verdict("known-release", contents())
    assert scratch.outcome is PASS
    assert "Does not apply" in scratch.summary
