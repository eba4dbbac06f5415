"""What the services of a Compose file mean: short and long syntax as one value each.

Source: https://github.com/compose-spec/compose-spec/blob/main/05-services.md
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from helpers.judge.manifest import Node, tree
from helpers.observe.compose import ComposeFacts, with_defaults

_MOST_EXTENDS = 8
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]")


@dataclass(frozen=True, slots=True)
class Service:
    """One service with its place in the file."""

    name: str
    node: Node

    @property
    def image(self) -> str:
        """Its image, with the defaults of variables; empty where it has none."""
        return with_defaults(self.node.at("image").text)

    @property
    def is_built(self) -> bool:
        """True where Compose builds its image."""
        return self.node.at("build").there


@dataclass(frozen=True, slots=True)
class Mount:
    """What a service mounts. ``kind`` is ``bind``, ``volume``, ``tmpfs`` or another type."""

    kind: str
    source: str
    target: str
    node: Node
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """A port that is published: ``address`` is empty for all of the host's interfaces."""

    address: str
    port: str
    target: str
    node: Node


@dataclass(frozen=True, slots=True)
class Setting:
    """An environment variable or build argument; ``value`` is None where it is passed through."""

    name: str
    value: str | None
    node: Node


def compose_tree(facts: ComposeFacts) -> Node | None:
    """The whole file; None where it cannot be read."""
    return None if facts.document is None else tree(facts.document)


def services_of(root: Node, wanted: Collection[str] = ()) -> list[Service]:
    """The services, or those of these names; ``extends`` within the file is followed."""
    return [
        Service(name, _extended(root, node, _MOST_EXTENDS))
        for name, node in root.at("services").items()
        if not wanted or name in wanted
    ]


def _extended(root: Node, service: Node, depth: int) -> Node:
    extends = service.at("extends")
    base = root.at("services", extends.text or extends.at("service").text)
    if depth == 0 or extends.at("file").there or base.kind != "mapping":
        return service
    return _over(_extended(root, base, depth - 1), service)


def _over(base: Node, own: Node) -> Node:
    """One place laid over another: mappings are joined, sequences follow each other."""
    if base.kind != own.kind or own.kind == "scalar":
        return own
    joined = Node(own.place, own.line, own.file, own.kind)
    if own.kind == "sequence":
        joined.children = dict(enumerate([*base.each(), *own.each()]))
        return joined
    joined.children = dict(base.children)
    for key, node in own.children.items():
        joined.children[key] = _over(base.children[key], node) if key in base.children else node
    return joined


def mounts(service: Node) -> Iterator[Mount]:
    """What a service mounts: ``volumes`` and ``tmpfs``."""
    for node in service.at("volumes").each():
        if node.kind == "mapping":
            yield Mount(
                with_defaults(node.at("type").text),
                with_defaults(node.at("source").text),
                with_defaults(node.at("target").text),
                node,
                node.at("read_only").is_true,
            )
        else:
            yield _short_mount(with_defaults(node.text), node)
    tmpfs = service.at("tmpfs")
    for node in [tmpfs] if tmpfs.kind == "scalar" else tmpfs.each():
        yield Mount("tmpfs", "", node.text.partition(":")[0], node)


def _short_mount(text: str, node: Node) -> Mount:
    drive = text[:2] if _WINDOWS.match(text) else ""
    parts = text[len(drive) :].split(":")
    if len(parts) == 1:
        return Mount("volume", "", text, node)
    source, target, options = drive + parts[0], parts[1], parts[2:]
    is_path = source.startswith((".", "/", "~", "$")) or bool(drive)
    read_only = any("ro" in o.split(",") for o in options)
    return Mount("bind" if is_path else "volume", source, target, node, read_only)


def published(service: Node) -> Iterator[Published]:
    """The ports that a service publishes; a port without a host port gets one by itself."""
    for node in service.at("ports").each():
        if node.kind == "mapping":
            host = node.at("host_ip").text
            yield Published(host, node.at("published").text, node.at("target").text, node)
            continue
        text = with_defaults(node.text).partition("/")[0]
        address, rest = "", text
        if text.startswith("["):  # [::1]:80:80
            address, _, rest = text[1:].partition("]:")
        elif text.count(":") == 2:
            address, _, rest = text.partition(":")
        port, _, target = rest.rpartition(":")
        yield Published(address, port, target, node)


def settings(node: Node) -> Iterator[Setting]:
    """Environment variables or build arguments, as a mapping or as a list."""
    for name, value in node.items():
        yield Setting(name, value.text if value.there else None, value)
    for item in node.each():
        name, equals, text = item.text.partition("=")
        yield Setting(name, text if equals else None, item)


def dependencies(service: Node) -> Iterator[tuple[str, str, Node]]:
    """What a service depends on: name, condition, place."""
    depends_on = service.at("depends_on")
    for item in depends_on.each():
        yield item.text, "service_started", item
    for name, node in depends_on.items():
        yield name, node.at("condition").text or "service_started", node


def network_names(service: Node) -> Iterator[tuple[str, Node]]:
    """The networks of a service."""
    networks = service.at("networks")
    yield from networks.items()
    for item in networks.each():
        yield item.text, item


def runs_once(root: Node, name: str) -> bool:
    """True for a service that another one waits for to complete: a migration, not a server."""
    return any(
        other == name and condition == "service_completed_successfully"
        for service in services_of(root)
        for other, condition, _ in dependencies(service.node)
    )
