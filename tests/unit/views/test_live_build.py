from __future__ import annotations

import io
import threading

import pytest
from report.samples import BUILD_STEPS, build_events

from helpers.build.events import LogLine, StepFinished, StepStarted, Transfer
from helpers.views import live_build
from helpers.views.build_progress import TAIL, BuildProgress
from helpers.views.live_build import (
    LiveBuild,
    NotebookSink,
    PlainSink,
    TerminalSink,
    progress_for,
)
from helpers.views.progress_views import headline, progress_html, progress_text


def folded(*, fail: bool = False, upto: int | None = None) -> BuildProgress:
    progress = BuildProgress()
    for event in build_events(fail=fail)[:upto]:
        progress.add(event)
    return progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


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


def test_a_running_step_tells_its_time_and_its_bytes() -> None:
    progress = BuildProgress()
    progress.add(StepStarted(BUILD_STEPS["b1"], 2.0))
    progress.add(Transfer(BUILD_STEPS["b1"], "layer", 20_000_000, 80_000_000))
    html = progress_html(progress, 5.0, final=False)
    assert "▸ running" in html
    assert "3.0 s, 20.0 MB of 80.0 MB" in html


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
    assert len(out.getvalue().splitlines()) == 3
    progress.add(StepFinished(BUILD_STEPS["b4"], 0.0, 35.0))
    sink.paint(progress, 35.0, final=False)
    assert out.getvalue().splitlines()[-1].startswith("✓ done")


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
