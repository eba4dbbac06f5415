"""The catalogue of actions, the hardenings, and what is read of the program's lines."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from concurrent.futures import Future
from importlib.resources import files
from typing import Any

import docker.errors
import pytest

from helpers.build.errors import BuildError, Cancelled, EngineLost, ImageUnavailable
from helpers.errors import NoEngine
from helpers.observe.attack import tool
from helpers.observe.attack.actions import ACTIONS, BY_ID
from helpers.observe.attack.facts import (
    ActionOutcome,
    AttackFacts,
    AttackMatrix,
    AttackMatrixRequest,
    AttackRequest,
)
from helpers.observe.attack.hardening import HARDENED, Tmpfs, hardening_steps, single_measures
from helpers.observe.attack.parse import parse_outcomes
from helpers.observe.attack.run_attack import container_spec
from helpers.observe.attack.stage import Stage
from helpers.observe.attack.tool import PROGRAM, tool_tag
from helpers.observe.errors import ObservationFailed, Stopped
from helpers.observe.replay import facts_from_json, facts_to_json
from helpers.observe.requests import Observations

END = b'{"action":"end","result":"succeeded"}\n'


def line(action: str, result: object = "refused", **more: object) -> bytes:
    return json.dumps({"action": action, "result": result, **more}).encode() + b"\n"


def test_the_catalogue_is_complete_and_every_action_has_a_source() -> None:
    assert len(ACTIONS) >= 20
    assert len(BY_ID) == len(ACTIONS)
    for action in ACTIONS:
        assert all((action.title, action.gain, action.how, action.stopped_by)), action.id
        assert action.source.startswith("https://"), action.id


def test_the_program_tries_exactly_what_the_catalogue_lists() -> None:
    source = files("helpers.observe.attack").joinpath("tool/intruder.c").read_text()
    tables = dict(re.findall(r"struct entry (OWN|IMAGE)\[\] = \{(.*?)\n\};", source, re.DOTALL))
    found = {name: set(re.findall(r'\{"([a-z-]+)", ', table)) for name, table in tables.items()}
    assert found["OWN"] == {a.id for a in ACTIONS if not a.runs_image}
    assert found["IMAGE"] == {a.id for a in ACTIONS if a.runs_image}


def test_each_step_adds_and_none_takes_back() -> None:
    steps = hardening_steps()
    assert steps[0].user == "0:0"
    assert len({s.name for s in steps}) == len(steps)
    for before, after in itertools.pairwise(steps):
        assert after != before
        assert after.read_only >= before.read_only
        assert after.drop_capabilities >= before.drop_capabilities
        assert after.no_new_privileges >= before.no_new_privileges
        assert (after.pids is not None) >= (before.pids is not None)
    assert HARDENED.user == ""
    assert HARDENED.read_only
    assert HARDENED.tmpfs[0].noexec


def test_single_measures_are_one_each() -> None:
    root, *others = single_measures()
    for one in others:
        changed = [
            name
            for name in root.__slots__
            if name != "name" and getattr(one, name) != getattr(root, name)
        ]
        assert changed in (["pids", "memory_mb"], [changed[0]]), one.name


def test_a_hardening_becomes_a_container() -> None:
    scene = Stage("tools", {"shared": "s", "own": "o", "none": "none"}, "10.0.0.2", "10.0.0.1")
    spec = container_spec("shop:1", scene, HARDENED, "marker")
    assert spec.entrypoint == (PROGRAM,)
    assert spec.volumes == (("tools", "/workbook-intruder"),)
    assert (spec.network, spec.read_only, spec.cap_drop) == ("o", True, ("ALL",))
    assert spec.tmpfs == (("/tmp", "noexec,nosuid,nodev,size=16m"),)
    bare = container_spec("shop:1", scene, hardening_steps()[0], "marker")
    assert (bare.user, bare.pids, bare.memory_mb, bare.network) == ("0:0", None, None, "s")
    assert Tmpfs("/x", noexec=False).options.startswith("exec,")


def test_lines_become_outcomes() -> None:
    output = line("mount", errno="EPERM", detail="a tmpfs", seconds=0.01) + line(
        "run-shell", "succeeded", means="/bin/sh"
    )
    found, complete = parse_outcomes(output + END, ("mount", "run-shell"))
    assert complete
    assert found["mount"] == ActionOutcome("mount", "refused", "EPERM", "", "a tmpfs", 0.01)
    assert found["run-shell"].means == "/bin/sh"


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"not json\n",
        b"[1]\n",
        b'{"action":"mount"}\n',
        line("mount", "maybe"),
        line("mount", ["refused"]),
        b'{"action":"mount","result":"ref',
        b"[" * 100_000 + b"\n",
        b"\xff\xfe\n",
    ],
)
def test_lines_that_make_no_sense_are_no_outcome(bad: bytes) -> None:
    assert parse_outcomes(bad, ("mount",)) == ({}, False)


def test_only_what_was_asked_for_counts_and_the_first_line_about_it() -> None:
    output = line("mount", "succeeded") + line("mount") + line("load-module") + END + line("mount")
    found, _ = parse_outcomes(output, ("mount",))
    assert {a: o.result for a, o in found.items()} == {"mount": "succeeded"}


def test_texts_are_bounded_and_printable() -> None:
    found, _ = parse_outcomes(line("mount", detail="\x1b[2J" + "x" * 9999, errno=7), ("mount",))
    assert found["mount"].detail.isprintable()
    assert len(found["mount"].detail) < 1300
    assert found["mount"].errno == ""


def test_attacks_can_be_saved_and_replayed() -> None:
    outcome = ActionOutcome("mount", "refused", "EPERM", "", "a tmpfs", 0.1)
    facts = AttackFacts(HARDENED, started=True, outcomes=(outcome,), pids_limit=128)
    matrix = AttackMatrix("shop:1", (facts,), userns_remap=True, seconds=2.0)
    request = AttackMatrixRequest((HARDENED,), ("mount",))
    seen = Observations(answers={AttackRequest(): facts, request: matrix})
    assert facts_from_json(facts_to_json(seen)) == seen


def test_the_program_s_image_is_named_after_its_sources() -> None:
    assert re.fullmatch(r"workbook/intruder:[0-9a-f]{12}", tool_tag())


class NoImages:
    """An engine that has no image and cannot be asked for more."""

    def __init__(self) -> None:
        self.api = self

    def inspect_image(self, name: str) -> None:
        raise docker.errors.ImageNotFound(f"No such image: {name}")


def fail_with(error: BuildError) -> Callable[..., None]:
    def build(*_: object, **__: object) -> None:
        raise error

    return build


def test_a_program_that_cannot_be_built_is_told_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client: Any = NoImages()
    missing = ImageUnavailable("node:26-trixie is nowhere.", remedy="Pull it.", image="node")
    monkeypatch.setattr(tool, "ensure_base", lambda *_: None)
    monkeypatch.setattr(tool, "build", fail_with(missing))
    with pytest.raises(ObservationFailed, match="node:26-trixie is nowhere") as told:
        tool.ensure_tool(client)
    assert "workbook bases" in told.value.remedy
    monkeypatch.setattr(tool, "build", fail_with(EngineLost("It is gone.", remedy="Start it.")))
    with pytest.raises(NoEngine, match="It is gone"):
        tool.ensure_tool(client)


def test_a_build_that_is_no_longer_wanted_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    client: Any = NoImages()
    stop: Future[None] = Future()
    stop.set_result(None)
    monkeypatch.setattr(tool, "ensure_base", lambda *_: None)
    monkeypatch.setattr(tool, "build", fail_with(Cancelled("Ended.", remedy="Start it again.")))
    with pytest.raises(Stopped):
        tool.ensure_tool(client, stop)
