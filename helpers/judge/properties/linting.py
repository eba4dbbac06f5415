"""What a linter for Dockerfiles says."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from helpers.judge.instructions import shown
from helpers.judge.property import Params, Property
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import at_most, could_not_tell, counted, failed, not_observed, passed
from helpers.observe.hadolint import Finding, HadolintRequest
from helpers.observe.requests import Observations

Level = Literal["error", "warning", "info", "style"]
_LEVELS: tuple[Level, ...] = ("error", "warning", "info", "style")
#: hadolint's code where it cannot read the Dockerfile.
_UNREADABLE = "DL1000"


class HadolintParams(Params):
    """Parameters of ``hadolint``."""

    level: Level = Field(
        "warning", description="The mildest level that counts: error, warning, info or style."
    )
    ignore: tuple[str, ...] = Field(
        ("DL3008", "DL3018"),
        description="Codes that do not count. By default those that want a version of every system "
        "package: archives drop old ones. No unit.",
    )
    honour_pragmas: bool = Field(
        False, description="Whether `# hadolint ignore=…` in the Dockerfile counts."
    )


def _request(params: HadolintParams) -> HadolintRequest:
    return HadolintRequest(params.honour_pragmas)


def judge_hadolint(params: HadolintParams, observations: Observations) -> Verdict:
    """No finding of at least a level."""
    request = _request(params)
    seen = observations.answer(request)
    if seen is None:
        return not_observed(observations, request, "the Dockerfile")
    unreadable = next((f for f in seen.findings if f.code == _UNREADABLE), None)
    if unreadable is not None:
        built = observations.build is not None and observations.build.image_id is not None
        though = ", though BuildKit builds it" if built else ""
        return could_not_tell(
            f"hadolint {seen.version} cannot read line {unreadable.line} of the Dockerfile{though}"
        )
    counted_levels = _LEVELS[: _LEVELS.index(params.level) + 1]
    found = [f for f in seen.findings if f.level in counted_levels and f.code not in params.ignore]
    of_level = "of any level" if params.level == "style" else f"of level {params.level} or above"
    if not found:
        return passed(f"hadolint {seen.version} finds nothing {of_level}.")
    found.sort(key=lambda f: (_LEVELS.index(_level(f)), f.line))
    return failed(
        f"hadolint {seen.version}: {counted(len(found) + seen.left_out, 'finding')} {of_level}.",
        at_most([_evidence(finding, observations) for finding in found], "finding"),
    )


def _level(finding: Finding) -> Level:
    return next((level for level in _LEVELS if level == finding.level), "style")


def _evidence(finding: Finding, observations: Observations) -> Evidence:
    instructions = observations.dockerfile.instructions() if observations.dockerfile else ()
    found = next((i for i in instructions if i.line <= finding.line <= i.end_line), None)
    message = finding.message.rstrip(".")
    return Evidence(
        _level(finding),
        f"Line {finding.line}: {finding.code} ({finding.level}): {message}.",
        instruction=shown(found) if found else None,
        line=finding.line,
    )


PROPERTIES = (
    Property(
        id="hadolint",
        family="Dockerfile",
        title="hadolint has nothing to say",
        meaning="hadolint reads the Dockerfile without any configuration of its own; comments that "
        "silence it do not count unless the parameter says so. It also checks RUN with "
        "ShellCheck. Where it cannot read a Dockerfile that builds, nothing is told.",
        source="https://github.com/hadolint/hadolint#rules",
        params=HadolintParams,
        codes={
            "error": "a finding of level error",
            "warning": "a finding of level warning",
            "info": "a finding of level info",
            "style": "a finding of level style",
        },
        needs=lambda params: (_request(params),),
        judge=judge_hadolint,
        remedy="Each code is explained at https://github.com/hadolint/hadolint/wiki/CODE.",
        weight=2,
        covers=("hadolint DL*", "hadolint SC*"),
    ),
)
