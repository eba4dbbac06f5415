"""From a Compose file to containers: what is meant, what is left out, what cannot be run."""

from __future__ import annotations

import pytest
import yaml

from helpers.observe.compose_container import (
    ComposeService,
    GivenFile,
    NotComposed,
    compose_services,
    start_order,
)
from helpers.observe.compose_values import (
    MissingVariable,
    bytes_of,
    interpolated,
    seconds_of,
    variables_of,
    words_of,
)

VARIABLES = {"PASSWORD": "s3", "EMPTY": ""}


def services(text: str) -> dict[str, ComposeService]:
    document = interpolated(yaml.safe_load(text), VARIABLES)
    files = {"app.env": "A=from file\nB=2\n"}
    return {s.name: s for s in compose_services(document, VARIABLES, files)}


def one(text: str) -> ComposeService:
    return services(f"services:\n  it:\n    image: busybox\n{text}")["it"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${PASSWORD}", "s3"),
        ("$PASSWORD!", "s3!"),
        ("$$PASSWORD", "$PASSWORD"),
        ("${GONE:-other}", "other"),
        ("${GONE}", ""),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY-other}", ""),
        ("${PASSWORD:?give one}", "s3"),
        ("${PASSWORD:+set}", "set"),
        ("${GONE:+set}", ""),
    ],
)
def test_variables_are_put_in(text: str, value: str) -> None:
    assert interpolated({"a": [text]}, VARIABLES) == {"a": [value]}


def test_a_variable_that_is_demanded_and_not_set_is_told() -> None:
    for text in ("${GONE:?give one}", "${EMPTY:?give one}"):
        with pytest.raises(MissingVariable, match="give one"):
            interpolated(text, VARIABLES)


def test_short_forms_are_plain_values() -> None:
    assert variables_of("# no\nA=1\nexport B='two words'\nC=3 # c\n") == {
        "A": "1",
        "B": "two words",
        "C": "3",
    }
    assert words_of("sh -c 'a b'") == ("sh", "-c", "a b")
    assert words_of(["a b", 1]) == ("a b", "1")
    assert [seconds_of(t) for t in ("1m30s", "500ms", "10", None)] == [90.0, 0.5, None, None]
    assert [bytes_of(t) for t in ("256m", "1gb", 1024, "x")] == [256 * 1024**2, 1024**3, 1024, None]


def test_a_service_becomes_a_container() -> None:
    found = one(
        """
    command: echo "two words"
    user: 1000:1000
    read_only: true
    init: true
    working_dir: /srv
    cap_drop: [ALL]
    cap_add: [CAP_CHOWN]
    security_opt: ["no-new-privileges:true"]
    tmpfs: [/tmp, "/run:size=1m"]
    mem_limit: 64m
    pids_limit: 50
    cpus: "0.5"
    env_file: app.env
    environment: {A: mine, PASSWORD: }
    stop_grace_period: 1m
    stop_signal: SIGQUIT
    restart: on-failure:3
    healthcheck: {test: [CMD, "true"], timeout: 2s}
"""
    )
    spec = found.spec
    assert spec.command == ("echo", "two words")
    assert (spec.user, spec.read_only, spec.init, spec.workdir) == ("1000:1000", True, True, "/srv")
    assert (spec.cap_drop, spec.cap_add, spec.no_new_privileges) == (("ALL",), ("CHOWN",), True)
    assert spec.tmpfs == (("/tmp", ""), ("/run", "size=1m"))
    assert (spec.memory_bytes, spec.pids, spec.cpus) == (64 * 1024**2, 50, 0.5)
    assert spec.env == (("A", "mine"), ("B", "2"), ("PASSWORD", "s3"))
    assert (found.grace_seconds, spec.stop_signal, found.restart) == (60, "SIGQUIT", "on-failure")
    assert (spec.health_test, spec.health_timeout) == (("CMD", "true"), 2)
    assert not found.left_out


def test_limits_may_stand_under_deploy() -> None:
    text = "    deploy: {resources: {limits: {memory: 64M, cpus: '0.5', pids: 50}}}\n"
    spec = one(text).spec
    assert (spec.memory_bytes, spec.pids, spec.cpus) == (64 * 1024**2, 50, 0.5)


def test_mounts_secrets_and_configs() -> None:
    found = services(
        """
services:
  it:
    build: {context: ./it/}
    volumes:
      - data:/data
      - ./conf:/etc/it:ro
      - {type: bind, source: ./x.txt, target: /x.txt}
      - /anonymous
    secrets: [word, {source: key, target: /etc/key}]
    configs: [{source: settings, target: /settings}]
secrets:
  word: {environment: PASSWORD}
  key: {file: ./key.txt}
configs:
  settings: {content: "a=1"}
"""
    )["it"]
    assert found.build == "it"
    assert found.volumes == (("data", "/data"),)
    assert found.files == (
        GivenFile("/settings", text="a=1"),
        GivenFile("/run/secrets/word", text="s3"),
        GivenFile("/etc/key", "key.txt"),
        GivenFile("/etc/it", "conf"),
        GivenFile("/x.txt", "x.txt", read_only=False),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("    privileged: true\n", "privileged"),
        ("    volumes: ['/var/run/docker.sock:/var/run/docker.sock']\n", "docker.sock"),
        ("    volumes: ['../..:/host']\n", "../.."),
        ("    volumes: ['~/x:/x']\n", "~/x"),
        ("    network_mode: host\n", "network_mode"),
        ("    pid: host\n", "pid"),
        ("    cap_add: [SYS_ADMIN]\n", "SYS_ADMIN"),
        ("    devices: ['/dev/kmsg']\n", "devices"),
    ],
)
def test_what_opens_the_host_is_left_out_and_told(text: str, said: str) -> None:
    found = one(text)
    assert said in " ".join(found.left_out)
    assert not found.spec.privileged
    assert not found.spec.host_pids
    assert not found.files
    assert "SYS_ADMIN" not in found.spec.cap_add


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "no services"),
        ("services: {it: {image: x}}\ninclude: [y.yaml]", "include"),
        ("services: {it: {}}", "neither"),
        ("services: {it: {image: x, extends: y}}", "extends"),
        ("services: {it: {build: {context: ., target: test}}}", "target"),
        ("services: {it: {image: x, secrets: [gone]}}", "gone"),
        ("services: {it: {image: x, secrets: [a]}}\nsecrets: {a: {external: true}}", "external"),
        ("services: {it: {image: x, secrets: [a]}}\nsecrets: {a: {file: ../a}}", "outside"),
        ("services: {it: {image: x, env_file: gone.env}}", "gone.env"),
        ("services: {it: {image: x, depends_on: {y: {condition: soon}}}}", "soon"),
        ("services: {it: {image: x, healthcheck: {test: [curl]}}}", "CMD"),
    ],
)
def test_what_cannot_be_run_is_told(text: str, said: str) -> None:
    with pytest.raises(NotComposed, match=said):
        services(text)


def ordered(text: str) -> list[str]:
    return [s.name for s in start_order(tuple(services(text).values()))]


def test_services_come_after_what_they_depend_on() -> None:
    assert ordered(
        "services: {a: {image: x, depends_on: [b, c]}, b: {image: x, depends_on: [c]}, "
        "c: {image: x}, d: {image: x, profiles: [debug]}}"
    ) == ["c", "b", "a"]


def test_a_circle_and_a_missing_service_are_told() -> None:
    with pytest.raises(NotComposed, match="circle"):
        ordered("services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}")
    with pytest.raises(NotComposed, match="not there"):
        ordered("services: {a: {image: x, depends_on: [b]}}")
