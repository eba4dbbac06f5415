"""A build record as blocks: steps by stage, what ran and what came from the cache, what failed."""

from __future__ import annotations

from helpers.build.dockerfile import parse_dockerfile
from helpers.build.record import BuildRecord, StepRecord
from helpers.report.blocks import Block, Cell, Column, Facts, Fold, Heading, Line, Log, Table, Tone
from helpers.units import format_bytes, format_count, format_seconds

#: How many of a failing step's last lines are shown.
LOG_TAIL = 20


def describe_build(record: BuildRecord, *, title: bool = True) -> tuple[Block, ...]:
    """Blocks of one build; ``title`` is False where it stands within another report."""
    blocks: list[Block] = []
    failed = record.failed_step()
    if title:
        blocks.append(Heading("Build", 1))
    blocks.append(_outcome(record, failed))
    blocks.append(Facts(tuple(_facts(record))))
    if title and failed is not None:
        blocks.extend(failing_step_blocks(record))
    for stage, steps in steps_by_stage(record).items():
        blocks.append(
            Table(
                f"Stage {stage}" if stage else "BuildKit's own steps",
                ("#", Column("step", "code"), "result", Column("time", "seconds")),
                tuple(_row(step) for step in steps),
            )
        )
    if record.warnings:
        blocks.append(Heading("Build checks"))
        for warning in record.warnings:
            blocks.append(Line(f"! {warning.short}", "unknown"))
            blocks.extend(Line(text) for text in warning.detail)
            if warning.url:
                blocks.append(Line(warning.url, "muted"))
    return tuple(blocks)


def failing_step_blocks(record: BuildRecord) -> tuple[Block, ...]:
    """The step that ended the build, with its Dockerfile line, message and last lines."""
    failed = record.failed_step()
    if failed is None:
        return ()
    where = f" (Dockerfile line {failed.step.line})" if failed.step.line else ""
    blocks: list[Block] = [
        Line(f"✗ Failed{where}: {step_label(failed)}", "fail"),
        Line(failed.error or ""),
    ]
    if failed.log:
        hidden = max(0, len(failed.log) - LOG_TAIL)
        title = f"Its last {LOG_TAIL} lines" if hidden else "What it printed"
        blocks.append(Log(failed.log[-LOG_TAIL:], title))
        if hidden:
            earlier = format_count(hidden, "earlier line")
            blocks.append(Fold(earlier, (Log(failed.log[:-LOG_TAIL]),)))
    return tuple(blocks)


def steps_by_stage(record: BuildRecord) -> dict[str | None, tuple[StepRecord, ...]]:
    """Steps by stage in the order of the Dockerfile; BuildKit's own (key None) last, by name.

    Not in the order in which they were told: what runs at the same time comes in any order.
    """
    stages: dict[str | None, list[StepRecord]] = {}
    for step in record.steps:
        stages.setdefault(step.step.stage, []).append(step)
    own = stages.pop(None, None)
    names = list(parse_dockerfile(record.dockerfile).stage_names())
    place = {name: names.index(name) if name in names else len(names) for name in stages if name}
    ordered: dict[str | None, tuple[StepRecord, ...]] = {
        name: tuple(sorted(stages[name], key=lambda s: s.step.number or 0))
        for name in sorted(place, key=lambda name: place[name])
    }
    if own:
        ordered[None] = tuple(sorted(own, key=lambda s: s.step.name))
    return ordered


def step_label(step: StepRecord) -> str:
    """The Dockerfile instruction, or BuildKit's own name of the step."""
    return step.step.instruction or step.step.name


def step_result(step: StepRecord) -> tuple[str, Tone]:
    """What became of a step, in words: failed, cached, done, or not run to its end."""
    if step.error:
        return "✗ failed", "fail"
    if step.cached:
        return "↺ cached", "muted"
    if step.completed is None:
        return "… not finished", "unknown"
    return "✓ executed", "plain"


def cached_and_executed(record: BuildRecord) -> tuple[int, int]:
    """How many Dockerfile steps came from the cache, and how many ran to their end."""
    steps = [s for s in record.steps if s.step.stage is not None]
    cached = sum(s.cached for s in steps)
    executed = sum(not s.cached and s.completed is not None and not s.error for s in steps)
    return cached, executed


def _outcome(record: BuildRecord, failed: StepRecord | None) -> Line:
    took = format_seconds(record.seconds)
    if failed is not None:
        return Line(f"✗ The build failed after {took}", "fail")
    if record.image_id is None:
        return Line(f"? The build ended after {took} without an image", "unknown")
    return Line(f"✓ Built in {took}", "pass")


def _facts(record: BuildRecord) -> list[tuple[str, str]]:
    cached, executed = cached_and_executed(record)
    facts = [("steps", f"{executed} executed, {cached} cached")]
    facts.append(("context sent", format_bytes(record.context_bytes)))
    if record.target:
        facts.append(("target", record.target))
    if record.image_id:
        facts.append(("image", record.image_id))
    return facts


def _row(step: StepRecord) -> tuple[Cell | str | float | None, ...]:
    result, tone = step_result(step)
    number = f"{step.step.number}/{step.step.total}" if step.step.number else ""
    ran = step.completed is not None and step.started is not None and not step.cached
    return (number, step_label(step), Cell(result, tone), step.seconds if ran else None)
