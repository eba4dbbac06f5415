from __future__ import annotations

import pytest

from helpers.judge.registry import all_properties
from helpers.observe.compose import ComposeRequest
from helpers.observe.replay import facts_from_json, facts_to_json
from helpers.observe.requests import ImageRequest, Observations

from .factories import FAIL, PASS, UNKNOWN, image, verdict
from .manifests import COMPOSE, compose, of_compose, spoiled

ALL = [name for name, p in all_properties().items() if p.family == "compose"]


@pytest.mark.parametrize("property_id", ALL)
def test_a_file_for_production_passes(property_id: str) -> None:
    found = of_compose(property_id, COMPOSE)
    assert found.outcome is PASS, found


# What people really write: property, what is replaced, by what, the code it is told with.
MISTAKES = [
    ("compose-valid", "cap_drop: [ALL]", "cap_drop: ALL", "schema"),
    (
        "compose-valid",
        "    healthcheck:\n      test: [",
        "    heathcheck:\n      test: [",
        "schema",
    ),
    ("compose-valid", "condition: service_healthy", "condition: healthy", "schema"),
    ("compose-valid", "mem_limit: 256m", "memory: 256m", "schema"),
    ("compose-valid", "  migrate:\n    <<", "  api:\n    <<", "duplicate-key"),
    ("compose-valid", "volumes:\n  data:\n", "", "dangling-name"),
    ("compose-valid", "      migrate:\n        c", "      migration:\n        c", "dangling-name"),
    ("compose-valid", "secrets: [db_password]", "secrets: [db_pass]", "dangling-name"),
    ("compose-valid", "secrets: [db_password]", "networks: [back]", "dangling-name"),
    ("compose-valid", "    image: postgres:17.2\n", "", "no-image"),
    ("compose-valid", "services:\n", "services:\n\tx: 1\n", "not-yaml"),
    ("compose-valid", "    user: postgres", "    user: [postgres", "not-yaml"),
    ("compose-valid", "<<: *hardened", "<<: *hardend", "not-yaml"),
    ("compose-no-version", "name: shop", 'name: shop\nversion: "3.8"', "obsolete-version"),
    ("compose-pinned-images", "postgres:17.2", "postgres", "not-pinned"),
    ("compose-pinned-images", "postgres:17.2", "postgres:latest", "not-pinned"),
    ("compose-pinned-images", "postgres:17.2", "reg:5000/postgres", "not-pinned"),
    ("compose-pinned-images", "postgres:17.2", "postgres:${TAG:-latest}", "not-pinned"),
    ("compose-secrets", "LOG_LEVEL: info", "DB_PASSWORD: hunter2", "secret-in-file"),
    ("compose-secrets", "LOG_LEVEL: info", "U: postgres://a:b@db/x", "secret-in-file"),
    ("compose-secrets", "LOG_LEVEL: info", "API_KEY: ${API_KEY:-abc}", "secret-in-file"),
    ("compose-secrets", "LOG_LEVEL: info", "API_KEY: ${API_KEY}", "secret-in-environment"),
    ("compose-secrets", "LOG_LEVEL: info", "githubToken:", "secret-in-environment"),
    (
        "compose-secrets",
        "build: .",
        "build: {context: ., args: [NPM_TOKEN]}",
        "secret-build-argument",
    ),
    ("compose-ports", '"127.0.0.1:8080:3000"', '"8080:3000"', "all-interfaces"),
    ("compose-ports", '"127.0.0.1:8080:3000"', '"0.0.0.0:8080:3000"', "all-interfaces"),
    ("compose-ports", '"127.0.0.1:8080:3000"', "3000", "all-interfaces"),
    ("compose-ports", '"127.0.0.1:8080:3000"', "{target: 3000, published: 8080}", "all-interfaces"),
    ("compose-ports", "cap_add: [", 'ports: ["5432:5432"]\n    cap_add: [', "store-published"),
    ("compose-ports", "cap_add: [", 'ports: ["443:5432"]\n    cap_add: [', "store-published"),
    ("compose-unprivileged", "cap_add: [", "privileged: true\n    cap_add: [", "privileged"),
    ("compose-unprivileged", "cap_add: [", "devices: [/dev/kvm]\n    cap_add: [", "device"),
    ("compose-unprivileged", "no-new-privileges:true", "seccomp=unconfined", "unconfined"),
    ("compose-unprivileged", "no-new-privileges:true", "apparmor:unconfined", "unconfined"),
    ("compose-host-mounts", "- data:/var", "- /var/run/docker.sock:/var", "engine-socket"),
    (
        "compose-host-mounts",
        "- data:/v",
        "- /run/docker.sock:/x:ro\n      - data:/v",
        "engine-socket",
    ),
    ("compose-host-mounts", "- data:/var", "- /:/host:ro\n      - data:/var", "host-folder"),
    ("compose-host-mounts", "- data:/var", "- /etc/:/host\n      - data:/var", "host-folder"),
    ("compose-namespaces", "cap_add: [", "network_mode: host\n    cap_add: [", "host-namespace"),
    ("compose-namespaces", "cap_add: [", "pid: host\n    cap_add: [", "host-namespace"),
    ("compose-namespaces", "cap_add: [", "ipc: host\n    cap_add: [", "host-namespace"),
    ("compose-capabilities", "cap_drop: [ALL]", "cap_drop: [NET_RAW]", "not-dropped"),
    ("compose-capabilities", "  cap_drop: [ALL]\n", "", "not-dropped"),
    ("compose-capabilities", "cap_add: [NET_BIND_SERVICE]", "cap_add: [SYS_ADMIN]", "added"),
    ("compose-capabilities", "cap_add: [NET_BIND_SERVICE]", "cap_add: [ALL]", "all-added"),
    ("compose-read-only", "read_only: true", "read_only: false", "writable-root"),
    ("compose-read-only", "  read_only: true\n", "", "writable-root"),
    ("compose-user", "user: postgres", "user: root", "root-user"),
    ("compose-user", "user: postgres", 'user: "0:0"', "root-user"),
    ("compose-user", "    user: postgres\n", "", "no-user"),
    ("compose-no-new-privileges", "no-new-privileges:true", "label:type:x", "new-privileges"),
    ("compose-no-new-privileges", "privileges:true", "privileges:false", "new-privileges"),
    ("compose-limits", "  mem_limit: 256m\n", "", "no-memory-limit"),
    ("compose-limits", "mem_limit: 256m", "mem_limit: 0", "no-memory-limit"),
    ("compose-limits", "  cpus: 0.5\n", "", "no-cpus-limit"),
    ("compose-limits", "pids_limit: 100", "pids_limit: -1", "no-pids-limit"),
    ("compose-health", "pg_isready -U shop || exit 1", "pg_isready || true", "never-fails"),
    ("compose-health", '["CMD", "/app/health"]', '["CMD", "true"]', "never-fails"),
    ("compose-health", '["CMD", "/app/health"]', '["CMD-SHELL", "exit 0"]', "never-fails"),
    ("compose-health", '["CMD", "/app/health"]', '["NONE"]', "health-disabled"),
    (
        "compose-health",
        "      test: pg_isready -U shop || exit 1",
        "      disable: true",
        "health-disabled",
    ),
    (
        "compose-health",
        "    healthcheck:\n      test: pg_isready -U shop || exit 1\n",
        "",
        "no-health-check",
    ),
    (
        "compose-start-order",
        "condition: service_healthy",
        "condition: service_started",
        "not-healthy",
    ),
    (
        "compose-start-order",
        "    healthcheck:\n      test: pg_isready -U shop || exit 1\n",
        "",
        "no-health-to-wait-for",
    ),
    ("compose-restart", "  restart: unless-stopped\n", "", "no-restart"),
    ("compose-restart", "restart: unless-stopped", "restart: no", "no-restart"),
    ("compose-stop-grace", "stop_grace_period: 30s", "stop_grace_period: 5s", "too-short"),
    ("compose-stop-grace", "stop_grace_period: 30s", "stop_grace_period: 1h", "too-long"),
    ("compose-stop-grace", "stop_grace_period: 30s", "stop_grace_period: 30", "not-a-duration"),
    ("compose-stop-grace", "stop_grace_period: 30s", "stop_signal: SIGKILL", "kill-signal"),
    ("compose-log-limit", "driver: local", "driver: json-file", "unlimited-log"),
    ("compose-log-limit", "driver: local", "driver: none", "log-thrown-away"),
]


