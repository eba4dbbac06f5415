"""Which steps of the build need a network."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from helpers.judge.property import Params, Property
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import counted, failed, not_observed, passed
from helpers.observe.offline import OfflineRequest
from helpers.observe.requests import Observations

#: Commands that fetch something: an installation, a download, a clone.
FETCHES = (
    r"\b(?:apt|apt-get|apk|dnf|microdnf|yum|zypper|pip[\d.]*|uv|poetry|pipenv|gem|bundle|composer"
    r"|mvn|gradle|gradlew|curl|wget|git|corepack|npx|dotnet|nuget)\b"
    r"|\b(?:npm|yarn|pnpm|bun)\b[^\n;&|]{0,300}?\b(?:ci|install|i|add|fetch|clean-install)\b"
    r"|\byarn\s*(?:$|[;&|\\])|\bgo\s+(?:mod|get|install|build|run|test)\b"
    r"|\bcargo\s+(?:fetch|install|build)\b"
)


class OfflineParams(Params):
    """Parameters of ``builds-offline``."""

    online: str = Field(
        FETCHES,
        description="Regular expression; a RUN instruction in which it is found may use the "
        "network. No unit.",
    )
    seconds: float = Field(900, gt=0, description="How long the build may take, in seconds.")

    @field_validator("online")
    @classmethod
    def _readable(cls, text: str) -> str:
        try:
            re.compile(text)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return text


def _request(params: OfflineParams) -> OfflineRequest:
    return OfflineRequest(params.online, params.seconds)


def judge_builds_offline(params: OfflineParams, observations: Observations) -> Verdict:
    """Steps that fetch nothing by their words also fetch nothing in fact."""
    request = _request(params)
    seen = observations.answer(request)
    if seen is None:
        return not_observed(observations, request, "a build without a network")
    number = counted(len(seen.offline), "RUN instruction")
    if not seen.offline:
        return passed("Does not apply: every RUN instruction may use the network.")
    if not seen.failed:
        return passed(f"{number} without a network: the image builds.")
    said = f" It said: {seen.output[-1]}" if seen.output else ""
    place = f"Line {seen.failed_line}" if seen.failed_line else "A step"
    text = f"{place}: `{seen.failed}` fails without a network.{said}"
    evidence = Evidence("needs-network", text, instruction=seen.failed, line=seen.failed_line)
    return failed(f"{number} without a network: the image does not build.", [evidence])


PROPERTIES = (
    Property(
        id="builds-offline",
        family="caching",
        title="Only installations use the network",
        meaning="The image is built with `--network=none` for every RUN instruction that does not "
        "fetch something by its words. A step that fails so downloads behind one's back (a build "
        "script, a postinstall hook, telemetry), and the same files may give another image "
        "tomorrow.",
        source="https://docs.docker.com/reference/dockerfile/#run---network",
        params=OfflineParams,
        codes={"needs-network": "a step fails without a network"},
        needs=lambda params: (_request(params),),
        judge=judge_builds_offline,
        remedy="Fetch what the step needs in a step of its own, from a lock file or with a "
        "checksum, and write `RUN --network=none` for the rest.",
        weight=1,
    ),
)
