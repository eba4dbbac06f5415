"""Lines of a Dockerfile against layers of its image, and what a change of each line runs again."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from helpers.build.compare import compare
from helpers.build.context import Context, DockerfileText, mapping_context
from helpers.build.request import BuildRequest
from helpers.engine.connect import Engine
from helpers.experiments.temporary_builds import temporary_builds
from helpers.observe.build_again import edited
from helpers.observe.image_facts import ImageFacts


@dataclass(frozen=True, slots=True)
class LineLayer:
    """One line of a Dockerfile and what it left in the image.

    Attributes:
        line: the instruction as the image's history has it.
        layer: index of the layer that it made; None where it made none.
        changes: entries of that layer that say something new; 0 for an empty one.
        bytes: sizes of the files in it.
    """

    line: str
    layer: int | None
    changes: int
    bytes: int


def lines_and_layers(facts: ImageFacts, base_entries: int) -> tuple[LineLayer, ...]:
    """The lines of a Dockerfile, by the history of its image.

    Args:
        facts: the image.
        base_entries: how many history entries its base has; they are left out.
    """
    found = []
    for entry in facts.history[base_entries:]:
        layer = facts.layers[entry.layer] if entry.layer is not None else None
        changes = (layer.changes or 0) if layer else 0
        size = layer.file_bytes if layer else 0
        found.append(LineLayer(entry.created_by, entry.layer, changes, size))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """One change, and what ran after it.

    Attributes:
        change: what was changed, in a few words.
        ran: the instructions that ran.
        cached: those that came from the cache.
    """

    change: str
    ran: tuple[str, ...]
    cached: tuple[str, ...]


def changed_lines(
    engine: Engine,
    files: Mapping[str, bytes],
    dockerfile: str,
    words: Iterable[tuple[str, str]],
    paths: Iterable[tuple[str, str]],
) -> tuple[ChangedLine, ...]:
    """Change one thing at a time and build.

    Args:
        engine: where.
        files: the build context, by path.
        dockerfile: its text.
        words: what the change is called, and a text of the Dockerfile that becomes a new word.
        paths: what the change is called, and the file that is edited.

    Raises:
        BuildError: where it does not build.
        ValueError: where the Dockerfile does not have a text.
    """
    context = mapping_context(files, dockerfile=DockerfileText(dockerfile))
    changes: list[tuple[str, Context]] = []
    for name, old in words:
        if dockerfile.count(old) != 1:
            raise ValueError(f"{old!r} is not once in the Dockerfile")
        text = dockerfile.replace(old, f"{old}-{secrets.token_hex(4)}")
        changes.append((name, mapping_context(files, dockerfile=DockerfileText(text))))
    changes += [(name, edited(context, path)) for name, path in paths]
    found = []
    with temporary_builds(engine) as builds:
        before = builds.build(BuildRequest(context))
        for name, changed in changes:
            steps = compare(before, builds.build(BuildRequest(changed))).steps
            told = [s for s in steps if s.after is not None]
            ran = (s for s in told if s.after and not s.after.cached)
            cached = (s for s in told if s.after and s.after.cached)
            found.append(
                ChangedLine(
                    name,
                    tuple(s.step.instruction or "" for s in ran),
                    tuple(s.step.instruction or "" for s in cached),
                )
            )
    return tuple(found)
