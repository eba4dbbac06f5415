"""Judging the solution's image, against the tools that look at images.

Both sides are warm: the engine holds the image, and the layer cache knows its layers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.course import SOLUTION, Lesson
from benchmarks.pairs import paired
from benchmarks.peers import silent
from benchmarks.table import Row, ratio_row
from helpers.audit.audit import AuditOptions, audit
from helpers.audit.settings import Settings, SettingsFile
from helpers.audit.subject import Audited, named_image
from helpers.engine.connect import Engine
from helpers.judge.judge import Criterion, collect_requests, criterion, judge
from helpers.judge.registry import all_properties
from helpers.judge.verdict import Outcome
from helpers.observe.observe import observe

_CHECK_TARGET = 0.6
_AUDIT_TARGET = 0.8
_AUDIT_PAIRS = 5
#: Families that need no container: what the three tools together look at.
AT_REST = frozenset(
    (
        "base",
        "configuration",
        "contents",
        "Dockerfile",
        "file system",
        "programs",
        "secrets",
        "size",
        "start",
        "user",
    )
)

#: What the ten criteria ask, as far as the tool can: its commands run the image's own programs.
_STRUCTURE = """
schemaVersion: 2.0.0
metadataTest:
  exposedPorts: ["3000"]
  entrypoint: ["/nodejs/bin/node"]
  cmd: ["server.cjs"]
  workdir: /app
  user: "65532"
fileExistenceTests:
  - {name: the service, path: /app/server.cjs, shouldExist: true}
  - {name: no shell, path: /bin/sh, shouldExist: false}
  - {name: no bash, path: /bin/bash, shouldExist: false}
  - {name: no apt, path: /usr/bin/apt-get, shouldExist: false}
  - {name: no npm, path: /usr/local/bin/npm, shouldExist: false}
  - {name: no compiler, path: /usr/bin/gcc, shouldExist: false}
  - {name: no su, path: /usr/bin/su, shouldExist: false}
commandTests:
  - {name: it starts, command: /nodejs/bin/node, args: ["--check", "/app/server.cjs"]}
"""


def ten_criteria() -> tuple[Criterion, ...]:
    """Ten properties of a service; the last one runs a container and asks it."""
    at_rest = (
        "numeric-user",
        "exec-form",
        "start-command-exists",
        "workdir",
        "no-latest-tag",
        "no-shell",
        "no-package-manager",
        "no-compiler",
        "no-setuid",
    )
    serves = {"port": 3000, "probes": [{"path": "/healthz", "contains": "ok"}]}
    return (*(criterion(name) for name in at_rest), criterion("serves-http", serves))


def rows(engine: Engine, lesson: Lesson) -> list[Row]:
    """A check of ten properties, an audit of what lies in the image, and a full audit."""
    dockerfile = lesson.folders.solutions / lesson.exercise.id / "files" / "Dockerfile"
    image = named_image(engine, SOLUTION, dockerfile)
    with _structure_file() as file:
        return [_ten(engine, image, file), *_audits(engine, image, dockerfile, file)]


def _ten(engine: Engine, image: Audited, file: Path) -> Row:
    criteria = ten_criteria()

    def ours() -> None:
        seen = observe(image.subject, collect_requests(criteria))
        told = [verdict.outcome for verdict in judge(criteria, seen)]
        if Outcome.UNKNOWN in told:
            raise RuntimeError(f"something could not be told: {told}")

    pairs = paired(ours, lambda: _structure_test(engine, image, file))
    name = "Check of ten properties, one container shared / container-structure-test"
    note = "ours asks the running service over HTTP, the tool runs a command in the image"
    return ratio_row(name, pairs, _CHECK_TARGET, note=note)


def _audits(engine: Engine, image: Audited, dockerfile: Path, file: Path) -> Iterator[Row]:
    def tools() -> None:
        silent([_tool("hadolint"), "--no-fail", str(dockerfile)])
        _structure_test(engine, image, file)
        silent(
            [
                _tool("dive"),
                "--ci",
                "--lowestEfficiency=0",
                "--highestUserWastedPercent=disabled",
                SOLUTION,
            ],
            DOCKER_HOST=engine.endpoint.url,
        )

    for what, families, behind in (
        ("image at rest", AT_REST, "behind: it reads more than the three do"),
        (
            "everything",
            frozenset[str](),
            (
                "behind: it attacks, stops, hangs and limits the running service, which the "
                "three tools never start; it waits for what it observes"
            ),
        ),
    ):
        options = AuditOptions(SettingsFile(Settings(ports=(3000,)), None), families=families)
        result = audit(engine, image, all_properties().values(), options)
        pairs = paired(
            lambda options=options: audit(engine, image, all_properties().values(), options),
            tools,
            pairs=_AUDIT_PAIRS,
        )
        name = f"Audit, {what} / hadolint, container-structure-test and dive in turn"
        note = f"{len(result.findings)} properties, median of {_AUDIT_PAIRS} pairs"
        yield ratio_row(name, pairs, _AUDIT_TARGET, note=note, behind=behind)


def _structure_test(engine: Engine, image: Audited, file: Path) -> None:
    silent(
        [
            _tool("container-structure-test"),
            "test",
            "--image",
            image.image_id,
            "--config",
            str(file),
        ],
        DOCKER_HOST=engine.endpoint.url,
    )


def _tool(name: str) -> str:
    """The program that the test dependencies installed."""
    return str(Path(sys.executable).with_name(name))


@contextmanager
def _structure_file() -> Iterator[Path]:
    with TemporaryDirectory(prefix="workbook-bench-") as folder:
        path = Path(folder) / "structure.yaml"
        path.write_text(_STRUCTURE)
        yield path
