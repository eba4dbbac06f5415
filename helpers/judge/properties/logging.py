"""What a service logs, and where."""

from __future__ import annotations

from pydantic import Field

from helpers.judge.property import Property
from helpers.judge.service_words import (
    SEE_SERVES,
    RunningParams,
    ServiceParams,
    running_needs,
    sampled,
    why_not_running,
)
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import at_most, could_not_tell, counted, failed, not_observed, passed
from helpers.observe.probe_log import ProbeLogRequest
from helpers.observe.requests import Observations
from helpers.observe.running import RunningFacts

_CONTAINER = "a container of the image"


class JsonLogParams(RunningParams):
    """Parameters of ``logs-json``."""

    plain_lines: int = Field(
        0, ge=0, description="Lines that may be no JSON, for example of the runtime. No unit."
    )


class QuietProbesParams(ServiceParams):
    """Parameters of ``logs-quiet-probes``."""

    path: str = Field(
        "/healthz", description="Path of the GET request that a machine repeats. No unit."
    )
    times: int = Field(20, ge=2, le=200, description="How often it is asked. No unit.")

    def request(self) -> ProbeLogRequest:
        """What has to be observed."""
        return ProbeLogRequest(self.service(), self.times)


def _facts(params: RunningParams, observations: Observations) -> RunningFacts | Verdict:
    facts = observations.answer(params.request())
    if facts is None:
        return not_observed(observations, params.request(), _CONTAINER)
    return facts


def judge_stdout(params: RunningParams, observations: Observations) -> Verdict:
    """Something is logged, where Docker collects it."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    log = facts.log
    if log.lines:
        streams = [
            counted(n, f"line on {name}", f"lines on {name}")
            for n, name in ((log.stdout_lines, "stdout"), (log.stderr_lines, "stderr"))
            if n
        ]
        return passed(f"The service logged {' and '.join(streams)}.")
    reason = why_not_running(facts)
    if reason:
        return could_not_tell(reason)
    asked = counted(len(facts.responses), "request")
    text = f"It started and answered {asked}, and `docker logs` shows nothing."
    evidence = [Evidence("silent", text)]
    evidence += [
        Evidence("log-file", f"It wrote {path} instead.", path=path) for path in facts.log_files
    ]
    return failed("The service logs nothing to its standard streams.", at_most(evidence, "file"))


def judge_json(params: JsonLogParams, observations: Observations) -> Verdict:
    """Every line is a JSON object with level and time."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    log = facts.log
    if not log.lines:
        return could_not_tell(why_not_running(facts) or "the service logged nothing")
    plain = log.lines - log.json_lines
    evidence: list[Evidence] = []
    if plain > params.plain_lines:
        evidence += sampled("not-json", log.not_json, plain, "Not a JSON object")
    for count, lines, code, what in (
        (log.with_level, log.without_level, "no-level", "No level"),
        (log.with_time, log.without_time, "no-time", "No time"),
    ):
        if count < log.json_lines:
            evidence += sampled(code, lines, log.json_lines - count, what)
    if evidence:
        return failed(
            f"{log.json_lines} of {counted(log.lines, 'line')} are JSON, {log.with_level} with a "
            f"level, {log.with_time} with a time.",
            evidence,
        )
    return passed(
        f"{log.json_lines} of {counted(log.lines, 'line')} are JSON objects with level and time."
    )


def judge_no_secrets(params: RunningParams, observations: Observations) -> Verdict:
    """None of the secrets that it was given comes out."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    leaks = facts.log.leaks
    if leaks:
        return failed(
            f"{counted(len(leaks), 'secret')} came out in the log.",
            [
                Evidence("secret", f"The value of {leak.secret} is on {leak.stream}: `{leak.line}`")
                for leak in leaks
            ],
        )
    reason = why_not_running(facts)
    if reason:
        return could_not_tell(f"nothing came out, but {reason}")
    return passed(
        f"No secret is in {counted(facts.log.lines, 'line')}: neither from the environment, nor "
        "from headers, cookies or bodies of requests."
    )


def judge_no_log_files(params: RunningParams, observations: Observations) -> Verdict:
    """No file of the container's own layer looks like a log."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    if facts.log_files:
        return failed(
            f"The service wrote {counted(len(facts.log_files), 'log file')}.",
            at_most(
                [
                    Evidence("log-file", f"{path} was written while it served.", path=path)
                    for path in facts.log_files
                ],
                "file",
            ),
        )
    reason = why_not_running(facts)
    if reason:
        return could_not_tell(reason)
    written = sum(not c.folder for c in facts.changes)
    return passed(f"{counted(written, 'file')} written while it served, none of them a log.")


