from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from helpers.judge.judge import criterion
from helpers.judge.verdict import Verdict
from helpers.observe.offline import OfflineFacts
from helpers.observe.rebuild import RebuildFacts, RebuildRequest, RebuiltStep, StepOutcome
from helpers.observe.reproduce import FileDifference, LayerDifference, Reproduction
from helpers.observe.requests import Observations

from .factories import FAIL, UNKNOWN, verdict

ALL = ["cached-rebuild", "cached-after-edit", "reproducible", "builds-offline"]


def judged(property_id: str, answer: Any, **params: Any) -> Verdict:
    wanted = criterion(property_id, params)
    (request,) = wanted.property.needs(wanted.params)
    return verdict(property_id, Observations(answers={request: answer}), **params)


def step(instruction: str, outcome: StepOutcome = "cached", line: int = 1) -> RebuiltStep:
    reason = "" if outcome == "cached" else "The files that it copies have changed."
    return RebuiltStep(f"[build 1/2] {instruction}", instruction, "build", line, outcome, reason, 2)


def steps(*of: RebuiltStep) -> RebuildFacts:
    return RebuildFacts(of, 3.0, same_image=False, edited=("src/a.ts",))


@pytest.mark.parametrize("name", ALL)
def test_without_another_build_nothing_can_be_told(name: str) -> None:
    assert verdict(name, Observations()).outcome is UNKNOWN


def test_everything_from_the_cache() -> None:
    assert judged("cached-rebuild", steps(step("RUN npm ci"), step("COPY . ."))).passed


def test_a_step_that_runs_by_itself() -> None:
    found = judged("cached-rebuild", steps(step("RUN x"), step("ADD https://x /", "ran again", 4)))
    assert found.outcome is FAIL
    assert [(e.code, e.line) for e in found.evidence] == [("ran-again", 4)]
    assert "the files that it copies have changed" in found.evidence[0].text


@pytest.mark.parametrize("name", ["cached-rebuild", "cached-after-edit"])
def test_a_cache_that_was_cleared_in_between_tells_nothing(name: str) -> None:
    lost = replace(step("RUN npm ci", "ran again"), lost=True)
    found = judged(name, steps(lost, step("RUN x", "ran again")))
    assert found.outcome is UNKNOWN
    assert "RUN npm ci" in found.summary


def test_a_build_without_steps_tells_nothing() -> None:
    assert judged("cached-rebuild", steps()).outcome is UNKNOWN


GOOD = steps(
    step("COPY package.json ./"),
    step("RUN npm ci"),
    step("COPY src ./src", "ran again", 3),
    step("RUN npm run build", "ran again", 4),
)
BAD = steps(
    step("COPY . .", "ran again"),
    step("RUN npm ci", "ran again", 2),
    step("RUN npm run build", "ran again", 3),
)


def test_an_edit_runs_only_what_depends_on_it() -> None:
    found = judged("cached-after-edit", GOOD)
    assert found.passed
    assert "`src/a.ts` 2 of 4 steps ran again" in found.summary


def test_an_edit_installs_everything_again() -> None:
    found = judged("cached-after-edit", BAD)
    assert [(e.code, e.line) for e in found.evidence] == [("ran-again", 2)]


@pytest.mark.parametrize(
    ("params", "facts", "codes"),
    [
        ({"must_not_run": ["npm ci"]}, GOOD, set()),
        ({"must_not_run": ["npm ci"]}, BAD, {"ran-again"}),
        ({"must_not_run": ["COPY . .", "npm ci"]}, BAD, {"ran-again"}),
        ({"may_run": ["COPY src", "npm run build"]}, GOOD, set()),
        ({"may_run": ["npm run build"]}, GOOD, {"ran-unexpectedly"}),
        ({"must_run": ["npm run build"]}, GOOD, set()),
        ({"must_run": ["npm ci"]}, GOOD, {"did-not-run"}),
    ],
)
def test_what_may_and_must(params: dict[str, Any], facts: RebuildFacts, codes: set[str]) -> None:
    found = judged("cached-after-edit", facts, edit=["src/a.ts"], **params)
    assert found.codes() == codes
    assert found.passed is not bool(codes)


def test_words_that_no_step_has_are_no_pass() -> None:
    found = judged("cached-after-edit", GOOD, must_not_run=["pnpm install"])
    assert found.outcome is UNKNOWN
    assert "pnpm install" in found.summary


ONE, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
TIMES = LayerDifference(0, "RUN mkdir /x", 1, ("time",))
CONTENT = LayerDifference(1, "RUN date > /built", 1, ("content", "time"))
FILES = (FileDifference("/built", 1, ("content", "time")), FileDifference("/x", 0, ("time",)))


@pytest.mark.parametrize(
    ("facts", "level", "codes"),
    [
        (Reproduction(ONE, ONE), "digest", set()),
        (Reproduction(ONE, OTHER, (TIMES,), FILES, ("created",)), "contents", set()),
        (Reproduction(ONE, OTHER, (TIMES,), FILES, ("created",)), "layers", {"times-differ"}),
        (
            Reproduction(ONE, OTHER, (TIMES,), FILES, ("created",)),
            "digest",
            {"times-differ", "config-differs"},
        ),
        (Reproduction(ONE, OTHER, (TIMES, CONTENT), FILES), "contents", {"layer-differs"}),
        (Reproduction(ONE, OTHER, (), (), ("config.Env",)), "contents", {"config-differs"}),
        (Reproduction(ONE, OTHER), "digest", {"other-digest"}),
        (Reproduction(ONE, OTHER), "contents", set()),
    ],
)
def test_what_two_builds_have_in_common(facts: Reproduction, level: str, codes: set[str]) -> None:
    found = judged("reproducible", facts, level=level)
    assert found.codes() == codes
    assert found.passed is not bool(codes)


def test_the_differing_file_is_named() -> None:
    found = judged("reproducible", Reproduction(ONE, OTHER, (CONTENT,), FILES))
    assert found.evidence[0].path == "/built"
    assert found.evidence[0].layer == 1
    assert "`/built` (content, time)" in found.evidence[0].text


def test_steps_without_a_network() -> None:
    assert judged("builds-offline", OfflineFacts(())).summary.startswith("Does not apply")
    assert judged("builds-offline", OfflineFacts((3, 5))).passed
    failing = OfflineFacts((3, 5), 5, "RUN npm run build", ("getaddrinfo EAI_AGAIN",))
    found = judged("builds-offline", failing)
    assert [(e.code, e.line) for e in found.evidence] == [("needs-network", 5)]
    assert "EAI_AGAIN" in found.evidence[0].text


def test_an_edit_that_reaches_no_build() -> None:
    request = RebuildRequest(("README.md",), arguments=("NUMBER",), may_be_left_out=True)
    facts = RebuildFacts(
        (step("RUN make"),), 1.0, same_image=True, edited=("README.md",), left_out=("README.md",)
    )
    found = verdict(
        "cached-after-edit",
        Observations(answers={request: facts}),
        edit=["README.md"],
        arguments=["NUMBER"],
        may_be_left_out=True,
        must_not_run=["RUN"],
    )
    assert found.passed
    assert "`README.md` with another `NUMBER` (left out of the build) 0 of 1" in found.summary


def test_an_installation_with_a_mount_is_one() -> None:
    mounted = "RUN --mount=type=cache,target=/root/.npm --network=default npm ci"
    assert judged("cached-after-edit", steps(step(mounted, "ran again"))).codes() == {"ran-again"}
    other = "RUN --mount=type=cache,target=/root/.npm npm run build"
    assert judged("cached-after-edit", steps(step(other, "ran again"))).passed
