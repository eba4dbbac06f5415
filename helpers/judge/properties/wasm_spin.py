"""A Spin application: its manifest is valid, and gives components no more than they need."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pydantic import Field

from helpers.judge.manifest import Node, found_at, problem_evidence, tree
from helpers.judge.property import Params, Property
from helpers.judge.secret_words import has_password, is_secret_name
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    at_most,
    could_not_tell,
    counted,
    failed,
    listed,
    no_image,
    not_observed,
    passed,
)
from helpers.observe.requests import ImageRequest, Observations, Request
from helpers.observe.text import printable
from helpers.observe.wasm_spin import SpinFacts, SpinRequest

_REFERENCE = "https://spinframework.dev/v3/manifest-reference"
_KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.IGNORECASE)
_TOP = frozenset({"spin_manifest_version", "application", "variables", "trigger", "component"})
_COMPONENT = frozenset(
    {"description", "source", "files", "exclude_files", "allowed_http_hosts", "environment"}
    | {"allowed_outbound_hosts", "key_value_stores", "sqlite_databases", "ai_models", "build"}
    | {"variables", "tool", "dependencies", "dependencies_inherit_configuration", "targets"}
    | {"profile"}
)
_VERSION_2 = 2


class SpinParams(Params):
    """What every property of a Spin manifest takes."""

    manifest: str = Field(
        "",
        description="The manifest, relative to the build context; empty for spin.toml at its top, "
        "else the first one below.",
    )


class SourceParams(SpinParams):
    """Parameters of ``spin-sources``."""

    image_folder: str = Field(
        "",
        description="Absolute folder of the image that stands for the manifest's own; empty to "
        "look in the build context.",
    )


class OutboundParams(SpinParams):
    """Parameters of ``spin-outbound-hosts``."""

    allowed: tuple[str, ...] = Field(
        (), description="Entries of allowed_outbound_hosts that may be there; empty for any."
    )


class StoreParams(SpinParams):
    """Parameters of ``spin-key-value``."""

    stores: tuple[str, ...] = Field(
        ("default",), description="Key-value stores that components may name."
    )
    wanted: tuple[str, ...] = Field(
        (), description="Stores of which each must be named by some component."
    )


def _request(params: SpinParams) -> SpinRequest:
    return SpinRequest(params.manifest)


def _needs(params: SpinParams) -> tuple[Request[Any], ...]:
    return (_request(params),)


def _source_needs(params: SourceParams) -> tuple[Request[Any], ...]:
    return (_request(params), ImageRequest()) if params.image_folder else (_request(params),)


def _on_manifest(
    params: SpinParams,
    observations: Observations,
    look: Callable[[SpinFacts, Node], Iterable[Evidence]],
    *,
    right: str,
    wrong: str,
) -> Verdict:
    facts = observations.answer(_request(params))
    if facts is None:
        return not_observed(observations, _request(params), "the Spin manifest")
    if facts.document is None:
        problem = facts.problems[0]
        return could_not_tell(f"{printable(facts.file, 80)}:{problem.line}: {problem.text}")
    root = tree(facts.document)
    if not list(root.at("component").items()):
        return could_not_tell(f"{root.where}: it has no components")
    evidence = list(look(facts, root))
    if evidence:
        return failed(wrong, at_most(evidence, "finding"))
    return passed(right)


def judge_valid(params: SpinParams, observations: Observations) -> Verdict:
    """The manifest is what the reference says, and every trigger leads to a component."""
    facts = observations.answer(_request(params))
    if facts is None:
        return not_observed(observations, _request(params), "the Spin manifest")
    evidence = [problem_evidence("not-toml", p) for p in facts.problems]
    components: list[str] = []
    if facts.document is not None:
        root = tree(facts.document)
        evidence += _mistakes(root)
        components = [name for name, _ in root.at("component").items()]
    file = printable(facts.file, 80)
    if evidence:
        number = counted(len(evidence), "mistake")
        return failed(f"{file} has {number}.", at_most(evidence, "mistake"))
    return passed(f"{file} is valid, with {listed(printable(c, 40) for c in components)}.")


def _mistakes(root: Node) -> Iterator[Evidence]:
    version = root.at("spin_manifest_version")
    if version.value != _VERSION_2 or isinstance(version.value, bool):
        said = f"is {printable(version.text, 20)}" if version.there else "is missing"
        text = f"spin_manifest_version {said}; the number 2 is wanted."
        yield found_at("old-version", version, text)
        return  # all else stands elsewhere in the old format
    if not root.at("application", "name").text:
        yield found_at("missing", root.at("application"), "application.name is missing.")
    for key, node in root.items():
        if key not in _TOP:
            yield found_at("unknown-key", node, f"there is no such key as `{printable(key, 60)}`.")
    components = dict(root.at("component").items())
    if not components:
        yield found_at("missing", root, "there is no component.")
    for name, node in components.items():
        yield from _component_mistakes(name, node)
    yield from _trigger_mistakes(root, set(components))


def _component_mistakes(name: str, node: Node) -> Iterator[Evidence]:
    shown = printable(name, 60)
    if not _KEBAB.fullmatch(name):
        yield found_at("bad-name", node, f"`{shown}` is not written with hyphens only.")
    if not node.at("source").there:
        yield found_at("missing", node, f"the component `{shown}` has no source.")
    source = node.at("source")
    if source.at("url").there and not source.at("digest").text.startswith("sha256:"):
        text = f"the source of `{shown}` is a URL without its sha256 digest."
        yield found_at("missing", source, text)
    for key, item in node.items():
        if key not in _COMPONENT:
            text = f"the component `{shown}` has no key `{printable(key, 60)}`."
            yield found_at("unknown-key", item, text)


def _trigger_mistakes(root: Node, components: set[str]) -> Iterator[Evidence]:
    used: set[str] = set()
    triggers = [(kind, t) for kind, node in root.at("trigger").items() for t in node.each()]
    if not triggers:
        text = "there is no trigger, written as `[[trigger.http]]` for example."
        yield found_at("missing", root.at("trigger"), text)
    for kind, trigger in triggers:
        component = trigger.at("component")
        if kind == "http" and not trigger.at("route").there:
            yield found_at("missing", trigger, "an HTTP trigger has no route.")
        if kind == "redis" and not trigger.at("channel").there:
            yield found_at("missing", trigger, "a Redis trigger has no channel.")
        if component.kind == "mapping":
            continue  # written in place
        name = printable(component.text, 60)
        if component.text not in components:
            said = f"the component `{name}`, which is not there" if name else "no component"
            place = component if component.there else trigger
            yield found_at("dangling-trigger", place, f"a trigger of type {kind} names {said}.")
        used.add(component.text)
    for name in sorted(components - used):
        text = f"no trigger leads to the component `{printable(name, 60)}`."
        yield found_at("unused-component", root.at("component", name), text)


def judge_sources(params: SourceParams, observations: Observations) -> Verdict:
    """Every component's file is there."""
    image = observations.image
    if params.image_folder and image is None:
        return no_image(observations)
    in_image = {f.path: f.size for f in image.files if f.kind == "file"} if image else {}
    unbuilt: list[str] = []

    def look(facts: SpinFacts, root: Node) -> Iterable[Evidence]:
        folder = posixpath.dirname(facts.file)
        for name, path, in_context in facts.sources:
            node = root.at("component", name)
            size, shown = in_context, printable(path, 100)
            if params.image_folder:
                relative = posixpath.relpath(path, folder or ".")
                place = posixpath.normpath(posixpath.join(params.image_folder, relative))
                size, shown = in_image.get(place), printable(place, 100)
            if size is None and not params.image_folder and node.at("build", "command").there:
                unbuilt.append(f"{shown} is made by `spin build`")
            elif not size:
                said = "is not there" if size is None else "is empty"
                text = f"the source of `{printable(name, 60)}`, {shown}, {said}."
                yield found_at("no-source", node.at("source"), text)

    right = "The file of every component is there."
    wrong = "A component's file is missing."
    verdict = _on_manifest(params, observations, look, right=right, wrong=wrong)
    if verdict.passed and unbuilt:
        return could_not_tell(f"{unbuilt[0]}, and nobody ran it")
    return verdict


