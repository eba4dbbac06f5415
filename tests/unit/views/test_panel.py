from __future__ import annotations

import threading
from collections.abc import Iterator

import ipywidgets as widgets
import pytest
from report.samples import broken_result, failing_result, passing_result

from helpers.errors import BadInput
from helpers.views.panel import ExercisePanel
from views.fake_session import STARTER, FakeSession


@pytest.fixture
def panels() -> Iterator[list[ExercisePanel]]:
    opened: list[ExercisePanel] = []
    yield opened
    for panel in opened:
        panel.close()
    assert not [t for t in threading.enumerate() if t.name in ("exercise-check", "live-build")]


@pytest.fixture
def open_panel(panels: list[ExercisePanel]):
    def make(session: FakeSession) -> ExercisePanel:
        panels.append(ExercisePanel(session))
        return panels[-1]

    return make


def shown(panel: ExercisePanel) -> str:
    """The verdicts with the hints that are open, as HTML."""
    return "".join(htmls(panel.verdicts.box))


def htmls(box: widgets.Box) -> Iterator[str]:
    for child in box.children:
        if isinstance(child, widgets.Box):
            yield from htmls(child)
        elif isinstance(child, widgets.HTML):
            yield child.value
        else:
            yield f"[{child.description}]"


def run(panel: ExercisePanel) -> None:
    panel.check_button.click()
    assert panel.wait(10)


def test_before_the_first_check_it_shows_the_task_and_the_files(open_panel) -> None:
    panel = open_panel(FakeSession())
    assert panel.editors["Dockerfile"].area.value == STARTER
    assert not panel.editors["Dockerfile"].area.disabled
    assert panel.editors["package.json"].area.disabled
    assert "work/01-multi-stage/Dockerfile" in panel.editors["Dockerfile"].status.value
    assert "Not checked yet" in shown(panel)
    assert "No attempt yet" in panel.history.value
    head = panel.box.children[0].value
    assert "Cut the orders image below 200 MB" in head
    assert "starter · about 25 minutes" in head


def test_a_wrong_answer_shows_verdicts_hints_and_the_attempt(open_panel) -> None:
    panel = open_panel(FakeSession())
    run(panel)
    assert "✗ 1 of 4 checks pass" in shown(panel)
    assert "/usr/lib/gcc takes 291.0 MB" in shown(panel)
    assert "✗ not yet" in panel.history.value
    assert "20/100" in panel.history.value
    assert set(panel.verdicts.buttons) == {"size", "stages", "no-shell"}
    assert not panel.check_button.disabled
    assert panel.stop_button.disabled


def test_the_hints_of_a_check_stand_right_below_its_verdict(open_panel) -> None:
    panel = open_panel(FakeSession())
    run(panel)
    panel.verdicts.buttons["stages"].click()
    text = shown(panel)
    marks = [
        "The image is at most 200 MB",
        "[Next hint (4 left)]",
        "Building and running are separate stages",
        "Hint 1 of 2",
        "[Next hint (1 left)]",
        "The service answers HTTP",
        "There is no shell in the image",
        "[Next hint (1 left)]",
    ]
    places = [text.find(mark) for mark in marks[:-1]]
    assert -1 not in places
    assert places == sorted(places)
    assert text.rfind(marks[-1]) > text.find(marks[-2])


def test_every_table_of_verdicts_has_its_headings(open_panel) -> None:
    panel = open_panel(FakeSession())
    run(panel)
    text = shown(panel)
    assert text.count('class="wb-table wb-checks"') == 4
    assert text.count('<th scope="col"') >= 12


def test_hints_open_one_by_one_and_are_counted(open_panel) -> None:
    session = FakeSession()
    panel = open_panel(session)
    run(panel)
    button, hints = panel.verdicts.buttons["size"], failing_result().checks[0].hints
    text = panel.verdicts.hints["size"]
    assert hints[0] not in text.value
    for number, hint in enumerate(hints, 1):
        assert button.description == f"Next hint ({5 - number} left)"
        button.click()
        assert hint in text.value
        assert all(later not in text.value for later in hints[number:])
    assert button.description == "No more hints"
    assert button.disabled
    run(panel)
    assert hints[3] in panel.verdicts.hints["size"].value


