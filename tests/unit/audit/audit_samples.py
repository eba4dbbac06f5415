"""Properties and findings made by saying only what matters."""

from __future__ import annotations

from itertools import count
from typing import Any

from pydantic import Field

from helpers.audit.result import AuditResult, Finding, LeftOut
from helpers.judge.property import Params, Property
from helpers.judge.verdict import Evidence, Outcome, Verdict


class NoParams(Params):
    """None."""


class PortParams(Params):
    port: int = Field(ge=1, le=65535, description="TCP port.")
    path: str = Field("/", description="Path.")


class SizeParams(Params):
    max_mb: float = Field(gt=0, description="Most, in MB.")


def a_property(property_id: str, params: type[Params] = NoParams, **fields: Any) -> Property:
    return Property(
        **{
            "id": property_id,
            "family": "family",
            "title": f"Title of {property_id}",
            "meaning": f"Meaning of {property_id}.",
            "source": f"https://example.org/{property_id}",
            "params": params,
            "codes": {"bad": "it is bad", "worse": "it is worse"},
            "needs": lambda _: (),
            "judge": lambda _, __: Verdict(Outcome.PASS, "Good."),
            **fields,
        }
    )


_numbers = count(1)


def fail(*evidence: Evidence, why: str = "") -> Verdict:
    """A failure for a reason of its own, unless one is given."""
    why = why or f"Bad in way {next(_numbers)}."
    return Verdict(Outcome.FAIL, why, evidence or (Evidence("bad", "It is bad."),))


PASS = Verdict(Outcome.PASS, "Good.")
UNKNOWN = Verdict(Outcome.UNKNOWN, "Could not tell: nobody looked.")


def finding(property_id: str, verdict: Verdict, **fields: Any) -> Finding:
    return Finding(
        **{
            "id": property_id,
            "family": "family",
            "title": f"Title of {property_id}",
            "meaning": "Meaning.",
            "remedy": f"Mend {property_id}.",
            "weight": 2,
            "source": f"https://example.org/{property_id}",
            "covers": (),
            "parameters": "",
            "verdict": verdict,
            **fields,
        }
    )


def result(*findings: Finding, **fields: Any) -> AuditResult:
    return AuditResult(
        **{
            "subject": "shop:1",
            "image_id": "sha256:" + "ab" * 32,
            "image_bytes": 12_000_000,
            "dockerfile": "app/Dockerfile",
            "findings": findings,
            "left_out": (LeftOut("final-base", "base", "The right base", "needs kinds"),),
            "notes": (),
            "engine": "Docker 26.1.5",
            "stand_in": None,
            "build": None,
            "started": "2026-03-19T08:00:00+00:00",
            "seconds": 2.5,
            **fields,
        }
    )
