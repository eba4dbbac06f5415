"""``.workbook-audit.toml``."""

from datetime import date

import pytest
from audit_samples import PASS, UNKNOWN, fail

from helpers.audit.settings import (
    NAME,
    SettingsFile,
    find_settings,
    load_settings,
    notes_on,
    reason_to_ignore,
)
from helpers.errors import BadInput
from helpers.judge.verdict import Evidence

TODAY = date(2026, 6, 1)
KNOWN = {"no-shell": {"shell"}, "image-size": {"too-large"}}


@pytest.fixture
def settings(tmp_path):
    def write(text: str) -> SettingsFile:
        (tmp_path / NAME).write_text(text)
        return find_settings(tmp_path)

    return write


def ignored(file, property_id="no-shell", verdict=None, today=TODAY):
    verdict = verdict or fail(Evidence("shell", "x"))
    return reason_to_ignore(file.settings.ignore, property_id, verdict, today)


ENTRY = '[[ignore]]\nproperty = "no-shell"\nreason = "debugging"\n'


def test_a_folder_without_the_file_has_the_defaults(tmp_path):
    assert find_settings(tmp_path) == SettingsFile()


def test_everything_is_read(settings):
    found = settings(
        "ports = [8080]\nfail_on = 3\nfail_below = 80\n"
        f"[parameters.image-size]\nmax_mb = 200\n{ENTRY}until = 2026-06-01\n"
    ).settings
    assert found.ports == (8080,)
    assert (found.fail_on, found.fail_below) == (3, 80)
    assert found.parameters == {"image-size": {"max_mb": 200}}
    assert found.ignore[0].until == date(2026, 6, 1)


def test_only_the_failure_of_that_property_is_ignored(settings):
    file = settings(ENTRY)
    assert ignored(file) == "debugging"
    assert not ignored(file, "image-size")
    assert not ignored(file, verdict=PASS)
    assert not ignored(file, verdict=UNKNOWN)


def test_an_entry_ends_after_its_last_day(settings):
    file = settings(f"{ENTRY}until = 2026-06-01\n")
    assert ignored(file) == "debugging (until 2026-06-01)"
    assert not ignored(file, today=date(2026, 6, 2))


def test_an_entry_for_some_findings_does_not_hide_others(settings):
    file = settings(f'{ENTRY}findings = ["shell"]\n')
    assert ignored(file)
    assert not ignored(file, verdict=fail(Evidence("shell", "x"), Evidence("other", "x")))


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ('[[ignore]]\nproperty = "no-shell"\n', 1, "ignore.0.reason: Field required"),
        ('[[ignore]]\nproperty = "a"\nreason = "  "\n', 3, "ignore.0.reason"),
        ("ports = [80]\n\nfail_on = 6\n", 3, "fail_on"),
        ("ports = [0]\n", 1, "ports.0"),
        ('[[ignore]]\nproperty = "a"\nreason = "b"\nuntil = "soon"\n', 4, "ignore.0.until"),
        ("colour = 1\n", 1, "colour: Extra inputs"),
    ],
)
def test_a_fault_names_file_line_and_field(settings, tmp_path, text, line, problem):
    with pytest.raises(BadInput) as error:
        settings(text)
    assert f"{tmp_path / NAME}:{line}: {problem}" in error.value.message


def test_what_is_no_toml_or_not_there_is_told(tmp_path):
    (tmp_path / NAME).write_text("= 1")
    with pytest.raises(BadInput, match=r"\.workbook-audit\.toml: "):
        find_settings(tmp_path)
    with pytest.raises(BadInput, match="No such file"):
        load_settings(tmp_path / "other.toml")


def notes(file, judged=("no-shell",), ignored=()):
    return "\n".join(notes_on(file, KNOWN, judged, ignored, TODAY))


def test_unknown_and_expired_entries_are_told(settings):
    assert "no such property" in notes(settings(ENTRY.replace("no-shell", "no-shel")))
    assert "no finding nope" in notes(settings(f'{ENTRY}findings = ["nope"]\n'))
    assert "ended on 2026-05-31" in notes(settings(f"{ENTRY}until = 2026-05-31\n"))
    assert "parameters.nope: there is no such" in notes(settings("[parameters.nope]\na = 1\n"))
    assert "the entry may go" in notes(settings(ENTRY))
    assert not notes(settings(ENTRY), ignored=("no-shell",))
    assert not notes(settings(ENTRY), judged=())
