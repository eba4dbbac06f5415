"""How large an image is, what makes it so, and what of it nobody can see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from pydantic import Field, model_validator

from helpers.judge.filesystem import bytes_by_folder
from helpers.judge.property import Params, Property
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    at_most,
    counted,
    evidence_on_layer,
    failed,
    layer_name,
    no_image,
    passed,
    shown_path,
)
from helpers.observe.image_facts import ImageFacts, WastedFile
from helpers.observe.requests import ImageRequest, Observations
from helpers.units import MB, format_bytes

_SHARE_WORTH_TELLING = 0.05
_BIG_LAYERS = 3


class ImageSizeParams(Params):
    """Parameters of ``image-size``."""

    max_mb: float = Field(gt=0, description="Largest size allowed, unpacked, in MB (10^6 bytes).")


class WastedBytesParams(Params):
    """Parameters of ``wasted-bytes``; where both are given, both must hold."""

    max_mb: float | None = Field(
        None, ge=0, description="Most bytes that no container can see, in MB (10^6 bytes)."
    )
    max_percent: float | None = Field(
        None, ge=0, le=100, description="The same as a share of the unpacked image, in percent."
    )

    @model_validator(mode="after")
    def _one_limit(self) -> WastedBytesParams:
        if self.max_mb is None and self.max_percent is None:
            raise ValueError("one of max_mb and max_percent is needed")
        return self


class MaxLayersParams(Params):
    """Parameters of ``max-layers``."""

    max: int = Field(gt=0, description="Most file-system layers allowed, the base's included.")


def judge_image_size(params: ImageSizeParams, observations: Observations) -> Verdict:
    """Unpacked size against a limit."""
    image = observations.image
    if image is None:
        return no_image(observations)
    size, limit = image.unpacked_bytes, round(params.max_mb * MB)
    summary = f"{format_bytes(size)} unpacked, at most {format_bytes(limit)} wanted."
    if size <= limit:
        return passed(summary)
    over = Evidence(
        "over-limit",
        f"The image takes {format_bytes(size)} unpacked, {format_bytes(size - limit)} too many.",
        bytes=size,
    )
    return failed(summary, (over, *_what_is_big(image, limit, observations)))


def _what_is_big(image: ImageFacts, limit: int, observations: Observations) -> Iterator[Evidence]:
    worth_telling = limit * _SHARE_WORTH_TELLING
    layers = sorted(enumerate(image.layers), key=lambda item: -item[1].file_bytes)
    for index, layer in layers[:_BIG_LAYERS]:
        if layer.file_bytes >= worth_telling:
            yield evidence_on_layer(
                "big-layer",
                f"{format_bytes(layer.file_bytes)} come from {layer_name(image, index)}.",
                image,
                index,
                observations.dockerfile,
                size=layer.file_bytes,
            )
    for code, what, folder_of in _PILES:
        for pile in list(bytes_by_folder(image, folder_of).values())[:2]:
            if pile.bytes >= worth_telling:
                yield evidence_on_layer(
                    code,
                    f"`{shown_path(pile.folder)}` holds {format_bytes(pile.bytes)} in "
                    f"{counted(pile.files, 'file')} ({what}), from "
                    f"{layer_name(image, pile.layer)}.",
                    image,
                    pile.layer,
                    observations.dockerfile,
                    path=pile.folder,
                    size=pile.bytes,
                )
    if image.wasted_bytes >= worth_telling:
        yield Evidence(
            "wasted",
            f"{format_bytes(image.wasted_bytes)} of it no container can see: files that a later "
            "layer deletes or overwrites are still stored.",
            bytes=image.wasted_bytes,
        )


def _node_modules(path: str) -> str | None:
    head, found, _ = path.partition("/node_modules/")
    # The package manager's own packages are a part of it, not of the app.
    return f"{head}/node_modules" if found and head not in {"/usr/lib", "/usr/local/lib"} else None


_TOOLCHAIN_FOLDERS = (
    "/usr/lib/gcc",
    "/usr/libexec/gcc",
    "/usr/include",
    "/usr/lib/llvm",
    "/usr/lib/git-core",
    "/usr/lib/go",
    "/usr/local/go",
    "/usr/local/include/node",
    "/usr/lib/python3",
    "/usr/share/perl",
    "/usr/local/rustup",
    "/usr/local/cargo",
)


def _toolchain(path: str) -> str | None:
    if not path.startswith("/usr/"):
        return None
    return next((folder for folder in _TOOLCHAIN_FOLDERS if path.startswith(folder)), None)


_CACHE_FOLDERS = (
    "/var/lib/apt/lists",
    "/var/cache/apt",
    "/var/cache/apk",
    "/root/.npm",
    "/root/.cache",
    "/home/node/.npm",
    "/usr/local/share/.cache",
    "/root/.yarn",
)


def _cache(path: str) -> str | None:
    return next((folder for folder in _CACHE_FOLDERS if path.startswith(f"{folder}/")), None)


_PILES = (
    ("node-modules", "npm packages", _node_modules),
    ("toolchain", "compilers, headers and other build tools", _toolchain),
    ("package-cache", "a package manager's cache", _cache),
)


def judge_wasted_bytes(params: WastedBytesParams, observations: Observations) -> Verdict:
    """Bytes that layers store and no container can see, against a limit."""
    image = observations.image
    if image is None:
        return no_image(observations)
    wasted = image.wasted_bytes
    percent = 100 * wasted / image.unpacked_bytes if image.unpacked_bytes else 0.0
    limits = []
    over = False
    if params.max_mb is not None:
        limits.append(format_bytes(params.max_mb * MB))
        over = over or wasted > params.max_mb * MB
    if params.max_percent is not None:
        limits.append(f"{params.max_percent:g} %")
        over = over or percent > params.max_percent
    summary = (
        f"{format_bytes(wasted)} ({percent:.1f} % of the image) are stored and cannot be seen, at "
        f"most {' and '.join(limits)} wanted."
    )
    if not over:
        return passed(summary)
    return failed(summary, at_most(_wasted(image, observations), "group"))


def _wasted(image: ImageFacts, observations: Observations) -> list[Evidence]:
    """One entry a pair of layers: what the one stores and the other hides."""
    groups: dict[tuple[int, int, bool], list[WastedFile]] = defaultdict(list)
    for file in image.waste:
        groups[file.stored_in, file.gone_in, file.deleted].append(file)
    ordered = sorted(groups.items(), key=lambda item: (-sum(f.bytes for f in item[1]), item[0]))
    evidence = []
    for (stored_in, gone_in, deleted), files in ordered:
        total = sum(f.bytes for f in files)
        more = f" and {counted(len(files) - 1, 'more file')}" if len(files) > 1 else ""
        verb = "deleted" if deleted else "overwritten"
        evidence.append(
            evidence_on_layer(
                "deleted-later" if deleted else "overwritten-later",
                f"`{shown_path(files[0].path)}`{more} ({format_bytes(total)}) "
                f"{'are' if more else 'is'} stored in {layer_name(image, stored_in)} and {verb} in "
                f"{layer_name(image, gone_in)}.",
                image,
                stored_in,
                observations.dockerfile,
                path=files[0].path,
                size=total,
            )
        )
    return evidence


def judge_max_layers(params: MaxLayersParams, observations: Observations) -> Verdict:
    """Number of layers against a limit."""
    image = observations.image
    if image is None:
        return no_image(observations)
    count = len(image.layers)
    summary = f"{counted(count, 'layer')}, at most {params.max} wanted."
    if count <= params.max:
        return passed(summary)
    small = sorted(range(count), key=lambda index: image.layers[index].file_bytes)
    evidence = [
        Evidence("too-many-layers", f"The image has {counted(count, 'layer')}."),
        *(
            evidence_on_layer(
                "small-layer",
                f"Only {format_bytes(image.layers[index].file_bytes)} are in "
                f"{layer_name(image, index)}.",
                image,
                index,
                observations.dockerfile,
                size=image.layers[index].file_bytes,
            )
            for index in small[: count - params.max]
        ),
    ]
    return failed(summary, at_most(evidence, "layer"))


def _image(_: Params) -> tuple[ImageRequest, ...]:
    return (ImageRequest(),)


PROPERTIES = (
    Property(
        id="image-size",
        family="size",
        title="The image is small",
        meaning="The sum of all files in all layers, as they lie unpacked on a host that runs "
        "the image. What a later layer deletes still counts, because it is still stored"
        " and transferred. Smaller images are pulled faster and hold less that can be "
        "attacked.",
        source="https://docs.docker.com/build/building/best-practices/",
        params=ImageSizeParams,
        codes={
            "over-limit": "the image is larger than allowed",
            "big-layer": "one of the layers that weigh most",
            "node-modules": "npm packages weigh much",
            "toolchain": "compilers, headers and other build tools weigh much",
            "package-cache": "a package manager's cache was left in a layer",
            "wasted": "files that are deleted or overwritten later weigh much",
        },
        needs=_image,
        judge=judge_image_size,
    ),
    Property(
        id="wasted-bytes",
        family="size",
        title="No layer stores what a later one hides",
        meaning="A layer only adds: deleting or overwriting a file in a later instruction hides"
        " it and leaves its bytes in the image. The files are compared layer by layer.",
        source="https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts",
        params=WastedBytesParams,
        codes={
            "deleted-later": "a later layer deletes what this one stores",
            "overwritten-later": "a later layer stores the same file again",
        },
        needs=_image,
        judge=judge_wasted_bytes,
    ),
    Property(
        id="max-layers",
        family="size",
        title="The image has few layers",
        meaning="Each RUN, COPY and ADD makes a layer. Layers that belong together can be one "
        "instruction; the base's own layers count too.",
        source="https://docs.docker.com/engine/storage/drivers/",
        params=MaxLayersParams,
        codes={
            "too-many-layers": "there are more layers than allowed",
            "small-layer": "a layer that holds little and could be part of another one",
        },
        needs=_image,
        judge=judge_max_layers,
    ),
)
