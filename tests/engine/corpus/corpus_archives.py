"""Docker archives made by hand, for images that no Dockerfile makes."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Layer:
    """Files of one layer by their names as bytes, without the leading slash."""

    files: Mapping[bytes, bytes]
    hard_links: Mapping[bytes, bytes] = field(default_factory=dict)
    mode: int = 0o644


def archive(layers: Sequence[Layer], config: Mapping[str, Any]) -> bytes:
    """What ``docker load`` takes."""
    tars = [_tar(layer) for layer in layers]
    image = {
        "architecture": "amd64",
        "os": "linux",
        "config": dict(config),
        "rootfs": {
            "type": "layers",
            "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars],
        },
        "history": [{"created_by": f"layer {n}"} for n, _ in enumerate(tars)],
    }
    raw = json.dumps(image).encode()
    name = f"{hashlib.sha256(raw).hexdigest()}.json"
    paths = [f"{n}/layer.tar" for n, _ in enumerate(tars)]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as outer:
        _add(outer, name, raw)
        for path, tar in zip(paths, tars, strict=True):
            _add(outer, path, tar)
        manifest = [{"Config": name, "RepoTags": None, "Layers": paths}]
        _add(outer, "manifest.json", json.dumps(manifest).encode())
    return out.getvalue()


def _tar(layer: Layer) -> bytes:
    out = io.BytesIO()
    with tarfile.open(
        fileobj=out,
        mode="w",
        format=tarfile.GNU_FORMAT,
        encoding="utf-8",
        errors="surrogateescape",
    ) as tar:
        for name, content in layer.files.items():
            _add(tar, name.decode("utf-8", "surrogateescape"), content, layer.mode)
        for name, target in layer.hard_links.items():
            info = tarfile.TarInfo(name.decode("utf-8", "surrogateescape"))
            info.type, info.linkname = tarfile.LNKTYPE, target.decode()
            tar.addfile(info)
    return out.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    tar.addfile(info, io.BytesIO(content))
