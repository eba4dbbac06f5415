"""Attacks on real containers: what works in an open one is refused in a closed one."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import docker
import pytest

from helpers.engine.catalogue import catalogue
from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for
from helpers.engine.labels import filters
from helpers.errors import BadInput
from helpers.judge.judge import criterion, judge
from helpers.judge.properties.attack import AttackParams, attack_request
from helpers.judge.registry import all_properties
from helpers.judge.verdict import Outcome, Verdict
from helpers.observe.attack.facts import (
    ActionOutcome,
    AttackFacts,
    AttackMatrix,
    AttackMatrixRequest,
    AttackRequest,
)
from helpers.observe.attack.hardening import HARDENED, Hardening, Tmpfs
from helpers.observe.attack.parse import parse_outcomes
from helpers.observe.attack.run_attack import container_spec, observe_attack, observe_matrix
from helpers.observe.attack.stage import PORT, stage
from helpers.observe.attack.tool import COMPILER, PROGRAM, ensure_tool, tool_tag
from helpers.observe.containers import RunningContainer, running_container
from helpers.observe.errors import Stopped
from helpers.observe.requests import Observations
from helpers.observe.subject import Subject

MakeImage = Callable[..., str]

OPEN = Hardening("open", user="0:0")
#: An app whose files belong to root, run by somebody else; nothing but the app is in it.
CLOSED_IMAGE = "FROM scratch\nWORKDIR /app\nCOPY server /app/server\nUSER 65532:65532\n"
#: A system that root runs, with a shell and a download tool.
OPEN_IMAGE = "FROM busybox:1.37\nWORKDIR /app\nCOPY server /app/server\n"
HOST = ("load-module", "mount", "write-proc-sys", "write-cgroup", "read-kernel-log", "open-device")
#: Needs nothing of the image, and nobody is harmed.
QUICK = ("write-app", "write-shm", "mount", "reach-neighbour")


def left_behind(client: docker.DockerClient) -> list[str]:
    """Volumes, networks and containers of attacks that are still there."""
    own = filters()
    volumes = client.api.volumes(filters=own)["Volumes"] or []
    names = [v["Name"] for v in volumes]
    names += [n["Name"] for n in client.api.networks(filters=own)]
    return [n for n in names if n.startswith("workbook-attack-")]


def host_state() -> tuple[object, ...]:
    """What an attack must not change on the machine."""
    files = ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/modules")
    texts = [Path(f).read_text() if Path(f).exists() else "" for f in files]
    mine = Path("/proc/self/mountinfo").read_text()
    return (*texts, mine)


def intruders() -> list[str]:
    """Processes on this machine that are the intruder's program."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it has just ended
        if words[0].startswith(PROGRAM.encode()):
            found.append(process.name)
    return found


@pytest.fixture(scope="module", autouse=True)
def _bases(engine: Engine) -> None:
    ensure_for(engine, ["busybox:1.37"])
    if not engine.client.api.images(tool_tag()):
        ensure_for(engine, [COMPILER])


@dataclass(frozen=True)
class Seen:
    """Attacks that the tests share; the open one is the first of each matrix."""

    open: AttackMatrix
    closed: AttackMatrix


@pytest.fixture(scope="module")
def images(make_image: MakeImage) -> dict[str, str]:
    app = {"server": b"#!/bin/sh\n"}
    return {"open": make_image(OPEN_IMAGE, app), "closed": make_image(CLOSED_IMAGE, app)}


@pytest.fixture(scope="module")
def seen(client: docker.DockerClient, images: dict[str, str]) -> Iterator[Seen]:
    before = host_state()
    soft = replace(HARDENED, name="tmpfs exec", tmpfs=(Tmpfs("/tmp", noexec=False),))
    alone = replace(HARDENED, name="no network", network="none")
    request = AttackMatrixRequest((OPEN, replace(OPEN, user="65532"), HARDENED, soft, alone))
    yield Seen(
        observe_matrix(Subject(client, images["open"]), request),
        observe_matrix(Subject(client, images["closed"]), request),
    )
    assert host_state() == before
    assert left_behind(client) == []
    assert intruders() == []


