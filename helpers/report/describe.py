"""Any value that a report can show, as blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from helpers.audit.result import AuditResult
from helpers.build.record import BuildRecord
from helpers.claims.claim import Ledger
from helpers.course.verify_result import VerifyResult
from helpers.observe.attack.facts import AttackFacts, AttackMatrix
from helpers.observe.image_facts import ImageFacts
from helpers.report.blocks import Block, Table
from helpers.report.describe_attack import describe_attack, describe_matrix
from helpers.report.describe_audit import describe_audit
from helpers.report.describe_build import describe_build
from helpers.report.describe_claims import describe_ledger
from helpers.report.describe_image import describe_image
from helpers.report.describe_result import describe_result
from helpers.report.describe_structure import describe_structure
from helpers.report.describe_verify import describe_verify
from helpers.report.result import CheckResult
from helpers.structure_test.result import StructureResult

Reportable = (
    CheckResult
    | AuditResult
    | StructureResult
    | VerifyResult
    | Ledger
    | ImageFacts
    | BuildRecord
    | AttackMatrix
    | AttackFacts
    | Table
)


_DESCRIBERS: Mapping[type[Any], Callable[[Any], tuple[Block, ...]]] = {
    AuditResult: describe_audit,
    StructureResult: describe_structure,
    VerifyResult: describe_verify,
    Ledger: describe_ledger,
    ImageFacts: describe_image,
    BuildRecord: describe_build,
    AttackMatrix: describe_matrix,
    AttackFacts: describe_attack,
    Table: lambda table: (table,),
}


def describe(value: Reportable, hints: int | Mapping[str, int] | None = None) -> tuple[Block, ...]:
    """The value as blocks; ``hints`` as in :func:`describe_result`, for a check run only."""
    if isinstance(value, CheckResult):
        return describe_result(value, hints)
    return _DESCRIBERS[type(value)](value)
