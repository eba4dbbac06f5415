"""An audit from properties to a result, without an engine: nothing is asked of one."""

from datetime import date
from types import SimpleNamespace

import pytest
from audit_samples import UNKNOWN, PortParams, a_property, fail

from helpers.audit.audit import AuditOptions, audit
from helpers.audit.seen import Seen
from helpers.audit.settings import NAME, find_settings
from helpers.audit.subject import Audited
from helpers.judge.verdict import Outcome
from helpers.observe.requests import Observations
from helpers.observe.subject import Subject

GOOD = a_property("good")
BAD = a_property("bad", judge=lambda _, __: fail(), weight=4, remedy="Mend it.")
UNTOLD = a_property("untold", judge=lambda _, __: UNKNOWN)
PORT = a_property("port", PortParams)


@pytest.fixture
def audited(monkeypatch):
    looked = []

    def look(subject, requests, *, dev_packages):
        looked.append((tuple(requests), dev_packages))
        return Observations(dockerfile=subject.dockerfile)

    monkeypatch.setattr("helpers.audit.audit.observe", look)
    subject = Subject(client=None, image_id="sha256:x")  # type: ignore[arg-type]
    found = Audited("shop:1", subject, "sha256:x", Seen((80,), "", "EXPOSE"), "Dockerfile")
    return SimpleNamespace(value=found, looked=looked)


def run(audited, tmp_path, *properties, settings="", **options):
    (tmp_path / NAME).write_text(settings)
    engine = SimpleNamespace(describe=lambda: "an engine")
    chosen = AuditOptions(find_settings(tmp_path), today=date(2026, 6, 1), **options)
    return audit(engine, audited.value, properties, chosen)  # type: ignore[arg-type]


def test_every_property_that_applies_is_judged_on_one_look(audited, tmp_path):
    found = run(audited, tmp_path, GOOD, BAD, UNTOLD, PORT)
    assert [(f.id, f.verdict.outcome) for f in found.findings] == [
        ("good", Outcome.PASS),
        ("bad", Outcome.FAIL),
        ("untold", Outcome.UNKNOWN),
        ("port", Outcome.PASS),
    ]
    assert len(audited.looked) == 1
    assert found.findings[1].remedy == "Mend it."
    assert found.findings[3].parameters == "port = 80"
    assert "port 80, from EXPOSE" in found.notes[0]


def test_an_ignored_failure_keeps_its_reason_and_does_not_count(audited, tmp_path):
    ignore = '[[ignore]]\nproperty = "bad"\nreason = "agreed"\n'
    found = run(audited, tmp_path, GOOD, BAD, settings=ignore)
    assert [f.ignored for f in found.findings] == ["", "agreed"]
    assert found.score == 100


def test_ports_from_options_are_no_guess(audited, tmp_path):
    found = run(audited, tmp_path, PORT, ports=(81, 82))
    assert [f.parameters for f in found.findings] == ["port = 81", "port = 82"]
    assert found.notes == ()


def test_a_property_that_breaks_its_rules_is_not_hidden(audited, tmp_path):
    liar = a_property("liar", judge=lambda _, __: fail(), codes={"other": "x"})
    with pytest.raises(ValueError, match="liar does not declare bad"):
        run(audited, tmp_path, liar)


def test_a_family_that_is_not_there_is_left_out_with_the_reason(audited, tmp_path):
    away = [a_property(f"away-{n}", family="away", judge=UNTOLD.judge) for n in range(2)]
    found = run(audited, tmp_path, GOOD, UNTOLD, *away)
    assert [f.id for f in found.findings] == ["good", "untold"]
    assert {(x.id, x.why) for x in found.left_out} == {
        ("away-0", UNKNOWN.summary),
        ("away-1", UNKNOWN.summary),
    }
    assert len(run(audited, tmp_path, *away).findings) == 2  # nothing else is left
