"""An audit as text, HTML, JSON and SARIF."""

from __future__ import annotations

import json
from typing import Any

import pytest

from helpers.audit.result import AuditResult, Finding, LeftOut
from helpers.judge.verdict import Evidence, Outcome, Verdict
from helpers.report.html import to_html, to_page
from helpers.report.json import from_json, to_json
from helpers.report.sarif import FINGERPRINT, level, to_sarif
from helpers.report.text import to_text
from helpers.structure_test.result import StructureOutcome, StructureResult
from report.samples import build_record
from report.test_html import HOSTILE, Page

ROOT = Verdict(
    Outcome.FAIL,
    "The service would run as root.",
    (Evidence("root-user", "`USER root` means uid 0.", instruction="USER root", line=7),),
)
LARGE = Verdict(
    Outcome.FAIL,
    "1.2 GB unpacked.",
    (
        Evidence("compilers", "/usr/lib/gcc", path="/usr/lib/gcc", layer=3, bytes=291_000_000),
        Evidence("dev", "node_modules", path="/app/node_modules", line=5),
        Evidence("dev", "more node_modules", path="/app/b", line=5),
    ),
)


def found(property_id: str, verdict: Verdict, **fields: Any) -> Finding:
    values: dict[str, Any] = {
        "id": property_id,
        "family": "start",
        "title": f"Title of {property_id}",
        "meaning": f"Meaning of {property_id}.",
        "remedy": f"Mend {property_id}.",
        "weight": 3,
        "source": f"https://example.org/{property_id}",
        "covers": (f"dockle {property_id}",),
        "parameters": "",
        "verdict": verdict,
    }
    return Finding(**{**values, **fields})


def audit(**fields: Any) -> AuditResult:
    values: dict[str, Any] = {
        "subject": "app",
        "image_id": "sha256:" + "ab" * 32,
        "image_bytes": 1_200_000_000,
        "dockerfile": "app/Dockerfile",
        "findings": (
            found("non-root", ROOT, weight=5),
            found("image-size", LARGE, family="size"),
            found("layers", Verdict(Outcome.PASS, "7 layers."), family="size"),
            found("probes", Verdict(Outcome.UNKNOWN, "Could not tell: no manifest.")),
            found("no-shell", ROOT, weight=2, remedy="", covers=(), ignored="wanted by the team"),
        ),
        "left_out": (LeftOut("final-base", "base", "The right base", "needs kinds"),),
        "notes": ("The service is asked on port 3000, from EXPOSE.",),
        "engine": "Docker 26.1.5",
        "stand_in": "made of Debian packages",
        "build": build_record(),
        "started": "2026-03-19T08:00:00+00:00",
        "seconds": 9.5,
    }
    return AuditResult(**{**values, **fields})


def test_text_leads_with_the_changes_and_says_everything_that_counts() -> None:
    text = to_text(audit())
    assert "✗ 2 properties fail · 1 passes · 1 could not be told · 1 ignored" in text
    first, second = text.index("1. Title of non-root"), text.index("2. Title of image-size")
    assert text.index("The two most useful changes") < first < second < text.index("Families")
    assert "Change: Mend non-root." in text
    assert "(Dockerfile line 7)" in text
    assert "Stand-in base: made of Debian packages" in text
    assert "Note: The service is asked on port 3000" in text
    assert "wanted by the team" not in text
    assert "Ignored: wanted by the team" in to_text(audit(), folds=True)
    assert "needs kinds" in to_text(audit(), folds=True)


def test_families_are_counted() -> None:
    lines = to_text(audit()).splitlines()
    assert next(line.split() for line in lines if line.startswith("size")) == [
        "size",
        "1",
        "–",
        "1",
        "–",
    ]
    assert next(line.split() for line in lines if line.startswith("base"))[-1] == "1"


def test_all_good_is_told_as_that() -> None:
    good = audit(findings=(found("layers", Verdict(Outcome.PASS, "7 layers.")),))
    assert "✓ 1 passes · score 100 of 100" in to_text(good)
    assert "useful change" not in to_text(good)
    assert "No property could be judged" in to_text(audit(findings=()))


def test_html_is_well_formed_and_has_the_same_words() -> None:
    page = Page(to_html(audit()))
    words = " ".join(page.words)
    for part in ("The two most useful changes", "Mend image-size.", "wanted by the team"):
        assert part in words
    whole = to_page(audit(), "Audit of <app>")
    assert whole.startswith("<!DOCTYPE html>")
    assert "<title>Audit of &lt;app&gt;</title>" in whole
    assert "<script" not in whole
    assert '<a href="https://example.org/non-root" rel="noopener noreferrer">' in whole


