"""An image at rest, seen in one pass over what ``docker save`` would write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

import docker

from helpers.engine.labels import STAND_IN
from helpers.observe.errors import ImageUnreadable, Stopped, engine_errors
from helpers.observe.history import read_history
from helpers.observe.image_archive import ImageArchive, read_archive
from helpers.observe.image_facts import ImageConfig, ImageFacts, LayerFact
from helpers.observe.merge import merge
from helpers.observe.requests import ImageRequest
from helpers.observe.subject import Subject

#: Where the engine looks up a user that is given by name.
PASSWD = "/etc/passwd"  # noqa: S105 - a path


def observe_image(subject: Subject, request: ImageRequest) -> ImageFacts:  # noqa: ARG001
    """The subject's image; raises what :func:`read_image` does."""
    return read_image(subject.client.api, subject.image_id, stopped=subject.stop.done)


def read_image(
    api: docker.APIClient, ref: str, *, stopped: Callable[[], bool] = lambda: False
) -> ImageFacts:
    """Read an image from the engine: config, layers, history, files and waste.

    The archive is read as it comes in, so memory grows with the number of files, not with bytes,
    and nothing is written to disk.

    Args:
        api: a connection to the engine.
        ref: name or id of the image.
        stopped: asked while reading; True ends it.

    Raises:
        BadInput: if the engine has no such image.
        ImageUnreadable: if the archive is damaged, cut off or lies.
        ObservationFailed: if the engine refuses.
        NoEngine: if the engine stops answering.
        Stopped: where ``stopped`` said so.
    """
    with engine_errors("reading the image"):
        about = api.inspect_image(ref)
        with closing(api.get_image(about["Id"])) as pieces:
            archive = read_archive(
                _until(stopped, pieces), image_id=about["Id"], keep=frozenset({PASSWD})
            )
    return image_facts(
        archive,
        image_id=about["Id"],
        tags=tuple(about.get("RepoTags") or ()),
        engine_bytes=int(about.get("Size") or 0),
    )


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
    files, waste = merge(archive.layers)
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
            )
            for index, (diff_id, layer) in enumerate(zip(diff_ids, archive.layers, strict=True))
        ),
        history=history,
        files=files,
        waste=waste,
        engine_bytes=engine_bytes,
        stand_in=runs.labels.get(STAND_IN),
        accounts=_accounts(archive, files),
    )


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


def _accounts(archive: ImageArchive, files: Iterable[Any]) -> tuple[tuple[str, int], ...]:
    """Names and uids of the passwd file that is left at the end, as the engine reads it."""
    layer = next((f.layer for f in files if f.path == PASSWD and f.kind == "file"), None)
    if layer is None:
        return ()
    accounts = []
    text = archive.layers[layer].kept.get(PASSWD, b"").decode("utf-8", "replace")
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) >= 3 and fields[2].isdecimal():
            accounts.append((fields[0], int(fields[2])))
    return tuple(accounts)
