"""A Spin application as its host needs it: routes, and what each component is given.

Source: https://spinframework.dev/v3/manifest-reference
"""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

_TEMPLATE = re.compile(r"\{\{\s*([a-z][a-z0-9_]*)\s*\}\}")


class NotServable(Exception):
    """The manifest cannot be served; the text says why."""


@dataclass(frozen=True, slots=True)
class SpinComponent:
    """One component and its grants.

    Attributes:
        name: in the manifest.
        file: its WebAssembly file, relative to the manifest.
        stores: key-value stores that it may open.
        hosts: entries of ``allowed_outbound_hosts``.
        variables: its variables with their values; one whose value nobody gave is not there.
        environment: its environment variables.
    """

    name: str
    file: str
    stores: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    variables: Mapping[str, str] | None = None
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class SpinApp:
    """Components, and routes with the component that each leads to."""

    components: tuple[SpinComponent, ...]
    routes: tuple[tuple[str, str], ...]

    def to_json(self) -> str:
        """As ``serve.mjs`` reads it."""
        components = [
            asdict(c) | {"variables": dict(c.variables or {}), "environment": c.environment or {}}
            for c in self.components
        ]
        routes = [{"route": route, "component": name} for route, name in self.routes]
        return json.dumps({"components": components, "routes": routes}, default=dict)


def spin_app(manifest: str, values: Mapping[str, str]) -> SpinApp:
    """Read a manifest of version 2.

    Args:
        manifest: its text.
        values: of application variables, given when the application runs.

    Raises:
        NotServable: where it is no such manifest, has no HTTP trigger, or a trigger or a source
            leads nowhere.
    """
    try:
        found: Any = tomllib.loads(manifest)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise NotServable(f"spin.toml is no TOML: {error}") from error
    if found.get("spin_manifest_version") != 2:
        raise NotServable("spin.toml is not of manifest version 2")
    known = {**_defaults(_table(found.get("variables"))), **values}
    tables = _table(found.get("component"))
    triggers = _table(found.get("trigger")).get("http") or []
    routes = tuple(_routes(triggers if isinstance(triggers, list) else [triggers]))
    if not routes:
        raise NotServable("spin.toml has no HTTP trigger with a route and a component's name")
    components = []
    for name in dict.fromkeys(component for _, component in routes):
        if not isinstance(tables.get(name), dict):
            raise NotServable(f"a trigger leads to the component {name!r}, which is not there")
        components.append(_component(name, tables[name], known))
    return SpinApp(tuple(components), routes)


def _component(name: str, table: Mapping[str, Any], known: Mapping[str, str]) -> SpinComponent:
    source = table.get("source")
    if not isinstance(source, str):
        raise NotServable(f"the component {name!r} has no source that is a file")
    path = posixpath.normpath(source)
    if path.startswith(("/", "../")) or path in {".", ".."}:
        raise NotServable(f"the source of {name!r} leads outside the application: {source}")
    return SpinComponent(
        name,
        path,
        stores=_texts(table.get("key_value_stores")),
        hosts=_texts(table.get("allowed_outbound_hosts")),
        variables=dict(_filled(_table(table.get("variables")), known)),
        environment=dict(_filled(_table(table.get("environment")), known)),
    )


def _routes(triggers: list[Any]) -> Iterator[tuple[str, str]]:
    for trigger in triggers:
        table = _table(trigger)
        route, component = table.get("route"), table.get("component")
        if isinstance(route, str) and isinstance(component, str):
            yield route, component


def _defaults(variables: Mapping[str, Any]) -> dict[str, str]:
    defaults = {name: _table(v).get("default") for name, v in variables.items()}
    return {name: value for name, value in defaults.items() if isinstance(value, str)}


def _filled(table: Mapping[str, Any], known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Templates replaced; what nobody gave a value for is left out."""
    for name, text in table.items():
        value = str(text)
        if all(wanted in known for wanted in _TEMPLATE.findall(value)):
            yield name, _TEMPLATE.sub(lambda m: known[m[1]], value)


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()