def judge_quiet_probes(params: QuietProbesParams, observations: Observations) -> Verdict:
    """Fewer lines than questions."""
    facts = observations.answer(params.request())
    if facts is None:
        return not_observed(observations, params.request(), _CONTAINER)
    asked = f"GET {params.path}, asked {params.times} times"
    if not facts.serves:
        why = facts.start_error or f"it does not answer GET {params.path}"
        return could_not_tell(f"{why} ({SEE_SERVES})")
    if facts.lines < params.times:
        return passed(f"{asked}, made {counted(facts.lines, 'line')} of log.")
    return failed(
        f"{asked}, made {counted(facts.lines, 'line')} of log.",
        [Evidence("flooded", f"The last ones: `{' / '.join(facts.last)}`")],
    )


def _quiet_needs(params: QuietProbesParams) -> tuple[ProbeLogRequest, ...]:
    return (params.request(),)


_FAMILY = "logging"

PROPERTIES = (
    Property(
        id="logs-to-stdout",
        family=_FAMILY,
        title="The service logs to its standard streams",
        meaning="Docker and Kubernetes collect what a process writes to stdout and stderr, and "
        "nothing else. The service is started and asked, then its log is read from the engine.",
        source="https://docs.docker.com/engine/logging/",
        params=RunningParams,
        codes={
            "silent": "nothing was written to stdout or stderr",
            "log-file": "a log file was written instead",
        },
        needs=running_needs,
        judge=judge_stdout,
        remedy="Let the logger write to standard output; link a log file that cannot be moved to "
        "/dev/stdout.",
        weight=3,
    ),
    Property(
        id="logs-json",
        family=_FAMILY,
        title="Each log line is one JSON object with level and time",
        meaning="One object a line can be searched and filtered without guessing where an entry "
        "ends. Every line is read; the usual names of level and time are known.",
        source="https://kubernetes.io/docs/concepts/cluster-administration/system-logs/#json-log-format",
        params=JsonLogParams,
        codes={
            "not-json": "a line is no JSON object",
            "no-level": "a line has no level",
            "no-time": "a line has no time",
        },
        needs=running_needs,
        judge=judge_json,
        remedy="Use a logger that writes JSON, also for what is logged before it is set up and for "
        "uncaught errors.",
        weight=1,
    ),
    Property(
        id="no-secrets-in-logs",
        family=_FAMILY,
        title="No secret is in the log",
        meaning="The service gets secrets that nobody else knows: in environment variables, in the "
        "Authorization and Cookie headers and in the body of a request. Then they are looked "
        "for in what it logged; so are passwords in its own variables.",
        source="https://cheatsheetseries.owasp.org/cheatsheets/Logging_Cheat_Sheet.html#data-to-exclude",
        params=RunningParams,
        codes={"secret": "a secret is in the log"},
        needs=running_needs,
        judge=judge_no_secrets,
        remedy="Log no environment, no headers and no bodies as a whole; let the logger redact "
        "fields by name.",
        weight=5,
    ),
    Property(
        id="no-log-files",
        family=_FAMILY,
        title="The service writes no log files",
        meaning="A log file in a container grows until the disk is full, and is gone with the "
        "container. What differs from the image after the requests is looked through for "
        "names of logs; volumes and tmpfs are not part of that.",
        source="https://12factor.net/logs",
        params=RunningParams,
        codes={"log-file": "a file that looks like a log was written"},
        needs=running_needs,
        judge=judge_no_log_files,
        remedy="Turn the file output of the logger off and let it write to standard output.",
        weight=2,
    ),
    Property(
        id="logs-quiet-probes",
        family=_FAMILY,
        title="Health checks do not fill the log",
        meaning="An orchestrator asks every few seconds, of every replica, for ever. The service "
        "is asked so many times, and its log must grow by fewer lines than that. Failing checks "
        "may be logged.",
        source="https://kubernetes.io/docs/concepts/cluster-administration/logging/",
        params=QuietProbesParams,
        codes={"flooded": "every health check is logged"},
        needs=_quiet_needs,
        judge=judge_quiet_probes,
        remedy="Log no requests to the paths of health checks and metrics, as long as they are "
        "answered well.",
        weight=1,
    ),
)
