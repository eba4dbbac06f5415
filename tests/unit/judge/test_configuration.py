from __future__ import annotations

from typing import Any

import pytest

from helpers.errors import BadInput
from helpers.judge.verdict import Verdict
from helpers.observe.image_facts import ImageFacts
from helpers.observe.requests import Observations

from .factories import FAIL, PASS, UNKNOWN, file, image, program, seen, verdict


def judged(property_id: str, *files: Any, dockerfile: str | None = None, **config: Any) -> Verdict:
    params = config.pop("params", {})
    return verdict(property_id, seen(image(*files, **config), dockerfile), **params)


ALL = ["workdir", "ports-declared", "unprivileged-ports", "env-sane", "stop-signal", "oci-labels"]
ALL += ["volumes-safe", "no-latest-tag", "config-values", "numeric-user", "user-resolves"]
ALL += ["accounts-sound"]


@pytest.mark.parametrize("name", ALL)
def test_without_the_image_nothing_can_be_told(name: str) -> None:
    assert verdict(name, Observations()).outcome is UNKNOWN


def test_an_absolute_working_directory_passes() -> None:
    assert judged("workdir", workdir="/app").passed


@pytest.mark.parametrize(
    ("workdir", "dockerfile", "code"),
    [
        ("", None, "no-workdir"),
        ("/", None, "no-workdir"),
        ("app", None, "relative-workdir"),
        ("/base/app", "FROM a:1\nWORKDIR app\n", "relative-workdir"),
        ("/app/server.js", None, "not-a-folder"),
    ],
)
def test_a_working_directory_that_is_none(workdir: str, dockerfile: str | None, code: str) -> None:
    found = judged("workdir", file("/app/server.js"), workdir=workdir, dockerfile=dockerfile)
    assert found.outcome is FAIL
    assert found.codes() == {code}


def test_a_relative_one_after_an_absolute_one_is_told_by_the_file() -> None:
    text = "FROM a:1\nWORKDIR /srv\nWORKDIR app\n"
    assert judged("workdir", workdir="/srv/app", dockerfile=text).passed


def test_another_working_directory_than_the_wanted_one() -> None:
    found = judged("workdir", workdir="/srv", params={"expected": "/app"})
    assert found.codes() == {"other-workdir"}


def test_the_evidence_names_the_last_instruction() -> None:
    text = "FROM a:1\nWORKDIR /app\nWORKDIR /\n"
    assert judged("workdir", workdir="/", dockerfile=text).evidence[0].line == 3


def test_ports_that_are_wanted() -> None:
    ports = ("3000/tcp", "53/udp")
    wanted = {"ports": ["3000", "53/UDP"]}
    assert judged("ports-declared", exposed_ports=ports, params=wanted).passed
    found = judged("ports-declared", exposed_ports=ports, params={"ports": ["8080"]})
    assert found.codes() == {"not-declared"}
    assert "8080/tcp" in found.evidence[0].text


def test_without_ports_it_depends_on_what_is_wanted() -> None:
    assert judged("ports-declared").outcome is UNKNOWN
    assert judged("ports-declared", params={"ports": ["80"]}).outcome is FAIL
    assert judged("unprivileged-ports").passed


@pytest.mark.parametrize(
    ("port", "code"),
    [
        ("80/tcp", "low-port"),
        ("1023", "low-port"),
        ("22/tcp", "remote-shell"),
        ("0/tcp", "no-port"),
        ("70000/tcp", "no-port"),
        ("http/tcp", "no-port"),
    ],
)
def test_ports_that_need_rights(port: str, code: str) -> None:
    assert judged("unprivileged-ports", exposed_ports=(port,)).codes() == {code}


def test_ports_above_and_a_limit_of_ones_own() -> None:
    assert judged("unprivileged-ports", exposed_ports=("1024/tcp", "8080")).passed
    assert judged("unprivileged-ports", exposed_ports=("80/tcp",), params={"first": 80}).passed


@pytest.mark.parametrize(
    "env",
    [
        ("PATH=/usr/local/bin:/usr/bin:/bin", "NODE_ENV=production"),
        ("NODE_TLS_REJECT_UNAUTHORIZED=1",),
        ("LD_LIBRARY_PATH=/opt/lib",),
        ("EMPTY=",),
        (),
    ],
)
def test_an_environment_that_does_no_harm(env: tuple[str, ...]) -> None:
    assert judged("env-sane", program("/usr/bin/node"), env=env).passed


