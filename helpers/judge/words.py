"""The words that verdicts are made of, so that every property says the same thing the same way."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

from helpers.build.dockerfile import Dockerfile, Instruction
from helpers.judge.stages import final_chain
from helpers.judge.verdict import Evidence, Outcome, Verdict
from helpers.observe.image_facts import ImageFacts
from helpers.observe.requests import ImageRequest, Observations, Request
from helpers.observe.text import printable

#: Most pieces of evidence in one verdict; what is left out is counted.
MOST_EVIDENCE = 8
# The legacy builder names what it copies by checksum; the first digits tell it apart.
_CHECKSUM = re.compile(r"\b((?:file|dir|multi):[0-9a-f]{12})[0-9a-f]{52}\b")
# BuildKit writes some flags of COPY and ADD into the history, not all of them.
_HISTORY_FLAGS = re.compile(r"^(COPY|ADD)(?:\s+--\S+)+\s+")


def passed(summary: str, evidence: Iterable[Evidence] = ()) -> Verdict:
    """A pass."""
    return Verdict(Outcome.PASS, summary, tuple(evidence))


def failed(summary: str, evidence: Iterable[Evidence]) -> Verdict:
    """A fail; there is no fail without evidence."""
    found = tuple(evidence)
    if not found:
        raise ValueError(f"a fail without evidence: {summary}")
    return Verdict(Outcome.FAIL, summary, found)


def could_not_tell(reason: str) -> Verdict:
    """Neither pass nor fail, and why."""
    return Verdict(Outcome.UNKNOWN, f"Could not tell: {reason}.")


def not_observed(observations: Observations, request: Request[Any], what: str) -> Verdict:
    """The verdict where an observation is missing.

    Args:
        observations: what was seen; its ``failures`` may say why.
        request: what should have been seen.
        what: in words, for example ``the image``.
    """
    why = observations.failures.get(request, "nobody looked at it").rstrip(".")
    return could_not_tell(f"{what} was not observed ({why})")


def no_image(observations: Observations) -> Verdict:
    """The verdict where the image was not observed."""
    return not_observed(observations, ImageRequest(), "the image")


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun, for example ``1 file`` or ``12,345 files``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(words: Iterable[str], most: int = 6) -> str:
    """A list in a sentence; what is left out is counted."""
    items = list(words)
    if len(items) > most:
        return f"{', '.join(items[:most])} and {len(items) - most} more"
    return ", ".join(items)


def shown_path(path: str) -> str:
    """A path as it may stand in a sentence."""
    return printable(path, 200)


def layer_name(image: ImageFacts, index: int) -> str:
    """A layer in words, counted from 1, with the instruction that made it."""
    name = f"layer {index + 1} of {len(image.layers)}"
    created_by = image.layers[index].created_by if index < len(image.layers) else ""
    shown = printable(_CHECKSUM.sub(r"\1", created_by), 100)
    return f"{name} (`{shown}`)" if shown else name


def evidence_on_layer(
    code: str,
    text: str,
    image: ImageFacts,
    index: int,
    dockerfile: Dockerfile | None,
    *,
    path: str | None = None,
    size: int | None = None,
) -> Evidence:
    """Evidence about a layer, with its instruction and, where it can be told, the line."""
    created_by = image.layers[index].created_by if index < len(image.layers) else ""
    return Evidence(
        code,
        text,
        path=shown_path(path) if path is not None else None,
        layer=index,
        instruction=created_by or None,
        line=line_of(created_by, dockerfile),
        bytes=size,
    )


def line_of(created_by: str, dockerfile: Dockerfile | None) -> int | None:
    """The Dockerfile line of the instruction that a history entry tells of.

    Only where exactly one instruction of the final image fits: the history has no line numbers.
    """
    if dockerfile is None or not created_by:
        return None
    wanted = _squeezed(_HISTORY_FLAGS.sub(r"\1 ", created_by))
    found = {
        instruction.line
        for stage in final_chain(dockerfile)
        for instruction in stage.instructions
        if _squeezed(_as_in_history(instruction)) == wanted
    }
    return found.pop() if len(found) == 1 else None


def last_instruction(
    dockerfile: Dockerfile | None, keywords: Collection[str], target: str | None = None
) -> Instruction | None:
    """The last of these instructions that takes effect in the image, or None."""
    if dockerfile is None:
        return None
    for stage in final_chain(dockerfile, target):
        for instruction in reversed(stage.instructions):
            if instruction.keyword in keywords:
                return instruction
    return None


def _as_in_history(instruction: Instruction) -> str:
    arguments = instruction.arguments
    if instruction.keyword in {"RUN", "COPY", "ADD"} and arguments.startswith("["):
        # The history shows the exec form as its words.
        arguments = arguments.strip("[]").replace('",', '" ').replace('"', "")
    return f"{instruction.keyword} {arguments}"


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def at_most(evidence: list[Evidence], noun: str) -> list[Evidence]:
    """The first pieces of evidence; the last one kept says how many more there are."""
    if len(evidence) <= MOST_EVIDENCE:
        return evidence
    left_out = len(evidence) - MOST_EVIDENCE + 1
    kept = evidence[: MOST_EVIDENCE - 1]
    rest = evidence[MOST_EVIDENCE - 1 :]
    total = sum(e.bytes or 0 for e in rest) or None
    return [*kept, Evidence(rest[0].code, f"And {counted(left_out, noun)} more.", bytes=total)]
