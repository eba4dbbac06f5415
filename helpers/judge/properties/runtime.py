"""What a service can do without: a user of its own, a writable file system, rights, memory."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from helpers.judge.property import Property
from helpers.judge.service_words import (
    RunningParams,
    ServiceParams,
    last_words,
    running_needs,
    shown_process,
    why_not_running,
)
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    at_most,
    could_not_tell,
    counted,
    failed,
    listed,
    not_observed,
    passed,
)
from helpers.observe.hardened import Attempt, HardenedFacts, HardenedRequest, Restriction
from helpers.observe.requests import Observations
from helpers.units import format_bytes

_CONTAINER = "a container of the image"


class HardenedParams(ServiceParams):
    """How little the service gets."""

    uid: int = Field(
        10_654, ge=1, le=4_000_000_000, description="Numeric user that the image does not know."
    )
    memory_mb: int = Field(
        256, ge=16, description="Memory limit of the container, in MB (10^6 bytes)."
    )
    pids: int = Field(64, ge=2, description="Most processes and threads. No unit.")
    tmpfs: tuple[str, ...] = Field(
        ("/tmp",),  # noqa: S108 - a path inside a container
        description="Folders that stay writable, in memory. No unit.",
    )

    def request(self) -> HardenedRequest:
        """What has to be observed."""
        return HardenedRequest(self.service(), self.uid, self.memory_mb, self.pids, self.tmpfs)


class FewProcessesParams(RunningParams):
    """Parameters of ``few-processes``."""

    max_processes: int = Field(4, ge=1, description="Most processes at once. No unit.")
    max_threads: int = Field(64, ge=1, description="Most processes and threads. No unit.")


def _in_words(restriction: Restriction, params: HardenedParams) -> str:
    writable = listed(params.tmpfs) or "nothing"
    return {
        "uid": f"as user {params.uid}:0",
        "read-only": f"with a read-only root file system ({writable} writable)",
        "capabilities": "with all capabilities dropped",
        "no-new-privileges": "with no-new-privileges",
        "memory": f"with {params.memory_mb} MB of memory",
        "pids": f"with at most {params.pids} processes and threads",
    }[restriction]


def _judge_restriction(
    restriction: Restriction, code: str, params: HardenedParams, observations: Observations
) -> Verdict:
    facts = observations.answer(params.request())
    if facts is None:
        return not_observed(observations, params.request(), _CONTAINER)
    how = _in_words(restriction, params)
    if facts.together.serves:
        return passed(f"The service serves {how}, and with the other restrictions at once.")
    alone = next((a for a in facts.alone if a.restrictions == (restriction,)), None)
    if alone is None:
        return _without_any(facts)
    if alone.serves:
        return passed(f"The service serves {how}.")
    return failed(f"The service does not serve {how}.", [Evidence(code, _story(alone, how))])


def _without_any(facts: HardenedFacts) -> Verdict:
    plain = facts.plain or facts.together
    return could_not_tell(
        f"the service does not serve without restrictions, either: {_what_happened(plain)}"
    )


def _story(attempt: Attempt, how: str) -> str:
    return f"{how[0].upper()}{how[1:]}, {_what_happened(attempt)}."


def _what_happened(attempt: Attempt) -> str:
    if attempt.start_error:
        return f"the engine could not start it: {attempt.start_error.rstrip('.')}"
    if attempt.oom_killed:
        return f"the kernel killed it for its memory (exit code {attempt.exit_code})"
    said = last_words(attempt.log_tail)
    if attempt.exit_code is not None:
        return f"it ended with exit code {attempt.exit_code}{said}"
    if attempt.status is not None:
        return f"it answered {attempt.status}{said}"
    return f"it gave no answer within {attempt.waited_seconds:g} s{said}"


def judge_hardened(params: HardenedParams, observations: Observations) -> Verdict:
    """Everything at once."""
    facts = observations.answer(params.request())
    if facts is None:
        return not_observed(observations, params.request(), _CONTAINER)
    together = facts.together
    if together.serves:
        used = (
            f", with {format_bytes(together.usage.memory_bytes)} of memory"
            if together.usage
            else ""
        )
        seconds = f"{together.ready_seconds or 0:.1f} s"
        return passed(f"With every restriction at once, the service is ready in {seconds}{used}.")
    if facts.plain is None or not facts.plain.serves:
        return _without_any(facts)
    culprits = [_in_words(a.restrictions[0], params) for a in facts.alone if not a.serves]
    only = f" It fails {listed(culprits)}." if culprits else " Each restriction alone is borne."
    text = f"With every restriction at once, {_what_happened(together)}.{only}"
    return failed("The service does not serve hardened.", [Evidence("not-serving", text)])


def judge_read_only(params: HardenedParams, observations: Observations) -> Verdict:
    """Serves with a root file system that cannot be written."""
    return _judge_restriction("read-only", "needs-writing", params, observations)


def judge_any_uid(params: HardenedParams, observations: Observations) -> Verdict:
    """Serves as a user that the image does not know."""
    return _judge_restriction("uid", "needs-its-user", params, observations)


def judge_no_capabilities(params: HardenedParams, observations: Observations) -> Verdict:
    """Serves without capabilities."""
    return _judge_restriction("capabilities", "needs-capability", params, observations)


def judge_no_new_privileges(params: HardenedParams, observations: Observations) -> Verdict:
    """Serves where no setuid file gives rights."""
    return _judge_restriction("no-new-privileges", "needs-privileges", params, observations)


def judge_memory(params: HardenedParams, observations: Observations) -> Verdict:
    """Serves within a memory limit; says how much it held."""
    verdict = _judge_restriction("memory", "needs-memory", params, observations)
    facts = observations.answer(params.request())
    if verdict.passed and facts is not None and facts.together.usage is not None:
        used = format_bytes(facts.together.usage.memory_bytes)
        return passed(f"The service holds {used} of {params.memory_mb} MB.")
    return verdict


def judge_few_processes(params: FewProcessesParams, observations: Observations) -> Verdict:
    """No more processes and threads than wanted."""
    facts = observations.answer(params.request())
    if facts is None:
        return not_observed(observations, params.request(), _CONTAINER)
    reason = why_not_running(facts)
    if reason or facts.processes is None:
        return could_not_tell(reason or "the container ended while its processes were looked at")
    living = [p for p in facts.processes.processes if not p.zombie]
    threads = sum(p.threads for p in living)
    text = f"{counted(len(living), 'process', 'processes')} with {counted(threads, 'thread')}"
    if len(living) <= params.max_processes and threads <= params.max_threads:
        return passed(f"The container runs {text}.")
    evidence = [
        Evidence(
            "too-many",
            f"Process {p.pid} is {shown_process(p)}, uid {p.uid}, {counted(p.threads, 'thread')}.",
        )
        for p in living
    ]
    return failed(
        f"The container runs {text}, at most {params.max_processes} with "
        f"{counted(params.max_threads, 'thread')} wanted.",
        at_most(evidence, "process"),
    )


def judge_process_user(params: RunningParams, observations: Observations) -> Verdict:
    """No process of the running container is root, whatever the image says."""
    facts = observations.answer(params.request())
    if facts is None:
        return not_observed(observations, params.request(), _CONTAINER)
    reason = why_not_running(facts)
    tree = facts.processes
    if reason or tree is None or not tree.processes:
        return could_not_tell(reason or "the container ended while its processes were looked at")
    rooted = [p for p in tree.processes if p.uid == 0 and not p.zombie]
    if not rooted:
        uids = sorted({p.uid for p in tree.processes})
        return passed(f"Every process runs as uid {listed(str(uid) for uid in uids)}.")
    outside = (
        "root of the engine's machine, too"
        if tree.host_uid == 0
        else f"uid {tree.host_uid} of the engine's machine"
    )
    evidence = [
        Evidence("root-process", f"Process {p.pid}, {shown_process(p)}, is uid 0: {outside}.")
        for p in rooted
    ]
    return failed(
        f"{counted(len(rooted), 'process runs', 'processes run')} as root.",
        at_most(evidence, "process"),
    )


def judge_restarts(params: RunningParams, observations: Observations) -> Verdict:
    """The same container serves again after it was killed."""
    facts = observations.answer(params.request())
    if facts is None:
        return not_observed(observations, params.request(), _CONTAINER)
    reason = why_not_running(facts)
    if reason or facts.restart is None:
        return could_not_tell(reason or "the container was not started again")
    again = facts.restart
    if again.serves:
        return passed(
            f"After SIGKILL the same container serves again in {again.ready_seconds or 0:.1f} s."
        )
    if again.start_error:
        text = f"The engine could not start it again: {again.start_error.rstrip('.')}."
    elif again.exit_code is not None:
        text = f"It ended with exit code {again.exit_code}{last_words(again.log_tail)}."
    else:
        text = f"It gave no answer within {params.wait_seconds:g} s{last_words(again.log_tail)}."
    return failed(
        "After SIGKILL the same container does not serve again.", [Evidence("not-again", text)]
    )


def _needs(params: HardenedParams) -> tuple[HardenedRequest, ...]:
    return (params.request(),)


_FAMILY = "run-time"
_SHARED = (
    " One container is started with every restriction at once; only where that does not serve, "
    "each is tried alone, and none at all."
)


def _restricted(id: str, title: str, meaning: str, source: str, **more: Any) -> Property:  # noqa: A002
    return Property(
        id=id,
        family=_FAMILY,
        title=title,
        meaning=meaning + _SHARED,
        source=source,
        params=HardenedParams,
        needs=_needs,
        **more,
    )


_RUN = "https://docs.docker.com/reference/cli/docker/container/run/"

PROPERTIES = (
    _restricted(
        "runs-hardened",
        "The service runs with everything at once taken away",
        "User, writable file system, capabilities, new privileges, memory and processes are all "
        "restricted, as a cluster's restricted policy does.",
        "https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted",
        codes={"not-serving": "it does not serve with all restrictions together"},
        judge=judge_hardened,
        remedy="Take the restrictions one by one: the other properties of this family say which "
        "one the service does not bear.",
        weight=3,
    ),
    _restricted(
        "runs-read-only",
        "The service runs with a read-only root file system",
        "With `--read-only` an intruder can change neither the program nor the tools around it; "
        "only the folders of `tmpfs` can be written.",
        f"{_RUN}#read-only",
        codes={"needs-writing": "it does not serve where it cannot write"},
        judge=judge_read_only,
        remedy="Write below /tmp or in a volume only, make at build time what is made at the "
        "start, and log to standard output.",
        weight=3,
        covers=("docker-bench 5.13",),
    ),
    _restricted(
        "runs-as-any-user",
        "The service runs as any user",
        "Clusters give a service a numeric user of their own, which no file of the image belongs "
        "to and /etc/passwd does not know.",
        "https://docs.redhat.com/en/documentation/openshift_container_platform/4.17/html/images/"
        "creating-images#use-uid_create-images",
        codes={"needs-its-user": "it does not serve as another user"},
        judge=judge_any_uid,
        remedy="Make the files readable for everybody (COPY --chmod), ask for no entry in "
        "/etc/passwd, and write to /tmp only.",
        weight=2,
        covers=("docker-bench 4.1",),
    ),
    _restricted(
        "runs-without-capabilities",
        "The service runs without capabilities",
        "With `--cap-drop ALL` even root can neither change owners nor open raw sockets.",
        "https://docs.docker.com/engine/security/#linux-kernel-capabilities",
        codes={"needs-capability": "it does not serve without capabilities"},
        judge=judge_no_capabilities,
        remedy="Set USER instead of changing users at the start, set owners at build time "
        "(COPY --chown), and listen on a port of 1024 or more.",
        weight=3,
        covers=("docker-bench 5.4",),
    ),
    _restricted(
        "runs-with-no-new-privileges",
        "The service runs with no-new-privileges",
        "No setuid file gives rights to who runs it: `sudo`, `su` and their like end there.",
        "https://docs.docker.com/reference/cli/docker/container/run/#security-opt",
        codes={"needs-privileges": "it does not serve where setuid files give no rights"},
        judge=judge_no_new_privileges,
        remedy="Start the service directly as its user (USER), without sudo or another setuid "
        "program; gosu and setpriv need none.",
        weight=2,
        covers=("docker-bench 5.26",),
    ),
    _restricted(
        "runs-within-memory",
        "The service runs within its memory limit",
        "A service without a limit can take the machine's memory; one that needs more than its "
        "limit is killed by the kernel.",
        "https://docs.docker.com/engine/containers/resource_constraints/#memory",
        codes={"needs-memory": "it does not serve within the limit"},
        judge=judge_memory,
        remedy="Find what holds the memory, tell the runtime its limit (for Node.js "
        "--max-old-space-size), or give it what it measurably needs.",
        weight=2,
        covers=("docker-bench 5.11",),
    ),
    Property(
        id="few-processes",
        family=_FAMILY,
        title="The container runs one service",
        meaning="One container, one concern: the processes and threads are counted while it "
        "serves. Compilers in watch mode, package managers and supervisors show here.",
        source="https://docs.docker.com/build/building/best-practices/#decouple-applications",
        params=FewProcessesParams,
        codes={"too-many": "more processes or threads than wanted"},
        needs=running_needs,
        judge=judge_few_processes,
        remedy="Start the service itself, without npm, a watcher or a supervisor, and give other "
        "services containers of their own.",
        weight=2,
        covers=("docker-bench 5.29",),
    ),
    Property(
        id="process-not-root",
        family=_FAMILY,
        title="No process of the container is root",
        meaning="The uids are read from the kernel while the service runs, so that neither a "
        "renamed root nor an entrypoint that only seems to change its user is believed. It "
        "says, too, who that is outside the container.",
        source="https://docs.docker.com/engine/security/userns-remap/",
        params=RunningParams,
        codes={"root-process": "a process has uid 0"},
        needs=running_needs,
        judge=judge_process_user,
        remedy="Set USER to a numeric user that is not 0.",
        weight=4,
        covers=("dockle CIS-DI-0001", "hadolint DL3002", "docker-bench 4.1"),
    ),
    Property(
        id="restarts-after-crash",
        family=_FAMILY,
        title="The container can be started again",
        meaning="Restart policies start the same container again, with all that it wrote. It is "
        "killed (SIGKILL) and started: a stale pid file or socket, or a set-up that runs only "
        "once, shows here.",
        source="https://docs.docker.com/engine/containers/start-containers-automatically/",
        params=RunningParams,
        codes={"not-again": "it does not serve after it was killed"},
        needs=running_needs,
        judge=judge_restarts,
        remedy="Keep pid files and sockets out of the image's file system (in /run as tmpfs), and "
        "let every step of the start bear to be done twice.",
        weight=3,
        covers=("docker-bench 5.15",),
    ),
)
