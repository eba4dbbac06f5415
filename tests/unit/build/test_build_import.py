"""helpers.build stands alone, and importing it costs nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import helpers.build

FOLDER = Path(helpers.build.__file__).parent


def test_it_imports_nothing_else_of_the_workbook() -> None:
    imported: set[str] = set()
    for file in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                imported.add(f"{node.module}.{node.names[0].name}")
            elif isinstance(node, ast.Import):
                imported.update(alias.name for alias in node.names)
    own = {name for name in imported if name.split(".")[0] == "helpers"}
    assert own
    assert {name for name in own if not name.startswith("helpers.build")} == set()


def test_importing_loads_neither_docker_nor_protobuf() -> None:
    script = (
        "import sys, helpers.build, helpers.build.record, helpers.build.dockerfile\n"
        "print([m for m in ('docker', 'requests', 'google.protobuf', 'h2') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_public_name_can_be_had() -> None:
    for name in helpers.build.__all__:
        assert getattr(helpers.build, name) is not None
    assert not hasattr(helpers.build, "nothing")
