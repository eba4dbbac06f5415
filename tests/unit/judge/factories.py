"""Small observations, made by saying only what matters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from helpers.build.dockerfile import parse_dockerfile
from helpers.judge.judge import criterion, judge
from helpers.judge.verdict import Outcome, Verdict
from helpers.observe.image_facts import (
    FileFact,
    FileKind,
    HistoryEntry,
    ImageConfig,
    ImageFacts,
    LayerFact,
    WastedFile,
)
from helpers.observe.requests import BaseImage, Observations, Probe, ServiceRequest
from helpers.observe.service_facts import HttpResponse, Listener, ServiceFacts

PASS, FAIL, UNKNOWN = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN
MB = 1_000_000


def verdict(property_id: str, observations: Observations, **params: Any) -> Verdict:
    (found,) = judge([criterion(property_id, params)], observations)
    return found


def file(
    path: str,
    size: int = 1,
    *,
    layer: int = 0,
    mode: int = 0o644,
    kind: FileKind = "file",
    link: str | None = None,
    uid: int = 0,
) -> FileFact:
    return FileFact(path, kind, size if kind == "file" else 0, mode, uid, 0, layer, link)


def program(path: str, size: int = 1000, *, layer: int = 0) -> FileFact:
    return file(path, size, layer=layer, mode=0o755)


def symlink(path: str, target: str, *, layer: int = 0) -> FileFact:
    return file(path, kind="symlink", link=target, layer=layer, mode=0o777)


def image(
    *files: FileFact,
    created_by: Iterable[str] = ("COPY . .",),
    sizes: Mapping[int, int] | None = None,
    diff_ids: Iterable[str] = (),
    waste: Iterable[WastedFile] = (),
    accounts: Iterable[tuple[str, int]] = (),
    **config: Any,
) -> ImageFacts:
    """An image whose layers hold the files and the waste; ``sizes`` overrides their bytes."""
    instructions = list(created_by)
    digests = list(diff_ids)
    count = max(
        len(instructions),
        len(digests),
        1 + max((f.layer for f in files), default=0),
        1 + max((w.gone_in for w in waste), default=0),
    )
    instructions += [f"RUN step-{n}" for n in range(len(instructions), count)]
    digests += [f"sha256:layer-{n}" for n in range(len(digests), count)]
    layers = []
    for index in range(count):
        size = sum(f.size for f in files if f.layer == index)
        size += sum(w.bytes for w in waste if w.stored_in == index)
        size = (sizes or {}).get(index, size)
        layers.append(LayerFact(digests[index], instructions[index], size + 1024, size, 1))
    return ImageFacts(
        id="sha256:image",
        tags=("test:1",),
        platform="linux/amd64",
        config=ImageConfig(**config),
        layers=tuple(layers),
        history=tuple(HistoryEntry(text, n) for n, text in enumerate(instructions)),
        files=tuple(sorted(files, key=lambda f: f.path)),
        waste=tuple(sorted(waste, key=lambda w: -w.bytes)),
        engine_bytes=sum(layer.file_bytes for layer in layers),
        accounts=tuple(accounts),
    )


def seen(
    facts: ImageFacts | None = None, dockerfile: str | None = None, **more: Any
) -> Observations:
    parsed = None if dockerfile is None else parse_dockerfile(dockerfile)
    return Observations(dockerfile=parsed, image=facts, **more)


def base(name: str, kind: str, *diff_ids: str, stand_in: str | None = None) -> BaseImage:
    return BaseImage(name, kind, diff_ids, stand_in)


REQUEST = ServiceRequest(3000, (Probe("/healthz"), Probe("/orders")))


def answer(path: str, status: int | None = 200, body: str = "", error: str = "") -> HttpResponse:
    return HttpResponse("GET", path, status, body, 0.01, error)


HEALTHY = ServiceFacts(
    started=True,
    ready_seconds=0.4,
    responses=(answer("/healthz", body='{"status":"ok"}'), answer("/orders", body="[]")),
    waited_seconds=10,
)


def service(**changes: Any) -> Observations:
    return Observations(services={REQUEST: replace(HEALTHY, **changes)})


def silent(*listeners: tuple[str, int], **changes: Any) -> Observations:
    """A container that runs and answers nothing."""
    return service(
        ready_seconds=None,
        responses=(answer("/healthz", None, error="Server disconnected"),),
        listeners=tuple(Listener(address, port) for address, port in listeners),
        listeners_known=True,
        **changes,
    )
