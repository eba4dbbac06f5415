"""Whether two builds of the same give the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from helpers.judge.property import Params, Property
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    at_most,
    counted,
    failed,
    listed,
    not_observed,
    passed,
    shown_path,
)
from helpers.observe.reproduce import LayerDifference, Reproduction, ReproductionRequest
from helpers.observe.requests import Observations
from helpers.observe.text import printable


class ReproducibleParams(Params):
    """Parameters of ``reproducible``."""

    level: Literal["digest", "layers", "contents"] = Field(
        "contents",
        description="What must be the same: the image's `digest`; the `layers`, times of files "
        "included; or the `contents`, modes and owners of all files, whatever their times.",
    )
    seconds: float = Field(900, gt=0, description="How long one build may take, in seconds.")


def judge_reproducible(params: ReproducibleParams, observations: Observations) -> Verdict:
    """Two builds without the cache give the same."""
    request = ReproductionRequest(params.seconds)
    seen = observations.answer(request)
    if seen is None:
        return not_observed(observations, request, "a second build without the cache")
    if seen.same:
        return passed(f"Two builds without the cache give one digest, {seen.first[:19]}….")
    layers = [layer for layer in seen.layers if params.level != "contents" or not layer.only_time]
    evidence = [*_layers(seen, layers), *_config(seen, params.level)]
    if not evidence and params.level == "digest":
        text = f"{seen.first[:19]}… and {seen.second[:19]}… differ in no file and no setting."
        evidence = [Evidence("other-digest", text)]
    times = [layer for layer in seen.layers if layer.only_time]
    aside = f" ({counted(len(times), 'layer')} differ in times only)" if times else ""
    if evidence:
        return failed(
            f"Two builds without the cache differ in {counted(len(layers), 'layer')}{aside}.",
            at_most(evidence, "difference"),
        )
    return passed(f"Two builds without the cache have the same {params.level}{aside}.")


def _layers(seen: Reproduction, layers: list[LayerDifference]) -> Iterator[Evidence]:
    for layer in layers:
        examples = [f for f in seen.files if f.layer == layer.layer][:3]
        shown = listed(f"`{shown_path(f.path)}` ({', '.join(f.what)})" for f in examples)
        made_by = printable(layer.created_by, 100)
        yield Evidence(
            "times-differ" if layer.only_time else "layer-differs",
            f"Layer {layer.layer + 1} (`{made_by}`) differs in {counted(layer.files, 'file')}: "
            f"{shown}.",
            path=shown_path(examples[0].path) if examples else None,
            layer=layer.layer,
            instruction=made_by or None,
        )


def _config(seen: Reproduction, level: str) -> Iterator[Evidence]:
    # Times of the build itself are part of the config, and so of the digest only.
    about_time = {"created", "history"}
    for field in seen.config:
        if level == "digest" or field not in about_time:
            yield Evidence("config-differs", f"`{printable(field, 80)}` of the config differs.")


PROPERTIES = (
    Property(
        id="reproducible",
        family="caching",
        title="Two builds give the same image",
        meaning="The image is built twice without the cache, with SOURCE_DATE_EPOCH set, and "
        "compared: digest, image config, and every file's content, mode, owner and time. Which of "
        "these must be the same is the parameter's; by default times do not count, because the "
        "engine's own export keeps them.",
        source="https://docs.docker.com/build/ci/github-actions/reproducible-builds/",
        params=ReproducibleParams,
        codes={
            "layer-differs": "files of a layer differ in more than their times",
            "times-differ": "files of a layer differ in their times only",
            "config-differs": "a field of the image config differs",
            "other-digest": "the digests differ, and nothing that was compared",
        },
        needs=lambda params: (ReproductionRequest(params.seconds),),
        judge=judge_reproducible,
        remedy="Install from a lock file, delete logs and caches in the same RUN, and write no "
        "time or random value into files.",
        weight=2,
    ),
)