def test_hostile_texts_stay_texts() -> None:
    bad = Verdict(Outcome.FAIL, HOSTILE, (Evidence("x", HOSTILE, instruction=HOSTILE, path="/a"),))
    evil = audit(
        subject=HOSTILE,
        findings=(found("non-root", bad, ignored=f"https://x/{HOSTILE}"), found("b", bad)),
        notes=(HOSTILE,),
    )
    assert "<script" not in to_page(evil, HOSTILE)
    page = Page(to_html(evil))
    assert not {"script", "img"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    for text in (to_text(evil, folds=True), to_sarif(evil)):
        assert not {"\x1b", "\x00", "\u202e"} & set(text)
    assert "\\u001b" not in to_sarif(evil)


def test_json_loads_back_and_tells_the_figures() -> None:
    assert from_json(to_json(audit())) == audit()
    derived = json.loads(to_json(audit()))["derived"]
    assert derived["score"] == 27
    assert derived["counts"] == {
        "pass": 1,
        "fail": 2,
        "could not tell": 1,
        "ignored": 1,
        "left out": 1,
    }
    assert [c["id"] for c in derived["most_useful"]] == ["non-root", "image-size"]


@pytest.fixture
def run() -> dict[str, Any]:
    log = json.loads(to_sarif(audit()))
    assert log["version"] == "2.1.0"
    (one,) = log["runs"]
    return dict(one)


def test_sarif_has_a_rule_for_every_property_with_its_help(run: dict[str, Any]) -> None:
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert set(rules) == {f.id for f in audit().findings}
    rule = rules["non-root"]
    assert rule["helpUri"] == "https://example.org/non-root"
    assert "Meaning of non-root." in rule["help"]["text"]
    assert "**Change:** Mend non-root." in rule["help"]["markdown"]
    assert rule["defaultConfiguration"] == {"level": "error"}


def test_sarif_has_one_result_a_place(run: dict[str, Any]) -> None:
    places = [
        (
            r["ruleId"],
            r["locations"][0]["physicalLocation"]["region"]["startLine"],
            r["level"],
        )
        for r in run["results"]
    ]
    assert places == [
        ("non-root", 7, "error"),
        ("image-size", 1, "warning"),
        ("image-size", 5, "warning"),
        ("no-shell", 7, "warning"),
    ]
    uris = {
        r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]
    }
    assert uris == {"app/Dockerfile"}


def test_sarif_keeps_what_is_ignored_as_suppressed(run: dict[str, Any]) -> None:
    suppressed = [r for r in run["results"] if "suppressions" in r]
    assert [r["ruleId"] for r in suppressed] == ["no-shell"]
    assert suppressed[0]["suppressions"][0]["justification"] == "wanted by the team"


def test_sarif_tells_what_could_not_be_told_as_a_notification(run: dict[str, Any]) -> None:
    told = run["invocations"][0]["toolExecutionNotifications"]
    assert told[0]["associatedRule"] == {"id": "probes"}
    assert "1 property left out: final-base" in told[-1]["message"]["text"]


def fingerprints(result: AuditResult) -> list[str]:
    (run,) = json.loads(to_sarif(result))["runs"]
    return [r["partialFingerprints"][FINGERPRINT] for r in run["results"]]


def test_a_fingerprint_stays_when_lines_move_and_differs_between_findings() -> None:
    before = fingerprints(audit())
    moved = Verdict(
        ROOT.outcome, "Other words.", (Evidence("root-user", "x", None, 4, "USER root", 99),)
    )
    assert fingerprints(audit(findings=(found("non-root", moved),))) == before[:1]
    assert len(set(before)) == len(before)


def test_an_image_without_a_dockerfile_is_a_logical_place() -> None:
    (run,) = json.loads(to_sarif(audit(dockerfile="", subject="shop:1")))["runs"]
    for result in run["results"]:
        (place,) = result["locations"]
        assert place == {"logicalLocations": [{"fullyQualifiedName": "shop:1", "kind": "resource"}]}


def test_odd_paths_become_addresses() -> None:
    (run,) = json.loads(to_sarif(audit(dockerfile="/a b/Dockerfile.ü")))["runs"]
    physical = run["results"][0]["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "file:///a%20b/Dockerfile.%C3%BC"


def test_levels() -> None:
    assert [level(w) for w in (1, 2, 3, 4, 5)] == ["note", "warning", "warning", "error", "error"]


def test_structure_tests_are_reported() -> None:
    result = StructureResult(
        "t.yaml",
        "shop:1",
        (
            StructureOutcome("command", "runs", passed=True, seconds=0.3),
            StructureOutcome("metadata", "", passed=False, errors=("The user is `root`.",)),
        ),
        ("teardown does nothing.",),
        "Docker 26.1.5",
        1.5,
    )
    text = to_text(result)
    assert "✗ 1 of 2 tests pass" in text
    assert "command: runs" in text
    assert "· The user is `root`." in text
    assert "Note: teardown does nothing." in text
    assert from_json(to_json(result)) == result
    assert json.loads(to_json(result))["derived"] == {"passed": False}
    Page(to_html(result))
