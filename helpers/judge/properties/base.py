"""What the image is built on, told from its layers and not from what it says."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from helpers.judge.property import Params, Property
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    could_not_tell,
    counted,
    evidence_on_layer,
    failed,
    layer_name,
    listed,
    no_image,
    not_observed,
    passed,
)
from helpers.observe.image_facts import ImageFacts
from helpers.observe.requests import BaseImage, BasesRequest, ImageRequest, Observations, Request


class FinalBaseParams(Params):
    """Parameters of ``final-base``."""

    kinds: tuple[str, ...] = Field(
        min_length=1,
        description="Kinds of base that are allowed, no unit: `distroless`, `alpine`, `slim`, "
        "`debian` or `full`.",
    )


def find_base(image: ImageFacts, bases: tuple[BaseImage, ...]) -> BaseImage | None:
    """The base image whose layers the image begins with; the longest one wins."""
    diff_ids = tuple(layer.diff_id for layer in image.layers)
    matching = [b for b in bases if b.diff_ids and diff_ids[: len(b.diff_ids)] == b.diff_ids]
    return max(matching, key=lambda base: len(base.diff_ids), default=None)


def judge_final_base(params: FinalBaseParams, observations: Observations) -> Verdict:
    """The base's kind against those allowed."""
    image = observations.image
    if image is None:
        return no_image(observations)
    if BasesRequest() in observations.failures or not observations.bases:
        reason = "the engine holds none that the workbook knows"
        if BasesRequest() in observations.failures:
            return not_observed(observations, BasesRequest(), "the base images")
        return could_not_tell(f"there is no base image to compare with: {reason}")
    wanted = " or ".join(params.kinds)
    base = find_base(image, observations.bases)
    if base is not None and base.kind in params.kinds:
        return passed(f"The final base is {_described(base)}, {wanted} wanted.")
    if base is not None:
        return failed(
            f"The final base is {_described(base)}, {wanted} wanted.",
            [_wrong_kind(base, image, observations)],
        )
    if not any(known.kind in params.kinds for known in observations.bases):
        return could_not_tell(
            f"the engine holds no {wanted} base image, so the image's layers cannot be recognised"
        )
    return failed(
        f"The final base is none of the known ones, {wanted} wanted.",
        [_unknown(image, observations, wanted)],
    )


def _wrong_kind(base: BaseImage, image: ImageFacts, observations: Observations) -> Evidence:
    """The base's own layers tell how much of the image it is."""
    size = sum(layer.file_bytes for layer in image.layers[: len(base.diff_ids)])
    return evidence_on_layer(
        "wrong-kind",
        f"The first {counted(len(base.diff_ids), 'layer')} of the image "
        f"{'is' if len(base.diff_ids) == 1 else 'are'} those of {_described(base)}.",
        image,
        0,
        observations.dockerfile,
        size=size,
    )


def _unknown(image: ImageFacts, observations: Observations, wanted: str) -> Evidence:
    known = listed(base.name for base in observations.bases if base.kind in wanted)
    if not image.layers:
        return Evidence("unknown-base", "The image has no layers at all.")
    return evidence_on_layer(
        "unknown-base",
        f"The image begins with {layer_name(image, 0)}, which is no known base's first layer"
        f"{f' ({known})' if known else ''}: perhaps it is FROM scratch, or FROM an image that the "
        "workbook does not know.",
        image,
        0,
        observations.dockerfile,
        size=image.layers[0].file_bytes,
    )


def _described(base: BaseImage) -> str:
    stand_in = ", stand-in" if base.stand_in else ""
    return f"{base.name} ({base.kind}{stand_in})"


def _needs(_: Params) -> tuple[Request[Any], ...]:
    return (ImageRequest(), BasesRequest())


PROPERTIES = (
    Property(
        id="final-base",
        family="base",
        title="The image is built on the right base",
        meaning="The base is recognised by its layers: the image must begin with exactly the "
        "layers of a base image that the engine holds. What the FROM line or a label "
        "says does not count.",
        source="https://github.com/GoogleContainerTools/distroless",
        params=FinalBaseParams,
        codes={
            "wrong-kind": "the base is a known one of another kind",
            "unknown-base": "the layers are those of no known base",
        },
        needs=_needs,
        judge=judge_final_base,
        remedy="Change the last FROM line to a base image of a wanted kind.",
        weight=3,
        covers=(
            "dockle CIS-DI-0003",
            "docker-bench 4.3",
        ),
    ),
)
