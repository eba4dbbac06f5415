"""Containers that fight back: an observation ends soon and small, and with a clear verdict.

Every one of them is one static BusyBox with a few lines of shell. They are observed several at a
time, because most of the time is waiting for them to do nothing.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import docker
import pytest

from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for
from helpers.judge.judge import collect_requests, criterion, judge
from helpers.judge.verdict import Outcome, Verdict
from helpers.observe.containers import PIDS_LIMIT
from helpers.observe.health import HealthFacts, HealthRequest, observe_health
from helpers.observe.observe import observe
from helpers.observe.requests import Probe, ServiceRequest
from helpers.observe.run_service import run_service
from helpers.observe.running import RunningFacts, RunningRequest, observe_running
from helpers.observe.service_facts import ServiceFacts
from helpers.observe.service_start import ServiceStart
from helpers.observe.shutdown import ShutdownFacts, ShutdownRequest, observe_shutdown
from helpers.observe.subject import Subject

MakeImage = Callable[..., str]

AT_ONCE = 6
#: No single observation here has anything to wait for that takes longer, even on a busy machine.
LONGEST_SECONDS = 45.0
#: What all observations together may add to this process's memory at its peak.
MOST_MEMORY = 200_000_000

WEB = "busybox httpd -p 3000 -h /www"
EVIL_LINES = r"\033]0;owned\007\033[2J\033[31mred\r\b\000\377"

#: What process 1 does. Everything before it stays in the background.
SERVICES = {
    "prints-without-end": f"{WEB}; exec busybox yes 'a line, and no end in sight'",
    "one-endless-line": f"{WEB}; busybox cat /dev/zero | busybox tr '\\000' x; busybox sleep 600",
    "moves-the-cursor": f"printf '{EVIL_LINES}\\n'; exec busybox httpd -f -p 3000 -h /www",
    "ignores-sigterm": f"trap '' TERM INT HUP QUIT; {WEB}; while :; do busybox sleep 1; done",
    "forks-without-end": f"{WEB}; while :; do busybox sleep 600 & done",
    "has-two-hundred-children": "i=0; while [ $i -lt 200 ]; do busybox sleep 600 & "
    "i=$((i+1)); done; exec busybox httpd -f -p 3000 -h /www",
    "ends-at-once": "echo no database; exit 3",
    "ends-after-an-answer": f"{WEB}; busybox sleep 1.5; exit 4",
    "comes-up-only-once": f"[ -e /was-here ] && exit 5; echo > /was-here; {WEB}; busybox sleep 600",
    "forges-its-processes": f'{WEB}; cd /bin; exec busybox sh -c "$(cat /forged)" -',
    "well-behaved": "exec busybox httpd -f -p 3000 -h /www",
}

# A command line with line ends in it, that looks like the kernel's description of process 1.
FORGED = (
    "while :; do busybox sleep 600; done\n"
    "nonvoluntary_ctxt_switches:\t0\n\n=pid= 1 99999\nName:\tnginx\nPPid:\t0\n"
    "Uid:\t65532\t65532\t65532\t65532\nThreads:\t1\nSigCgt:\t0000000000004000\n"
    "nonvoluntary_ctxt_switches:\t0\nnginx\n"
)

#: What /cgi-bin/NAME answers, head included; the web server puts the status line before it.
ANSWERS = {
    "drips-its-body": "printf 'Content-Type: text/plain\\r\\n\\r\\n'; "
    "while printf x; do busybox sleep 0.2; done",
    "drips-its-head": "while printf 'X-Drip: 1\\r\\n'; do busybox sleep 0.2; done",
    "never-answers": "busybox sleep 600",
    "endless-body": "printf 'Content-Type: text/plain\\r\\n\\r\\n'; exec busybox yes",
    "endless-head": "while printf 'X-Head: 0123456789012345678901234567890123456789\\r\\n'; "
    "do :; done",
    "one-endless-header": "printf 'X-Head: '; exec busybox cat /dev/zero",
    "lies-about-its-length": "printf 'Content-Length: 1000000000\\r\\n\\r\\nshort'",
    "redirects-to-itself": "printf 'Status: 302 Found\\r\\n"
    "Location: /cgi-bin/redirects-to-itself\\r\\n\\r\\n'",
    "redirects-elsewhere": "printf 'Status: 302 Found\\r\\nLocation: '; cat /elsewhere; "
    "printf '\\r\\n\\r\\n'",
    "moves-the-cursor": f"printf 'Content-Type: text/plain\\r\\n\\r\\n{EVIL_LINES}'",
}

#: What a HEALTHCHECK does, in a shell.
CHECKS = {
    "a-gigabyte": "busybox head -c 1000000000 /dev/zero",
    "without-end": "busybox yes",
    "moves-the-cursor": f"printf '{EVIL_LINES}'",
    "leaves-a-child": "busybox sleep 600 & exit 0",
    "never-ends": "trap '' TERM; while :; do busybox sleep 600; done",
    "forks-without-end": "while :; do busybox sleep 600 & done",
    "kills-process-1": "kill -9 1; kill -TERM 1",
}


@dataclass(frozen=True)
class Seen:
    """What an observation gave, or what went wrong, and how long it took."""

    facts: Any
    seconds: float


Observed = Callable[[str, str], Seen]


def dockerfile(service: str, check: str = "") -> str:
    healthcheck = ""
    if check:
        healthcheck = 'COPY check /bin/check\nHEALTHCHECK --timeout=1s CMD ["/bin/check"]\n'
    return (
        "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\nCOPY busybox /bin/cat\n"
        "COPY cgi-bin /www/cgi-bin\nCOPY index.html /www/index.html\nCOPY forged elsewhere /\n"
        f"COPY service /bin/service\nENV PATH=/bin\nEXPOSE 3000\n{healthcheck}"
        'CMD ["/bin/service"]\n'
    )


class Elsewhere:
    """A web server of this machine that nobody may be sent to."""

    def __init__(self) -> None:
        self.hits = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.hits += 1
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    found = Elsewhere()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture(scope="module")
def image(make_image: MakeImage, elsewhere: Elsewhere) -> Callable[[str, str], str]:
    """The image of a service, with a check where one is named."""

    @cache
    def make(service: str, check: str = "") -> str:
        files = {f"cgi-bin/{n}": f"#!/bin/sh\n{text}\n".encode() for n, text in ANSWERS.items()}
        files |= {
            "index.html": b"hello",
            "forged": FORGED.encode(),
            "elsewhere": elsewhere.url.encode(),
            "service": f"#!/bin/sh\n{SERVICES[service]}\n".encode(),
        }
        if check:
            files["check"] = f"#!/bin/sh\n{CHECKS[check]}\n".encode()
        return make_image(dockerfile(service, check), files)

    return make


SHORT = ServiceStart(port=3000, wait_seconds=4)


def _answers(client: docker.DockerClient, name: str, image: Any) -> ServiceFacts:
    request = ServiceRequest(3000, (Probe(f"/cgi-bin/{name}"),), wait_seconds=2.5)
    return run_service(client, image("well-behaved", ""), request)


def _running(client: docker.DockerClient, name: str, image: Any) -> RunningFacts:
    return observe_running(Subject(client, image(name, "")), RunningRequest(SHORT))


def _stopped(client: docker.DockerClient, name: str, image: Any) -> ShutdownFacts:
    request = ShutdownRequest(SHORT, grace_seconds=1.0, held_at_least=0.3)
    return observe_shutdown(Subject(client, image(name, "")), request)


def _checked(client: docker.DockerClient, name: str, image: Any) -> HealthFacts:
    request = HealthRequest(wait_seconds=4, longest_timeout=1)
    return observe_health(Subject(client, image("well-behaved", name)), request)


KINDS: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "answers": (_answers, tuple(ANSWERS)),
    "running": (_running, tuple(name for name in SERVICES if name != "well-behaved")),
    "stopped": (
        _stopped,
        (
            "ignores-sigterm",
            "prints-without-end",
            "has-two-hundred-children",
            "ends-after-an-answer",
        ),
    ),
    "checked": (_checked, tuple(CHECKS)),
}
PAIRS = [(kind, name) for kind, (_, names) in KINDS.items() for name in names]


@pytest.fixture(scope="module")
def observed(engine: Engine, image: Callable[[str, str], str]) -> Iterator[Observed]:
    """Everything that the chosen tests ask for, a few at a time."""
    ensure_for(engine, ("busybox:1.37",))
    for name in SERVICES:
        image(name, "")  # builds are quick, and one after another

    def look(kind: str, name: str) -> Seen:
        began = time.monotonic()
        facts = KINDS[kind][0](engine.client, name, image)
        return Seen(facts, time.monotonic() - began)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures: dict[tuple[str, str], Future[Seen]] = {
            pair: pool.submit(look, *pair) for pair in PAIRS
        }
        try:
            yield lambda kind, name: futures[kind, name].result(timeout=120)
        finally:
            pool.shutdown(cancel_futures=True)


def _strings(value: Any) -> Iterator[str]:
    """Every text in a value that is made of plain dataclasses."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (tuple, list, frozenset)):
        for one in value:
            yield from _strings(one)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _strings(getattr(value, field.name))