def test_a_right_answer_passes_and_opens_the_solution(open_panel) -> None:
    panel = open_panel(FakeSession([failing_result(), passing_result()]))
    run(panel)
    run(panel)
    assert "✓ 4 of 4 checks pass" in shown(panel)
    assert panel.verdicts.buttons == {}
    assert "✓ passed" in panel.history.value
    panel.solution_button.click()
    assert "FROM gcr.io/distroless/nodejs24" in panel.solution_view.value
    assert "solutions/01-multi-stage/solution.ipynb" in panel.solution_view.value


def test_before_a_pass_the_solution_takes_a_second_deliberate_click(open_panel) -> None:
    panel = open_panel(FakeSession())
    panel.solution_button.click()
    assert panel.solution_view.value == ""
    question, anyway, not_yet = panel.confirm_box.children
    assert "You have not passed yet" in question.value
    not_yet.click()
    assert panel.confirm_box.children == ()
    assert panel.solution_view.value == ""
    panel.solution_button.click()
    _, anyway, _ = panel.confirm_box.children
    assert anyway.description == "Show it anyway"
    anyway.click()
    assert "distroless" in panel.solution_view.value


def test_check_saves_what_was_typed_before_it_builds(open_panel) -> None:
    session = FakeSession()
    panel = open_panel(session)
    editor = panel.editors["Dockerfile"]
    editor.area.value = "FROM scratch\n"
    assert "not saved yet" in editor.status.value
    run(panel)
    assert session.checked == [{**session.disk, "Dockerfile": "FROM scratch\n"}]
    assert not editor.dirty


def test_check_takes_what_another_editor_wrote(open_panel) -> None:
    session = FakeSession()
    panel = open_panel(session)
    session.disk["Dockerfile"] = "FROM alpine\n"
    run(panel)
    assert panel.editors["Dockerfile"].area.value == "FROM alpine\n"


def test_a_file_changed_on_disk_is_not_overwritten_and_both_texts_are_offered(open_panel) -> None:
    session = FakeSession()
    panel = open_panel(session)
    editor = panel.editors["Dockerfile"]
    editor.area.value = "mine\n"
    session.disk["Dockerfile"] = "theirs\n"
    editor.save_button.click()
    assert session.disk["Dockerfile"] == "theirs\n"
    assert "was changed on disk" in editor.status.value
    assert editor.area.value == "mine\n"
    assert editor.their_area.value == "theirs\n"
    assert editor.conflict_box.layout.display != "none"


def test_a_conflict_holds_the_check_back(open_panel) -> None:
    session = FakeSession()
    panel = open_panel(session)
    panel.editors["Dockerfile"].area.value = "mine\n"
    session.disk["Dockerfile"] = "theirs\n"
    panel.tabs.selected_index = 1
    run(panel)
    assert session.checked == []
    assert "Not checked: Dockerfile" in panel.message.value
    assert panel.tabs.selected_index == 0


@pytest.mark.parametrize(
    ("choice", "kept"), [("keep_button", "mine\n"), ("take_button", "theirs\n")]
)
def test_either_text_can_be_chosen(open_panel, choice: str, kept: str) -> None:
    session = FakeSession()
    editor = open_panel(session).editors["Dockerfile"]
    editor.area.value = "mine\n"
    session.disk["Dockerfile"] = "theirs\n"
    editor.save_button.click()
    getattr(editor, choice).click()
    assert session.disk["Dockerfile"] == kept
    assert editor.area.value == kept
    assert not editor.in_conflict
    assert not editor.dirty
    assert editor.conflict_box.layout.display == "none"


def test_a_file_that_changes_once_more_is_not_overwritten_either(open_panel) -> None:
    session = FakeSession()
    editor = open_panel(session).editors["Dockerfile"]
    editor.area.value = "mine\n"
    session.disk["Dockerfile"] = "theirs\n"
    editor.save_button.click()
    session.disk["Dockerfile"] = "theirs again\n"
    editor.keep_button.click()
    assert session.disk["Dockerfile"] == "theirs again\n"
    assert editor.their_area.value == "theirs again\n"
    assert editor.in_conflict


def test_while_a_check_runs_it_can_only_be_stopped(open_panel) -> None:
    session = FakeSession(gate=threading.Event())
    panel = open_panel(session)
    panel.check_button.click()
    assert session.entered.wait(5)
    assert panel.running
    assert panel.check_button.disabled
    assert panel.reset_button.disabled
    assert not panel.stop_button.disabled
    panel.check()
    panel.reset()
    assert len(session.checked) == 1
    session.gate.set()
    assert panel.wait(5)
    assert not panel.check_button.disabled


