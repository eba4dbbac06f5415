"""Every image of the corpus is judged as expected, and beside it stands what other tools say.

dive counts bytes, container-structure-test looks for files and at the config, hadolint reads the
Dockerfile. Where one says something else, :mod:`corpus_images` says who is right and why; a
difference that is not written down fails, and so does one that is written down and gone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Subjects
from corpus_images import CORPUS, Case

from helpers.engine.connect import Engine
from helpers.judge.judge import collect_requests, criterion, judge
from helpers.judge.registry import all_properties
from helpers.judge.verdict import Outcome
from helpers.observe.image_facts import ImageFacts
from helpers.observe.observe import observe
from helpers.observe.requests import ImageRequest
from helpers.observe.subject import Subject

HERE = Path(sys.executable).parent
PARAMS = {"wasm-module": {"kind": "module"}}
each = pytest.mark.parametrize("case", CORPUS, ids=lambda c: c.name)


def outcomes(subject: Subject, names: tuple[str, ...]) -> dict[str, str]:
    wanted = [criterion(name, PARAMS.get(name)) for name in names]
    verdicts = judge(wanted, observe(subject, collect_requests(wanted)))
    return {n: str(v.outcome) for n, v in zip(names, verdicts, strict=True)}


def facts(subject: Subject) -> ImageFacts:
    seen = observe(subject, (ImageRequest(),))
    assert seen.image is not None, seen.failures
    return seen.image


def test_there_are_forty_and_each_says_something() -> None:
    assert len(CORPUS) >= 40
    assert len({case.name for case in CORPUS}) == len(CORPUS)
    assert all(case.passes or case.fails for case in CORPUS)


@each
def test_it_is_judged_as_expected(case: Case, subject_of: Subjects) -> None:
    expected = {
        **dict.fromkeys(case.passes, str(Outcome.PASS)),
        **dict.fromkeys(case.fails, str(Outcome.FAIL)),
        **dict.fromkeys(case.unknown, str(Outcome.UNKNOWN)),
    }
    assert outcomes(subject_of(case), tuple(expected)) == expected


@each
def test_dive_counts_the_same_bytes(
    case: Case, subject_of: Subjects, engine: Engine, tmp_path: Path
) -> None:
    subject = subject_of(case)
    out = tmp_path / "dive.json"
    done = ask(engine, "dive", "--json", str(out), subject.image_id)
    if "dive cannot read" in case.differs:
        assert done.returncode != 0 or not out.exists(), "the difference is gone"
        return
    assert done.returncode == 0, done.stderr
    theirs = json.loads(out.read_text())["image"]
    ours = facts(subject)
    same = (theirs["sizeBytes"], theirs["inefficientBytes"]) == (
        ours.unpacked_bytes,
        ours.wasted_bytes,
    )
    assert same is ("dive" not in case.differs), (theirs["sizeBytes"], theirs["inefficientBytes"])


def properties_for(code: str) -> tuple[str, ...]:
    """Properties that answer a code of hadolint and need no parameters."""
    return tuple(
        found.id
        for found in all_properties().values()
        if f"hadolint {code}" in found.covers
        and not any(f.is_required() for f in found.params.model_fields.values())
        and not found.id.startswith(("compose", "kubernetes"))
    )


@pytest.mark.parametrize("case", [c for c in CORPUS if c.dockerfile], ids=lambda c: c.name)
def test_what_hadolint_finds_is_found(
    case: Case, subject_of: Subjects, engine: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "Dockerfile"
    file.write_bytes(case.dockerfile.encode())
    done = ask(engine, "hadolint", "--no-fail", "--format", "json", str(file))
    found = {finding["code"] for finding in json.loads(done.stdout)}
    if "hadolint" in case.differs:
        assert found == {"DL1000"}, found
        return
    differing = {key.split()[-1] for key in case.differs if key.startswith("hadolint ")}
    for code in sorted(found):
        if not (names := properties_for(code)):
            continue
        ours = outcomes(subject_of(case), names)
        assert (Outcome.FAIL in ours.values()) is (code not in differing), (code, ours)


@each
def test_container_structure_test_says_the_same(
    case: Case, subject_of: Subjects, engine: Engine, tmp_path: Path
) -> None:
    """Its file is written from what was seen here: user, command and files have to be as we say."""
    subject = subject_of(case)
    ours = facts(subject)
    files = [f.path for f in ours.files if f.kind == "file" and f.path.isascii()][:5]
    test = {
        "schemaVersion": "2.0.0",
        "metadataTest": {
            "user": ours.config.user,
            "workdir": ours.config.workdir,
            "entrypoint": list(ours.config.entrypoint),
            "cmd": list(ours.config.cmd),
        },
        "fileExistenceTests": [
            *({"name": path, "path": path, "shouldExist": True} for path in files),
            {"name": "nothing", "path": "/no/such/file", "shouldExist": False},
        ],
    }
    config, report = tmp_path / "test.yaml", tmp_path / "report.json"
    config.write_text(json.dumps(test))
    done = ask(
        engine,
        "container-structure-test",
        *("test", "--image", subject.image_id, "--config", str(config)),
        *("--output", "json", "--test-report", str(report)),
    )
    assert report.exists(), done.stderr
    wrong = [r["Errors"] for r in json.loads(report.read_text())["Results"] or () if not r["Pass"]]
    assert bool(wrong) is ("container-structure-test" in case.differs), wrong


def ask(engine: Engine, tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(HERE / tool), *arguments],
        env={**os.environ, "DOCKER_HOST": engine.endpoint.url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
