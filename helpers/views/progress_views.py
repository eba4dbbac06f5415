"""A running build as HTML, as a rich renderable, and as plain lines."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from helpers.report.clean import one_line
from helpers.report.format import text_bar
from helpers.units import format_bytes, format_seconds
from helpers.views.build_progress import BuildProgress, StepState

if TYPE_CHECKING:
    from rich.console import RenderableType

_SIGNS = {"running": "▸", "cached": "↺", "done": "✓", "failed": "✗", "stopped": "…"}
_TONES = {
    "running": "strong",
    "cached": "muted",
    "done": "plain",
    "failed": "fail",
    "stopped": "unknown",
}
_RICH = {
    "running": "bold",
    "cached": "dim",
    "done": "green",
    "failed": "bold red",
    "stopped": "yellow",
}
#: Lines that a terminal view takes at most while the build runs, where its height is not known.
_TERMINAL_LINES = 24
#: Lines of a failed step that stay in a terminal.
_FINAL_LINES = 20


def progress_html(progress: BuildProgress, elapsed: float, *, final: bool) -> str:
    """The build as HTML blocks; the style is that of reports (class ``wb``).

    Args:
        progress: where it stands.
        elapsed: seconds since the build began.
        final: True once no more events come: then nothing is said to be running.
    """
    tone = headline_tone(progress, final=final)
    parts = [f'<p class="wb-line {tone}">{escape(headline(progress, elapsed, final=final))}</p>']
    running = [] if final else progress.running()
    if running:
        parts.append(_table([("Running", running)], elapsed, final=final, whole=True))
        parts += [_log(s) for s in running]
    failed = progress.failed()
    if failed is not None:
        parts.append(_log(failed))
    parts.append(_table(grouped(progress, final=final), elapsed, final=final))
    parts += [f'<p class="wb-line wb-unknown">! {escape(text)}</p>' for text in progress.warnings]
    return "\n".join(part for part in parts if part)


def progress_text(progress: BuildProgress, elapsed: float) -> str:
    """The final state as text: one line a step, the tail of a failed one."""
    lines = [headline(progress, elapsed, final=True)]
    for _, steps in grouped(progress, final=True):
        lines += ["  " + step_line(s, elapsed, final=True) for s in steps]
    failed = progress.failed()
    if failed is not None:
        lines += [f"    │ {text}" for text in failed.tail]
        if failed.error:
            lines.append(f"    {one_line(failed.error, 300)}")
    lines += [f"  ! {text}" for text in progress.warnings]
    return "\n".join(lines)


def progress_renderable(
    progress: BuildProgress, elapsed: float, *, final: bool, height: int = _TERMINAL_LINES
) -> RenderableType:
    """The build for a terminal: what runs on top with its last lines, then what is over, by stage.

    Args:
        progress: where it stands.
        elapsed: seconds since the build began.
        final: True once no more events come: then everything is shown.
        height: lines to take at most while it runs: a terminal can repaint only what it shows.
    """
    from rich.console import Group
    from rich.text import Text

    def line(words: str, style: str) -> Text:
        return Text(words, style=style, no_wrap=True, overflow="ellipsis")

    top = [line(headline(progress, elapsed, final=final), _headline_style(progress, final=final))]
    failed = progress.failed()
    telling = [failed] if failed is not None else [] if final else progress.running()
    tail = _FINAL_LINES if final else _tail_lines(len(telling), height)
    for state in telling:
        top.append(line("  " + step_line(state, elapsed, final=final), _style(state, final=final)))
        lines = state.log(tail) if tail else ()
        top += [line(f"    │ {text}", "dim") for text in lines]
        if state.error:
            message = one_line(state.error, 300)
            top.append(Text(f"    {message}", style="red", no_wrap=not final, overflow="fold"))
    below: list[Text] = []
    for title, steps in grouped(progress, final=final):
        below.append(line(title, "bold dim"))
        below += [
            line("  " + step_line(s, elapsed, final=final), _style(s, final=final)) for s in steps
        ]
    below += [line(f"  ! {text}", "yellow") for text in progress.warnings]
    if not final:
        top = top[:height]
        room = height - len(top)
        if len(below) > room:
            hidden = len(below) - max(0, room - 1)
            below = [line(f"  … {hidden} earlier lines", "dim"), *below[hidden:]][:room]
    return Group(*top, *below)


def headline(progress: BuildProgress, elapsed: float, *, final: bool) -> str:
    """The state of the whole build in one line."""
    counts = f"{progress.count('done')} executed, {progress.count('cached')} cached"
    took = format_seconds(elapsed)
    if progress.failed() is not None:
        failed = sum(
            s.state == "failed" and not s.stopped and s.step.stage is not None
            for s in progress.steps.values()
        )
        return f"✗ Build failed after {took}: {counts}, {failed} failed"
    if final and progress.image_id:
        return f"✓ Built in {took}: {counts}"
    if final:
        return f"? Build ended after {took} without an image: {counts}"
    return f"▸ Building for {took}: {counts}, {progress.count('running')} running"


def headline_tone(progress: BuildProgress, *, final: bool) -> str:
    """The class of the headline."""
    if progress.failed() is not None:
        return "wb-fail"
    if not final:
        return "wb-strong"
    return "wb-pass" if progress.image_id else "wb-unknown"


def step_line(state: StepState, elapsed: float, *, final: bool) -> str:
    """One step in one line."""
    time = step_time(state, elapsed, final=final)
    return f"{state_word(state, final=final):<10} {state.label}" + (f"  {time}" if time else "")


def state_word(state: StepState, *, final: bool) -> str:
    """A step's sign and word."""
    name = _name(state, final=final)
    return f"{_SIGNS[name]} {name}"


