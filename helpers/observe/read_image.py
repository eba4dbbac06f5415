"""An image at rest: its facts, and what its files hold.

Each layer is read once and then known by its digest (:mod:`helpers.observe.layer_cache`). Layers
that are not known yet come from the engine's own store where that can be read
(:mod:`helpers.observe.layer_store`, :mod:`helpers.observe.content_store`), else from one pass over
what ``docker save`` writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

import docker

from helpers.engine.labels import STAND_IN
from helpers.errors import BadInput
from helpers.observe.content_store import BLOBS, ContentStore, blobs_folder
from helpers.observe.engine_files import NotInStore, open_engine_files
from helpers.observe.errors import ImageUnreadable, Stopped, engine_errors
from helpers.observe.history import read_history
from helpers.observe.image_archive import ArchivedLayer, ImageArchive, read_archive
from helpers.observe.image_contents import ContentsRequest, ImageContents, image_contents
from helpers.observe.image_facts import ImageConfig, ImageFacts, LayerFact
from helpers.observe.layer_cache import LayerCache, layer_cache
from helpers.observe.layer_findings import LayerFindings
from helpers.observe.layer_look import LayerLook, TimeBudget
from helpers.observe.layer_store import LayerStore, StoredImage, open_store, stored_image
from helpers.observe.layer_tar import LayerContents
from helpers.observe.merge import merge, put_together
from helpers.observe.requests import ImageRequest
from helpers.observe.secret_strings import detector_version
from helpers.observe.subject import Subject
from helpers.observe.system_files import (
    GROUP,
    KEPT,
    PASSWD,
    SHADOW,
    kept_text,
    os_release,
    read_accounts,
    read_empty_passwords,
    read_main_groups,
    without_hashes,
)

_PIECE = 1 << 20
# One image is read once at a time: whoever comes second finds what the first one has kept.
_READING = Lock()
# The images of this process that were read last: an image that has not changed is not read again.
_SEEN: dict[tuple[str, tuple[str, ...], int], ImageFacts] = {}
_MOST_SEEN = 4


def observe_image(subject: Subject, request: ImageRequest) -> ImageFacts:  # noqa: ARG001
    """The subject's image; raises what :func:`read_image` does."""
    return read_image(subject.client.api, subject.image_id, stopped=subject.stop.done)


def observe_contents(subject: Subject, request: ContentsRequest) -> ImageContents:  # noqa: ARG001
    """What the files of the subject's image hold; raises what :func:`read_image` does."""
    return read_contents(subject.client.api, subject.image_id, stopped=subject.stop.done)


def read_image(
    api: docker.APIClient,
    ref: str,
    *,
    stopped: Callable[[], bool] = lambda: False,
    cache: LayerCache | None = None,
) -> ImageFacts:
    """Read an image from the engine: config, layers, history, files and waste.

    Memory grows with the number of files, not with bytes. Nothing is written to disk but what
    belongs to the cache.

    Args:
        api: a connection to the engine.
        ref: name or id of the image.
        stopped: asked while reading; True ends it.
        cache: what was read before; None for the workbook's own.

    Raises:
        BadInput: if the engine has no such image.
        ImageUnreadable: if the archive is damaged, cut off or lies.
        ObservationFailed: if the engine refuses.
        NoEngine: if the engine stops answering.
        Stopped: where ``stopped`` said so.
    """
    with engine_errors("reading the image"):
        about = api.inspect_image(ref)
    tags = tuple(about.get("RepoTags") or ())
    size = int(about.get("Size") or 0)
    seen = (str(about["Id"]), tags, size)
    if cache is None and seen in _SEEN:
        return _SEEN[seen]
    archive = _read(api, about, look=False, stopped=stopped, cache=cache or layer_cache())
    facts = image_facts(archive, image_id=seen[0], tags=tags, engine_bytes=size)
    if cache is None:
        _SEEN[seen] = facts
        while len(_SEEN) > _MOST_SEEN:
            _SEEN.pop(next(iter(_SEEN)), None)
    return facts