def test_stop_cancels_and_says_so_and_nothing_is_judged(open_panel) -> None:
    session = FakeSession(gate=threading.Event())
    panel = open_panel(session)
    panel.check_button.click()
    assert session.entered.wait(5)
    panel.stop_button.click()
    assert panel.wait(5)
    assert "The check was stopped. Nothing was judged." in panel.message.value
    assert panel.result is None
    assert session.history == []
    assert not panel.check_button.disabled
    session.gate.set()
    run(panel)
    assert panel.result is not None


def test_an_error_with_a_remedy_is_shown_with_it(open_panel) -> None:
    error = BadInput("There is no Dockerfile.", remedy="Make one: press Reset.")
    panel = open_panel(FakeSession([error, failing_result()]))
    run(panel)
    assert "✗ There is no Dockerfile." in panel.message.value
    assert "What to do: Make one: press Reset." in panel.message.value
    run(panel)
    assert "There is no Dockerfile" not in panel.message.value


def test_an_unforeseen_exception_is_readable_and_the_panel_goes_on(open_panel) -> None:
    panel = open_panel(FakeSession([ZeroDivisionError("<b>oh</b>"), failing_result()]))
    run(panel)
    assert "ZeroDivisionError: &lt;b&gt;oh&lt;/b&gt;" in panel.message.value
    assert "<details" in panel.message.value
    assert "fault of the workbook" in panel.message.value
    run(panel)
    assert panel.result == failing_result()


def test_a_failed_build_shows_its_reason(open_panel) -> None:
    panel = open_panel(FakeSession([broken_result()]))
    run(panel)
    assert "Nothing could be judged" in shown(panel)
    assert "error TS2322" in shown(panel)
    assert panel.verdicts.buttons == {}


def test_reset_asks_first_and_names_the_copy(open_panel) -> None:
    session = FakeSession()
    session.disk["Dockerfile"] = "FROM mine\n"
    panel = open_panel(session)
    panel.reset_button.click()
    _, yes, no = panel.confirm_box.children
    no.click()
    assert session.disk["Dockerfile"] == "FROM mine\n"
    panel.reset_button.click()
    _, yes, _ = panel.confirm_box.children
    yes.click()
    assert session.disk["Dockerfile"] == STARTER
    assert panel.editors["Dockerfile"].area.value == STARTER
    assert "work/01-multi-stage.before-reset-1" in panel.message.value


def test_it_comes_back_where_the_learner_left(open_panel) -> None:
    panel = open_panel(FakeSession(known=failing_result()))
    assert "✗ 1 of 4 checks pass" in shown(panel)
    assert set(panel.verdicts.buttons) == {"size", "stages", "no-shell"}


def test_every_control_has_a_name_and_a_tooltip(open_panel) -> None:
    panel = open_panel(FakeSession())
    run(panel)
    editor = panel.editors["Dockerfile"]
    buttons = [
        panel.check_button,
        panel.stop_button,
        panel.reset_button,
        panel.solution_button,
        editor.save_button,
        editor.reload_button,
        *panel.verdicts.buttons.values(),
    ]
    assert all(b.description and b.tooltip for b in buttons)
    assert len({b.tooltip for b in buttons}) == len(buttons)
    assert editor.area.tooltip == "Text of Dockerfile"


def test_without_a_widget_front_end_the_last_state_is_text_and_html(open_panel) -> None:
    panel = open_panel(FakeSession())
    before = panel._repr_mimebundle_()
    assert "Not checked yet." in before["text/plain"]
    run(panel)
    panel.verdicts.buttons["size"].click()
    bundle = panel._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    for mime in ("text/plain", "text/html"):
        stored = bundle[mime]
        assert "Exercise 01-multi-stage: Cut the orders image below 200 MB" in stored
        assert "1 of 4 checks pass" in stored
        assert "Hint 1 of 4" in stored
        assert "Hint 2 of 4" not in stored
        assert "work/01-multi-stage/Dockerfile" in stored
        assert "20/100" in stored
        assert "workbook check 01-multi-stage" in stored.replace("\n", " ")


def test_a_file_that_cannot_be_read_again_says_why(open_panel) -> None:
    session = FakeSession()
    editor = open_panel(session).editors["Dockerfile"]

    def gone(name: str) -> None:
        raise BadInput(f"{name} is gone.", remedy="Press Reset.")

    session.read = gone  # type: ignore[method-assign,assignment]
    editor.reload_button.click()
    assert "Dockerfile is gone." in editor.status.value
    assert editor.area.value == STARTER
