"""Any value that a report can show, as blocks."""

from __future__ import annotations

from collections.abc import Mapping

from helpers.audit.result import AuditResult
from helpers.build.record import BuildRecord
from helpers.observe.image_facts import ImageFacts
from helpers.report.blocks import Block, Table
from helpers.report.describe_audit import describe_audit
from helpers.report.describe_build import describe_build
from helpers.report.describe_image import describe_image
from helpers.report.describe_result import describe_result
from helpers.report.describe_structure import describe_structure
from helpers.report.result import CheckResult
from helpers.structure_test.result import StructureResult

Reportable = CheckResult | AuditResult | StructureResult | ImageFacts | BuildRecord | Table


def describe(value: Reportable, hints: int | Mapping[str, int] | None = None) -> tuple[Block, ...]:
    """The value as blocks; ``hints`` as in :func:`describe_result`, for a check run only."""
    match value:
        case CheckResult():
            return describe_result(value, hints)
        case AuditResult():
            return describe_audit(value)
        case StructureResult():
            return describe_structure(value)
        case ImageFacts():
            return describe_image(value)
        case BuildRecord():
            return describe_build(value)
        case Table():
            return (value,)
