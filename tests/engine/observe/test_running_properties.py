"""The properties of a running service, each on right and wrong subjects.

The wrong ones are one static BusyBox, so that a container starts at once. The right one is the
sample service as the first exercise's solution builds it.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest

from helpers.engine.connect import Engine
from helpers.engine.ensure import ensure_for
from helpers.judge.judge import collect_requests, criterion, judge
from helpers.judge.verdict import Outcome, Verdict
from helpers.observe.observe import observe
from helpers.observe.subject import Subject

MakeImage = Callable[..., str]

ROOT = Path(__file__).parents[3]
SHELL = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\nENV PATH=/bin\n"
PAGE = {"index.html": b"hello"}
WEB = SHELL + "COPY index.html /www/index.html\nEXPOSE 3000\n"
HTTPD = "busybox httpd -f -p 3000 -h /www"
ORDER = '{"customer": "Ada", "items": [{"sku": "TEA-1", "quantity": 2, "priceCents": 450}]}'
ORDERS: dict[str, Any] = {"path": "/orders", "method": "POST", "body": ORDER}


def script(text: str, before: str = "") -> str:
    """A Dockerfile whose process 1 is a shell that runs this."""
    return f'{WEB}{before}CMD ["/bin/sh", "-c", "{text}"]\n'


@pytest.fixture(scope="module")
def orders(engine: Engine, make_image: MakeImage) -> str:
    ensure_for(
        engine,
        ("node:26-trixie-slim", "gcr.io/distroless/nodejs26-debian13:nonroot", "busybox:1.37"),
    )
    listed = subprocess.run(
        ["git", "ls-files", "apps/orders"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    files = {name.removeprefix("apps/orders/"): (ROOT / name).read_bytes() for name in listed}
    solution = ROOT / "solutions" / "01-multi-stage" / "files"
    files[".dockerignore"] = (solution / ".dockerignore").read_bytes()
    return make_image((solution / "Dockerfile").read_text(), files)


@pytest.fixture(scope="module")
def judged(client: docker.DockerClient) -> Callable[..., dict[str, Verdict]]:
    """Verdicts by property; what they need is observed once for all of them."""

    def judge_all(image: str, *ids: str, **params: Any) -> dict[str, Verdict]:
        criteria = []
        for name in ids:
            known = criterion(name, {"database": "X"} if "database" in name else {}).params
            criteria.append(
                criterion(name, {k: v for k, v in params.items() if k in type(known).model_fields})
            )
        seen = observe(Subject(client, image), collect_requests(criteria))
        return dict(zip(ids, judge(criteria, seen), strict=True))

    return judge_all


def passes(verdicts: dict[str, Verdict]) -> None:
    wrong = {name: v for name, v in verdicts.items() if v.outcome is not Outcome.PASS}
    assert not wrong


def fails(verdict: Verdict, *codes: str) -> str:
    assert verdict.outcome is Outcome.FAIL, verdict
    assert verdict.codes() == set(codes), verdict
    return " ".join(e.text for e in verdict.evidence)


HARDENED = (
    "runs-hardened",
    "runs-read-only",
    "runs-as-any-user",
    "runs-without-capabilities",
    "runs-with-no-new-privileges",
    "runs-within-memory",
)
RUNNING = (
    "logs-to-stdout",
    "logs-json",
    "no-secrets-in-logs",
    "no-log-files",
    "few-processes",
    "process-not-root",
    "restarts-after-crash",
)
SHUTDOWN = (
    "stops-in-time",
    "stop-exit-code",
    "finishes-requests",
    "refuses-new-requests",
    "signal-forwarded",
    "stop-signal-handled",
)
HEALTH = (
    "healthcheck-declared",
    "healthcheck-timing",
    "becomes-healthy",
    "healthcheck-notices-hang",
    "healthcheck-not-always-true",
    "healthcheck-cheap",
)


class TestTheSampleService:
    def test_serves_with_everything_taken_away(self, orders: str, judged: Any) -> None:
        passes(judged(orders, *HARDENED, path="/healthz"))

    def test_runs_logs_and_restarts_as_it_should(self, orders: str, judged: Any) -> None:
        passes(judged(orders, *RUNNING, path="/orders"))

    def test_stops_in_order_and_says_goodbye_to_its_database(
        self, engine: Engine, orders: str, judged: Any
    ) -> None:
        ensure_for(engine, ("postgres:17-trixie",))
        found = judged(
            orders,
            *SHUTDOWN,
            "closes-database-connections",
            path="/orders",
            method="POST",
            body=ORDER,
            database="DATABASE_URL",
        )
        passes(found)
        assert "answered with 201" in found["finishes-requests"].summary

    def test_node_as_process_1_leaves_zombies_and_the_engine_s_init_does_not(
        self, orders: str, judged: Any
    ) -> None:
        text = fails(judged(orders, "reaps-zombies", path="/orders")["reaps-zombies"], "zombies")
        assert "3 of them were still zombies" in text
        passes(judged(orders, "reaps-zombies", path="/orders", init=True))

    def test_one_that_exits_at_once_loses_requests_and_database_sessions(
        self, engine: Engine, orders: str, make_image: MakeImage, judged: Any
    ) -> None:
        ensure_for(engine, ("postgres:17-trixie",))
        image = make_image(
            f"FROM {orders}\n"
            'CMD ["-e", "process.once(\'SIGTERM\', () => process.exit(0));'
            " require('/app/server.cjs')\"]\n"
        )
        found = judged(
            image,
            "finishes-requests",
            "closes-database-connections",
            "stops-in-time",
            path="/orders",
            method="POST",
            body=ORDER,
            database="DATABASE_URL",
        )
        fails(found["finishes-requests"], "dropped")
        text = fails(found["closes-database-connections"], "broken")
        assert "PostgreSQL's own log" in text
        assert found["stops-in-time"].passed


class TestShutdown:
    def test_a_process_1_without_a_handler_is_killed_after_docker_s_ten_seconds(
        self, make_image: MakeImage, judged: Any
    ) -> None:
        words = ", ".join(f'"{word}"' for word in f"/bin/{HTTPD}".split())
        image = make_image(f"{WEB}CMD [{words}]\n", PAGE)
        began = time.monotonic()
        found = judged(image, *SHUTDOWN, "reaps-zombies")
        assert 10 < time.monotonic() - began < 20
        assert "10 s later it still ran" in fails(found["stops-in-time"], "killed")
        assert "137" in found["stop-exit-code"].summary
        fails(found["stop-exit-code"], "killed")
        assert "httpd" in fails(found["stop-signal-handled"], "no-handler")
        fails(found["refuses-new-requests"], "still-serving")
        assert "killed" in found["finishes-requests"].codes()
        assert found["signal-forwarded"].outcome is Outcome.UNKNOWN
        assert found["reaps-zombies"].passed

    def test_a_shell_around_the_service_keeps_the_signal(
        self, make_image: MakeImage, judged: Any
    ) -> None:
        image = make_image(script(f"{HTTPD}; true"), PAGE)
        found = judged(image, *SHUTDOWN, grace_seconds=1.5)
        text = fails(found["signal-forwarded"], "not-forwarded")
        assert "did not pass it on" in text
        assert "httpd" in text
        fails(found["stop-signal-handled"], "no-handler")
        fails(found["stops-in-time"], "killed")

    def test_a_shell_that_ends_without_its_service_loses_its_requests(
        self, make_image: MakeImage, judged: Any
    ) -> None:
        image = make_image(script(f"trap 'exit 3' TERM; {HTTPD} & wait"), PAGE)
        found = judged(image, *SHUTDOWN)
        assert "exit code 3" in fails(found["stop-exit-code"], "exit-code")
        assert "was in flight when SIGTERM came" in fails(found["finishes-requests"], "dropped")
        assert found["stops-in-time"].passed
        assert found["refuses-new-requests"].passed

    def test_another_stop_signal_is_the_one_that_is_sent(
        self, make_image: MakeImage, judged: Any
    ) -> None:
        text = f"trap 'exit 0' QUIT; {HTTPD} & while true; do sleep 1 & wait $!; done"
        right = make_image(script(text, "STOPSIGNAL 3\n"), PAGE)
        passes(judged(right, "stops-in-time", "stop-exit-code", "stop-signal-handled"))
        wrong = make_image(script(text), PAGE)
        found = judged(wrong, "stop-signal-handled", grace_seconds=1.2)
        assert "SIGQUIT" in fails(found["stop-signal-handled"], "no-handler")

    def test_a_process_1_that_never_asks_for_exit_codes_leaves_zombies(
        self, make_image: MakeImage, judged: Any
    ) -> None:
        image = make_image(
            f'{WEB}COPY start /start\nCMD ["/bin/sh", "/start"]\n',
            # The shell becomes `tail`, which waits for nobody.
            PAGE | {"start": f"{HTTPD} & exec busybox tail -f /dev/null\n".encode()},
        )
        fails(judged(image, "reaps-zombies")["reaps-zombies"], "zombies")

    def test_what_does_not_serve_is_not_judged(self, make_image: MakeImage, judged: Any) -> None:
        image = make_image(script("echo no database >&2; exit 4"), PAGE)
        found = judged(image, *SHUTDOWN, *RUNNING, *HARDENED, "reaps-zombies", wait_seconds=3)
        unknown = {name for name, v in found.items() if v.outcome is Outcome.UNKNOWN}
        # What it did log was seen, all the same.
        assert set(found) - unknown == {"logs-to-stdout", "logs-json"}
        assert "no database" in found["stops-in-time"].summary

    def test_without_a_port_nothing_is_asked(self, make_image: MakeImage, judged: Any) -> None:
        image = make_image(SHELL + 'CMD ["/bin/busybox", "sleep", "60"]\n')
        found = judged(image, "stops-in-time", "runs-read-only", "logs-json")
        assert {v.outcome for v in found.values()} == {Outcome.UNKNOWN}
        assert "EXPOSE" in found["stops-in-time"].summary


class TestRunTime:
    def test_one_that_writes_to_its_image_needs_a_writable_one(
        self, make_image: MakeImage, judged: Any
    ) -> None:
        image = make_image(script(f"echo $$ >/run.pid && exec {HTTPD}"), PAGE)
        found = judged(image, *HARDENED)
        assert "Read-only file system" in fails(found["runs-read-only"], "needs-writing")
        assert "Permission denied" in fails(found["runs-as-any-user"], "needs-its-user")
        assert "read-only root" in fails(found["runs-hardened"], "not-serving")
        assert found["runs-within-memory"].passed
        assert found["runs-with-no-new-privileges"].passed

    def test_one_that_changes_owners_needs_a_capability(
        self, make_image: MakeImage, judged: Any
    ) -> None:
        image = make_image(script(f"busybox chown 12 /www && exec {HTTPD}"), PAGE)
        found = judged(image, *HARDENED)
        fails(found["runs-without-capabilities"], "needs-capability")
        fails(found["runs-as-any-user"], "needs-its-user")

    def test_one_that_becomes_root_by_setuid_needs_new_privileges(
        self, make_image: MakeImage, judged: Any
    ) -> None:
        before = "COPY --chmod=4755 busybox /bin/su\nCOPY passwd /etc/passwd\nUSER 1000\n"
        image = make_image(
            script(f"exec /bin/su -s /bin/sh -c 'exec {HTTPD}' root", before),
            PAGE | {"passwd": b"root::0:0::/:/bin/sh\nme:x:1000:1000::/:/bin/sh\n"},
        )
        found = judged(image, *HARDENED, "process-not-root")
        fails(found["runs-with-no-new-privileges"], "needs-privileges")
        assert "is uid 0" in fails(found["process-not-root"], "root-process")

    def test_one_that_takes_more_memory_than_it_may(
        self, make_image: MakeImage, judged: Any
    ) -> None:
        greedy = "busybox dd if=/dev/zero of=/dev/null bs=60M count=1"
        image = make_image(script(f"{greedy} && exec {HTTPD}"), PAGE)
        found = judged(image, *HARDENED, memory_mb=32)
        fails(found["runs-within-memory"], "needs-memory")
        assert found["runs-read-only"].passed

    def test_one_that_starts_a_crowd_as_root(self, make_image: MakeImage, judged: Any) -> None:
        crowd = " ".join("busybox sleep 600 &" for _ in range(5))
        image = make_image(script(f"{crowd} exec {HTTPD}"), PAGE)
        found = judged(image, "few-processes", "process-not-root")
        assert "sleep 600" in fails(found["few-processes"], "too-many")
        assert "6 processes" in found["process-not-root"].summary
        fails(found["process-not-root"], "root-process")

    @pytest.mark.parametrize(
        "start",
        [
            f"busybox test -e /pid && exit 5; echo 1 >/pid; exec {HTTPD}",
            f"busybox mkdir /data && exec {HTTPD}",
        ],
    )
    def test_one_that_cannot_start_twice(
        self, make_image: MakeImage, judged: Any, start: str
    ) -> None:
        image = make_image(script(start), PAGE)
        found = judged(image, "restarts-after-crash", "no-log-files")
        assert "exit code" in fails(found["restarts-after-crash"], "not-again")
        assert found["no-log-files"].passed


class TestLogging:
    def test_one_that_says_nothing(self, make_image: MakeImage, judged: Any) -> None:
        found = judged(make_image(script(f"exec {HTTPD}"), PAGE), *RUNNING)
        assert "shows nothing" in fails(found["logs-to-stdout"], "silent")
        assert found["logs-json"].outcome is Outcome.UNKNOWN

    def test_one_that_writes_a_file_instead(self, make_image: MakeImage, judged: Any) -> None:
        start = f"busybox mkdir -p /var/log; echo up >/var/log/web.log; exec {HTTPD}"
        found = judged(make_image(script(start), PAGE), *RUNNING)
        assert "/var/log/web.log" in fails(found["logs-to-stdout"], "silent", "log-file")
        assert found["no-log-files"].evidence[0].path == "/var/log/web.log"
        fails(found["no-log-files"], "log-file")

    def test_one_that_prints_its_environment(self, make_image: MakeImage, judged: Any) -> None:
        found = judged(
            make_image(script(f"busybox env; exec {HTTPD}"), PAGE),
            *RUNNING,
            env={"DATABASE_URL": "postgres://me:hunter2hunter2@db/x"},
        )
        text = fails(found["no-secrets-in-logs"], "secret")
        assert "API_TOKEN" in text
        assert "the password in the environment variable DATABASE_URL" in text
        assert "hunter2" not in text
        fails(found["logs-json"], "not-json")

    def test_json_without_level_or_time(self, make_image: MakeImage, judged: Any) -> None:
        before = "COPY start /start\n"
        start = f"""echo '{{"msg": "up"}}'; exec {HTTPD}\n""".encode()
        image = make_image(f'{WEB}{before}CMD ["/bin/sh", "/start"]\n', PAGE | {"start": start})
        fails(judged(image, "logs-json")["logs-json"], "no-level", "no-time")

    def test_one_that_prints_without_end_costs_neither_memory_nor_time(
        self, make_image: MakeImage, judged: Any
    ) -> None:
        noise = "yes again-and-again-and-again-and-again-and-again"
        image = make_image(script(f"busybox {noise} & exec {HTTPD}"), PAGE)
        began = time.monotonic()
        found = judged(image, *RUNNING)
        assert time.monotonic() - began < 30
        fails(found["logs-json"], "not-json")
        assert found["logs-to-stdout"].passed


class TestHealth:
    def web(self, make_image: MakeImage, check: str) -> str:
        return make_image(f"{WEB}{check}\nCMD /bin/{HTTPD}\n".replace("CMD /", "CMD exec /"), PAGE)

    def test_a_request_to_the_service_is_a_good_check(
        self, make_image: MakeImage, judged: Any
    ) -> None:
        image = self.web(
            make_image,
            "HEALTHCHECK --interval=10s --timeout=1s "
            'CMD ["/bin/busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:3000/"]',
        )
        found = judged(image, *HEALTH)
        passes(found)
        assert "within 33 s" in found["healthcheck-timing"].summary

    def test_a_check_that_is_always_true(self, make_image: MakeImage, judged: Any) -> None:
        image = self.web(
            make_image, "HEALTHCHECK CMD busybox wget -q http://127.0.0.1:1/ || exit 0"
        )
        found = judged(image, *HEALTH)
        text = fails(found["healthcheck-not-always-true"], "passes-without-service")
        assert "never fails" in text
        fails(found["healthcheck-notices-hang"], "not-noticed")
        fails(found["healthcheck-timing"], "slow-to-notice", "long-timeout")
        assert found["becomes-healthy"].passed

    def test_a_check_that_only_looks_for_the_process(
        self, make_image: MakeImage, judged: Any
    ) -> None:
        image = self.web(make_image, "HEALTHCHECK CMD busybox grep -q httpd /proc/1/cmdline")
        found = judged(image, *HEALTH)
        fails(found["healthcheck-notices-hang"], "not-noticed")
        assert found["healthcheck-not-always-true"].passed

    def test_a_check_that_is_not_in_the_image(self, make_image: MakeImage, judged: Any) -> None:
        image = self.web(make_image, 'HEALTHCHECK CMD ["curl", "-f", "http://127.0.0.1:3000/"]')
        found = judged(image, *HEALTH, wait_seconds=3)
        assert "curl" in fails(found["becomes-healthy"], "never-healthy")
        assert found["healthcheck-notices-hang"].outcome is Outcome.UNKNOWN

    def test_a_check_that_is_slow_and_busy(self, make_image: MakeImage, judged: Any) -> None:
        busy = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; busybox sleep 1"
        image = self.web(make_image, f"HEALTHCHECK --interval=1s --retries=1 CMD {busy}")
        found = judged(image, *HEALTH)
        fails(found["healthcheck-cheap"], "slow", "costly")
        assert {"too-often", "few-retries"} <= found["healthcheck-timing"].codes()

    @pytest.mark.parametrize(
        ("check", "code"), [("", "no-healthcheck"), ("HEALTHCHECK NONE", "disabled")]
    )
    def test_none_at_all(self, make_image: MakeImage, judged: Any, check: str, code: str) -> None:
        found = judged(self.web(make_image, check), *HEALTH)
        fails(found["healthcheck-declared"], code)
        fails(found["becomes-healthy"], "no-healthcheck")
        assert found["healthcheck-cheap"].outcome is Outcome.UNKNOWN

    def test_a_lost_database_is_noticed_by_readiness_and_not_by_liveness(
        self, engine: Engine, orders: str, make_image: MakeImage, judged: Any
    ) -> None:
        ensure_for(engine, ("postgres:17-trixie",))
        notices = "healthcheck-notices-lost-database"
        survives = "healthcheck-survives-lost-database"

        def checked(path: str) -> dict[str, Verdict]:
            ask = (
                f"fetch('http://127.0.0.1:3000/{path}')"
                ".then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"
            )
            image = make_image(
                f'FROM {orders}\nHEALTHCHECK --timeout=2s CMD ["/nodejs/bin/node", "-e", "{ask}"]\n'
            )
            found: dict[str, Verdict] = judged(image, notices, survives, database="DATABASE_URL")
            return found

        readiness, liveness = checked("readyz"), checked("healthz")
        assert readiness[notices].passed
        fails(readiness[survives], "takes-it-down")
        assert liveness[survives].passed
        fails(liveness[notices], "not-noticed")
        for plain in judged(orders, notices, survives, database="DATABASE_URL").values():
            fails(plain, "no-healthcheck")