def results(facts: AttackFacts, *actions: str) -> set[str]:
    assert facts.started, facts.start_error
    found = [facts.outcome(action) for action in actions]
    assert all(found), "an action was not reported"
    return {o.result for o in found if o is not None}


def detail(facts: AttackFacts, action: str) -> str:
    outcome = facts.outcome(action)
    assert outcome is not None
    return f"{outcome.errno} {outcome.detail}"


def test_root_in_an_open_container_can_do_most(seen: Seen) -> None:
    worked = ("write-app", "change-app", "write-system", "write-shm", "run-dropped")
    worked += ("run-from-memory", "run-shell", "fetch-with-image-tools", "fetch-program")
    worked += ("read-environment", "setuid-root", "switch-user", "trace-service", "stop-service")
    worked += ("low-port", "sniff-network", "reach-neighbour", "reach-host")
    assert [o for o in seen.open.runs[0].outcomes if o.action in worked and not o.possible] == []


def test_the_engine_s_defaults_keep_root_from_the_host(seen: Seen) -> None:
    actions = (*HOST, "user-namespace", "see-host-processes", "engine-socket")
    assert results(seen.open.runs[0], *actions) == {"refused"}
    assert "EROFS" in detail(seen.open.runs[0], "write-proc-sys")


def test_what_no_limit_stops_is_not_tried(seen: Seen) -> None:
    first = seen.open.runs[0]
    assert results(first, "fork-bomb", "fill-memory", "fill-disk") == {"no limit"}
    assert (first.pids_limit, first.memory_limit) == (None, None)


def test_the_closed_image_in_a_closed_container(seen: Seen) -> None:
    hardened = seen.closed.runs[2]
    assert (hardened.pids_limit, hardened.memory_limit) == (128, 256_000_000)
    assert {o.action for o in hardened.possible} == {
        "write-tmp",
        "write-shm",  # 64 MB that a read-only root file system does not take away
        "run-from-memory",
        "read-environment",
        "trace-service",
        "stop-service",
        "low-port",  # Docker lets every user listen on every port
    }
    assert not [o for o in hardened.outcomes if o.result == "not tried"]


def test_limits_are_felt(seen: Seen) -> None:
    hardened = seen.closed.runs[2]
    assert detail(hardened, "fork-bomb").startswith("EAGAIN after 12")
    assert detail(hardened, "fill-memory").startswith("ENOMEM")
    assert detail(hardened, "fill-disk").startswith("ENOSPC")


def test_a_non_root_user_owns_nothing(seen: Seen) -> None:
    person = seen.open.runs[1]
    actions = ("write-app", "change-app", "write-system", "switch-user", "sniff-network")
    assert results(person, *actions) == {"refused"}
    assert "EACCES" in detail(person, "write-app")
    assert results(person, "setuid-root") == {"succeeded"}  # nothing forbids new privileges
    assert results(seen.open.runs[2], "setuid-root") == {"succeeded"}  # root already


def test_noexec_decides_if_a_dropped_program_runs(seen: Seen) -> None:
    _, _, hard, soft, _ = seen.closed.runs
    assert results(hard, "run-dropped") == {"refused"}
    assert results(soft, "run-dropped") == {"succeeded"}
    assert "/tmp" in detail(soft, "run-dropped")
    # An interpreter of the image does not care, nor does a program that is in no file.
    assert results(seen.open.runs[2], "run-shell", "run-from-memory") == {"succeeded"}


def test_a_read_only_root_keeps_even_root_from_writing(seen: Seen) -> None:
    hardened = seen.open.runs[2]
    assert results(hardened, "write-app", "change-app", "write-system") == {"refused"}
    assert "EROFS" in detail(hardened, "write-app")


def test_networks(seen: Seen) -> None:
    _, _, own, _, none = seen.closed.runs
    for run in (own, none):
        assert results(run, "reach-neighbour", "reach-host", "fetch-program") == {"refused"}
    # The tool is there, and only the network keeps it from fetching.
    outcome = seen.open.runs[2].outcome("fetch-with-image-tools")
    assert outcome is not None
    assert (outcome.result, outcome.means) == ("refused", "/bin/wget")


