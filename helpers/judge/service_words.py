"""What the properties of a running service share: parameters, and why one cannot be judged."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field, field_validator

from helpers.judge.property import Params
from helpers.judge.verdict import Evidence
from helpers.judge.words import counted
from helpers.observe.process_tree import ProcessFact
from helpers.observe.running import RunningFacts, RunningRequest
from helpers.observe.service_start import ServiceStart
from helpers.observe.text import printable

#: Where the process of an image cannot be asked, the reason leads there.
SEE_SERVES = "see `serves-http`"


def absolute_path(path: str) -> str:
    """The path, if it can stand in a request.

    Raises:
        ValueError: where it does not begin with a slash, or holds a space or what is not ASCII.
    """
    if not path.startswith("/"):
        raise ValueError("a path begins with a slash")
    if not path.isascii() or not path.isprintable() or " " in path:
        raise ValueError("a path holds neither spaces nor what is not ASCII: percent-encode them")
    return path


class ServiceParams(Params):
    """How the service is started and asked."""

    port: int = Field(
        0,
        ge=0,
        le=65_535,
        description="TCP port inside the container; 0 for the lowest that EXPOSE names.",
    )
    path: str = Field(
        "/",
        description="Path of the GET request that tells whether it serves; any answer below status "
        "500 counts. No unit.",
    )
    env: dict[str, str] = Field(
        default_factory=dict, description="Environment variables of the container."
    )
    wait_seconds: float = Field(
        10.0, gt=0, le=120, description="Longest wait for the first answer, in seconds."
    )

    @field_validator("path")
    @classmethod
    def _absolute(cls, path: str) -> str:
        return absolute_path(path)

    def service(self) -> ServiceStart:
        """What the parameters stand for."""
        return ServiceStart(
            self.port, self.path, tuple(sorted(self.env.items())), self.wait_seconds
        )


class RunningParams(ServiceParams):
    """How the service is run as usual."""

    init: bool = Field(
        default=False,
        description="Whether the container is run with the engine's init (`docker run --init`).",
    )

    def request(self) -> RunningRequest:
        """What has to be observed."""
        return RunningRequest(self.service(), self.init)


def running_needs(params: RunningParams) -> tuple[RunningRequest, ...]:
    """One container, run as usual."""
    return (params.request(),)


def why_not_running(facts: RunningFacts) -> str:
    """Why a service that does not serve cannot be judged; empty where it serves."""
    if facts.serves:
        return ""
    if facts.start_error:
        return f"the engine could not start a container: {facts.start_error}"
    if facts.exit_code is not None:
        return (
            f"the container ended with exit code {facts.exit_code}"
            f"{last_words(facts.log_tail)}, {SEE_SERVES}"
        )
    statuses = [r.status for r in facts.responses[:1] if r.status is not None]
    if statuses:
        return f"the service answers {statuses[0]} only, {SEE_SERVES}"
    return (
        f"the service gave no HTTP answer within {facts.waited_seconds:g} s"
        f"{last_words(facts.log_tail)}, {SEE_SERVES}"
    )


def telling_line(lines: Iterable[str]) -> str:
    """The line of a log that says most: the first with an error, else the last; empty for none."""
    kept = [line for line in lines if line.strip()]
    error = next((line for line in kept if "error" in line.lower()), None)
    return (error or (kept[-1] if kept else "")).strip()[:200]


def last_words(lines: Iterable[str]) -> str:
    """What a log says, as the end of a sentence without its full stop."""
    said = telling_line(lines)
    return f"; its log says: {said}" if said else ", and it printed nothing"


def shown_process(process: ProcessFact) -> str:
    """A process in a sentence."""
    return f"`{printable(process.command or process.name, 100)}`"


def sampled(code: str, lines: Iterable[str], total: int, what: str) -> list[Evidence]:
    """One piece of evidence a line, and one for those that are left out."""
    kept = list(lines)[:3]
    evidence = [Evidence(code, f"{what}: `{line}`") for line in kept]
    if total > len(kept):
        evidence.append(Evidence(code, f"And {counted(total - len(kept), 'line')} more."))
    return evidence