@pytest.mark.parametrize(("kind", "name"), PAIRS, ids=lambda word: str(word))
def test_it_ends_soon_and_says_nothing_that_moves_a_cursor(
    observed: Observed, kind: str, name: str
) -> None:
    seen = observed(kind, name)
    assert seen.seconds < LONGEST_SECONDS
    texts = list(_strings(seen.facts))
    assert texts
    assert all(text.isprintable() for text in texts), [t for t in texts if not t.isprintable()]
    assert sum(map(len, texts)) < 200_000


def test_all_of_it_takes_little_memory(observed: Observed) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for pair in PAIRS:
        observed(*pair)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < MOST_MEMORY


class TestAnswers:
    """A client is never kept, and a hostile answer is never a pass."""

    @pytest.mark.parametrize(
        ("name", "status"),
        [
            ("drips-its-body", 200),
            ("lies-about-its-length", 200),
            ("drips-its-head", None),
            ("never-answers", None),
            ("endless-head", None),
            ("one-endless-header", None),
        ],
    )
    def test_one_that_is_never_complete_is_told(
        self, observed: Observed, name: str, status: int | None
    ) -> None:
        facts: ServiceFacts = observed("answers", name).facts
        (answer,) = facts.responses
        assert answer.status == status
        assert answer.error, answer
        assert answer.seconds < 6

    def test_an_endless_body_is_cut(self, observed: Observed) -> None:
        (answer,) = observed("answers", "endless-body").facts.responses
        assert answer.status == 200
        assert len(answer.body) < 4_000
        assert answer.seconds < 5

    @pytest.mark.parametrize("name", ["redirects-to-itself", "redirects-elsewhere"])
    def test_a_redirect_is_an_answer_and_not_followed(
        self, observed: Observed, elsewhere: Elsewhere, name: str
    ) -> None:
        (answer,) = observed("answers", name).facts.responses
        assert answer.status == 302
        assert answer.seconds < 5
        assert elsewhere.hits == 0

    @pytest.mark.parametrize(
        ("name", "code"),
        [
            ("drips-its-body", "no-answer"),
            ("lies-about-its-length", "no-answer"),
            ("endless-head", "no-answer"),
            ("redirects-to-itself", "wrong-status"),
        ],
    )
    def test_the_verdict_is_a_fail_with_evidence(
        self, client: docker.DockerClient, image: Any, name: str, code: str
    ) -> None:
        found = verdict(
            client,
            image("well-behaved", ""),
            "serves-http",
            port=3000,
            wait_seconds=2.0,
            probes=[{"path": f"/cgi-bin/{name}"}],
        )
        assert found.outcome is Outcome.FAIL
        assert found.codes() == {code}


