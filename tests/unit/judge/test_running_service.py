"""Health, shutdown, logging and run time, judged from made-up observations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from helpers.build.dockerfile import parse_dockerfile
from helpers.errors import BadInput
from helpers.judge.judge import collect_requests, criterion
from helpers.judge.registry import all_properties, find_property
from helpers.judge.verdict import Verdict
from helpers.observe.database import Sessions
from helpers.observe.hardened import RESTRICTIONS, Attempt, HardenedFacts
from helpers.observe.health import CheckRun, HealthChange, HealthConfig, HealthFacts
from helpers.observe.load import HeldRequest, LoadFacts
from helpers.observe.log_lines import Leak, LogFacts
from helpers.observe.probe_log import ProbeLogFacts
from helpers.observe.process_tree import ProcessFact, ProcessTree
from helpers.observe.replay import facts_from_json, facts_to_json
from helpers.observe.requests import Observations
from helpers.observe.running import FileChange, Restart, RunningFacts
from helpers.observe.shutdown import ShutdownFacts
from helpers.observe.stats import Usage

from .factories import FAIL, PASS, UNKNOWN, answer, verdict

NODE = ProcessFact(1, 0, "node", "node server.js", 65532, 7, handles=frozenset({"SIGTERM"}))
SH = ProcessFact(1, 0, "sh", "/bin/sh -c node server.js", 0)
CHILD = ProcessFact(7, 1, "node", "node server.js", 0, 7)

RUNNING = RunningFacts(
    serves=True,
    ready_seconds=0.5,
    responses=(answer("/"),),
    processes=ProcessTree((NODE,), 0, orphans_left=0),
    usage=Usage(50_000_000, 7, 0.2),
    log=LogFacts(stdout_lines=9, json_lines=9, with_level=9, with_time=9),
    restart=Restart(serves=True, ready_seconds=0.4),
    waited_seconds=10,
)
HELD = HeldRequest("answered", accepted=True, status=201, seconds=1.1)
STOPPED = ShutdownFacts(
    served=True,
    ready_seconds=0.5,
    stop_seconds=1.4,
    processes=ProcessTree((NODE,)),
    load=LoadFacts((HELD,) * 4, answered_before=70, refused_after=300, last_answer_seconds=0.02),
    sessions=Sessions(9, 9, 0, 0),
)
KILLED: dict[str, Any] = {"killed": True, "exit_code": 137, "stop_seconds": 10.2}
CONFIG = HealthConfig(("CMD", "check"), interval=10, timeout=2, retries=3)
GOOD, BAD = CheckRun(0, 0.1), CheckRun(1, 0.1, "refused")
HEALTHY = HealthFacts(
    CONFIG,
    healthy_seconds=0.8,
    checks=(GOOD,),
    hang=HealthChange(2.1, 7.5, (GOOD, CheckRun(-1, 2.0, "exceeded timeout"))),
    lost=HealthChange(0.4, 7.5, (GOOD, BAD)),
    idle=(BAD, BAD),
    idle_cpu_seconds=0.05,
    interval=0.5,
)
TOGETHER = Attempt(RESTRICTIONS, serves=True, ready_seconds=0.7, usage=Usage(50_000_000, 7, 0.2))
BROKEN = Attempt(RESTRICTIONS, serves=False, exit_code=1, log_tail=("Error: EROFS",))
PLAIN = Attempt((), serves=True, ready_seconds=0.5)


def alone(**wrong: Attempt) -> HardenedFacts:
    """All restrictions together fail; alone, only those that are given do."""
    each = {r: Attempt((r,), serves=True, ready_seconds=0.5) for r in RESTRICTIONS}
    for name, attempt in wrong.items():
        restriction = name.replace("_", "-")
        each[restriction] = replace(attempt, restrictions=(restriction,))  # type: ignore[index,arg-type]
    return HardenedFacts(BROKEN, PLAIN, tuple(each.values()))


FACTS: dict[str, Any] = {
    "RunningRequest": RUNNING,
    "ShutdownRequest": STOPPED,
    "HealthRequest": HEALTHY,
    "HardenedRequest": HardenedFacts(TOGETHER),
    "ProbeLogRequest": ProbeLogFacts(serves=True, answered=20, lines=1, last=("{}",)),
}
ALL = (
    "healthcheck-declared",
    "healthcheck-timing",
    "becomes-healthy",
    "healthcheck-notices-hang",
    "healthcheck-notices-lost-database",
    "healthcheck-survives-lost-database",
    "healthcheck-not-always-true",
    "healthcheck-cheap",
    "stops-in-time",
    "stop-exit-code",
    "finishes-requests",
    "refuses-new-requests",
    "closes-database-connections",
    "signal-forwarded",
    "stop-signal-handled",
    "reaps-zombies",
    "logs-to-stdout",
    "logs-json",
    "no-secrets-in-logs",
    "no-log-files",
    "runs-hardened",
    "runs-read-only",
    "runs-as-any-user",
    "runs-without-capabilities",
    "runs-with-no-new-privileges",
    "runs-within-memory",
    "few-processes",
    "process-not-root",
    "restarts-after-crash",
    "logs-quiet-probes",
)


WITH_DATABASE = {
    "healthcheck-notices-lost-database",
    "healthcheck-survives-lost-database",
    "closes-database-connections",
}
#: One property wants what the other does not.
SURVIVED = replace(HEALTHY, lost=HealthChange(None, 2.0, (GOOD, GOOD)))


def judged(name: str, facts: Any = None, dockerfile: str = "", **params: Any) -> Verdict:
    """The verdict on these facts, after they were saved and loaded."""
    if name in WITH_DATABASE:
        params = {"database": "DATABASE_URL", **params}
    (request,) = collect_requests([criterion(name, params)])
    seen = facts if facts is not None else FACTS[type(request).__name__]
    parsed = parse_dockerfile(dockerfile) if dockerfile else None
    observations = facts_from_json(
        facts_to_json(Observations(answers={request: seen}, dockerfile=None))
    )
    return verdict(name, replace(observations, dockerfile=parsed), **params)


def test_health_checks_that_are_logged_each_are_told_with_the_last_lines() -> None:
    flooded = ProbeLogFacts(serves=True, answered=20, lines=40, last=("GET /healthz 200",))
    found = judged("logs-quiet-probes", flooded)
    assert (found.outcome, found.codes()) == (FAIL, {"flooded"})
    assert "`GET /healthz 200`" in found.evidence[0].text
    rare = ProbeLogFacts(serves=True, answered=20, lines=19)
    assert judged("logs-quiet-probes", rare).outcome is PASS
    silent = judged("logs-quiet-probes", ProbeLogFacts(serves=False))
    assert silent.outcome is UNKNOWN
    assert "does not answer GET /healthz" in silent.summary


@pytest.mark.parametrize("name", ALL)
def test_a_good_service_passes(name: str) -> None:
    found = judged(name, SURVIVED if "survives" in name else None)
    assert found.outcome is PASS, found
    assert found.summary.endswith(".")
    assert found.summary.isprintable()


@pytest.mark.parametrize("name", ALL)
def test_what_was_not_seen_cannot_be_told(name: str) -> None:
    params = {"database": "X"} if name in WITH_DATABASE else {}
    (request,) = collect_requests([criterion(name, params)])
    found = verdict(name, Observations(failures={request: "no space left"}), **params)
    assert found.outcome is UNKNOWN
    assert "no space left" in found.summary
    assert verdict(name, Observations(), **params).outcome is UNKNOWN


@pytest.mark.parametrize(
    ("name", "changes", "code", "words"),
    [
        ("logs-to-stdout", {"log": LogFacts()}, "silent", "answered 1 request"),
        (
            "logs-json",
            {"log": LogFacts(9, 1, 8, 8, 8, not_json=("Warning: x", "y"))},
            "not-json",
            "`Warning: x`",
        ),
        (
            "logs-json",
            {"log": LogFacts(9, 0, 9, 4, 9, without_level=("{}",))},
            "no-level",
            "And 4 lines more",
        ),
        ("logs-json", {"log": LogFacts(9, 0, 9, 9, 8, without_time=("{}",))}, "no-time", "{}"),
        (
            "no-secrets-in-logs",
            {"log": LogFacts(1, leaks=(Leak("the variable A", "stderr", "A=***"),))},
            "secret",
            "the variable A is on stderr",
        ),
        ("no-log-files", {"log_files": ("/var/log/x.log",)}, "log-file", "/var/log/x.log"),
        (
            "few-processes",
            {"processes": ProcessTree((replace(NODE, threads=80),))},
            "too-many",
            "80 threads",
        ),
        (
            "few-processes",
            {"processes": ProcessTree((SH, *(replace(CHILD, pid=n) for n in range(7, 12))))},
            "too-many",
            "node server.js",
        ),
        (
            "process-not-root",
            {"processes": ProcessTree((SH, CHILD))},
            "root-process",
            "root of the engine's machine, too",
        ),
        (
            "process-not-root",
            {"processes": ProcessTree((NODE, CHILD), 100_000)},
            "root-process",
            "uid 100000 of the engine's machine",
        ),
        (
            "reaps-zombies",
            {"processes": ProcessTree((NODE,), 0, orphans_left=3)},
            "zombies",
            "3 of them were still zombies",
        ),
        (
            "restarts-after-crash",
            {"restart": Restart(False, exit_code=5, log_tail=("pid file exists",))},
            "not-again",
            "exit code 5; its log says: pid file exists",
        ),
        ("restarts-after-crash", {"restart": Restart(False)}, "not-again", "no answer within 10 s"),
        (
            "restarts-after-crash",
            {"restart": Restart(False, start_error="no such file")},
            "not-again",
            "could not start it again: no such file.",
        ),
    ],
)
def test_a_running_service_that_is_wrong(
    name: str, changes: dict[str, Any], code: str, words: str
) -> None:
    found = judged(name, replace(RUNNING, **changes))
    assert found.outcome is FAIL, found
    assert found.codes() == {code}
    assert words in " ".join(e.text for e in found.evidence)


@pytest.mark.parametrize("name", ["no-log-files", "few-processes", "reaps-zombies", "logs-json"])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"exit_code": 3, "log_tail": ("Error: no database",)}, "Error: no database"),
        ({"start_error": "no such user"}, "no such user"),
        ({"ready_seconds": None, "responses": ()}, "no HTTP answer within 10 s"),
        ({"responses": (answer("/", 503),)}, "answers 503 only"),
    ],
)
def test_a_service_that_does_not_serve_cannot_be_told(
    name: str, changes: dict[str, Any], words: str
) -> None:
    found = judged(name, replace(RUNNING, serves=False, log=LogFacts(), **changes))
    assert found.outcome is UNKNOWN
    assert words in found.summary


def test_a_leak_counts_though_the_service_does_not_serve() -> None:
    leaks = LogFacts(1, leaks=(Leak("the variable A", "stdout", "A=***"),))
    ended = replace(RUNNING, serves=False, exit_code=1, log=leaks)
    assert judged("no-secrets-in-logs", ended).outcome is FAIL
    clean = replace(ended, log=LogFacts(1))
    assert judged("no-secrets-in-logs", clean).outcome is UNKNOWN


def test_folders_and_logs_are_no_written_files() -> None:
    changes = (FileChange("/data", "added", folder=True), FileChange("/data/a", "added"))
    found = judged("no-log-files", replace(RUNNING, changes=changes))
    assert found.summary.startswith("1 file written")


@pytest.mark.parametrize(
    ("name", "changes", "code", "words"),
    [
        ("stops-in-time", KILLED, "killed", "10 s later it still ran, so SIGKILL ended it"),
        ("stop-exit-code", KILLED, "killed", "SIGKILL"),
        (
            "stop-exit-code",
            {"exit_code": 1, "log_tail": ("Error: pool",)},
            "exit-code",
            "exit code 1, 0 or 143 wanted; its log says: Error: pool",
        ),
        (
            "finishes-requests",
            {
                "load": LoadFacts(
                    (HELD, replace(HELD, outcome="dropped", status=None, error="closed"))
                )
            },
            "dropped",
            "request 2 of 2, was in flight when SIGTERM came",
        ),
        (
            "finishes-requests",
            {"load": LoadFacts((replace(HELD, status=503),))},
            "server-error",
            "answered 503",
        ),
        (
            "finishes-requests",
            {"load": LoadFacts((HELD,), in_flight=3, lost=2)},
            "dropped",
            "2 of 3 other requests",
        ),
        ("finishes-requests", KILLED, "killed", "SIGKILL"),
        (
            "refuses-new-requests",
            {"load": LoadFacts((HELD,), 70, 90, 0, 9.9)},
            "still-serving",
            "90 new requests sent after SIGTERM were answered",
        ),
        ("closes-database-connections", {"sessions": Sessions(9, 5, 4, 0)}, "broken", "4 sessions"),
        ("closes-database-connections", {"sessions": Sessions(9, 8, 0, 1)}, "left", "1 session of"),
        (
            "signal-forwarded",
            {**KILLED, "processes": ProcessTree((SH, CHILD))},
            "not-forwarded",
            "did not pass it on: `node server.js` (process 7)",
        ),
        (
            "stop-signal-handled",
            {**KILLED, "processes": ProcessTree((replace(SH, handles=frozenset({"SIGQUIT"})),))},
            "no-handler",
            "It has one for SIGQUIT",
        ),
        ("stop-signal-handled", KILLED, "ignored", "has a handler for SIGTERM"),
        ("stop-signal-handled", {"signal": "SIGKILL"}, "sigkill", "STOPSIGNAL SIGKILL"),
    ],
)
def test_a_service_that_does_not_stop_in_order(
    name: str, changes: dict[str, Any], code: str, words: str
) -> None:
    found = judged(name, replace(STOPPED, **changes))
    assert found.outcome is FAIL, found
    assert found.codes() == {code}
    assert words in " ".join(e.text for e in found.evidence)


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("stops-in-time", {"served": False, "ended_early": 4}, "exit code 4 before"),
        ("stops-in-time", {"served": False, "start_error": "no such file"}, "no such file"),
        ("finishes-requests", {"served": False}, "did not answer"),
        (
            "finishes-requests",
            {"load": LoadFacts((replace(HELD, outcome="early"),))},
            "before a request has come to its end",
        ),
        ("refuses-new-requests", {"load": LoadFacts((HELD,))}, "no request of the load"),
        ("closes-database-connections", {"sessions": Sessions(0, 0, 0, 0)}, "opened no session"),
        ("closes-database-connections", {"sessions": None}, "`DATABASE_URL`"),
        ("signal-forwarded", KILLED, "the only process and ignores SIGTERM"),
        ("signal-forwarded", {**KILLED, "processes": None}, "could not be looked at"),
        ("stop-signal-handled", {**KILLED, "processes": None}, "could not be looked at"),
    ],
)
def test_a_stop_that_cannot_be_told(name: str, changes: dict[str, Any], words: str) -> None:
    found = judged(name, replace(STOPPED, **changes))
    assert found.outcome is UNKNOWN, found
    assert words in found.summary


def test_143_is_an_orderly_end_and_the_grace_period_is_that_of_the_parameters() -> None:
    assert judged("stop-exit-code", replace(STOPPED, exit_code=143)).passed
    assert judged("stop-exit-code", replace(STOPPED, exit_code=143), allowed=(0,)).outcome is FAIL
    found = judged("stops-in-time", replace(STOPPED, **KILLED), grace_seconds=30)
    assert "within 30 s" in found.summary


def test_the_evidence_leads_to_the_command() -> None:
    dockerfile = "FROM a:1\nCOPY . .\nCMD node x.js\n"
    found = judged("stops-in-time", replace(STOPPED, **KILLED), dockerfile)
    assert found.evidence[0].line == 3


NONE: dict[str, Any] = {"config": None, "hang": None, "lost": None, "idle": (), "checks": ()}
ILL: dict[str, Any] = {"healthy_seconds": None, "hang": None, "lost": None}


@pytest.mark.parametrize(
    ("name", "changes", "code", "words"),
    [
        ("healthcheck-declared", NONE, "no-healthcheck", "process 1 runs"),
        ("healthcheck-declared", {**NONE, "disabled": True}, "disabled", "HEALTHCHECK NONE"),
        ("becomes-healthy", NONE, "no-healthcheck", "cannot tell when"),
        ("becomes-healthy", {**ILL, "checks": (BAD,)}, "never-healthy", "`check` ended with exit"),
        (
            "becomes-healthy",
            {**ILL, "checks": (CheckRun(-1, 3.0),)},
            "never-healthy",
            "took too long",
        ),
        ("becomes-healthy", {**ILL, "checks": ()}, "no-check", "No check ended within 15 s"),
        ("becomes-healthy", {**ILL, "exit_code": 1}, "exited", "exit code 1"),
        ("becomes-healthy", {**ILL, "start_error": "no user"}, "not-started", "no user."),
        ("healthcheck-notices-hang", NONE, "no-healthcheck", "that hangs"),
        (
            "healthcheck-notices-hang",
            {"hang": HealthChange(None, 1.5, (GOOD, GOOD))},
            "not-noticed",
            "2 of the last 2 checks",
        ),
        (
            "healthcheck-notices-lost-database",
            {"lost": HealthChange(None, 1.5, (GOOD,))},
            "not-noticed",
            "its database was killed",
        ),
        ("healthcheck-survives-lost-database", NONE, "no-healthcheck", "itself works"),
        (
            "healthcheck-survives-lost-database",
            {},
            "takes-it-down",
            "400 ms after its database was killed: `check` ended with exit code 1",
        ),
        (
            "healthcheck-survives-lost-database",
            {"lost": HealthChange(None, 1.5, (GOOD,), ended=1)},
            "ended",
            "exit code 1",
        ),
        (
            "healthcheck-not-always-true",
            {"config": replace(CONFIG, test=("CMD-SHELL", "curl x || exit 0")), "idle": (GOOD,)},
            "passes-without-service",
            "It ends with a command that never fails",
        ),
        ("healthcheck-cheap", {"checks": (CheckRun(0, 2.5),)}, "slow", "2.5 s"),
        ("healthcheck-cheap", {"idle_cpu_seconds": 0.5}, "costly", "5.0 % of a core"),
        (
            "healthcheck-timing",
            {"config": HealthConfig(("CMD", "check"), 100, 9)},
            "slow-to-notice",
            "after up to 327 s",
        ),
        (
            "healthcheck-timing",
            {"config": HealthConfig(("CMD", "check"), 5)},
            "long-timeout",
            "30 s (Docker's default)",
        ),
        ("healthcheck-timing", {"config": replace(CONFIG, interval=1)}, "too-often", "every 1 s"),
        ("healthcheck-timing", {"config": replace(CONFIG, retries=1)}, "few-retries", "1 failed"),
    ],
)
def test_a_healthcheck_that_is_wrong(
    name: str, changes: dict[str, Any], code: str, words: str
) -> None:
    found = judged(name, replace(HEALTHY, **changes))
    assert found.outcome is FAIL, found
    assert found.codes() == {code}
    assert words in " ".join(e.text for e in found.evidence)


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("healthcheck-timing", NONE, "declares no HEALTHCHECK"),
        ("healthcheck-cheap", NONE, "declares no HEALTHCHECK"),
        ("healthcheck-not-always-true", NONE, "declares no HEALTHCHECK"),
        ("healthcheck-cheap", {"checks": (CheckRun(-1, 3.0),)}, "no check came to an end"),
        ("healthcheck-not-always-true", {"idle": ()}, "could not be run"),
        ("healthcheck-notices-hang", ILL, "never became healthy"),
        ("healthcheck-notices-lost-database", ILL, "never became healthy"),
        ("healthcheck-notices-lost-database", {"lost": None}, "healthy again"),
        ("healthcheck-survives-lost-database", ILL, "never became healthy"),
        ("healthcheck-survives-lost-database", {"lost": None}, "healthy again"),
        ("healthcheck-survives-lost-database", {"lost": HealthChange(None, 7.0)}, "no check ended"),
        ("healthcheck-notices-hang", {"hang": HealthChange(None, 1, (), 137)}, "exit code 137"),
    ],
)
def test_a_healthcheck_that_cannot_be_told(name: str, changes: dict[str, Any], words: str) -> None:
    found = judged(name, replace(HEALTHY, **changes))
    assert found.outcome is UNKNOWN, found
    assert words in found.summary


def test_a_service_that_ends_without_its_database_is_noticed() -> None:
    lost = HealthChange(None, 1.0, (), ended=1)
    found = judged("healthcheck-notices-lost-database", replace(HEALTHY, lost=lost))
    assert found.passed
    assert "without a check" in found.summary


@pytest.mark.parametrize("name", ["becomes-healthy", "healthcheck-notices-hang"])
def test_the_remedy_fits_where_there_is_no_healthcheck(name: str) -> None:
    found = find_property(name)
    missing = found.remedy_for(judged(name, replace(HEALTHY, **NONE)))
    assert missing.startswith("Add `HEALTHCHECK")
    ill = replace(
        HEALTHY, healthy_seconds=None, checks=(BAD,), hang=HealthChange(None, 1.5, (GOOD,))
    )
    assert found.remedy_for(judged(name, ill)) == found.remedy != missing


def test_each_remedy_of_its_own_is_for_a_code_of_the_property() -> None:
    for found in all_properties().values():
        assert set(found.remedies) <= set(found.codes), found.id


def test_the_evidence_leads_to_the_healthcheck() -> None:
    found = judged(
        "healthcheck-not-always-true",
        replace(HEALTHY, idle=(GOOD,)),
        "FROM a:1\nHEALTHCHECK CMD true\nCMD x\n",
    )
    assert found.evidence[0].line == 2


@pytest.mark.parametrize(
    ("name", "restriction", "code", "words"),
    [
        ("runs-read-only", "read_only", "needs-writing", "EROFS"),
        ("runs-as-any-user", "uid", "needs-its-user", "As user 10654:0"),
        ("runs-without-capabilities", "capabilities", "needs-capability", "exit code 1"),
        ("runs-with-no-new-privileges", "no_new_privileges", "needs-privileges", "exit code 1"),
        ("runs-within-memory", "memory", "needs-memory", "With 256 MB"),
    ],
)
def test_what_a_service_cannot_do_without(
    name: str, restriction: str, code: str, words: str
) -> None:
    facts = alone(**{restriction: BROKEN})
    found = judged(name, facts)
    assert found.outcome is FAIL, found
    assert found.codes() == {code}
    assert words in found.evidence[0].text
    together = judged("runs-hardened", facts)
    assert together.codes() == {"not-serving"}
    others = {"runs-read-only", "runs-as-any-user", "runs-within-memory"} - {name}
    assert all(judged(other, facts).passed for other in others)


def test_restrictions_that_are_borne_alone_and_not_together() -> None:
    found = judged("runs-hardened", alone())
    assert found.outcome is FAIL
    assert "Each restriction alone is borne" in found.evidence[0].text


def test_a_service_that_serves_in_no_way_cannot_be_told() -> None:
    facts = HardenedFacts(BROKEN, replace(BROKEN, restrictions=(), log_tail=("Error: no port",)))
    for name in ("runs-hardened", "runs-read-only", "runs-within-memory"):
        found = judged(name, facts)
        assert found.outcome is UNKNOWN
        assert "Error: no port" in found.summary


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (replace(BROKEN, oom_killed=True, exit_code=137), "the kernel killed it for its memory"),
        (replace(BROKEN, exit_code=None, status=500), "it answered 500"),
        (replace(BROKEN, exit_code=None, waited_seconds=3), "no answer within 3 s"),
        (replace(BROKEN, start_error="denied."), "could not start it: denied."),
    ],
)
def test_how_it_did_not_serve(attempt: Attempt, words: str) -> None:
    assert words in judged("runs-within-memory", alone(memory=attempt)).evidence[0].text


@pytest.mark.parametrize("name", ALL)
def test_each_says_what_to_change_and_shares_its_observation(name: str) -> None:
    params = {"database": "X"} if "database" in name else {}
    found = criterion(name, params).property
    assert found.remedy.endswith(".")
    assert 1 <= found.weight <= 5


def test_one_family_is_one_container() -> None:
    for family in (ALL[:3], ALL[8:12], ALL[15:20], ALL[20:26]):
        assert len(collect_requests(criterion(name) for name in family)) == 1


@pytest.mark.parametrize("path", ["orders", "/a b", "/ä", "/a\r\nX: y"])
def test_a_path_that_cannot_stand_in_a_request_is_refused(path: str) -> None:
    for params in ({"path": path}, {"held_path": path}):
        with pytest.raises(BadInput, match="a path"):
            criterion("stops-in-time", params)
