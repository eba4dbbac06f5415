"""Layers that were read before, by their digest: a layer never changes, so it is read once.

Only what an engine vouches for is kept (it checks the digests of what it loads and pulls), never
what an archive from a file says of itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar, cast

from helpers.engine.state import state_folder
from helpers.observe.cache_files import CacheFiles
from helpers.observe.image_facts import FileKind
from helpers.observe.layer_findings import LayerFindings, findings_from_json, findings_to_json
from helpers.observe.layer_tar import Entry, LayerContents

T = TypeVar("T")

_KINDS: dict[str, FileKind] = {
    "f": "file",
    "d": "dir",
    "s": "symlink",
    "h": "hardlink",
    "c": "char",
    "b": "block",
    "p": "fifo",
}
_LETTERS = {kind: letter for letter, kind in _KINDS.items()}


def layer_cache() -> LayerCache:
    """The layers in the workbook's state folder."""
    return LayerCache(CacheFiles(state_folder().root / "layers"))


class LayerCache:
    """What was read of layers and images.

    Args:
        files: where it is kept.
    """

    def __init__(self, files: CacheFiles) -> None:
        self._files = files

    def layer(self, diff_id: str) -> LayerContents | None:
        """The entries of a layer, or None where it was not read yet."""
        return self._get(f"{_hex(diff_id)}.entries", layer_from_json)

    def findings(self, diff_id: str, detector: str) -> LayerFindings | None:
        """What was found in the files of a layer, or None where nobody has looked yet.

        Args:
            diff_id: the layer's digest.
            detector: name and version of what looks for secrets; another one looks again.
        """
        return self._get(f"{_hex(diff_id)}.found-{detector}", findings_from_json)

    def config(self, image_id: str) -> dict[str, Any] | None:
        """The config of an image as JSON, or None where it was not read yet."""
        return self._get(f"{_hex(image_id)}.config", _object)

    def diff_id(self, blob: str) -> str | None:
        """The layer that a compressed blob holds, or None where that is not known."""
        return self._get(f"{_hex(blob)}.blob", _text)

    def put_layer(self, diff_id: str, layer: LayerContents) -> None:
        """Keep the entries of a layer."""
        self._files.put(f"{_hex(diff_id)}.entries", _dump(layer_to_json(layer)))

    def put_findings(self, diff_id: str, detector: str, findings: LayerFindings) -> None:
        """Keep what was found in the files of a layer."""
        self._files.put(f"{_hex(diff_id)}.found-{detector}", _dump(findings_to_json(findings)))

    def put_config(self, image_id: str, config: dict[str, Any]) -> None:
        """Keep the config of an image."""
        self._files.put(f"{_hex(image_id)}.config", _dump(config))

    def put_diff_id(self, blob: str, diff_id: str) -> None:
        """Keep which layer a compressed blob holds."""
        self._files.put(f"{_hex(blob)}.blob", _dump(diff_id))

    def prune(self) -> None:
        """Keep the size within its bound."""
        self._files.prune()

    def _get(self, name: str, make: Callable[[Any], T]) -> T | None:
        data = self._files.get(name)
        if data is None:
            return None
        try:
            return make(json.loads(data))
        except (ValueError, KeyError, TypeError, IndexError):
            return None  # written by a version that nobody told about


def _hex(digest: str) -> str:
    return digest.replace(":", "-").lower()


def _dump(value: Any) -> bytes:
    # Surrogate escapes (names that are not UTF-8) survive in JSON's own escapes.
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def layer_to_json(layer: LayerContents) -> dict[str, Any]:
    """A layer as plain values for JSON.

    Column by column: a tenth of the time that an object an entry would take to read.
    """
    entries = list(layer.entries.values())
    return {
        "tar_bytes": layer.tar_bytes,
        "whiteouts": sorted(layer.whiteouts),
        "opaque": sorted(layer.opaque),
        "kept": {path: data.decode("latin-1") for path, data in layer.kept.items()},
        "paths": "\0".join(layer.entries),
        "kinds": "".join(_LETTERS[e.kind] for e in entries),
        "sizes": [e.size for e in entries],
        "modes": [e.mode for e in entries],
        "uids": [e.uid for e in entries],
        "gids": [e.gid for e in entries],
        "links": [[n, e.link] for n, e in enumerate(entries) if e.link is not None],
        "capabilities": [[n, e.capabilities] for n, e in enumerate(entries) if e.capabilities],
    }


def layer_from_json(raw: dict[str, Any]) -> LayerContents:
    """What :func:`layer_to_json` gave.

    Raises:
        ValueError, KeyError, TypeError, IndexError: if it is something else.
    """
    paths = raw["paths"].split("\0") if raw["paths"] else []
    count = len(paths)
    links: list[str | None] = [None] * count
    for at, link in raw["links"]:
        links[at] = link
    capabilities = [""] * count
    for at, text in raw["capabilities"]:
        capabilities[at] = text
    columns = (
        [_KINDS[letter] for letter in raw["kinds"]],
        raw["sizes"],
        raw["modes"],
        raw["uids"],
        raw["gids"],
        links,
        capabilities,
    )
    if any(len(column) != count for column in columns):
        raise ValueError("columns of different lengths")
    entries = map(Entry._make, zip(*columns, strict=True))
    return LayerContents(
        dict(zip(paths, cast("Any", entries), strict=True)),
        frozenset(raw["whiteouts"]),
        frozenset(raw["opaque"]),
        raw["tar_bytes"],
        {path: text.encode("latin-1") for path, text in raw["kept"].items()},
    )
