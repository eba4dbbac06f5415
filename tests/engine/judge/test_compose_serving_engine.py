"""Services of Compose files, started as the files say and asked from outside."""

from __future__ import annotations

from collections.abc import Callable

import docker
import pytest

from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for
from helpers.engine.labels import filters
from helpers.judge.verdict import Outcome, Verdict
from helpers.observe.subject import Subject

Subjects = Callable[..., Subject]
Judge = Callable[..., Verdict]

DOCKERFILE = """\
FROM busybox:1.37
RUN mkdir -m 0755 /data && chown 10001:10001 /data && echo hello > /page
CMD ["sh", "-c", "cp /page /data/index.html && exec httpd -f -p 8000 -h /data"]
"""
COMPOSE = """\
services:
  page:
    build: .
    user: "10001:10001"
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    volumes: ["data:/data"]
    mem_limit: 32m
    pids_limit: 20
    ports: ["127.0.0.1:8080:8000"]
volumes:
  data:
"""
PROBE = {"path": "/", "contains": "hello"}


@pytest.fixture(autouse=True)
def base(engine: Engine) -> None:
    ensure_for(engine, ("busybox:1.37",))


@pytest.mark.parametrize(
    ("old", "new", "serves", "confined"),
    [
        ("", "", None, None),
        ('user: "10001:10001"', 'user: "0"', "exited", None),  # root without capabilities
        ('["data:/data"]', '["data:/elsewhere"]', "exited", None),
        ("127.0.0.1:8080:8000", "127.0.0.1:8000:8080", "not-published", None),
        ('    security_opt: ["no-new-privileges:true"]\n', "", None, "new-privileges"),
        ("    read_only", "    privileged: true\n    read_only", None, "host-rights"),
    ],
)
def test_a_service_is_judged_as_its_file_starts_it(
    built: Subjects, judged: Judge, old: str, new: str, serves: str | None, confined: str | None
) -> None:
    assert COMPOSE.count(old) >= 1
    text = COMPOSE.replace(old, new) if old else COMPOSE
    subject = built(DOCKERFILE, {"compose.yaml": text})
    found = judged(subject, "compose-serves", port=8080, probes=[PROBE], wait_seconds=20)
    assert found.codes() == ({serves} if serves else set()), found
    assert found.outcome is (Outcome.FAIL if serves else Outcome.PASS), found
    if not serves:
        found = judged(subject, "compose-confined", port=8080, probes=[PROBE], wait_seconds=20)
        assert found.codes() == ({confined} if confined else set()), found


def test_what_cannot_be_followed_is_no_pass(built: Subjects, judged: Judge) -> None:
    text = COMPOSE.replace("    read_only", "    secrets: [key]\n    read_only")
    subject = built(DOCKERFILE, {"compose.yaml": text})
    found = judged(subject, "compose-serves", port=8080)
    assert found.outcome is Outcome.UNKNOWN
    assert "key" in found.summary


def test_no_volume_is_left(client: docker.DockerClient, built: Subjects, judged: Judge) -> None:
    before = {v["Name"] for v in client.api.volumes(filters=filters())["Volumes"] or ()}
    judged(built(DOCKERFILE, {"compose.yaml": COMPOSE}), "compose-serves", port=8080)
    after = {v["Name"] for v in client.api.volumes(filters=filters())["Volumes"] or ()}
    assert not {name for name in after - before if name.startswith("workbook-check-")}
