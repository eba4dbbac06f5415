"""Layers and image archives made in memory."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Layout = str


@dataclass(frozen=True)
class Item:
    """One entry of a layer: a file where nothing else is said."""

    name: str
    data: bytes = b""
    type: bytes = tarfile.REGTYPE
    link: str = ""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    pax: Mapping[str, str] = field(default_factory=dict)


def folder(name: str, mode: int = 0o755) -> Item:
    return Item(name, type=tarfile.DIRTYPE, mode=mode)


def symlink(name: str, target: str) -> Item:
    return Item(name, type=tarfile.SYMTYPE, link=target, mode=0o777)


def hardlink(name: str, target: str) -> Item:
    return Item(name, type=tarfile.LNKTYPE, link=target)


def tar(items: Iterable[Item], format: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format, errors="surrogateescape") as archive:
        for item in items:
            info = tarfile.TarInfo(item.name)
            info.type, info.linkname, info.mode = item.type, item.link, item.mode
            info.uid, info.gid, info.pax_headers = item.uid, item.gid, dict(item.pax)
            info.size = len(item.data)
            archive.addfile(info, io.BytesIO(item.data))
    return out.getvalue()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def image_archive(
    layers: Iterable[bytes],
    *,
    config: Mapping[str, Any] | None = None,
    history: Iterable[Mapping[str, Any]] | None = None,
    layout: Layout = "oci",
    manifest_first: bool = False,
    compress: bool = False,
) -> bytes:
    """What ``docker save`` writes: ``layout`` is ``oci`` (Engine 25 and later) or ``legacy``."""
    tars = list(layers)
    if history is None:
        history = [{"created_by": f"COPY {n} / # buildkit"} for n, _ in enumerate(tars)]
    document = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": dict(config or {}),
            "history": list(history),
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha(t)}" for t in tars]},
        }
    ).encode()
    blobs = [gzip.compress(t) for t in tars] if compress else tars
    entries: list[Item] = []
    names = []
    if layout == "oci":
        config_name = f"blobs/sha256/{sha(document)}"
        entries += [folder("blobs"), folder("blobs/sha256"), Item(config_name, document)]
        for blob in blobs:
            name = f"blobs/sha256/{sha(blob)}"
            names.append(name)
            if name not in {e.name for e in entries}:
                entries.append(Item(name, blob))
        entries += [
            Item("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'),
            Item("index.json", b"{}"),
        ]
    else:
        config_name = f"{sha(document)}.json"
        first: dict[bytes, str] = {}
        for number, blob in enumerate(blobs):
            layer_id = sha(f"layer {number}".encode())
            name = f"{layer_id}/layer.tar"
            names.append(name)
            entries += [folder(layer_id), Item(f"{layer_id}/VERSION", b"1.0")]
            entries.append(Item(f"{layer_id}/json", b"{}"))
            if blob in first:
                entries.append(symlink(name, f"../{first[blob]}/layer.tar"))
            else:
                first[blob] = layer_id
                entries.append(Item(name, blob))
        entries.append(Item(config_name, document))
    manifest = Item(
        "manifest.json",
        json.dumps([{"Config": config_name, "RepoTags": ["t:1"], "Layers": names}]).encode(),
    )
    entries = [manifest, *entries] if manifest_first else [*entries, manifest]
    return tar(entries)


def pieces(data: bytes, size: int = 32_768) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]