def read_contents(
    api: docker.APIClient,
    ref: str,
    *,
    stopped: Callable[[], bool] = lambda: False,
    cache: LayerCache | None = None,
) -> ImageContents:
    """What the files of an image hold: packages, and strings that look like secrets.

    Arguments and errors are those of :func:`read_image`.
    """
    with engine_errors("reading the image"):
        about = api.inspect_image(ref)
    archive = _read(api, about, look=True, stopped=stopped, cache=cache or layer_cache())
    return contents_of(archive)


def read_image_file(path: Path) -> tuple[ImageFacts, ImageContents]:
    """An image from a file: what ``docker save`` wrote, or an OCI layout as a tar.

    Raises:
        BadInput: if the file cannot be read.
        ImageUnreadable: if it is no image archive, damaged, cut off or lies.
    """
    try:
        with path.open("rb") as file:
            archive = read_archive(iter(lambda: file.read(_PIECE), b""), keep=KEPT, look=True)
    except OSError as error:
        raise BadInput(
            f"The image archive cannot be read: {error}.", remedy="Name a file that can be read."
        ) from error
    return image_facts(archive, image_id="", tags=(), engine_bytes=0), contents_of(archive)


def contents_of(archive: ImageArchive) -> ImageContents:
    """What the files of an image hold, from an archive whose files were looked into."""
    files, _ = merge(archive.layers)
    visible = {(fact.path, fact.layer) for fact in files}
    return image_contents([layer.findings for layer in archive.archived], visible)


@dataclass(frozen=True, slots=True)
class _Reading:
    """One image that is being read."""

    api: docker.APIClient
    about: Mapping[str, Any]
    diff_ids: tuple[str, ...]
    look: bool
    stopped: Callable[[], bool]
    cache: LayerCache


def _read(
    api: docker.APIClient,
    about: Mapping[str, Any],
    *,
    look: bool,
    stopped: Callable[[], bool],
    cache: LayerCache,
) -> ImageArchive:
    with engine_errors("reading the image"):
        diff_ids = tuple(str(d) for d in (about.get("RootFS") or {}).get("Layers") or ())
        reading = _Reading(api, about, diff_ids, look, stopped, cache)
        with _READING:
            if stopped():
                raise Stopped
            known = _known(reading)
            config = cache.config(about["Id"])
            if config is not None and all(known):
                return ImageArchive(config, tuple(layer for layer in known if layer))
            archive = _from_store(reading, known)
            if archive is None:
                archive = _from_save(reading)
            cache.prune()
    return archive


def _known(reading: _Reading) -> list[ArchivedLayer | None]:
    known: dict[str, ArchivedLayer | None] = {}
    for diff_id in reading.diff_ids:
        if diff_id not in known:
            known[diff_id] = _known_layer(reading, diff_id)
    return [known[diff_id] for diff_id in reading.diff_ids]


def _known_layer(reading: _Reading, diff_id: str) -> ArchivedLayer | None:
    contents = reading.cache.layer(diff_id)
    findings = reading.cache.findings(diff_id, detector_version()) if reading.look else None
    if contents is None or (reading.look and findings is None):
        return None
    return ArchivedLayer(contents, findings, diff_id, read=False)


def _from_store(reading: _Reading, known: list[ArchivedLayer | None]) -> ImageArchive | None:
    """The image from the engine's store; None where that cannot be read."""
    missing = [n for n, layer in enumerate(known) if layer is None]
    try:
        info = reading.api.info()
        if reading.about.get("GraphDriver", {}).get("Data"):
            image = stored_image(info, reading.about)
            layers, config = _read_store(reading, image, missing)
        else:
            layers, config = _read_blobs(reading, blobs_folder(info), missing)
    except (NotInStore, ImageUnreadable):
        return None  # ``docker save`` gives the same facts, or tells what is wrong
    found = [layers[n] if layer is None else layer for n, layer in enumerate(known)]
    return ImageArchive(config, tuple(found))