class TestServices:
    """A process tree, a log and an exit code are the kernel's and the engine's, not the image's."""

    @pytest.mark.parametrize(
        "name",
        ["prints-without-end", "one-endless-line", "has-two-hundred-children", "ignores-sigterm"],
    )
    def test_one_that_serves_all_the_same_is_seen_to(self, observed: Observed, name: str) -> None:
        facts: RunningFacts = observed("running", name).facts
        assert facts.serves
        assert facts.exit_code is None
        assert facts.usage is not None
        assert facts.restart is not None
        assert facts.restart.serves

    def test_a_log_is_read_to_a_bound(self, observed: Observed) -> None:
        facts: RunningFacts = observed("running", "prints-without-end").facts
        assert 0 < facts.log.stdout_lines <= 20_000
        assert len(facts.log_tail) <= 10

    def test_an_escape_sequence_is_written_out_or_left_out(self, observed: Observed) -> None:
        facts: RunningFacts = observed("running", "moves-the-cursor").facts
        assert any("red" in line for line in facts.log_tail)
        assert not any("owned" in line for line in facts.log_tail)

    def test_one_that_ends_is_told_with_its_exit_code(self, observed: Observed) -> None:
        at_once: RunningFacts = observed("running", "ends-at-once").facts
        assert not at_once.serves
        assert at_once.exit_code == 3
        assert at_once.log_tail == ("no database",)
        early: ShutdownFacts = observed("stopped", "ends-after-an-answer").facts
        assert 4 in {early.ended_early, early.exit_code}
        assert not early.killed

    def test_one_that_comes_up_only_once_does_not_restart(self, observed: Observed) -> None:
        facts: RunningFacts = observed("running", "comes-up-only-once").facts
        assert facts.serves
        assert facts.restart is not None
        assert not facts.restart.serves
        assert facts.restart.exit_code == 5

    def test_a_command_line_cannot_forge_another_process(self, observed: Observed) -> None:
        facts: RunningFacts = observed("running", "forges-its-processes").facts
        assert facts.processes is not None
        assert facts.processes.first is not None
        assert facts.processes.first.uid == 0
        assert all(p.uid == 0 and p.name != "nginx" for p in facts.processes.processes)

    def test_every_child_is_counted(self, observed: Observed) -> None:
        facts: RunningFacts = observed("running", "has-two-hundred-children").facts
        assert facts.processes is not None
        assert 200 < len(facts.processes.processes) <= PIDS_LIMIT

    def test_forks_without_end_stop_at_the_limit(self, observed: Observed) -> None:
        facts: RunningFacts = observed("running", "forks-without-end").facts
        assert not facts.serves
        assert facts.exit_code == 2
        assert "can't fork" in facts.log_tail[-1]

    @pytest.mark.parametrize("name", ["ignores-sigterm", "has-two-hundred-children"])
    def test_one_that_ignores_the_signal_is_killed_after_the_grace_period(
        self, observed: Observed, name: str
    ) -> None:
        facts: ShutdownFacts = observed("stopped", name).facts
        assert facts.killed
        assert facts.exit_code == 137
        assert 0.9 < facts.stop_seconds < 10