@pytest.mark.parametrize(
    ("pair", "code"),
    [
        ("PATH=/opt/app", "path-replaced"),
        ("PATH=/usr/bin:.", "relative-path"),
        ("PATH=/usr/bin::/bin", "relative-path"),
        ("PATH=/usr/bin:/open", "writable-path"),
        ("LD_PRELOAD=/lib/x.so", "preload"),
        ("LD_LIBRARY_PATH=lib", "relative-path"),
        ("NODE_TLS_REJECT_UNAUTHORIZED=0", "unverified-tls"),
        ("GIT_SSL_NO_VERIFY=True", "unverified-tls"),
        ("NODE_ENV=development", "development-mode"),
        ("DEBIAN_FRONTEND=noninteractive", "build-only"),
        ("BAD NAME=1", "bad-name"),
    ],
)
def test_a_variable_that_does_harm(pair: str, code: str) -> None:
    files = (program("/usr/bin/node"), file("/open", kind="dir", mode=0o777))
    found = judged("env-sane", *files, env=(pair,))
    assert found.codes() == {code}
    assert judged(
        "env-sane", *files, env=(pair,), params={"allow": [pair.partition("=")[0]]}
    ).passed


def test_a_path_without_the_standard_folders_is_fine_where_nothing_lies_there() -> None:
    assert judged("env-sane", program("/nodejs/bin/node"), env=("PATH=/nodejs/bin",)).passed


@pytest.mark.parametrize("signal", ["", "SIGTERM", "TERM", "15", "SIGQUIT", "SIGRTMIN+3", "37"])
def test_signals_that_ask_to_end(signal: str) -> None:
    assert judged("stop-signal", stop_signal=signal).passed


@pytest.mark.parametrize(
    ("signal", "code"),
    [
        ("SIGKILL", "uncatchable"),
        ("9", "uncatchable"),
        ("STOP", "uncatchable"),
        ("SIGCONT", "asks-for-no-end"),
        ("SIGWHAT", "unknown-signal"),
        ("0", "unknown-signal"),
        ("99", "unknown-signal"),
    ],
)
def test_signals_that_do_not(signal: str, code: str) -> None:
    assert judged("stop-signal", stop_signal=signal).codes() == {code}


def test_the_signal_that_is_wanted() -> None:
    assert judged("stop-signal", stop_signal="3", params={"expected": "SIGQUIT"}).passed
    found = judged("stop-signal", params={"expected": "SIGQUIT"})
    assert found.codes() == {"other-signal"}


@pytest.mark.parametrize(
    ("volume", "code"),
    [
        ("/proc", "sensitive-volume"),
        ("/etc/", "sensitive-volume"),
        ("/", "sensitive-volume"),
        ("/var/run/docker.sock", "sensitive-volume"),
        ("/app", "volume-over-code"),
        ("/app/lib", "volume-over-code"),
        ("/opt/bin", "volume-over-code"),
    ],
)
def test_volumes_over_what_is_not_data(volume: str, code: str) -> None:
    files = (file("/app/lib/x.js"), program("/opt/bin/server"))
    config = {"volumes": (volume,), "workdir": "/app", "entrypoint": ("/opt/bin/server",)}
    assert judged("volumes-safe", *files, **config).codes() == {code}


def test_a_volume_for_data() -> None:
    files = (file("/app/x.js"), file("/data/.keep"))
    assert judged("volumes-safe", *files, volumes=("/data",), workdir="/app").passed
    assert judged("volumes-safe", workdir="/app").passed
    allowed = {"allow": ["/app"]}
    assert judged("volumes-safe", *files, volumes=("/app",), params=allowed).passed


def tagged(*tags: str) -> Verdict:
    facts = image()
    named = ImageFacts(**{**{s: getattr(facts, s) for s in facts.__slots__}, "tags": tags})
    return verdict("no-latest-tag", seen(named))


def test_the_version_in_the_name() -> None:
    assert tagged("shop:1.4.2").outcome is PASS
    assert tagged("shop:latest", "shop:1.4.2").outcome is PASS
    assert tagged("shop:latest").codes() == {"latest-only"}
    assert tagged("localhost:5000/shop:latest").codes() == {"latest-only"}


def test_a_name_that_the_workbook_gave_tells_nothing() -> None:
    assert tagged("workbook/01-multi-stage:latest").outcome is UNKNOWN
    assert tagged().outcome is UNKNOWN


