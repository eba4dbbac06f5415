"""What a learner clicks."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

ROOT = Path(__file__).parents[2]
SOLUTION = (ROOT / "solutions/01-multi-stage/files/Dockerfile").read_text()
ENDLESS = "FROM node:26-trixie-slim\nRUN echo it-runs && sleep 600\n"
MINUTE = 60_000  # milliseconds
BUILD = """\
from helpers.build import BuildRequest, build, mapping_context
from helpers.engine.connect import connect
from helpers.views.live_build import progress_for

text = "FROM busybox:1.37 AS tools\\nRUN : NONCE; echo it-runs && sleep 5\\n"
with connect() as engine, progress_for() as live:
    context = mapping_context({"Dockerfile": text})
    build(engine.client.api, BuildRequest(context, network="none"), live.on_event)
"""

pytestmark = pytest.mark.timeout(300)


def open_notebook(page: Page, url: str, name: str) -> None:
    page.goto(url.replace("00-start-here.ipynb", name) + "&reset")
    expect(page.locator(".jp-Notebook")).to_be_visible(timeout=MINUTE)


def open_panel(page: Page, url: str) -> Locator:
    """Run the exercise's cells; the panel that appears."""
    open_notebook(page, url, "exercise-01-multi-stage.ipynb")
    # What is run before there is a kernel JupyterLab drops, while its indicator says "idle".
    page.wait_for_function("window.kernelAnswered", timeout=MINUTE)
    menu(page, "Run", "Run All Cells")
    check = button(page, "Check")
    expect(check).to_be_visible(timeout=MINUTE)
    return page.locator(".wb-panel").filter(has=check)


def menu(page: Page, bar: str, *entries: str) -> None:
    page.get_by_role("menuitem", name=bar, exact=True).click()
    for entry in entries:  # those that open a further menu have no role
        page.locator(".lm-Menu-itemLabel").get_by_text(entry, exact=True).click()


def button(where: Page | Locator, name: str) -> Locator:
    return where.get_by_role("button", name=name, exact=True)


def picture(page: Page, panel: Locator, path: Path) -> None:
    """The whole panel: what is scrolled out of sight is on no picture."""
    page.set_viewport_size({"width": 1280, "height": 6000})
    panel.screenshot(path=path)
    assert path.stat().st_size > 0


def brightness(panel: Locator) -> tuple[float, float]:
    """Brightness (0 to 255) of a check's title and of what is behind it, as the browser draws."""
    text, behind = panel.locator(".wb-title").first.evaluate(
        """element => {
            let behind = element;
            const style = e => getComputedStyle(e);
            const clear = e => style(e).backgroundColor === 'rgba(0, 0, 0, 0)';
            while (clear(behind)) behind = behind.parentElement;
            const mean = c => c.match(/[0-9.]+/g).slice(0, 3)
                .reduce((sum, x) => sum + Number(x) / 3, 0);
            return [mean(style(element).color), mean(style(behind).backgroundColor)];
        }"""
    )
    return text, behind


def test_the_first_notebook_shows_its_stored_outputs(page: Page, lab_url: str) -> None:
    page.goto(lab_url)
    notebook = page.locator(".jp-Notebook")
    expect(notebook.get_by_role("heading", name="Start here")).to_be_visible(timeout=MINUTE)
    output = notebook.locator(".jp-OutputArea-output").filter(
        has=page.get_by_role("table", name="Exercises")
    )
    output.scroll_into_view_if_needed()
    row = output.get_by_role("row").filter(has_text="01-multi-stage")
    expect(row).to_contain_text("Ship the orders service")
    # An unedited copy is trusted: nothing of what is stored is taken out.
    expect(output).to_have_class(re.compile("jp-mod-trusted"))


def test_a_lesson_shows_its_stored_pictures(page: Page, lab_url: str) -> None:
    open_notebook(page, lab_url, "01-multi-stage-builds.ipynb")
    # Cells out of sight are not in the page yet: a tall window has them all.
    page.set_viewport_size({"width": 1280, "height": 12_000})
    image = page.locator(".jp-RenderedSVG img").first
    expect(image).to_be_visible(timeout=MINUTE)
    assert image.evaluate("img => img.decode().then(() => img.naturalWidth)") > 100


