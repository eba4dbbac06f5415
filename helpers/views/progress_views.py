"""A running build as HTML, as a rich renderable, and as plain lines."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from helpers.report.clean import one_line
from helpers.units import format_bytes, format_seconds
from helpers.views.build_progress import BuildProgress, StepState

if TYPE_CHECKING:
    from rich.console import RenderableType

_SIGNS = {"running": "▸", "cached": "↺", "done": "✓", "failed": "✗"}
_TONES = {"running": "plain", "cached": "muted", "done": "plain", "failed": "fail"}
_RICH = {"running": "bold", "cached": "dim", "done": "green", "failed": "bold red"}
#: Steps that are over are shown as one line in a terminal beyond so many.
_TERMINAL_STEPS = 12


def progress_html(progress: BuildProgress, elapsed: float, *, final: bool) -> str:
    """The build as HTML blocks; the style is that of reports (class ``wb``).

    Args:
        progress: where it stands.
        elapsed: seconds since the build began.
        final: True once no more events come: then nothing is said to be running.
    """
    rows = "\n".join(_row(s, elapsed, final=final) for s in _ordered(progress))
    tails = "".join(_tail(s) for s in _telling(progress, final=final))
    warnings = "".join(
        f'<p class="wb-line wb-unknown">! {escape(text)}</p>' for text in progress.warnings
    )
    return (
        f'<p class="wb-line {_headline_tone(progress, final)}">'
        f"{escape(headline(progress, elapsed, final=final))}</p>\n"
        f'<table class="wb-table wb-build"><thead><tr><th scope="col">State</th>'
        f'<th scope="col">Step</th><th scope="col" class="wb-right">Time</th></tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table>\n{tails}{warnings}"
    )


def progress_text(progress: BuildProgress, elapsed: float) -> str:
    """The final state as text: one line a step, the tail of a failed one."""
    lines = [headline(progress, elapsed, final=True)]
    lines += ["  " + step_line(s, elapsed, final=True) for s in _ordered(progress)]
    for state in _telling(progress, final=True):
        lines += [f"    │ {text}" for text in state.tail]
        if state.error:
            lines.append(f"    {one_line(state.error, 300)}")
    lines += [f"  ! {text}" for text in progress.warnings]
    return "\n".join(lines)


def progress_renderable(progress: BuildProgress, elapsed: float, *, final: bool) -> RenderableType:
    """The build for a terminal: what runs on top, then its last lines, then what is over."""
    from rich.console import Group
    from rich.text import Text

    def row(state: StepState) -> Text:
        words = step_line(state, elapsed, final=final)
        return Text("  " + words, style=_RICH[state.state], no_wrap=True, overflow="ellipsis")

    parts: list[Text] = [Text(headline(progress, elapsed, final=final), style="bold")]
    telling = _telling(progress, final=final)
    for state in telling:
        parts.append(row(state))
        parts += [
            Text(f"    │ {text}", style="dim", no_wrap=True, overflow="ellipsis")
            for text in state.tail
        ]
        if state.error:
            parts.append(Text("    " + one_line(state.error, 300), style="red"))
    over = [s for s in _ordered(progress) if s not in telling]
    if not final and len(over) > _TERMINAL_STEPS:
        parts.append(Text(f"  … {len(over) - _TERMINAL_STEPS} earlier steps", style="dim"))
        over = over[-_TERMINAL_STEPS:]
    parts += [row(state) for state in over]
    parts += [Text(f"  ! {text}", style="yellow") for text in progress.warnings]
    return Group(*parts)


def headline(progress: BuildProgress, elapsed: float, *, final: bool) -> str:
    """The state of the whole build in one line."""
    counts = f"{progress.count('done')} executed, {progress.count('cached')} cached"
    took = format_seconds(elapsed)
    if progress.failed() is not None:
        return f"✗ Build failed after {took}: {counts}, {progress.count('failed')} failed"
    if final and progress.image_id:
        return f"✓ Built in {took}: {counts}"
    if final:
        return f"? Build ended after {took} without an image: {counts}"
    return f"▸ Building for {took}: {counts}, {progress.count('running')} running"


def step_line(state: StepState, elapsed: float, *, final: bool) -> str:
    """One step in one line."""
    words = _state_word(state, final=final)
    time = _time(state, elapsed, final=final)
    return f"{words:<10} {state.label}" + (f"  {time}" if time else "")


def _ordered(progress: BuildProgress) -> list[StepState]:
    # BuildKit's own quick steps tell a learner nothing, unless they take time or fail.
    return [
        s
        for s in progress.steps.values()
        if s.step.stage is not None or s.state in ("running", "failed") or s.seconds >= 1
    ]


def _telling(progress: BuildProgress, *, final: bool) -> list[StepState]:
    failed = progress.failed()
    if failed is not None:
        return [failed]
    return [] if final else progress.running()


def _state_word(state: StepState, *, final: bool) -> str:
    if final and state.state == "running":
        return "… stopped"
    return f"{_SIGNS[state.state]} {state.state}"


def _time(state: StepState, elapsed: float, *, final: bool) -> str:
    if state.state == "cached" or (final and state.state == "running"):
        return ""
    if state.state != "running":
        return format_seconds(state.seconds)
    told = format_seconds(max(0.0, elapsed - state.started))
    if state.transfers:
        done = sum(d for d, _ in state.transfers.values())
        total = sum(t for _, t in state.transfers.values())
        moved = format_bytes(done) + (f" of {format_bytes(total)}" if total >= done > 0 else "")
        told += f", {moved}"
    return told


def _headline_tone(progress: BuildProgress, final: bool) -> str:
    if progress.failed() is not None:
        return "wb-fail"
    if not final:
        return "wb-strong"
    return "wb-pass" if progress.image_id else "wb-unknown"


def _row(state: StepState, elapsed: float, *, final: bool) -> str:
    word = escape(_state_word(state, final=final))
    return (
        f'<tr><td class="wb-state wb-{_TONES[state.state]}">{word}</td>'
        f"<td><code>{escape(state.label)}</code></td>"
        f'<td class="wb-right">{escape(_time(state, elapsed, final=final))}</td></tr>'
    )


def _tail(state: StepState) -> str:
    lines = "\n".join(escape(text) for text in state.tail)
    error = (
        f'<p class="wb-line wb-fail">{escape(one_line(state.error, 600))}</p>'
        if state.error
        else ""
    )
    if not lines:
        return error
    return (
        f'<p class="wb-line wb-muted">Last lines of {escape(state.label)}</p>'
        f'<pre class="wb-log">{lines}</pre>{error}\n'
    )
