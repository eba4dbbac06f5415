"""What a property is: a pure function from observations to a verdict, with meaning and source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict

from helpers.judge.verdict import Verdict
from helpers.observe.requests import Observations, Request


class Params(BaseModel):
    """Base of every property's parameters; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Property:
    """One thing that can be true of a production-grade image.

    Attributes:
        id: name in ``exercise.toml`` and on the command line, for example ``image-size``.
        family: the group that it is listed under.
        title: what is wanted, as a short sentence.
        meaning: why it matters and what exactly is looked at.
        source: link to the primary source.
        params: model of its parameters; each field's description gives the unit.
        codes: every code that its evidence can carry, with what it stands for.
        needs: what has to be observed, given the parameters.
        judge: the verdict, given parameters and observations. Pure: no engine, no files, no clock.
        remedy: what to change where it fails, in one or two sentences that fit every image.
        remedies: the same by code, where one finding needs another change than the rest.
        weight: how much a failure matters in an audit: 1 (a nicety) to 5 (a way in, or an outage).
        covers: what other tools call it, for example ``dockle CIS-DI-0001``, ``hadolint DL3002``,
            ``docker-bench 4.1``, ``container-structure-test metadata.user``.
    """

    id: str
    family: str
    title: str
    meaning: str
    source: str
    params: type[Params]
    codes: Mapping[str, str]
    needs: Callable[[Any], tuple[Request[Any], ...]]
    judge: Callable[[Any, Observations], Verdict]
    remedy: str = ""
    weight: int = 2
    covers: tuple[str, ...] = ()
    remedies: Mapping[str, str] = field(default_factory=dict)

    def remedy_for(self, verdict: Verdict) -> str:
        """What to change: the general remedy, unless all evidence has one and the same of its own.

        Args:
            verdict: how the property came out.
        """
        own = {self.remedies.get(code, self.remedy) for code in verdict.codes()}
        return own.pop() if len(own) == 1 else self.remedy