def test_the_starter_fails_with_evidence_and_a_hint_then_the_solution_passes(
    page: Page, lab_url: str, work: Path, tmp_path: Path
) -> None:
    panel = open_panel(page, lab_url)
    expect(panel.get_by_text("No attempt yet.")).to_be_visible()

    button(panel, "Check").click()
    size = panel.get_by_role("row").filter(has_text="The image stays under 200 MB")
    expect(size).to_contain_text("✗ fail", timeout=4 * MINUTE)
    expect(size.locator(".wb-evidence")).to_contain_text(re.compile(r"\d+(\.\d+)? [MG]B"))
    expect(panel.get_by_text("Hint 1 of")).to_have_count(0)
    panel.get_by_role("button", name="Next hint").first.click()
    expect(panel.get_by_text("Hint 1 of")).to_have_count(1)
    expect(panel.get_by_text("Hint 1 of")).to_be_visible()
    picture(page, panel, tmp_path / "failing.png")

    panel.locator("textarea").first.fill(SOLUTION)
    button(panel, "Check").click()
    expect(panel.get_by_text("10 of 10 checks pass")).to_be_visible(timeout=4 * MINUTE)
    expect(panel.locator(".wb-row-fail, .wb-row-unknown")).to_have_count(0)
    expect(panel.get_by_role("button", name="Next hint")).to_have_count(0)
    attempts = panel.get_by_role("table", name="Attempts").locator("tbody tr")
    expect(attempts).to_have_count(2)
    picture(page, panel, tmp_path / "passing.png")
    assert (work / "01-multi-stage/Dockerfile").read_text() == SOLUTION


def test_a_build_in_a_notebook_is_seen_while_it_runs(page: Page, lab_url: str, work: Path) -> None:
    cell = nbformat.v4.new_code_cell(BUILD.replace("NONCE", uuid4().hex))
    kernel = {"name": "python3", "display_name": "Python 3"}
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})
    nbformat.write(notebook, work / "notebooks" / "live.ipynb")
    open_notebook(page, lab_url, "live.ipynb")
    page.wait_for_function("window.kernelAnswered", timeout=MINUTE)
    menu(page, "Run", "Run All Cells")
    running = page.locator(".wb-live .wb-run", has_text="it-runs")
    expect(running).to_be_visible(timeout=MINUTE)
    clock = running.locator(".wb-run-clock")
    before = clock.inner_text()
    expect(clock).not_to_have_text(before)  # it moves between two messages of the kernel
    expect(page.locator(".wb-live .wb-stage", has_text="tools")).to_be_visible()
    # What is stored at the end needs no kernel and no script.
    done = page.get_by_role("row").filter(has_text="echo it-runs")
    expect(done).to_be_visible(timeout=MINUTE)
    expect(page.locator(".wb-live")).to_have_count(0)


def test_a_build_can_be_stopped(page: Page, lab_url: str) -> None:
    panel = open_panel(page, lab_url)
    panel.locator("textarea").first.fill(ENDLESS)
    check = button(panel, "Check")
    check.click()
    expect(check).to_be_disabled()
    expect(panel.locator("pre", has_text="it-runs").first).to_be_visible(timeout=MINUTE)

    button(panel, "Stop").click()
    expect(panel.get_by_text("The check was stopped.")).to_be_visible(timeout=MINUTE)
    expect(check).to_be_enabled()
    expect(button(panel, "Stop")).to_be_disabled()
    expect(panel.get_by_text("No attempt yet.")).to_be_visible()


def test_the_panel_is_readable_in_the_dark_theme(page: Page, lab_url: str, tmp_path: Path) -> None:
    panel = open_panel(page, lab_url)
    panel.locator("textarea").first.fill("FROM node:26-trixie-slim\n")
    button(panel, "Check").click()
    expect(panel.locator(".wb-row-fail").first).to_be_visible(timeout=4 * MINUTE)
    text, behind = brightness(panel)
    assert behind - text > 120

    menu(page, "Settings", "Theme", "JupyterLab Dark")
    try:
        expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
        text, behind = brightness(panel)
        assert text - behind > 120
        picture(page, panel, tmp_path / "dark.png")
    finally:
        menu(page, "Settings", "Theme", "JupyterLab Light")
