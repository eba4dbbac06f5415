"""How large an image is, what makes it so, and what of it nobody can see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

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
_WASTE_PERCENT = 5.0


class ImageSizeParams(Params):
    """Parameters of ``image-size``."""

    max_mb: float = Field(
        300, gt=0, description="Largest size allowed, unpacked, in MB (10^6 bytes)."
    )


class WastedBytesParams(Params):
    """Parameters of ``wasted-bytes``; where both are given, both must hold.

    Where none is given, 5 % may be wasted.
    """

    max_mb: float | None = Field(
        None, ge=0, description="Most bytes that no container can see, in MB (10^6 bytes)."
    )
    max_percent: float | None = Field(
        None, ge=0, le=100, description="The same as a share of the unpacked image, in percent."
    )

    @model_validator(mode="before")
    @classmethod
    def _one_limit(cls, given: Any) -> Any:
        if isinstance(given, dict) and not given.keys() & {"max_mb", "max_percent"}:
            return {**given, "max_percent": _WASTE_PERCENT}
        return given


class MaxLayersParams(Params):
    """Parameters of ``max-layers``."""

    max: int = Field(40, gt=0, description="Most file-system layers allowed, the base's included.")


class UselessLayerParams(Params):
    """Parameters of ``no-useless-layers``."""

    max: int = Field(0, ge=0, description="Most layers without any use allowed.")


class RestoredParams(Params):
    """Parameters of ``no-restored-files``."""

    max_mb: float = Field(
        1, ge=0, description="Most bytes that are stored again allowed, in MB (10^6 bytes)."
    )


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


def judge_no_useless_layers(params: UselessLayerParams, observations: Observations) -> Verdict:
    """No layer that adds nothing, or nothing that is left."""
    image = observations.image
    if image is None:
        return no_image(observations)
    used = {fact.layer for fact in image.files}
    deletes = {w.gone_in for w in image.waste}
    evidence = []
    for index, layer in enumerate(image.layers):
        if index in used or index in deletes or layer.created_by.startswith("WORKDIR"):
            continue
        if (layer.entries if layer.changes is None else layer.changes) == 0:
            code, text = "empty-layer", "Nothing is changed by"
        elif layer.file_bytes:
            size = format_bytes(layer.file_bytes)
            code, text = "hidden-layer", f"Later layers hide all {size} of"
        else:
            continue
        evidence.append(
            evidence_on_layer(
                code,
                f"{text} {layer_name(image, index)}.",
                image,
                index,
                observations.dockerfile,
                size=layer.file_bytes,
            )
        )
    count = len(evidence)
    summary = (
        f"{counted(count, 'layer')} of {len(image.layers)} without any use, at most {params.max} "
        "wanted."
    )
    return passed(summary) if count <= params.max else failed(summary, at_most(evidence, "layer"))


def judge_no_restored_files(params: RestoredParams, observations: Observations) -> Verdict:
    """No file that is stored a second time with the same size."""
    image = observations.image
    if image is None:
        return no_image(observations)
    now = {fact.path: fact for fact in image.files if fact.kind == "file"}
    groups: dict[tuple[int, int], list[WastedFile]] = defaultdict(list)
    for file in image.waste:
        fact = now.get(file.path)
        if fact and not file.deleted and fact.layer == file.gone_in and fact.size == file.bytes:
            groups[file.stored_in, file.gone_in].append(file)
    total = sum(f.bytes for files in groups.values() for f in files)
    limit = round(params.max_mb * MB)
    summary = (
        f"{format_bytes(total)} are stored again with the same size, at most "
        f"{format_bytes(limit)} wanted."
    )
    if total <= limit:
        return passed(summary)
    evidence = [
        evidence_on_layer(
            "stored-again",
            f"`{shown_path(files[0].path)}`"
            + (f" and {counted(len(files) - 1, 'more file')}" if len(files) > 1 else "")
            + f" ({format_bytes(sum(f.bytes for f in files))}) from "
            f"{layer_name(image, stored_in)} {'are' if len(files) > 1 else 'is'} stored again in "
            f"{layer_name(image, gone_in)}.",
            image,
            gone_in,
            observations.dockerfile,
            path=files[0].path,
            size=sum(f.bytes for f in files),
        )
        for (stored_in, gone_in), files in sorted(
            groups.items(), key=lambda item: -sum(f.bytes for f in item[1])
        )
    ]
    return failed(summary, at_most(evidence, "group"))


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
        remedy="Build in one stage and copy what runs into a slim or distroless one; leave out "
        "development dependencies.",
        weight=2,
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
        remedy="Delete in the RUN that makes the file, or build in an earlier stage and copy only "
        "what is needed.",
        weight=2,
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
        remedy="Join RUN instructions that belong together, and copy a folder instead of files.",
        weight=1,
    ),
    Property(
        id="no-useless-layers",
        family="size",
        title="Every layer adds something",
        meaning="A RUN that changes no file still makes a layer, and so does one whose files all "
        "later layers overwrite or delete. WORKDIR is not counted. Layers that "
        "only delete are counted by `wasted-bytes`.",
        source="https://docs.docker.com/engine/storage/drivers/",
        params=UselessLayerParams,
        codes={
            "empty-layer": "a layer that changes nothing",
            "hidden-layer": "a layer of which later ones leave nothing",
        },
        needs=_image,
        judge=judge_no_useless_layers,
        remedy="Remove the instruction, or move it to the stage that needs what it does.",
        weight=1,
    ),
    Property(
        id="no-restored-files",
        family="size",
        title="No file is stored twice to change its owner or mode",
        meaning="`RUN chown -R` or `chmod -R` stores every file that it touches once more, in "
        "full. Found are files that a later layer holds again with the same size; their contents "
        "are not compared.",
        source="https://docs.docker.com/reference/dockerfile/#copy---chown---chmod",
        params=RestoredParams,
        codes={"stored-again": "files that a later layer stores again with the same size"},
        needs=_image,
        judge=judge_no_restored_files,
        remedy="Set owner and mode where the file comes in: `COPY --chown=USER --chmod=MODE`.",
        weight=2,
    ),
)
