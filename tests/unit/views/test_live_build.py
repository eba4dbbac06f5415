from __future__ import annotations

import dataclasses
import io
import json
import threading
import time

import pytest
from report.samples import BUILD_STEPS, build_events
from rich.console import Console

from helpers.build.events import (
    BuildWarning,
    LogLine,
    StepFailed,
    StepFinished,
    StepStarted,
    Transfer,
)
from helpers.views import live_build
from helpers.views.build_progress import LOG, TAIL, BuildProgress
from helpers.views.live_build import (
    LiveBuild,
    NotebookSink,
    PlainSink,
    TerminalSink,
    progress_for,
)
from helpers.views.live_widget import LIVE_LINES, BuildWidget, live_state
from helpers.views.progress_views import (
    headline,
    progress_html,
    progress_renderable,
    progress_text,
)


def folded(*, fail: bool = False, upto: int | None = None) -> BuildProgress:
    progress = BuildProgress()
    for event in build_events(fail=fail)[:upto]:
        progress.add(event)
    return progress


class Terminal(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.painted = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if "Building" in text:
            self.painted.set()
        return super().write(text)


class RecordingSink:
    def __init__(self) -> None:
        self.painted: list[tuple[int, bool]] = []
        self.began = threading.Event()

    def paint(self, progress: BuildProgress, elapsed: float, *, final: bool) -> None:
        self.painted.append((len(progress.steps), final))
        self.began.set()


def test_the_state_follows_the_events() -> None:
    progress = folded(upto=10)
    assert [s.step.digest for s in progress.running()] == ["b4"]
    assert progress.count("cached") == 4
    assert progress.count("done") == 1
    assert folded().image_id
    assert folded(fail=True).failed() is not None


def test_only_the_last_lines_of_a_step_are_kept_and_cleaned() -> None:
    progress = BuildProgress()
    step = BUILD_STEPS["b4"]
    for number in range(50):
        progress.add(LogLine(step, 1, f"\x1b[32mline {number}\x1b[0m" + "x" * 10_000))
    tail = progress.steps["b4"].tail
    assert len(tail) == TAIL
    assert tail[-1].startswith("line 49")
    assert max(map(len, tail)) <= 240


def test_a_step_that_prints_without_end_takes_bounded_memory_and_little_time() -> None:
    progress = BuildProgress()
    step = BUILD_STEPS["b4"]
    began = time.perf_counter()
    for number in range(200_000):
        progress.add(LogLine(step, 1, f"line {number} " + "x" * 5_000))
    assert time.perf_counter() - began < 5
    kept = progress.steps["b4"]
    assert len(kept.lines) == LOG
    assert max(map(len, kept.lines)) < 1_000
    assert len(str(live_state(progress, 1.0))) < 60_000
    for number in range(5_000):
        progress.add(Transfer(step, f"layer {number}", 1, 2))
    assert len(kept.transfers) == 200


def test_a_step_runs_from_when_it_was_told_not_from_the_engines_clock() -> None:
    progress = BuildProgress()
    # Sending the context took 30 s before the engine began to count.
    progress.add(StepStarted(BUILD_STEPS["b4"], 0.5), at=30.5)
    assert progress.steps["b4"].running_for(32.5) == 2.0
    assert "2.0 s" in progress_html(progress, 32.5, final=False)


def test_a_snapshot_does_not_change_with_later_events() -> None:
    progress = folded(upto=10)
    progress.add(LogLine(BUILD_STEPS["b4"], 1, "one"))
    taken = progress.snapshot()
    for event in build_events(fail=True):
        progress.add(event)
    progress.add(LogLine(BUILD_STEPS["b4"], 1, "two"))
    assert taken.failed() is None
    assert taken.steps["b4"].tail[-1] == "one"


def test_steps_stand_by_stage_and_what_runs_on_top() -> None:
    progress = folded(upto=10)
    shown = progress_html(progress, 5.0, final=False)
    places = [shown.index(w) for w in ("Running", "[build 4/6]", "Stage build", "Stage runner")]
    assert places == sorted(places)
    assert shown.count("RUN npm ci") == 1 + shown.count("Last lines of")
    stages = progress_text(folded(), 20).splitlines()
    builds = [i for i, line in enumerate(stages) if "[build " in line]
    assert builds == list(range(builds[0], builds[0] + 6))
    told_late = BuildProgress()
    for event in reversed(build_events()):
        told_late.add(event)
    both = [
        {k: [s.label for s in v] for k, v in p.by_stage().items() if k}
        for p in (folded(), told_late)
    ]
    assert both[0] == both[1]
    assert list(both[0]) == ["build", "runner"]


def test_what_a_failure_stopped_beside_it_is_not_called_failed() -> None:
    progress = folded(upto=10)
    other = dataclasses.replace(BUILD_STEPS["r3"], digest="other")
    progress.add(StepFailed(other, 1.0, 2.0, "context canceled"))
    progress.add(StepFailed(BUILD_STEPS["b4"], 1.0, 2.0, "exit code: 1"))
    failed = progress.failed()
    assert failed is not None
    assert failed.step is BUILD_STEPS["b4"]
    assert "… stopped" in progress_text(progress, 3.0)
    assert headline(progress, 3.0, final=True).endswith(", 1 failed")


def test_a_running_step_tells_its_time_and_its_bytes() -> None:
    progress = BuildProgress()
    progress.add(StepStarted(BUILD_STEPS["b1"], 2.0))
    progress.add(Transfer(BUILD_STEPS["b1"], "layer", 20_000_000, 80_000_000))
    html = progress_html(progress, 5.0, final=False)
    assert "▸ running" in html
    assert "3.0 s, 20.0 MB of 80.0 MB ██" in html
    (running,) = live_state(progress, 5.0)["running"]
    assert (running["moved"], running["share"]) == ("20.0 MB of 80.0 MB", 0.25)
    progress.add(Transfer(BUILD_STEPS["b1"], "other", 1_000_000, 0))
    progress.add(Transfer(BUILD_STEPS["b1"], "layer", 80_000_000, 80_000_000))
    (running,) = live_state(progress, 5.0)["running"]
    assert (running["moved"], running["share"]) == ("81.0 MB", None)  # more than was announced


def test_the_final_state_says_nothing_of_running() -> None:
    stopped = progress_text(folded(upto=10), 12.0)
    assert "running" not in stopped
    assert "… stopped" in stopped
    assert "without an image" in stopped
    assert headline(folded(), 20, final=True).startswith("✓ Built in 20.0 s: 5 executed, 4 cached")


def test_a_failure_shows_the_last_lines_and_the_message() -> None:
    for shown in (
        progress_text(folded(fail=True), 18),
        progress_html(folded(fail=True), 18, final=True),
    ):
        assert "✗ failed" in shown
        assert "error TS2322" in shown
        assert "exit code: 2" in shown


def test_html_of_a_build_is_escaped() -> None:
    progress = BuildProgress()
    progress.add(StepStarted(BUILD_STEPS["b4"], 0))
    progress.add(LogLine(BUILD_STEPS["b4"], 1, "<script>alert(1)</script>"))
    html = progress_html(progress, 1, final=False)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_the_same_state_is_painted_the_same() -> None:
    assert progress_html(folded(), 20, final=True) == progress_html(folded(), 20, final=True)


def test_many_events_make_few_paintings_and_one_final_one() -> None:
    sink = RecordingSink()
    with LiveBuild(sink) as live:
        for _ in range(300):
            for event in build_events():
                live.on_event(event)
        assert sink.began.wait(5)
    assert len(sink.painted) < 60
    assert sink.painted[-1] == (11, True)
    assert [final for _, final in sink.painted].count(True) == 1


def test_an_interrupted_build_still_shows_its_final_state_and_leaves_no_thread() -> None:
    sink = RecordingSink()
    before = threading.active_count()

    def interrupted() -> None:
        with LiveBuild(sink) as live:
            live.on_event(build_events()[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert sink.painted[-1] == (1, True)
    assert threading.active_count() == before


def test_silence_does_not_stop_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_build, "TICK", 0.01)
    monkeypatch.setattr(live_build, "INTERVAL", 0.0)
    sink = RecordingSink()
    with LiveBuild(sink):
        assert sink.began.wait(5)


def test_events_are_taken_from_many_threads() -> None:
    sink = RecordingSink()
    with LiveBuild(sink) as live:
        threads = [
            threading.Thread(target=lambda: [live.on_event(e) for e in build_events()])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sink.painted[-1] == (11, True)


def test_plain_lines_tell_each_step_once_and_the_end() -> None:
    out = io.StringIO()
    sink = PlainSink(out)
    progress = BuildProgress()
    for event in build_events():
        progress.add(event)
        sink.paint(progress, 1.0, final=False)
    sink.paint(progress, 19.9, final=True)
    lines = out.getvalue().splitlines()
    assert sum("RUN npm ci" in line for line in lines) == 1
    assert lines[-1] == "✓ Built in 19.9 s: 5 executed, 4 cached"
    assert not any("internal" in line for line in lines)
    assert "\x1b" not in out.getvalue()


def test_plain_lines_tell_now_and_then_of_a_long_step() -> None:
    out = io.StringIO()
    sink = PlainSink(out)
    progress = BuildProgress()
    progress.add(StepStarted(BUILD_STEPS["b4"], 0.0))
    for second in range(35):
        sink.paint(progress, float(second), final=False)
    told = [line.rsplit("  ", 1)[1] for line in out.getvalue().splitlines()]
    assert told == ["1.0 s", "11.0 s", "21.0 s", "31.0 s"]
    progress.add(StepFinished(BUILD_STEPS["b4"], 0.0, 35.0))
    sink.paint(progress, 35.0, final=False)
    assert out.getvalue().splitlines()[-1].startswith("✓ done")


def test_plain_lines_are_written_to_a_stream_that_has_no_such_characters() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    PlainSink(out).paint(folded(), 19.9, final=True)
    lines = raw.getvalue().decode("ascii").splitlines()
    assert lines[0] == "= cached   [build 1/6] FROM node:24-bookworm"
    assert lines[-1].startswith("+ Built in 19.9 s")


def test_plain_lines_tell_a_warning_once() -> None:
    out = io.StringIO()
    sink = PlainSink(out)
    progress = folded()
    progress.add(BuildWarning(None, "JSON arguments recommended\x1b[2J"))
    for _ in range(3):
        sink.paint(progress, 1.0, final=False)
    assert out.getvalue().count("! warning  JSON arguments recommended\n") == 1


def test_plain_lines_end_with_the_tail_of_a_failure() -> None:
    out = io.StringIO()
    PlainSink(out).paint(folded(fail=True), 18.5, final=True)
    assert "    | src/server.ts" in out.getvalue()
    assert out.getvalue().splitlines()[-1].startswith("✗ Build failed after 18.5 s")


def test_a_terminal_keeps_the_final_state_and_gets_its_cursor_back() -> None:
    out = Terminal()
    sink = TerminalSink(out)
    sink.paint(folded(upto=10), 3.0, final=False)
    sink.paint(folded(), 19.9, final=True)
    written = out.getvalue()
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")
    after = written[written.rindex("\x1b[?25h") :]
    assert "Built in 19.9 s" in after
    assert "RUN npm ci" in after
    assert "running" not in after


@pytest.mark.parametrize("height", [4, 9, 24])
def test_a_terminal_view_is_not_taller_than_the_terminal(height: int) -> None:
    progress = folded(upto=10)
    for number in range(40):
        step = dataclasses.replace(BUILD_STEPS["b4"], digest=f"x{number}", number=number)
        progress.add(StepStarted(step, 1.0))
        progress.add(LogLine(step, 1, "line\x1b[2J\x07"))
    out = Terminal()
    console = Console(file=out, width=60, height=height + 1, force_terminal=True)
    console.print(progress_renderable(progress, 5.0, final=False, height=height))
    lines = out.getvalue().splitlines()
    assert len(lines) <= height
    assert "\x1b[2J" not in out.getvalue()
    assert "Building for 5.0 s" in lines[0]


def test_ctrl_c_leaves_the_terminal_whole() -> None:
    out = Terminal()

    def interrupted() -> None:
        with progress_for(out, {"TERM": "xterm"}) as live:
            for event in build_events()[:10]:
                live.on_event(event)
            assert out.painted.wait(5)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    written = out.getvalue()
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")
    assert "without an image" in written[written.rindex("\x1b[?25h") :]


def test_a_second_ctrl_c_while_it_ends_leaves_the_terminal_whole_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = Terminal()
    live = progress_for(out, {"TERM": "xterm"}).__enter__()
    for event in build_events()[:10]:
        live.on_event(event)
    assert out.painted.wait(5)
    thread = live._thread
    assert thread is not None
    join = thread.join

    def broken(*_: object) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(thread, "join", broken)
    with pytest.raises(KeyboardInterrupt):
        live.__exit__(None, None, None)
    join(5)
    assert not thread.is_alive()
    written = out.getvalue()
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")


def test_the_widgets_state_is_json_of_plain_words() -> None:
    progress = folded(upto=10)
    for number in range(100):
        progress.add(LogLine(BUILD_STEPS["b4"], 1, f"<b>{number}</b>\x1b[31m"))
    state = json.loads(json.dumps(live_state(progress, 5.0)))
    (running,) = state["running"]
    assert running["lines"] == [f"<b>{n}</b>" for n in range(100 - LIVE_LINES, 100)]
    assert [s["title"] for s in state["stages"]] == ["Stage build", "Stage runner"]
    assert state["counts"] == "1 executed, 4 cached, 1 running"
    failed = live_state(folded(fail=True), 18.0)
    assert "exit code: 2" in failed["failed"]["error"]
    assert failed["tone"] == "wb-fail"


def test_the_page_gets_no_html_from_a_build() -> None:
    assert "innerHTML" not in str(BuildWidget._esm)
    assert "insertAdjacentHTML" not in str(BuildWidget._esm)


@pytest.mark.parametrize(
    ("stream", "env", "kind"),
    [
        (Terminal(), {"TERM": "xterm"}, TerminalSink),
        (Terminal(), {"TERM": "dumb"}, PlainSink),
        (Terminal(), {"TERM": "xterm", "CI": "true"}, PlainSink),
        (io.StringIO(), {"TERM": "xterm"}, PlainSink),
    ],
)
def test_the_view_fits_where_it_runs(
    stream: io.StringIO, env: dict[str, str], kind: type[object]
) -> None:
    assert isinstance(progress_for(stream, env)._sink, kind)


def test_in_a_notebook_the_output_is_updated_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[tuple[dict[str, str], dict[str, str], bool]] = []

    class Shell:
        kernel = object()

        class display_pub:  # noqa: N801
            @staticmethod
            def publish(
                data: dict[str, str],
                metadata: object = None,
                *,
                transient: dict[str, str],
                update: bool = False,
                **rest: object,
            ) -> None:
                published.append((data, transient, update))

    import IPython.core.display_functions
    import IPython.core.getipython
    from IPython.core.interactiveshell import InteractiveShell

    monkeypatch.setattr(IPython.core.getipython, "get_ipython", Shell)
    monkeypatch.setattr(InteractiveShell, "initialized", classmethod(lambda cls: True))
    monkeypatch.setattr(InteractiveShell, "instance", classmethod(lambda cls, *a: Shell()))
    assert isinstance(progress_for()._sink, NotebookSink)
    with progress_for() as live:
        for event in build_events():
            live.on_event(event)
    data, transient, _ = published[-1]
    assert {t["display_id"] for _, t, _ in published} == {transient["display_id"]}
    assert [update for _, _, update in published] == [False] + [True] * (len(published) - 1)
    assert "Built in" in data["text/plain"]
    assert "Built in" in data["text/html"]