def state_tone(state: StepState, *, final: bool) -> str:
    """The class of a step's sign and word."""
    return f"wb-{_TONES[_name(state, final=final)]}"


def step_time(state: StepState, elapsed: float, *, final: bool) -> str:
    """How long a step ran or runs, and the bytes it has moved while it runs."""
    if state.state == "cached" or (final and state.state == "running"):
        return ""
    if state.state != "running":
        return format_seconds(state.seconds)
    told = format_seconds(state.running_for(elapsed))
    moved = moved_words(state)
    return f"{told}, {moved}" if moved else told


def moved_words(state: StepState) -> str:
    """The bytes that a step has moved, and of how many."""
    done, total = state.moved()
    if not state.transfers:
        return ""
    if not total or not done:
        return format_bytes(done)
    return f"{format_bytes(done)} of {format_bytes(total)} {text_bar(done / total, 8)}".rstrip()


def grouped(progress: BuildProgress, *, final: bool) -> list[tuple[str, list[StepState]]]:
    """What is to be listed: by stage, running steps left out while they stand on top."""
    found = []
    for stage, steps in progress.by_stage().items():
        # BuildKit's own quick steps tell a learner nothing, unless they take time or fail.
        shown = [
            s
            for s in steps
            if (final or s.state != "running")
            and (stage is not None or s.state in ("running", "failed") or s.seconds >= 1)
        ]
        if shown:
            found.append((_stage_title(stage), shown))
    return found


def _stage_title(stage: str | None) -> str:
    if stage is None:
        return "BuildKit's own steps"
    # A stage without a name is "stage-N" to BuildKit.
    return one_line(stage if stage.startswith("stage-") else f"Stage {stage}", 60)


def _name(state: StepState, *, final: bool) -> str:
    if state.stopped or (final and state.state == "running"):
        return "stopped"
    return state.state


def _style(state: StepState, *, final: bool) -> str:
    return _RICH[_name(state, final=final)]


def _headline_style(progress: BuildProgress, *, final: bool) -> str:
    tone = headline_tone(progress, final=final)
    return {"wb-fail": "bold red", "wb-pass": "bold green"}.get(tone, "bold")


def _tail_lines(running: int, height: int) -> int:
    """How many of each running step's last lines fit in half of the height."""
    return min(8, max(0, (height // 2 - running) // running)) if running else 0


def _table(
    groups: list[tuple[str, list[StepState]]], elapsed: float, *, final: bool, whole: bool = False
) -> str:
    """Steps under the titles of their groups; with ``whole`` a step names its stage itself."""
    if not groups:
        return ""
    bodies = "\n".join(
        f'<tbody><tr><th scope="rowgroup" colspan="3">{escape(title)}</th></tr>\n'
        + "\n".join(_row(s, elapsed, final=final, whole=whole) for s in steps)
        + "</tbody>"
        for title, steps in groups
    )
    return (
        '<table class="wb-table wb-build"><thead><tr><th scope="col">State</th>'
        '<th scope="col">Step</th><th scope="col" class="wb-right">Time</th></tr></thead>\n'
        f"{bodies}</table>"
    )


def _row(state: StepState, elapsed: float, *, final: bool, whole: bool) -> str:
    label = state.label if whole else state.place_label
    return (
        f'<tr><td class="wb-state {state_tone(state, final=final)}">'
        f"{escape(state_word(state, final=final))}</td>"
        f"<td><code>{escape(label)}</code></td>"
        f'<td class="wb-right">{escape(step_time(state, elapsed, final=final))}</td></tr>'
    )


def _log(state: StepState) -> str:
    """The last lines of a step: a few of one that runs, all that are kept of one that failed."""
    failed = state.state == "failed"
    lines = state.log() if failed else state.tail
    error = (
        f'<p class="wb-line wb-fail">{escape(one_line(state.error, 600))}</p>'
        if state.error
        else ""
    )
    if not lines:
        return error
    body = "\n".join(escape(text) for text in lines)
    return (
        f'<p class="wb-line wb-muted">Last lines of {escape(state.label)}</p>'
        f'<pre class="wb-log">{body}</pre>{error}'
    )
