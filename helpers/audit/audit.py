"""An audit: choose what applies, observe once, judge, and say what does not count."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from helpers.audit.result import AuditResult, Finding, LeftOut
from helpers.audit.select import Selected, select
from helpers.audit.settings import SettingsFile, notes_on, reason_to_ignore
from helpers.audit.subject import Audited
from helpers.engine.connect import Engine
from helpers.judge.judge import collect_requests, judge
from helpers.judge.property import Property
from helpers.judge.verdict import Outcome, Verdict
from helpers.observe.observe import observe
from helpers.observe.requests import ImageRequest
from helpers.units import format_count


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """What is asked for.

    Attributes:
        settings: parameters and what is ignored.
        ports: TCP ports that replace those that are seen.
        families: only these families; empty for all.
        rebuild: whether the image may be built again for what can only be seen then.
        say: told in one line what is being done.
        today: what end dates are held against.
    """

    settings: SettingsFile
    ports: tuple[int, ...] = ()
    families: frozenset[str] = frozenset()
    rebuild: bool = False
    say: Callable[[str], None] | None = None
    today: date | None = None


def audit(
    engine: Engine, audited: Audited, properties: Iterable[Property], options: AuditOptions
) -> AuditResult:
    """Look at an image and judge everything that applies.

    Args:
        engine: where it is.
        audited: the image.
        properties: all of them; which of them apply is found out.
        options: what is asked for.

    Raises:
        BadInput: where a parameter in the settings is wrong.
        NoEngine: where the engine stops answering.
        KeyboardInterrupt: after every container was removed.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    everything = tuple(properties)
    selected, left_out = select(
        everything,
        audited.seen,
        options.settings,
        ports=options.ports,
        families=options.families,
        rebuild=options.rebuild,
    )
    criteria = [chosen.criterion for chosen in selected]
    requests = dict.fromkeys((ImageRequest(), *collect_requests(criteria)))
    if options.say is not None:
        looks = format_count(len(requests), "observation")
        options.say(f"Looking at {audited.name}: {len(criteria)} properties, {looks} …")
    observations = observe(audited.subject, requests, dev_packages=audited.dev_packages)
    verdicts = judge(criteria, observations)
    today = options.today or started.date()
    findings = tuple(
        _finding(chosen, verdict, options.settings, today)
        for chosen, verdict in zip(selected, verdicts, strict=True)
    )
    findings, absent = _without_absent(findings)
    image = observations.image
    return AuditResult(
        subject=audited.name,
        image_id=audited.image_id,
        image_bytes=image.unpacked_bytes if image else None,
        dockerfile=audited.dockerfile,
        findings=findings,
        left_out=(*left_out, *absent),
        notes=_notes(audited, options, everything, findings, today),
        engine=engine.describe(),
        stand_in=image.stand_in if image else None,
        build=audited.subject.build,
        started=started.isoformat(timespec="seconds"),
        seconds=time.monotonic() - clock,
    )


def _without_absent(
    findings: tuple[Finding, ...],
) -> tuple[tuple[Finding, ...], tuple[LeftOut, ...]]:
    """Families of which nothing could be told for one and the same reason are left out.

    So are the properties of a Compose file where there is none.
    """
    reasons: dict[str, set[str]] = {}
    for found in findings:
        told = found.verdict.outcome is not Outcome.UNKNOWN
        reasons.setdefault(found.family, set()).add("" if told else found.verdict.summary)
    absent = {family for family, why in reasons.items() if len(why) == 1 and "" not in why}
    kept = tuple(found for found in findings if found.family not in absent)
    if not kept:
        return findings, ()
    gone = (found for found in findings if found.family in absent)
    return kept, tuple(LeftOut(f.id, f.family, f.title, f.verdict.summary) for f in gone)


def _finding(chosen: Selected, verdict: Verdict, settings: SettingsFile, today: date) -> Finding:
    found = chosen.criterion.property
    return Finding(
        id=found.id,
        family=found.family,
        title=found.title,
        meaning=found.meaning,
        remedy=found.remedy_for(verdict),
        weight=found.weight,
        source=found.source,
        covers=found.covers,
        parameters=chosen.parameters,
        verdict=verdict,
        ignored=reason_to_ignore(settings.settings.ignore, found.id, verdict, today),
    )


def _notes(
    audited: Audited,
    options: AuditOptions,
    everything: Iterable[Property],
    findings: Iterable[Finding],
    today: date,
) -> tuple[str, ...]:
    known = {found.id: frozenset(found.codes) for found in everything}
    judged = {found.id for found in findings}
    ignored = {found.id for found in findings if found.ignored}
    notes = notes_on(options.settings, known, judged, ignored, today)
    seen = audited.seen
    if not options.ports and not options.settings.settings.ports and seen.ports:
        notes = (f"The service is asked on port {seen.ports[0]}, from {seen.how}.", *notes)
    return notes