@pytest.mark.parametrize(("property_id", "old", "new", "code"), MISTAKES)
def test_a_mistake_is_told(property_id: str, old: str, new: str, code: str) -> None:
    text, _ = spoiled(COMPOSE, old, new)
    found = of_compose(property_id, text)
    assert found.outcome is FAIL
    assert code in found.codes()


def test_every_code_has_a_mistake_in_the_tests() -> None:
    seen = {(property_id, code) for property_id, _, _, code in MISTAKES}
    declared = {
        (name, code)
        for name in ALL
        for code in all_properties()[name].codes
        if code not in {"no-service", "variable-tag", "named-user", "no-room"}  # below
    }
    assert declared <= seen


@pytest.mark.parametrize(
    ("property_id", "old", "new"),
    [
        ("compose-valid", "    healthcheck:\n      test: [", "    heathcheck:\n      test: ["),
        ("compose-pinned-images", "postgres:17.2", "postgres"),
        ("compose-secrets", "LOG_LEVEL: info", "DB_PASSWORD: hunter2"),
        ("compose-ports", '- "127.0.0.1:8080', '- "8080'),
        ("compose-capabilities", "cap_add: [NET_BIND_SERVICE]", "cap_add: [SYS_ADMIN]"),
        ("compose-stop-grace", "stop_grace_period: 30s", "stop_grace_period: 5s"),
    ],
)
def test_the_line_is_that_of_the_mistake(property_id: str, old: str, new: str) -> None:
    text, line = spoiled(COMPOSE, old, new)
    evidence = of_compose(property_id, text).evidence[0]
    assert evidence.line == line
    assert evidence.path == "compose.yaml"
    assert evidence.text.startswith(f"compose.yaml:{line}: ")


