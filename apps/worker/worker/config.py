"""The environment, read once at the start: a typo stops the worker there, not at the first job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LOG_LEVELS = ("debug", "info", "warning", "error")


class WrongConfig(Exception):
    """A variable has a value that cannot be used. The text never repeats it: one is a password."""


@dataclass(frozen=True, slots=True)
class Config:
    """What the environment says.

    Attributes:
        database_url: where the queue is.
        poll_seconds: how long to wait before an empty queue is asked again.
        shutdown_timeout_seconds: how long the job in hand may take after a stop signal.
        work_seconds: how much longer a job takes on purpose, to try a stop out.
        log_level: what is logged.
        alive_file: touched in every round; empty for none.
    """

    database_url: str = field(repr=False)
    poll_seconds: float
    shutdown_timeout_seconds: float
    work_seconds: float
    log_level: str
    alive_file: str


def read_config(environment: Mapping[str, str]) -> Config:
    """An empty variable counts as unset.

    Raises:
        WrongConfig: naming the variable.
    """
    env = {name: value for name, value in environment.items() if value}
    return Config(
        database_url=_database_url(env),
        poll_seconds=_seconds(env, "POLL_SECONDS", 1.0, 0.05, 60),
        # By default Docker kills a container 10 s after SIGTERM, Kubernetes after 30 s.
        shutdown_timeout_seconds=_seconds(env, "SHUTDOWN_TIMEOUT_SECONDS", 8.0, 0.1, 3600),
        work_seconds=_seconds(env, "WORK_SECONDS", 0.0, 0, 3600),
        log_level=_log_level(env),
        alive_file=env.get("ALIVE_FILE", ""),
    )


def _seconds(env: Mapping[str, str], name: str, default: float, least: float, most: float) -> float:
    text = env.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise WrongConfig(f"{name} must be a number from {least:g} to {most:g}")
    return value


def _log_level(env: Mapping[str, str]) -> str:
    level = env.get("LOG_LEVEL", "info").lower()
    if level not in LOG_LEVELS:
        raise WrongConfig(f"LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}")
    return level


def _database_url(env: Mapping[str, str]) -> str:
    url = env.get("DATABASE_URL", "")
    if not url.startswith(("postgres://", "postgresql://")):
        raise WrongConfig("DATABASE_URL must look like postgres://user:password@host:5432/database")
    return url