def _read_store(
    reading: _Reading, image: StoredImage, missing: list[int]
) -> tuple[dict[int, ArchivedLayer], dict[str, Any]]:
    layers: dict[int, ArchivedLayer] = {}
    cache = reading.cache
    with open_store(reading.api, image, missing, stopped=reading.stopped) as store:
        config = cache.config(image.id)
        if config is None:
            config = store.config()
            cache.put_config(image.id, config)
        read = {n: cache.layer(image.layers[n].diff_id) for n in missing}
        contents = {n: layer for n, layer in read.items() if layer is not None}
        new = [n for n in missing if n not in contents]
        for index, layer in (store.contents(new, KEPT) if new else {}).items():
            contents[index] = _without_passwords(layer)
            cache.put_layer(image.layers[index].diff_id, contents[index])
        findings = _look(reading, store, image, contents) if reading.look else {}
        for index in missing:
            diff_id = image.layers[index].diff_id
            layers[index] = ArchivedLayer(contents[index], findings.get(index), diff_id)
    return layers, config


def _look(
    reading: _Reading, store: LayerStore, image: StoredImage, contents: dict[int, LayerContents]
) -> dict[int, LayerFindings]:
    """What the files of layers hold, as far as nobody has looked yet."""
    cache = reading.cache
    found: dict[int, LayerFindings] = {}
    for index in contents:
        known = cache.findings(image.layers[index].diff_id, detector_version())
        if known is not None:
            found[index] = known
    new = {n: layer for n, layer in contents.items() if n not in found}
    for index, look in store.look(new, TimeBudget()).items():
        found[index] = look.findings()
        if look.in_time:
            diff_id = image.layers[index].diff_id
            cache.put_findings(diff_id, detector_version(), found[index])
    return found


def _read_blobs(
    reading: _Reading, folder: str, missing: list[int]
) -> tuple[dict[int, ArchivedLayer], dict[str, Any]]:
    """As :func:`_read_store`, from a store of blobs; what passes by is looked at in one go."""
    layers: dict[int, ArchivedLayer] = {}
    budget = TimeBudget()
    image_id = str(reading.about["Id"])
    opened = open_engine_files(reading.api, image_id, {BLOBS: folder}, stopped=reading.stopped)
    with opened as files:
        store = ContentStore(files, reading.about)
        if len(store.layers) != len(reading.diff_ids):
            raise NotInStore("the manifest names other layers than the engine")
        config = store.config()
        for index in missing:
            look = LayerLook(budget)
            contents = store.read(store.layers[index], look)
            layer = ArchivedLayer(
                contents, look.findings(), store.layers[index], in_time=look.in_time
            )
            _keep(reading, reading.diff_ids[index], layer)
            layers[index] = layer
        reading.cache.put_config(image_id, config)
    return layers, config


def _from_save(reading: _Reading) -> ImageArchive:
    """The image from ``docker save``, which always sends all layers: all is looked at in one go."""
    cache = reading.cache

    def known(digest: str) -> ArchivedLayer | None:
        diff_id = digest if digest in reading.diff_ids else cache.diff_id(digest)
        return _known_layer(reading, diff_id) if diff_id in reading.diff_ids else None

    with closing(reading.api.get_image(reading.about["Id"], chunk_size=_PIECE)) as pieces:
        archive = read_archive(
            _until(reading.stopped, pieces),
            image_id=reading.about["Id"],
            keep=KEPT,
            look=True,
            known=known,
        )
    if len(archive.archived) == len(reading.diff_ids):
        for diff_id, layer in zip(reading.diff_ids, archive.archived, strict=True):
            _keep(reading, diff_id, layer)
        cache.put_config(reading.about["Id"], archive.config)
    return archive


