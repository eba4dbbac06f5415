"""Image facts as blocks: its sizes, which instruction added what, large files, waste, config."""

from __future__ import annotations

import shlex

from helpers.observe.image_facts import ImageFacts
from helpers.report.blocks import Block, Cell, Column, Facts, Fold, Heading, Line, Table
from helpers.units import format_bytes, format_count, format_share

LARGEST = 15
WASTED = 10


def describe_image(facts: ImageFacts) -> tuple[Block, ...]:
    """Blocks of one image."""
    blocks: list[Block] = [Heading(_name(facts), 1)]
    if facts.stand_in:
        blocks.append(Line(f"Stand-in: {facts.stand_in}", "unknown"))
    blocks.append(_sizes(facts))
    blocks.append(_layers(facts))
    if largest := _largest(facts):
        blocks.append(largest)
    blocks.append(_waste(facts))
    blocks.append(Fold("How a container of it starts", (Facts(_config(facts)),)))
    return tuple(blocks)


def _name(facts: ImageFacts) -> str:
    return ", ".join(facts.tags) if facts.tags else facts.id


def _sizes(facts: ImageFacts) -> Table:
    rows: tuple[tuple[str, int, str], ...] = (
        ("unpacked", facts.unpacked_bytes, "the files of all layers, on the engine's disk"),
        ("content", facts.content_bytes, "the layer archives, uncompressed: docker save"),
        ("visible", facts.visible_bytes, "the files that a container sees"),
        ("engine's figure", facts.engine_bytes, "what docker images prints"),
        ("wasted", facts.wasted_bytes, "stored in a layer, overwritten or deleted in a later one"),
    )
    columns = ("", Column("size", "bytes"), Column("bytes", "number"), "what it is")
    return Table("Size", columns, tuple((name, n, n, meaning) for name, n, meaning in rows))


def _layers(facts: ImageFacts) -> Table:
    total = facts.unpacked_bytes or 1
    rows: list[tuple[Cell | str | int | float | None, ...]] = []
    told = set()
    for entry in facts.history:
        if entry.layer is None:
            rows.append(
                ("", Cell(entry.created_by, "muted"), Cell("metadata", "muted"), None, None)
            )
            continue
        told.add(entry.layer)
        layer = facts.layers[entry.layer]
        rows.append(
            (
                str(entry.layer + 1),
                entry.created_by or layer.created_by,
                layer.file_bytes,
                layer.entries,
                layer.file_bytes / total,
            )
        )
    # A layer that the history does not tell of (an imported one) must still be counted.
    untold = [
        (
            str(i + 1),
            layer.created_by or "(not told)",
            layer.file_bytes,
            layer.entries,
            layer.file_bytes / total,
        )
        for i, layer in enumerate(facts.layers)
        if i not in told
    ]
    return Table(
        f"{format_count(len(facts.layers), 'layer')} from "
        f"{format_count(len(facts.history), 'instruction')}",
        (
            "layer",
            Column("instruction", "code"),
            Column("size", "bytes"),
            Column("entries", "number"),
            Column("share", "share"),
        ),
        (*untold, *rows),
    )


def _largest(facts: ImageFacts) -> Table | None:
    files = sorted((f for f in facts.files if f.kind == "file"), key=lambda f: (-f.size, f.path))[
        :LARGEST
    ]
    if not files:
        return None
    share = sum(f.size for f in files) / (facts.visible_bytes or 1)
    return Table(
        "Largest files",
        (Column("file", "code"), Column("size", "bytes"), "mode", "owner", "layer"),
        tuple(
            (f.path, f.size, f"{f.mode:04o}", f"{f.uid}:{f.gid}", str(f.layer + 1)) for f in files
        ),
        f"Together {format_share(share)} of what a container sees.",
    )


def _waste(facts: ImageFacts) -> Block:
    if not facts.waste:
        return Line("No waste: no layer stores anything that a later one hides.", "pass")
    shown = facts.waste[:WASTED]
    rest = len(facts.waste) - len(shown)
    left = sum(w.bytes for w in facts.waste[WASTED:])
    note = f"and {format_count(rest, 'more file')}, {format_bytes(left)}" if rest else ""
    return Table(
        f"Waste: {format_bytes(facts.wasted_bytes)} that no container can see",
        (Column("file", "code"), Column("size", "bytes"), "stored in", "gone in"),
        tuple(
            (
                w.path,
                w.bytes,
                f"layer {w.stored_in + 1}",
                f"layer {w.gone_in + 1}, {'deleted' if w.deleted else 'overwritten'}",
            )
            for w in shown
        ),
        note,
    )


def _config(facts: ImageFacts) -> tuple[tuple[str, str], ...]:
    config = facts.config
    pairs = (
        ("id", facts.id),
        ("platform", facts.platform),
        ("user", config.user or "root (none is set)"),
        ("working directory", config.workdir or "/"),
        ("entrypoint", shlex.join(config.entrypoint)),
        ("command", shlex.join(config.cmd)),
        ("ports", ", ".join(config.exposed_ports)),
        ("volumes", ", ".join(config.volumes)),
        ("stop signal", config.stop_signal or "SIGTERM (none is set)"),
        ("health check", shlex.join(config.healthcheck) or "none"),
        ("environment", "\n".join(config.env)),
        ("labels", "\n".join(f"{k}={v}" for k, v in sorted(config.labels.items()))),
    )
    return tuple((name, value) for name, value in pairs if value)
