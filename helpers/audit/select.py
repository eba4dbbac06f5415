"""Which properties apply, with which parameters, and why the others do not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from helpers.audit.result import LeftOut
from helpers.audit.seen import Seen
from helpers.audit.settings import SettingsFile
from helpers.errors import BadInput
from helpers.judge.judge import Criterion
from helpers.judge.property import Property
from helpers.units import format_count

_NO_PATH = (
    "needs probes: no HEALTHCHECK names a path that has to answer, and it may be another than /"
)
_AGAIN = "the image would have to be built again: --rebuild does that"


@dataclass(frozen=True, slots=True)
class Selected:
    """A property that applies.

    Attributes:
        criterion: with its parameters.
        parameters: those that are not the defaults, in words.
    """

    criterion: Criterion
    parameters: str


def select(
    properties: Iterable[Property],
    seen: Seen,
    settings: SettingsFile,
    *,
    ports: tuple[int, ...] = (),
    families: frozenset[str] = frozenset(),
    rebuild: bool = False,
) -> tuple[tuple[Selected, ...], tuple[LeftOut, ...]]:
    """Those that apply, and those that are left out.

    A parameter comes from the settings; else a port or path from the options or from what is seen;
    else it has its default. A property applies where its parameters are complete.

    Args:
        properties: all of them.
        seen: where the service can be reached, as the image says.
        settings: the settings.
        ports: ports from the command line; they replace those of the settings and those seen. A
            property that is about one port is judged for each of them.
        families: only these; empty for all.
        rebuild: whether properties apply for which the image has to be built again, which takes as
            long as the build itself, or longer.

    Raises:
        BadInput: where a parameter in the settings is wrong: file and line are named.
    """
    selected: list[Selected] = []
    left_out: list[LeftOut] = []
    for found in properties:
        if families and found.family not in families:
            continue
        for given in _givens(found, seen, settings, ports or settings.settings.ports):
            outcome = _complete(found, given, settings)
            if isinstance(outcome, Selected) and not rebuild and _builds(outcome.criterion):
                outcome = LeftOut(found.id, found.family, found.title, _AGAIN)
            (selected if isinstance(outcome, Selected) else left_out).append(outcome)  # type: ignore[arg-type]
    return tuple(selected), tuple(left_out)


def known_families(properties: Iterable[Property], wanted: Iterable[str]) -> frozenset[str]:
    """The families that a person named, in any case.

    Raises:
        BadInput: where there is no such family; those that there are are named.
    """
    families = tuple(dict.fromkeys(found.family for found in properties))
    by_name = {family.lower(): family for family in families}
    chosen = set()
    for name in wanted:
        if name.lower() not in by_name:
            raise BadInput(
                f"There is no family {name!r}.", remedy=f"The families are: {', '.join(families)}."
            )
        chosen.add(by_name[name.lower()])
    return frozenset(chosen)


def _givens(
    found: Property, seen: Seen, settings: SettingsFile, ports: tuple[int, ...]
) -> Iterator[dict[str, Any]]:
    """The parameters to try: one set, or one a port where several were given."""
    fields = found.params.model_fields
    own = settings.settings.parameters.get(found.id, {})
    base: dict[str, Any] = {}
    if seen.health_path:
        for name in ("path", "health_path"):
            if name in fields and fields[name].annotation is str:
                base[name] = seen.health_path
        if "probes" in fields and "port" in fields:
            base["probes"] = [{"path": seen.health_path}]
    if "port" not in fields or "port" in own:
        yield {**base, **own}
        return
    for port in ports or seen.ports[:1]:
        yield {**base, "port": port, **own}
    if not ports and not seen.ports:
        yield {**base, **own}


def _builds(criterion: Criterion) -> bool:
    """Whether something has to be built for it."""
    return any(request.builds_again for request in criterion.property.needs(criterion.params))


def _complete(
    found: Property, given: Mapping[str, Any], settings: SettingsFile
) -> Selected | LeftOut:
    try:
        params = found.params.model_validate(dict(given))
    except ValidationError as error:
        own = settings.settings.parameters.get(found.id, {})
        for problem in error.errors():
            if problem["type"] != "missing" and (problem["loc"] or ("",))[0] in own:
                where = ("parameters", found.id, *problem["loc"])
                raise settings.fault(where, problem["msg"]) from error
        return LeftOut(found.id, found.family, found.title, _missing(found, error))
    if "probes" in found.params.model_fields and "probes" not in given and "port" in given:
        return LeftOut(found.id, found.family, found.title, _NO_PATH)
    return Selected(Criterion(found, params), _not_default(found, given))


def _missing(found: Property, error: ValidationError) -> str:
    problems = error.errors()
    names = [str(p["loc"][0]) for p in problems if p["type"] == "missing" and p["loc"]]
    if not names:
        return "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in problems)
    wanted = "; ".join(
        f"{name} ({(found.params.model_fields[name].description or '').rstrip('.')})"
        for name in names
    )
    return f"needs {format_count(len(names), 'parameter')}: {wanted}"


def _not_default(found: Property, given: Mapping[str, Any]) -> str:
    parts = []
    for name, field in found.params.model_fields.items():
        if name in given and (
            field.is_required() or field.get_default(call_default_factory=True) != given[name]
        ):
            parts.append(f"{name} = {json.dumps(given[name], default=str)}")
    return ", ".join(parts)
