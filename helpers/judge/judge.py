"""From criteria to requests, and from observations to verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from helpers.errors import BadInput
from helpers.judge.property import Params, Property
from helpers.judge.registry import find_property
from helpers.judge.verdict import Outcome, Verdict
from helpers.observe.requests import Observations, Request


@dataclass(frozen=True, slots=True)
class Criterion:
    """A property with its parameters: what is wanted of an image."""

    property: Property
    params: Params


def criterion(property_id: str, params: Mapping[str, Any] | None = None) -> Criterion:
    """A criterion from plain values.

    Args:
        property_id: for example ``image-size``.
        params: its parameters, for example ``{"max_mb": 200}``.

    Raises:
        BadInput: where there is no such property, or a parameter is missing, unknown or wrong.
    """
    try:
        found = find_property(property_id)
    except KeyError as error:
        raise BadInput(
            f"{str(error.args[0])[0].upper()}{str(error.args[0])[1:]}.",
            remedy="`workbook properties` lists them with their parameters.",
        ) from error
    try:
        return Criterion(found, found.params.model_validate(dict(params or {})))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(step) for step in e['loc']) or 'parameters'}: {e['msg']}"
            for e in error.errors()
        )
        raise BadInput(
            f"The parameters of {property_id} are wrong: {problems}.",
            remedy=f"It takes {', '.join(found.params.model_fields) or 'no parameters'}.",
        ) from error


def collect_requests(criteria: Iterable[Criterion]) -> tuple[Request[Any], ...]:
    """What has to be observed for all criteria, each request once."""
    return tuple(dict.fromkeys(r for c in criteria for r in c.property.needs(c.params)))


def judge(criteria: Iterable[Criterion], observations: Observations) -> tuple[Verdict, ...]:
    """One verdict a criterion, in their order.

    Raises:
        ValueError: where a property breaks its own rules: a fail without evidence, or evidence with
            a code that it does not declare.
    """
    return tuple(_judge(c, observations) for c in criteria)


def _judge(criterion: Criterion, observations: Observations) -> Verdict:
    verdict = criterion.property.judge(criterion.params, observations)
    undeclared = verdict.codes() - criterion.property.codes.keys()
    if undeclared:
        raise ValueError(
            f"{criterion.property.id} does not declare {', '.join(sorted(undeclared))}"
        )
    if verdict.outcome is Outcome.FAIL and not verdict.evidence:
        raise ValueError(f"{criterion.property.id} failed without evidence")
    return verdict
