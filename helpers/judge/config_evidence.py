"""Fields of the image config in the words of a verdict, with the instruction that sets them."""

from __future__ import annotations

from collections.abc import Iterator

from helpers.judge.instructions import target_of
from helpers.judge.property import Params
from helpers.judge.verdict import Evidence
from helpers.judge.words import last_instruction, shown_path
from helpers.observe.image_facts import ImageConfig
from helpers.observe.requests import ImageRequest, Observations
from helpers.observe.text import printable


def located(
    code: str, text: str, observations: Observations, keyword: str, *, path: str | None = None
) -> Evidence:
    """Evidence about a field of the config, with the last instruction that sets it."""
    found = last_instruction(observations.dockerfile, {keyword}, target_of(observations))
    return Evidence(
        code,
        text,
        path=shown_path(path) if path is not None else None,
        instruction=printable(f"{keyword} {found.arguments}", 200) if found else None,
        line=found.line if found else None,
    )


def variables(config: ImageConfig) -> Iterator[tuple[str, str]]:
    """Names and values of the environment."""
    for pair in config.env:
        name, _, value = pair.partition("=")
        yield name, value


def port_name(port: str) -> str:
    """A port with its protocol, TCP by default."""
    number, _, protocol = port.partition("/")
    return f"{number}/{protocol.lower() or 'tcp'}"


def image_only(_: Params) -> tuple[ImageRequest, ...]:
    """What a property needs that looks at the image alone."""
    return (ImageRequest(),)
