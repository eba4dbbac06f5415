"""How every property of a Compose file comes to its verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import Field

from helpers.judge.compose_services import Service, compose_tree, services_of
from helpers.judge.manifest import Node, found_at
from helpers.judge.property import Params
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    at_most,
    could_not_tell,
    counted,
    failed,
    listed,
    not_observed,
    passed,
)
from helpers.observe.compose import ComposeFacts, ComposeRequest
from helpers.observe.requests import ImageRequest, Observations, Request
from helpers.observe.text import printable

#: The code that every property of a Compose file can carry.
NO_SERVICE = {"no-service": "a service that is asked for is not in the file"}
SERVICES = "https://docs.docker.com/reference/compose-file/services/"


class ComposeParams(Params):
    """What every property of a Compose file takes."""

    file: str = Field(
        "",
        description="The Compose file, relative to the build context; empty for the first of "
        "compose.yaml, compose.yml, docker-compose.yaml and docker-compose.yml.",
    )
    services: tuple[str, ...] = Field(
        (), description="Names of the services that are looked at; empty for all."
    )


def request(params: ComposeParams) -> ComposeRequest:
    """The observation that the parameters stand for."""
    return ComposeRequest(params.file)


def needs(params: ComposeParams) -> tuple[Request[Any], ...]:
    """The Compose file."""
    return (request(params),)


def needs_image(params: ComposeParams) -> tuple[Request[Any], ...]:
    """The Compose file, and the image that one of its services may be."""
    return (request(params), ImageRequest())


def compose_file(params: ComposeParams, observations: Observations) -> ComposeFacts | Verdict:
    """The Compose file, or the verdict where it was not seen."""
    facts = observations.answer(request(params))
    if facts is None:
        return not_observed(observations, request(params), "the Compose file")
    return facts


def readable(params: ComposeParams, observations: Observations) -> Node | Verdict:
    """The Compose file as a tree, or the verdict where there is none to look at."""
    facts = compose_file(params, observations)
    if isinstance(facts, Verdict):
        return facts
    root = compose_tree(facts)
    if root is None:
        problem = facts.problems[0]
        return could_not_tell(f"{printable(facts.file, 80)}:{problem.line}: {problem.text}")
    elsewhere = [root.at("include")] if root.at("include").there else []
    elsewhere += [s.node.at("extends", "file") for s in services_of(root, params.services)]
    for node in elsewhere:
        if node.there:
            return could_not_tell(f"{node.where}: a part of it is in another file (`{node.shown}`)")
    return root


def judge_services(
    params: ComposeParams,
    observations: Observations,
    look: Callable[[Node, Service], Iterable[Evidence]],
    *,
    right: str,
    wrong: str,
    noun: str = "finding",
) -> Verdict:
    """Look at each service by itself.

    Args:
        params: which file and which services.
        observations: what was seen.
        look: evidence against one service.
        right: the sentence of a pass, as in "RIGHT (api, db)."
        wrong: the sentence of a fail, as in "2 services WRONG."
        noun: what one piece of evidence is.
    """
    root = readable(params, observations)
    if isinstance(root, Verdict):
        return root
    services = services_of(root, params.services)
    if missing := [n for n in params.services if n not in {s.name for s in services}]:
        text = f"there is no service {listed(f'`{n}`' for n in missing)}."
        evidence = [found_at("no-service", root.at("services"), text)]
        return failed(f"{len(missing)} of the services asked for is not there.", evidence)
    if not services:
        return could_not_tell(f"{root.where}: it has no services")
    found = {s.name: list(look(root, s)) for s in services}
    evidence = [e for each in found.values() for e in each]
    if not evidence:
        return passed(f"{right} ({listed(printable(s.name, 40) for s in services)}).")
    number = sum(1 for each in found.values() if each)
    return failed(f"{counted(number, 'service')} {wrong}.", at_most(evidence, noun))


def is_alone_built(root: Node, service: Service) -> bool:
    """True where Compose builds this service and no other: its image is the one that is judged."""
    return [s.name for s in services_of(root) if s.is_built] == [service.name]


def is_left_to_image(params: ComposeParams, observations: Observations, *steps: str) -> bool:
    """True where the one service that is built lacks that place, so that its image decides."""
    root = readable(params, observations)
    return isinstance(root, Node) and any(
        is_alone_built(root, s) and not s.node.at(*steps).there
        for s in services_of(root, params.services)
    )