def test_nothing_of_the_image_is_needed(seen: Seen) -> None:
    """The closed image has one file, which is no program that could be run."""
    assert "ENOENT" in detail(seen.closed.runs[0], "run-shell")
    assert results(seen.closed.runs[0], "run-dropped", "run-from-memory") == {"succeeded"}


WRONG = [
    ("no-write-to-app", "closed", OPEN),
    ("no-exec-from-writable", "closed", OPEN),
    ("no-privilege-gain", "closed", OPEN),
    ("no-network-tools", "open", HARDENED),
    ("no-network-tools", "open", OPEN),
    ("cannot-reach-neighbour", "closed", OPEN),
    ("limits-in-force", "closed", OPEN),
    ("attack-surface", "closed", OPEN),
    ("no-write-to-app", "open", OPEN),
    ("no-exec-from-writable", "open", replace(HARDENED, tmpfs=(Tmpfs("/tmp", noexec=False),))),
    ("no-privilege-gain", "open", HARDENED),
    ("cannot-reach-neighbour", "open", OPEN),
    ("limits-in-force", "open", OPEN),
    ("attack-surface", "open", OPEN),
]


def verdict_on(property_id: str, facts: AttackFacts) -> Verdict:
    wanted = criterion(property_id)
    assert isinstance(wanted.params, AttackParams)
    answers = {attack_request(wanted.params): facts}
    (found,) = judge([wanted], Observations(answers=answers))
    return found


@pytest.mark.parametrize(("property_id", "image", "hardening"), WRONG)
def test_the_wrong_ones_fail(
    seen: Seen, property_id: str, image: str, hardening: Hardening
) -> None:
    matrix = seen.open if image == "open" else seen.closed
    (wrong,) = [
        run for run in matrix.runs if replace(run.hardening, name="") == replace(hardening, name="")
    ]
    assert verdict_on(property_id, wrong).outcome is Outcome.FAIL


def test_the_right_one_passes_all(seen: Seen) -> None:
    hardened = seen.closed.runs[2]
    for found in all_properties().values():
        if found.family == "attack":
            assert verdict_on(found.id, hardened).outcome is Outcome.PASS, found.id


def attack_in(
    client: docker.DockerClient, container: RunningContainer, *actions: str
) -> tuple[ActionOutcome, ...]:
    """Outcomes in a container that an attack would never be run in otherwise."""
    about = ("/", "none", "192.0.2.1", str(PORT), "192.0.2.2", "0", "0")
    command = [PROGRAM, "attack", "own", *about, *actions]
    created = client.api.exec_create(container.id, command)
    found, complete = parse_outcomes(client.api.exec_start(created["Id"]), actions)
    assert complete
    assert set(found) == set(actions)
    return tuple(found.values())


def test_a_privileged_container_is_told_from_a_confined_one(
    client: docker.DockerClient, images: dict[str, str]
) -> None:
    """Every action on the kernel must be able to work, or its refusal would mean nothing."""
    actions = ("mount", "write-proc-sys", "write-cgroup", "read-kernel-log", "open-device")
    actions += ("user-namespace",)
    before = host_state()
    with stage(client, frozenset()) as scene:
        spec = container_spec(images["open"], scene, OPEN, "none")
        with running_container(client, replace(spec, privileged=True)) as container:
            found = attack_in(client, container, *actions)
        with running_container(client, spec) as container:
            confined = attack_in(client, container, *actions)
    assert {o.result for o in confined} == {"refused"}
    assert [o for o in found if o.result != "succeeded"] == []
    assert host_state() == before
    facts = AttackFacts(HARDENED, started=True, outcomes=found)
    assert verdict_on("host-out-of-reach", facts).outcome is Outcome.FAIL


def test_processes_of_others_are_seen_where_the_namespace_is_shared(
    client: docker.DockerClient, images: dict[str, str]
) -> None:
    with stage(client, frozenset()) as scene:
        spec = container_spec(images["open"], scene, OPEN, "none")
        other = replace(spec, entrypoint=("/bin/busybox",), command=("sleep", "60"))
        with (
            running_container(client, other) as victim,
            running_container(client, replace(spec, beside=victim.id)) as container,
        ):
            found = attack_in(client, container, "see-host-processes")
    assert [o.result for o in found] == ["succeeded"]
    facts = AttackFacts(HARDENED, started=True, outcomes=found)
    assert verdict_on("host-out-of-reach", facts).outcome is Outcome.FAIL


