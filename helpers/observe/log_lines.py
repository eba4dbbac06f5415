"""What a service writes to its log: is every line JSON with level and time, are secrets in it.

Source of what is wanted: https://12factor.net/logs and
https://cheatsheetseries.owasp.org/cheatsheets/Logging_Cheat_Sheet.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from helpers.observe.text import printable, without_escapes

#: Names under which loggers write level and time. Sources: pino, winston, zap, logrus, slog,
#: structlog, the Elastic Common Schema and OpenTelemetry's log data model.
LEVEL_NAMES = frozenset(
    {"level", "severity", "loglevel", "lvl", "log.level", "severitytext", "severity_text"}
)
TIME_NAMES = frozenset(
    {"time", "timestamp", "@timestamp", "ts", "datetime", "date", "t", "asctime", "eventtime"}
)
_SAMPLES = 5
_LONGEST = 300
_SHORTEST_SECRET = 6


@dataclass(frozen=True, slots=True)
class Leak:
    """A secret that was found in the log.

    Attributes:
        secret: where it came from, for example ``the environment variable DATABASE_URL``.
        stream: ``stdout`` or ``stderr``.
        line: the line, with the secret masked.
    """

    secret: str
    stream: str
    line: str


@dataclass(frozen=True, slots=True)
class LogFacts:
    """The log of one container.

    Attributes:
        stdout_lines: lines on standard output, without blank ones.
        stderr_lines: the same for standard error.
        json_lines: how many of both are one JSON object.
        with_level: how many of those have a level.
        with_time: how many of those have a time.
        not_json: the first lines that are no JSON object.
        without_level: the first JSON lines without a level.
        without_time: the first JSON lines without a time.
        leaks: secrets in it, each once.
    """

    stdout_lines: int = 0
    stderr_lines: int = 0
    json_lines: int = 0
    with_level: int = 0
    with_time: int = 0
    not_json: tuple[str, ...] = ()
    without_level: tuple[str, ...] = ()
    without_time: tuple[str, ...] = ()
    leaks: tuple[Leak, ...] = ()

    @property
    def lines(self) -> int:
        """Lines on both streams."""
        return self.stdout_lines + self.stderr_lines


def read_log(stdout: bytes, stderr: bytes, secrets: Mapping[str, str]) -> LogFacts:
    """Look at every line.

    Args:
        stdout: what was written to standard output.
        stderr: the same for standard error.
        secrets: values that must not be in it, by where they come from; short ones are left out,
            they could stand there by chance.
    """
    found: dict[str, list[str]] = {"not_json": [], "without_level": [], "without_time": []}
    counts = {"stdout": 0, "stderr": 0, "json": 0, "level": 0, "time": 0}
    leaks: dict[str, Leak] = {}
    wanted = {name: value for name, value in secrets.items() if len(value) >= _SHORTEST_SECRET}
    for stream, data in (("stdout", stdout), ("stderr", stderr)):
        for line in data.decode("utf-8", "replace").splitlines():
            if not line.strip():
                continue
            counts[stream] += 1
            for name, value in wanted.items():
                if value in line:
                    leaks.setdefault(name, Leak(name, stream, _shown(line, wanted)))
            entry = _object(line)
            if entry is None:
                found["not_json"].append(_shown(line, wanted))
                continue
            counts["json"] += 1
            names = {str(key).lower() for key in entry}
            for kind, known in (("level", LEVEL_NAMES), ("time", TIME_NAMES)):
                if names & known:
                    counts[kind] += 1
                else:
                    found[f"without_{kind}"].append(_shown(line, wanted))
    samples = {kind: tuple(lines[:_SAMPLES]) for kind, lines in found.items()}
    return LogFacts(
        stdout_lines=counts["stdout"],
        stderr_lines=counts["stderr"],
        json_lines=counts["json"],
        with_level=counts["level"],
        with_time=counts["time"],
        leaks=tuple(leaks.values()),
        **samples,
    )


def _object(line: str) -> dict[str, object] | None:
    if not line.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _shown(line: str, secrets: Mapping[str, str]) -> str:
    for value in secrets.values():
        line = line.replace(value, "***")
    return printable(without_escapes(line.strip()), _LONGEST)