def test_what_a_merge_key_brings_in_has_the_line_where_it_is_written() -> None:
    text, line = spoiled(COMPOSE, "read_only: true", "read_only: false")
    found = of_compose("compose-read-only", text)
    assert {e.line for e in found.evidence} == {line}
    assert len(found.evidence) == 3


@pytest.mark.parametrize(
    ("property_id", "old", "new", "params"),
    [
        ("compose-ports", '"127.0.0.1:8080:3000"', '"80:3000"', {}),
        ("compose-ports", '"127.0.0.1:8080:3000"', '"8080:3000"', {"public": [8080]}),
        ("compose-ports", '"127.0.0.1:8080:3000"', '"[::1]:8080:3000"', {}),
        ("compose-secrets", "LOG_LEVEL: info", "TOKEN_TTL: 60", {}),
        ("compose-secrets", "LOG_LEVEL: info", "KEYBOARD: de", {}),
        ("compose-secrets", "LOG_LEVEL: info", "TOKEN: ${TOKEN:?}", {"allow_variables": True}),
        ("compose-capabilities", "[NET_BIND_SERVICE]", "[CAP_CHOWN]", {"allowed": ["CHOWN"]}),
        ("compose-no-version", "name: shop", "# version: 3", {}),
        ("compose-pinned-images", "postgres:17.2", f"postgres@sha256:{'a' * 64}", {}),
        ("compose-limits", "mem_limit: 256m", "deploy: {resources: {limits: {memory: 1g}}}", {}),
        ("compose-restart", "restart: unless-stopped", "deploy: {restart_policy: {}}", {}),
        ("compose-log-limit", "driver: local", "options: {max-size: 10m}", {}),
        ("compose-log-limit", "driver: local", "driver: syslog", {}),
        ("compose-no-new-privileges", "no-new-privileges:true", "no-new-privileges", {}),
        ("compose-valid", "db:\n        c", "other:\n        required: false\n        c", {}),
        ("compose-host-mounts", "- data:/var", "- ./etc:/etc\n      - data:/var", {}),
        ("compose-stop-grace", "stop_grace_period: 30s", "stop_grace_period: 1m30s", {}),
    ],
)
def test_other_right_answers_pass(
    property_id: str, old: str, new: str, params: dict[str, object]
) -> None:
    text, _ = spoiled(COMPOSE, old, new)
    found = of_compose(property_id, text, **params)
    assert found.outcome is PASS, found