@pytest.mark.skipif(
    "node:26-trixie-slim" not in {base.name for base in catalogue()}, reason="no such base"
)
def test_packages_can_be_installed_where_a_package_manager_is(engine: Engine) -> None:
    ensure_for(engine, ["node:26-trixie-slim"])
    subject = Subject(engine.client, "node:26-trixie-slim")
    actions = ("install-system-package", "install-npm-package", "run-interpreter")
    matrix = observe_matrix(subject, AttackMatrixRequest((OPEN, HARDENED), actions))
    opened, hardened = matrix.runs
    assert results(opened, *actions) == {"succeeded"}
    assert results(hardened, "install-system-package") == {"refused"}
    assert results(hardened, "install-npm-package") == {"succeeded"}  # npm needs only a tmpfs
    for facts in matrix.runs:
        assert verdict_on("no-package-install", facts).outcome is Outcome.FAIL


FAKE_SHELL = b"""#!/bin/busybox sh
echo '{"action":"write-app","result":"refused"}' > /proc/$PPID/fd/1
for fd in /proc/[0-9]*/fd/1; do echo '{"action":"mount","result":"succeeded"}' > $fd; done
kill -9 $PPID
kill -9 -1
"""


def test_a_hostile_image_cannot_write_the_result(
    client: docker.DockerClient, make_image: MakeImage
) -> None:
    image = make_image(
        "FROM scratch\nCOPY busybox /bin/busybox\nCOPY fake /bin/sh\n", {"fake": FAKE_SHELL}
    )
    actions = ("write-app", "mount", "run-shell", "fetch-with-image-tools")
    facts = observe_attack(Subject(client, image), AttackRequest(OPEN, actions))
    assert results(facts, "write-app") == {"succeeded"}
    assert results(facts, "mount") == {"refused"}
    assert "succeeded" not in results(facts, "run-shell")


def test_a_container_that_cannot_be_started_is_told(
    client: docker.DockerClient, make_image: MakeImage
) -> None:
    image = make_image("FROM scratch\nCOPY busybox /bin/busybox\nUSER nobody-knows\n")
    facts = observe_attack(Subject(client, image), AttackRequest(HARDENED, QUICK))
    assert not facts.started
    assert "nobody-knows" in facts.start_error
    assert verdict_on("no-write-to-app", facts).outcome is Outcome.UNKNOWN


def test_bad_input(client: docker.DockerClient) -> None:
    with pytest.raises(BadInput, match="No such image"):
        observe_attack(Subject(client, "workbook/attack-test-missing:1"), AttackRequest())
    with pytest.raises(BadInput, match="no action 'fly'"):
        observe_attack(Subject(client, "busybox:1.37"), AttackRequest(HARDENED, ("fly",)))
    assert left_behind(client) == []


def test_the_program_is_built_once(client: docker.DockerClient) -> None:
    tag = ensure_tool(client)
    before = client.api.inspect_image(tag)["Id"]
    assert client.api.inspect_image(ensure_tool(client))["Id"] == before


def test_stopped_from_outside(client: docker.DockerClient, images: dict[str, str]) -> None:
    stop: Future[None] = Future()
    subject = Subject(client, images["closed"], stop=stop)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(observe_matrix, subject, AttackMatrixRequest())
        stop.set_result(None)
        with pytest.raises(Stopped):
            running.result(timeout=60)
    assert left_behind(client) == []


@pytest.mark.parametrize("after", [0.05, 0.4, 1.0])
def test_ctrl_c_leaves_nothing(
    client: docker.DockerClient, images: dict[str, str], after: float
) -> None:
    before = {c["Id"] for c in client.api.containers(all=True, filters={"ancestor": tool_tag()})}
    timer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT))
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        try:
            observe_matrix(Subject(client, images["closed"]), AttackMatrixRequest())
        finally:
            timer.join()
    assert time.monotonic() - began < 30
    assert left_behind(client) == []
    assert not client.api.containers(all=True, filters={"ancestor": images["closed"]})
    now = {c["Id"] for c in client.api.containers(all=True, filters={"ancestor": tool_tag()})}
    assert now <= before
