"""The image config against values that somebody asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from pydantic import Field, model_validator

from helpers.judge.config_evidence import image_only, located, port_name, variables
from helpers.judge.known_programs import names
from helpers.judge.property import Params, Property
from helpers.judge.verdict import Verdict
from helpers.judge.words import (
    at_most,
    could_not_tell,
    counted,
    failed,
    listed,
    no_image,
    passed,
)
from helpers.observe.image_facts import ImageConfig
from helpers.observe.requests import Observations
from helpers.observe.text import printable


class Pair(Params):
    """A variable or a label with its value."""

    key: str = Field(description="Its name. No unit.")
    value: str = Field("", description="Its value, or an expression that is found in it. No unit.")
    regex: bool = Field(False, description="Whether the value is a regular expression.")

    @model_validator(mode="after")
    def _readable(self) -> Pair:
        try:
            re.compile(self.value if self.regex else "")
        except re.error as error:
            raise ValueError(f"{self.value!r} is not a regular expression: {error}") from error
        return self


class ConfigValuesParams(Params):
    """Parameters of ``config-values``; what is left out is not looked at."""

    env: tuple[Pair, ...] = Field((), description="Variables with their values.")
    no_env: tuple[str, ...] = Field((), description="Variables that must not be there.")
    labels: tuple[Pair, ...] = Field((), description="Labels with their values.")
    entrypoint: tuple[str, ...] | None = Field(None, description="ENTRYPOINT word by word.")
    cmd: tuple[str, ...] | None = Field(None, description="CMD word by word.")
    workdir: str = Field("", description="WORKDIR; empty for any.")
    user: str = Field("", description="USER; empty for any.")
    ports: tuple[str, ...] = Field((), description="Ports that must be declared: `80`, `53/udp`.")
    no_ports: tuple[str, ...] = Field((), description="Ports that must not be declared.")
    volumes: tuple[str, ...] = Field((), description="Volumes that must be declared.")
    no_volumes: tuple[str, ...] = Field((), description="Volumes that must not be declared.")


def judge_config_values(params: ConfigValuesParams, observations: Observations) -> Verdict:
    """Exactly the values that are wanted."""
    image = observations.image
    if image is None:
        return no_image(observations)
    config = image.config
    evidence = [
        located(code, text, observations, keyword)
        for code, text, keyword in _other_values(params, config)
    ]
    if evidence:
        number = counted(len(evidence), "value")
        return failed(f"{number} of the image config not as wanted.", at_most(evidence, "value"))
    wanted = [name for name in type(params).model_fields if name in params.model_fields_set]
    if not wanted:
        return could_not_tell("no value is asked for")
    return passed(f"As wanted: {listed(wanted, 12)}.")


_Found = Iterator[tuple[str, str, str]]


def _other_values(params: ConfigValuesParams, config: ImageConfig) -> _Found:
    env = dict(variables(config))
    yield from _other_pairs(params.env, env, "env", "ENV")
    for name in params.no_env:
        if name in env:
            yield "env-present", f"The variable `{printable(name, 80)}` is set.", "ENV"
    yield from _other_pairs(params.labels, config.labels, "label", "LABEL")
    for wanted, found, keyword in (
        (params.entrypoint, config.entrypoint, "ENTRYPOINT"),
        (params.cmd, config.cmd, "CMD"),
    ):
        if wanted is not None and wanted != found:
            text = f"{keyword} is {_words(found)}, {_words(wanted)} is wanted."
            yield keyword.lower(), text, keyword
    for text, value, keyword in (
        (params.workdir, config.workdir, "WORKDIR"),
        (params.user, config.user, "USER"),
    ):
        if text and text != value:
            shown = f"{keyword} is `{printable(value, 120)}`, `{printable(text, 120)}` is wanted."
            yield keyword.lower(), shown, keyword
    yield from _lists(params.ports, params.no_ports, config.exposed_ports, port_name, "EXPOSE")
    yield from _lists(params.volumes, params.no_volumes, config.volumes, str, "VOLUME")


def _other_pairs(wanted: Iterable[Pair], found: dict[str, str], code: str, keyword: str) -> _Found:
    for pair in wanted:
        name = printable(pair.key, 80)
        if pair.key not in found:
            yield f"{code}-missing", f"{keyword} `{name}` is not set.", keyword
            continue
        value = found[pair.key]
        # Values of an image are as long as its maker likes; expressions are the check's own.
        fits = re.search(pair.value, value[:4000]) if pair.regex else pair.value == value
        if not fits:
            like = " to match" if pair.regex else ""
            text = (
                f"{keyword} `{name}` is `{printable(value, 120)}`, wanted{like} "
                f"`{printable(pair.value, 120)}`."
            )
            yield f"{code}-value", text, keyword


def _lists(
    wanted: Iterable[str],
    unwanted: Iterable[str],
    found: Iterable[str],
    plain: Callable[[str], str],
    keyword: str,
) -> _Found:
    there = {plain(item) for item in found}
    shown = printable(listed(sorted(there)) or "none", 200)
    code = keyword.lower()
    for item in wanted:
        if plain(item) not in there:
            yield f"{code}-missing", f"{keyword} `{item}` is not there; there is {shown}.", keyword
    for item in unwanted:
        if plain(item) in there:
            yield f"{code}-present", f"{keyword} `{item}` is there.", keyword


def _words(words: tuple[str, ...]) -> str:
    return f"`{printable(str(list(words)), 160)}`"


_COVERED = names(
    "envVars unboundEnvVars labels entrypoint cmd workdir user exposedPorts unexposedPorts volumes "
    "unmountedVolumes"
)

PROPERTIES = (
    Property(
        id="config-values",
        family="configuration",
        title="The image config has the values that are wanted",
        meaning="Variables, labels, ENTRYPOINT, CMD, WORKDIR, USER, ports and volumes against "
        "what the parameters name: exact values, or regular expressions where they say so. "
        "Only for checks that ask for something.",
        source="https://github.com/GoogleContainerTools/container-structure-test#metadata-test",
        params=ConfigValuesParams,
        codes={
            "env-missing": "a variable is not set",
            "env-value": "a variable has another value",
            "env-present": "a variable is set that must not be",
            "label-missing": "a label is not set",
            "label-value": "a label has another value",
            "entrypoint": "another ENTRYPOINT",
            "cmd": "another CMD",
            "workdir": "another WORKDIR",
            "user": "another USER",
            "expose-missing": "a port is not declared",
            "expose-present": "a port is declared that must not be",
            "volume-missing": "a volume is not declared",
            "volume-present": "a volume is declared that must not be",
        },
        needs=image_only,
        judge=judge_config_values,
        remedy="Set the instruction that the evidence names to the value that is wanted.",
        weight=2,
        covers=tuple(f"container-structure-test metadata.{name}" for name in sorted(_COVERED)),
    ),
)
