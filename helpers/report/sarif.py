"""An audit as SARIF 2.1.0, for code hosts that show findings beside the code.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import quote

from helpers.audit.result import AuditResult, Finding
from helpers.judge.verdict import Evidence, Outcome
from helpers.report.clean import one_line
from helpers.units import format_count

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
#: Changes whenever fingerprints are made of something else.
FINGERPRINT = "workbookFinding/v1"
#: Longest message, in characters.
_MESSAGE = 1000
Level = Literal["error", "warning", "note"]


def to_sarif(result: AuditResult, *, indent: int | None = 2) -> str:
    """One SARIF log with one run.

    A result is one failing property at one place: evidence on the same line is one result. What
    could not be told is a notification, for it is no finding. An ignored failure is a result with
    a suppression that holds the reason.
    """
    run = {
        "tool": {"driver": _driver(result)},
        "automationDetails": {"id": f"workbook-audit/{one_line(result.subject)}"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(result)],
        "results": [found for finding in result.findings for found in _results(result, finding)],
        "properties": {"image": result.image_id, "score": result.score},
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=indent, ensure_ascii=True)


def level(weight: int) -> Level:
    """SARIF's level for a weight of 1 to 5."""
    if weight >= 4:
        return "error"
    return "warning" if weight >= 2 else "note"


def _driver(result: AuditResult) -> dict[str, Any]:
    rules = {found.id: _rule(found) for found in result.findings}
    return {
        "name": "docker-production-workbook",
        "semanticVersion": version("docker-production-workbook"),
        "rules": list(rules.values()),
    }


def _rule(found: Finding) -> dict[str, Any]:
    change = f"\n\nChange: {found.remedy}" if found.remedy else ""
    covers = f"\n\nAlso known as: {', '.join(found.covers)}" if found.covers else ""
    strong = f"\n\n**Change:** {found.remedy}" if found.remedy else ""
    return {
        "id": found.id,
        "shortDescription": {"text": found.title},
        "fullDescription": {"text": found.meaning},
        "helpUri": found.source,
        "help": {
            "text": f"{found.meaning}{change}{covers}\n\nSource: {found.source}",
            "markdown": f"{found.meaning}{strong}{covers}\n\n[Source]({found.source})",
        },
        "defaultConfiguration": {"level": level(found.weight)},
        "properties": {"tags": [found.family, "docker"], "weight": found.weight},
    }


def _invocation(result: AuditResult) -> dict[str, Any]:
    notifications = [
        _notification(f"{found.title}: {found.verdict.summary}", found.id)
        for found in result.outcomes(Outcome.UNKNOWN)
    ]
    notifications += [_notification(note) for note in result.notes]
    if result.left_out:
        count = format_count(len(result.left_out), "property", "properties")
        ids = ", ".join(found.id for found in result.left_out)
        notifications.append(_notification(f"{count} left out: {ids}"))
    return {
        "executionSuccessful": True,
        "startTimeUtc": result.started.replace("+00:00", "Z"),
        "toolExecutionNotifications": notifications,
    }


def _notification(text: str, rule: str = "") -> dict[str, Any]:
    about = {"associatedRule": {"id": rule}} if rule else {}
    return {"level": "note", "message": {"text": one_line(text, _MESSAGE)}, **about}


def _results(result: AuditResult, found: Finding) -> Iterator[dict[str, Any]]:
    """One result a line of the Dockerfile; what has no line is one result on its first line."""
    if found.verdict.outcome is not Outcome.FAIL:
        return
    by_line: dict[int | None, list[Evidence]] = {}
    for evidence in found.verdict.evidence:
        by_line.setdefault(evidence.line, []).append(evidence)
    for line, group in by_line.items():
        document: dict[str, Any] = {
            "ruleId": found.id,
            "level": level(found.weight),
            "message": {"text": _message(found, group)},
            "locations": [_location(result, line)],
            "partialFingerprints": {FINGERPRINT: _fingerprint(found, group)},
            "properties": {"evidence": [_evidence(e) for e in group]},
        }
        if found.ignored:
            document["suppressions"] = [
                {"kind": "external", "status": "accepted", "justification": one_line(found.ignored)}
            ]
        yield document


def _message(found: Finding, group: list[Evidence]) -> str:
    change = f" Change: {found.remedy}" if found.remedy else ""
    texts = " ".join(one_line(e.text, 300) for e in group)
    return one_line(f"{found.verdict.summary} {texts}", _MESSAGE) + one_line(
        change and f" {change}"
    )


def _location(result: AuditResult, line: int | None) -> dict[str, Any]:
    """A line of the Dockerfile; where none is known, the image by its name."""
    image = {"fullyQualifiedName": one_line(result.subject), "kind": "resource"}
    location: dict[str, Any] = {"logicalLocations": [image]}
    if result.dockerfile:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": _uri(result.dockerfile)},
            "region": {"startLine": line or 1},
        }
    return location


def _uri(path: str) -> str:
    pure = PurePosixPath(path)
    return f"file://{quote(str(pure))}" if pure.is_absolute() else quote(str(pure))


def _fingerprint(found: Finding, group: list[Evidence]) -> str:
    """Stays the same when lines move: no line, no figure, no layer index is in it."""
    facts = sorted({(e.code, e.path or "", " ".join((e.instruction or "").split())) for e in group})
    return sha256(json.dumps([found.id, facts]).encode("utf-8")).hexdigest()


def _evidence(evidence: Evidence) -> dict[str, Any]:
    fields = ("path", "layer", "instruction", "line", "bytes")
    told = {name: getattr(evidence, name) for name in fields if getattr(evidence, name) is not None}
    shown = {k: one_line(v, 300) if isinstance(v, str) else v for k, v in told.items()}
    return {"code": evidence.code, "text": one_line(evidence.text, 300), **shown}
