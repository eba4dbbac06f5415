from __future__ import annotations

from pathlib import Path

import pytest

from helpers.build.dockerfile import parse_dockerfile
from helpers.errors import WorkbookError
from helpers.observe import hadolint
from helpers.observe.hadolint import HadolintRequest, lint, observe_hadolint
from helpers.observe.subject import Subject

TEXT = "FROM debian\n# hadolint ignore=DL3004\nRUN sudo apt-get update\n"


def test_findings_with_code_level_and_line() -> None:
    found = lint(TEXT)
    assert ("DL3006", "warning", 1) in {(f.code, f.level, f.line) for f in found.findings}
    assert ("DL3004", "error", 3) in {(f.code, f.level, f.line) for f in found.findings}
    assert found.version[0].isdigit()


def test_comments_that_silence_it_count_only_where_they_may() -> None:
    assert "DL3004" not in {f.code for f in lint(TEXT, honour_pragmas=True).findings}


def test_a_configuration_that_lies_about_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".hadolint.yaml").write_text("ignored: [DL3006]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HADOLINT_IGNORE", "DL3006")
    assert "DL3006" in {f.code for f in lint(TEXT).findings}


@pytest.mark.parametrize("text", ["FROM\n", "FROM a:1\n\x1b[31mX\n", "WHAT is this\n"])
def test_what_cannot_be_read_is_a_finding_without_control_characters(text: str) -> None:
    findings = lint(text).findings
    assert findings
    assert all(f.message.isprintable() for f in findings)


def test_a_huge_dockerfile_is_not_handed_over() -> None:
    with pytest.raises(WorkbookError, match="at most"):
        lint("# x\n" * 300_000)


def test_without_hadolint_or_a_dockerfile_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bare = Subject(None, "x")  # type: ignore[arg-type]
    with pytest.raises(WorkbookError, match="no Dockerfile"):
        observe_hadolint(bare, HadolintRequest())
    monkeypatch.setattr(hadolint.shutil, "which", lambda *_, **__: None)
    subject = Subject(None, "x", dockerfile=parse_dockerfile(TEXT))  # type: ignore[arg-type]
    with pytest.raises(WorkbookError, match="not installed"):
        observe_hadolint(subject, HadolintRequest())


def test_a_hadolint_that_hangs_or_fails_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "hadolint"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(hadolint, "find_hadolint", lambda: str(program))
    monkeypatch.setattr(hadolint, "SECONDS", 0.2)
    with pytest.raises(WorkbookError, match="did not end"):
        lint(TEXT)
    program.write_text("#!/bin/sh\necho oops >&2; exit 3\n")
    monkeypatch.setattr(hadolint, "SECONDS", 30)
    with pytest.raises(WorkbookError, match="status 3: oops"):
        lint(TEXT)
    program.write_text("#!/bin/sh\necho '{}'\n")
    with pytest.raises(WorkbookError, match="no list"):
        lint(TEXT)
    program.write_text("#!/bin/sh\necho '[{}]'\n")
    with pytest.raises(WorkbookError, match="not understood"):
        lint(TEXT)
