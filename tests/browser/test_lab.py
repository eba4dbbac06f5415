"""What a learner clicks."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

ROOT = Path(__file__).parents[2]
SOLUTION = (ROOT / "solutions/01-multi-stage/files/Dockerfile").read_text()
MINUTES = 60_000  # milliseconds in one


def open_notebook(page: Page, url: str, name: str) -> None:
    page.goto(url.replace("00-start-here.ipynb", name) + "&reset")
    expect(page.locator(".jp-Notebook")).to_be_visible(timeout=2 * MINUTES)


def open_panel(page: Page) -> Locator:
    # Cells that are run before the kernel answers are not run at all.
    expect(page.get_by_text("| Idle")).to_be_visible(timeout=2 * MINUTES)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    check = page.get_by_role("button", name="Check", exact=True)
    expect(check).to_be_visible(timeout=2 * MINUTES)
    return page.locator(".wb-panel").filter(has=check)


@pytest.mark.timeout(600)
def test_the_first_notebook_shows_its_stored_outputs(page: Page, lab_url: str) -> None:
    open_notebook(page, lab_url, "00-start-here.ipynb")
    expect(page.get_by_role("heading", name="Start here")).to_be_visible()
    expect(page.locator(".jp-OutputArea").get_by_text("exit code 127").first).to_be_visible()


@pytest.mark.timeout(900)
def test_the_exercise_fails_with_evidence_and_a_hint_then_passes(
    page: Page, lab_url: str, work: Path, tmp_path: Path
) -> None:
    open_notebook(page, lab_url, "exercise-01-multi-stage.ipynb")
    panel = open_panel(page)
    check = panel.get_by_role("button", name="Check", exact=True)

    check.click()
    expect(panel.get_by_text("at most 200.0 MB wanted")).to_be_visible(timeout=5 * MINUTES)
    expect(panel.get_by_text("✗").first).to_be_visible()
    page.screenshot(path=str(tmp_path / "failing.png"), full_page=True)
    hint = panel.get_by_role("button", name="hint").first
    hint.click()
    expect(panel.get_by_text("A Dockerfile may have a second FROM").first).to_be_visible()

    editor = panel.locator("textarea").first
    editor.fill(SOLUTION)
    check.click()
    expect(panel.get_by_text("10 of 10 checks pass")).to_be_visible(timeout=5 * MINUTES)
    page.screenshot(path=str(tmp_path / "passing.png"), full_page=True)
    assert (work / "01-multi-stage/Dockerfile").read_text() == SOLUTION


@pytest.mark.timeout(600)
def test_a_check_can_be_stopped(page: Page, lab_url: str, work: Path) -> None:
    open_notebook(page, lab_url, "exercise-01-multi-stage.ipynb")
    panel = open_panel(page)
    check = panel.get_by_role("button", name="Check", exact=True)
    panel.locator("textarea").first.fill("FROM busybox:1.37\nRUN sleep 400\n")
    check.click()
    expect(panel.get_by_text("sleep 400").last).to_be_visible(timeout=MINUTES)
    panel.get_by_role("button", name="Stop", exact=True).click()
    expect(panel.get_by_text("The check was stopped")).to_be_visible(timeout=MINUTES)
    expect(check).to_be_enabled()