CONFIG: dict[str, Any] = {
    "env": ("NODE_ENV=production", "PATH=/bin"),
    "labels": {"team": "shop"},
    "entrypoint": ("node",),
    "cmd": ("server.js",),
    "workdir": "/app",
    "user": "10001",
    "exposed_ports": ("3000/tcp",),
    "volumes": ("/data",),
}
WANTED: dict[str, Any] = {
    "env": [{"key": "NODE_ENV", "value": "prod.*", "regex": True}],
    "no_env": ["DEBUG"],
    "labels": [{"key": "team", "value": "shop"}],
    "entrypoint": ["node"],
    "cmd": ["server.js"],
    "workdir": "/app",
    "user": "10001",
    "ports": ["3000"],
    "no_ports": ["22"],
    "volumes": ["/data"],
    "no_volumes": ["/app"],
}


def test_all_values_as_wanted() -> None:
    assert judged("config-values", **CONFIG, params=WANTED).passed


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"env": [{"key": "X"}]}, "env-missing"),
        ({"env": [{"key": "NODE_ENV", "value": "test"}]}, "env-value"),
        ({"env": [{"key": "NODE_ENV", "value": "^t", "regex": True}]}, "env-value"),
        ({"no_env": ["NODE_ENV"]}, "env-present"),
        ({"labels": [{"key": "x"}]}, "label-missing"),
        ({"labels": [{"key": "team", "value": "x"}]}, "label-value"),
        ({"entrypoint": []}, "entrypoint"),
        ({"cmd": ["server.js", "-v"]}, "cmd"),
        ({"workdir": "/"}, "workdir"),
        ({"user": "root"}, "user"),
        ({"ports": ["3000/udp"]}, "expose-missing"),
        ({"no_ports": ["3000"]}, "expose-present"),
        ({"volumes": ["/x"]}, "volume-missing"),
        ({"no_volumes": ["/data"]}, "volume-present"),
    ],
)
def test_another_value(wanted: dict[str, Any], code: str) -> None:
    assert judged("config-values", **CONFIG, params=wanted).codes() == {code}


def test_nothing_asked_for_and_an_expression_that_cannot_be_read() -> None:
    assert judged("config-values", **CONFIG).outcome is UNKNOWN
    with pytest.raises(BadInput, match="regular expression"):
        judged("config-values", params={"env": [{"key": "X", "value": "(", "regex": True}]})


GOOD_LABELS = {
    "org.opencontainers.image.title": "shop",
    "org.opencontainers.image.source": "https://git.example.com/shop",
    "org.opencontainers.image.revision": "3f2a9c1",
    "org.opencontainers.image.licenses": "Apache-2.0 OR (MIT AND BSD-3-Clause)",
}


def test_labels_that_say_something() -> None:
    assert judged("oci-labels", labels=GOOD_LABELS).passed
    assert judged("oci-labels", labels={"team": "x"}, params={"required": ["team"]}).codes() == {
        "missing-label"
    }
    own = {"required": ["com.example.team"]}
    assert judged("oci-labels", labels={"com.example.team": "shop"}, params=own).passed


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("source", "git", "bad-value"),
        ("revision", "main", "bad-value"),
        ("licenses", "Apache License 2.0", "bad-value"),
        ("licenses", "(MIT", "bad-value"),
        ("created", "yesterday", "bad-value"),
        ("created", "2024-01-01", "bad-value"),
        ("base.digest", "abc", "bad-value"),
        ("title", "", "empty-label"),
        ("title", "unknown", "empty-label"),
        ("revision", "$GIT_COMMIT", "not-filled-in"),
        ("Vendor", "x", "bad-key"),
    ],
)
def test_labels_that_say_something_else(name: str, value: str, code: str) -> None:
    labels = {**GOOD_LABELS, f"org.opencontainers.image.{name}": value}
    assert judged("oci-labels", labels=labels).codes() == {code}


def test_labels_without_and_beside_the_wanted_ones() -> None:
    found = judged("oci-labels")
    assert [e.code for e in found.evidence] == ["missing-label"] * 4
    more = {**GOOD_LABELS, "org.opencontainers.image.vendor": "x"}
    assert judged("oci-labels", labels=more, params={"strict": True}).codes() == {"extra-label"}
    version = {**GOOD_LABELS, "org.opencontainers.image.version": "jammy"}
    assert judged("oci-labels", labels=version).passed
    semantic = {"semantic_version": True}
    assert judged("oci-labels", labels=version, params=semantic).codes() == {"bad-value"}
    created = {**GOOD_LABELS, "org.opencontainers.image.created": "2026-01-02T03:04:05Z"}
    assert judged("oci-labels", labels=created).passed