def _keep(reading: _Reading, diff_id: str, layer: ArchivedLayer) -> None:
    if not layer.read:
        return
    cache = reading.cache
    cache.put_layer(diff_id, _without_passwords(layer.contents))
    if layer.findings is not None and layer.in_time:
        cache.put_findings(diff_id, detector_version(), layer.findings)
    if layer.digest is not None and layer.digest != diff_id:
        cache.put_diff_id(layer.digest, diff_id)


def image_facts(
    archive: ImageArchive, *, image_id: str, tags: tuple[str, ...], engine_bytes: int
) -> ImageFacts:
    """The facts about an image, from its archive and from what only the engine knows.

    Raises:
        ImageUnreadable: if the config does not name as many layers as the archive holds.
    """
    config = archive.config
    try:
        diff_ids = [str(digest) for digest in config["rootfs"]["diff_ids"] or ()]
    except (KeyError, TypeError) as error:
        raise ImageUnreadable("The image config names no layers.") from error
    if len(diff_ids) != len(archive.layers):
        raise ImageUnreadable(
            f"The image config names {len(diff_ids)} layers, the archive holds "
            f"{len(archive.layers)}."
        )
    history = read_history(config.get("history") or (), len(diff_ids))
    made_by = {entry.layer: entry.created_by for entry in history if entry.layer is not None}
    merged = put_together(archive.layers)
    files = merged.files
    runs = _image_config(config.get("config") or {})
    return ImageFacts(
        id=image_id,
        tags=tags,
        platform="/".join(
            str(config[key]) for key in ("os", "architecture", "variant") if config.get(key)
        ),
        config=runs,
        layers=tuple(
            LayerFact(
                diff_id=diff_id,
                created_by=made_by.get(index, ""),
                tar_bytes=layer.tar_bytes,
                file_bytes=layer.file_bytes,
                entries=len(layer.entries) + len(layer.whiteouts) + len(layer.opaque),
                changes=merged.changes[index],
            )
            for index, (diff_id, layer) in enumerate(zip(diff_ids, archive.layers, strict=True))
        ),
        history=history,
        files=files,
        waste=merged.waste,
        engine_bytes=engine_bytes,
        stand_in=runs.labels.get(STAND_IN),
        accounts=read_accounts(kept_text(archive.layers, files, PASSWD)),
        main_groups=read_main_groups(kept_text(archive.layers, files, PASSWD)),
        groups=read_accounts(kept_text(archive.layers, files, GROUP)),
        empty_passwords=read_empty_passwords(kept_text(archive.layers, files, SHADOW)),
        os_release=os_release(archive.layers, files),
    )


def _without_passwords(layer: LayerContents) -> LayerContents:
    """Hashes of passwords are not written to disk."""
    if SHADOW not in layer.kept:
        return layer
    return replace(layer, kept=layer.kept | {SHADOW: without_hashes(layer.kept[SHADOW])})


def _until(stopped: Callable[[], bool], pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if stopped():
            raise Stopped
        yield piece


def _image_config(raw: Mapping[str, Any]) -> ImageConfig:
    return ImageConfig(
        user=str(raw.get("User") or ""),
        workdir=str(raw.get("WorkingDir") or ""),
        entrypoint=_strings(raw.get("Entrypoint")),
        cmd=_strings(raw.get("Cmd")),
        env=_strings(raw.get("Env")),
        exposed_ports=_strings(raw.get("ExposedPorts")),
        volumes=_strings(raw.get("Volumes")),
        labels={str(key): str(value) for key, value in (raw.get("Labels") or {}).items()},
        stop_signal=str(raw.get("StopSignal") or ""),
        healthcheck=_strings((raw.get("Healthcheck") or {}).get("Test")),
    )


def _strings(values: Iterable[Any] | None) -> tuple[str, ...]:
    return tuple(str(value) for value in values or ())