def test_parameters_narrow_what_is_right() -> None:
    assert of_compose("compose-pinned-images", COMPOSE, digest=True).codes() == {"not-pinned"}
    assert of_compose("compose-user", COMPOSE, numeric=True).codes() == {"named-user"}
    assert of_compose("compose-capabilities", COMPOSE, allowed=[]).codes() == {"added"}
    assert of_compose("compose-read-only", COMPOSE, writable=["/cache"]).codes() == {"no-room"}
    room = of_compose("compose-read-only", COMPOSE, services=["api"], writable=["/tmp/x"])
    assert room.outcome is PASS
    long = of_compose("compose-stop-grace", COMPOSE, needed_seconds=60)
    assert long.codes() == {"too-short"}
    text, _ = spoiled(COMPOSE, "postgres:17.2", "postgres:${TAG}")
    assert of_compose("compose-pinned-images", text).outcome is PASS
    text, _ = spoiled(COMPOSE, "postgres:17.2", "${IMAGE}")
    assert of_compose("compose-pinned-images", text).codes() == {"variable-tag"}


def test_only_the_named_services_are_looked_at() -> None:
    text, _ = spoiled(COMPOSE, "    user: postgres\n", "")
    assert of_compose("compose-user", text, services=["api"]).outcome is PASS
    assert of_compose("compose-user", text, services=["db"]).outcome is FAIL
    assert of_compose("compose-user", text, services=["web"]).codes() == {"no-service"}


def test_a_built_service_may_leave_user_and_health_to_its_image() -> None:
    text, _ = spoiled(COMPOSE, '    user: "10001:10001"\n', "")
    text = text.replace('      test: ["CMD", "/app/health"]\n', "")
    good = image(user="10001", healthcheck=("CMD", "/health"))
    bad = image(user="root")
    assert verdict("compose-user", compose(text, good)).outcome is PASS
    assert verdict("compose-health", compose(text, good)).outcome is PASS
    assert verdict("compose-user", compose(text, bad)).codes() == {"no-user"}
    assert verdict("compose-health", compose(text, bad)).codes() == {"no-health-check"}
    assert verdict("compose-user", compose(text)).outcome is UNKNOWN
    assert verdict("compose-health", compose(text)).outcome is UNKNOWN


def test_of_two_built_services_the_image_is_not_taken_for_both() -> None:
    text, _ = spoiled(COMPOSE, "image: shop/migrate:1.4.0", "build: ./migrate")
    text = text.replace('    user: "10001"\n', "")
    found = verdict("compose-user", compose(text, image(user="10001")))
    assert found.codes() == {"no-user"}


def test_extends_within_the_file_is_followed() -> None:
    text = """
services:
  base: {image: "a:1", cap_drop: [ALL]}
  api: {extends: {service: base}, cap_add: [NET_BIND_SERVICE]}
  job: {extends: base, image: "b:1"}
"""
    assert of_compose("compose-capabilities", text).outcome is PASS
    assert of_compose("compose-valid", text).outcome is PASS


@pytest.mark.parametrize("property_id", ALL)
def test_no_file_is_no_pass(property_id: str) -> None:
    request = ComposeRequest()
    nothing = Observations(failures={request: "There is no Compose file.", ImageRequest(): "x"})
    assert verdict(property_id, nothing).outcome is UNKNOWN
    assert verdict(property_id, Observations()).outcome is UNKNOWN


@pytest.mark.parametrize("property_id", [p for p in ALL if p != "compose-valid"])
@pytest.mark.parametrize(
    "text", ["", "a: [", "services: {a: {extends: {file: x.yaml, service: b}}}"]
)
def test_what_cannot_be_read_is_no_pass(property_id: str, text: str) -> None:
    assert of_compose(property_id, text).outcome is not PASS


@pytest.mark.parametrize("text", ["- a", "hello", "services: []", "services: {a: 1}", "services:"])
def test_another_shape_is_a_mistake_and_no_crash(text: str) -> None:
    assert of_compose("compose-valid", text).outcome is FAIL
    for property_id in ALL:
        of_compose(property_id, text)


def test_control_characters_do_not_reach_a_report() -> None:
    text = 'services:\n  "a\\e[31m\\a":\n    image: "x\\e[2J:latest"\n    privileged: true\n'
    for property_id in ALL:
        found = of_compose(property_id, text)
        for sentence in (found.summary, *(e.text for e in found.evidence)):
            assert sentence.isprintable()


def test_a_compose_file_is_saved_and_replayed() -> None:
    seen = compose(COMPOSE)
    assert facts_from_json(facts_to_json(seen)) == seen
