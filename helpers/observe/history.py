"""The history of an image config: which instruction made which layer.

Source: https://github.com/opencontainers/image-spec/blob/main/config.md#properties
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from helpers.observe.image_facts import HistoryEntry
from helpers.observe.text import printable

_LONGEST = 4000
_BUILDKIT = re.compile(r"\s*# buildkit\s*$")
_NOP = re.compile(r"^/bin/sh -c #\(nop\)\s*")
_SHELL = r"(?:/\S*/)?(?:ba|da|a|z|k)?sh(?:\s+-(?!c\b)\S+(?:\s+pipefail)?)*\s+-[a-z]*c\s+"
# Build arguments in use stand before the command: ``|2 A=1 B=two words /bin/sh -c make``.
_RUN = re.compile(rf"^(RUN\s+)?(?:\|\d+\s.*?)?{_SHELL}", re.DOTALL)


def instruction(created_by: str) -> str:
    """A history entry as the Dockerfile instruction that it stands for.

    Args:
        created_by: as the legacy builder, BuildKit or another tool wrote it.

    Returns:
        For example ``RUN npm ci``, on one line.
    """
    text = _BUILDKIT.sub("", created_by[: _LONGEST * 2])
    text = _NOP.sub("", text) if _NOP.match(text) else _RUN.sub("RUN ", text)
    return printable(" ".join(text.split()), _LONGEST)


def read_history(history: Sequence[Mapping[str, Any]], layers: int) -> tuple[HistoryEntry, ...]:
    """History entries with the index of the layer that each one made.

    Args:
        history: ``history`` of the image config, oldest first.
        layers: how many layers the image has.

    Returns:
        One entry an instruction. An entry without one (of an imported image) has its comment in the
        instruction's place. Where the history counts other layers than the image has, it does
        not tell which instruction made which, and no entry names a layer.
    """
    made = [entry for entry in history if not entry.get("empty_layer")]
    told = len(made) == layers
    entries = []
    layer = 0
    for entry in history:
        empty = bool(entry.get("empty_layer"))
        comment = printable(str(entry.get("comment") or ""), 200)
        entries.append(
            HistoryEntry(
                created_by=instruction(str(entry.get("created_by") or "")) or comment,
                layer=layer if told and not empty else None,
                comment=comment,
            )
        )
        layer += not empty
    return tuple(entries)