def judge_outbound(params: OutboundParams, observations: Observations) -> Verdict:
    """Components reach the hosts that they need, by name."""

    def look(_: SpinFacts, root: Node) -> Iterable[Evidence]:
        for name, component in root.at("component").items():
            old = component.at("allowed_http_hosts")
            if old.there:
                text = f"`{printable(name, 60)}` uses allowed_http_hosts, of version 1."
                yield found_at("old-key", old, text)
            hosts = component.at("allowed_outbound_hosts")
            for host in (*hosts.each(), *old.each()):
                shown = f"`{printable(host.text, 80)}` of `{printable(name, 60)}`"
                if _is_wide(host.text):
                    yield found_at("wide-host", host, f"{shown} stands for any host.")
                elif params.allowed and host.text not in params.allowed:
                    yield found_at("unexpected-host", host, f"{shown} is not expected.")

    return _on_manifest(
        params,
        observations,
        look,
        right="Every component reaches only hosts that it names.",
        wrong="A component may reach more hosts than it needs.",
    )


def _is_wide(entry: str) -> bool:
    """True where any host fits, for example ``*://*:*`` or ``https://*``."""
    host = entry.partition("://")[2] or entry
    name = host.rpartition(":")[0] if ":" in host else host
    return entry == "insecure:allow-all" or name in {"*", "0.0.0.0/0", ""} or name == "*.*"