class TestChecks:
    """What a HEALTHCHECK prints, forks or refuses to end is Docker's to bear, and seen to end."""

    def test_a_gigabyte_of_output_is_a_passing_check_with_a_short_output(
        self, observed: Observed
    ) -> None:
        facts: HealthFacts = observed("checked", "a-gigabyte").facts
        assert facts.checks
        assert all(len(check.output) < 2_000 for check in facts.checks)

    @pytest.mark.parametrize("name", ["without-end", "never-ends", "forks-without-end"])
    def test_a_check_without_an_end_never_makes_it_healthy(
        self, observed: Observed, name: str
    ) -> None:
        facts: HealthFacts = observed("checked", name).facts
        assert facts.healthy_seconds is None
        assert facts.hang is None
        assert all(check.exit_code != 0 for check in facts.checks)

    def test_a_check_that_moves_the_cursor_is_readable(self, observed: Observed) -> None:
        facts: HealthFacts = observed("checked", "moves-the-cursor").facts
        assert facts.healthy_seconds is not None
        assert any("red" in check.output for check in facts.checks)


def verdict(client: docker.DockerClient, image: str, name: str, **params: Any) -> Verdict:
    wanted = [criterion(name, params)]
    (found,) = judge(wanted, observe(Subject(client, image), collect_requests(wanted)))
    return found