def judge_key_value(params: StoreParams, observations: Observations) -> Verdict:
    """Components name the stores that they use, and no others."""

    def look(_: SpinFacts, root: Node) -> Iterable[Evidence]:
        named: set[str] = set()
        for name, component in root.at("component").items():
            for store in component.at("key_value_stores").each():
                named.add(store.text)
                if store.text not in params.stores and store.text not in params.wanted:
                    text = f"`{printable(name, 60)}` names the store `{printable(store.text, 60)}`."
                    yield found_at("unexpected-store", store, text)
        for wanted in params.wanted:
            if wanted not in named:
                text = f"no component may use the store `{printable(wanted, 60)}`."
                yield found_at("no-store", root.at("component"), text)

    return _on_manifest(
        params,
        observations,
        look,
        right="Components name the key-value stores that they use.",
        wrong="The key-value stores are not those that are wanted.",
    )


def judge_secrets(params: SpinParams, observations: Observations) -> Verdict:
    """Secrets are variables without a default, marked as secret."""

    def look(_: SpinFacts, root: Node) -> Iterable[Evidence]:
        for name, variable in root.at("variables").items():
            default = variable.at("default")
            shown = printable(name, 60)
            if (is_secret_name(name) or variable.at("secret").is_true) and default.text:
                text = f"the variable `{shown}` has its secret as the default."
                yield found_at("secret-default", default, text)
            elif is_secret_name(name) and not variable.at("secret").is_true:
                text = f"the variable `{shown}` is not marked `secret = true`."
                yield found_at("not-marked", variable, text)
        for name, component in root.at("component").items():
            for kind in ("environment", "variables"):
                for key, node in component.at(kind).items():
                    template = "{{" in node.text
                    if has_password(node.text) or (
                        is_secret_name(key) and node.text and not template
                    ):
                        text = f"`{printable(key, 60)}` of `{printable(name, 60)}` is a secret."
                        yield found_at("secret-in-manifest", node, text)

    return _on_manifest(
        params,
        observations,
        look,
        right="No secret is in the manifest.",
        wrong="There is a secret in the manifest.",
    )


PROPERTIES = (
    Property(
        id="spin-valid",
        family="spin",
        title="The Spin manifest is valid",
        meaning="spin.toml is TOML of manifest version 2 with the tables that it needs: an "
        "application with a name, components with a source, triggers that lead to them, and no "
        "unknown keys.",
        source=_REFERENCE,
        params=SpinParams,
        codes={
            "not-toml": "the file cannot be read",
            "old-version": "it is not of manifest version 2",
            "missing": "something that must be there is not",
            "unknown-key": "a key is not in the reference",
            "bad-name": "a component's name is not written with hyphens",
            "dangling-trigger": "a trigger names no component that is there",
            "unused-component": "no trigger leads to a component",
        },
        needs=_needs,
        judge=judge_valid,
        remedy="Correct the lines that are named; `spin doctor` knows some of them, too.",
        weight=5,
    ),
    Property(
        id="spin-sources",
        family="spin",
        title="Every component's file is there",
        meaning="The source of each component is a file that is there and not empty, in the build "
        "context or in the image. One that `spin build` would make cannot be told.",
        source=f"{_REFERENCE}#the-component-table",
        params=SourceParams,
        codes={"no-source": "a component's file is missing or empty"},
        needs=_source_needs,
        judge=judge_sources,
        remedy="Build the component first, or correct its `source`, relative to spin.toml.",
        weight=4,
    ),
    Property(
        id="spin-outbound-hosts",
        family="spin",
        title="Components reach named hosts only",
        meaning="A component can connect to nothing that allowed_outbound_hosts does not name. "
        "`*://*:*` gives that away.",
        source="https://spinframework.dev/v3/writing-apps#granting-networking-permissions-to-components",
        params=OutboundParams,
        codes={
            "wide-host": "an entry stands for any host",
            "unexpected-host": "a host is named that is not expected",
            "old-key": "the key is that of manifest version 1",
        },
        needs=_needs,
        judge=judge_outbound,
        remedy="Name scheme, host and port of what the component calls; leave the list empty where "
        "it calls nothing.",
        weight=3,
    ),
    Property(
        id="spin-key-value",
        family="spin",
        title="Components name their key-value stores",
        meaning="A component can open only the stores that key_value_stores names. Without a "
        "configuration of its own the runtime has one, `default`.",
        source="https://spinframework.dev/v3/kv-store-api-guide",
        params=StoreParams,
        codes={
            "unexpected-store": "a store is named that is not expected",
            "no-store": "a store that is wanted is named by no component",
        },
        needs=_needs,
        judge=judge_key_value,
        remedy='Write `key_value_stores = ["default"]` in the component that uses it, only there.',
        weight=2,
    ),
    Property(
        id="spin-secrets",
        family="spin",
        title="No secret is in the Spin manifest",
        meaning="A secret is an application variable, `required` and `secret`, that is given when "
        "the application runs: no default, no environment entry with its value.",
        source="https://spinframework.dev/v3/variables",
        params=SpinParams,
        codes={
            "secret-default": "a secret has its value as the default",
            "not-marked": "a variable with the name of a secret is not marked",
            "secret-in-manifest": "a component's environment or variables hold a secret",
        },
        needs=_needs,
        judge=judge_secrets,
        remedy="Write `token = { required = true, secret = true }` under [variables], and give the "
        'component `token = "{{ token }}"`.',
        weight=4,
    ),
)
